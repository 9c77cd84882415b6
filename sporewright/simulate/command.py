"""`sporewright simulate`: read, run, show, write the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from rich.console import Console

from sporewright._version import __version__
from sporewright.core import checks
from sporewright.errors import ConfigError, DecodeError, StorageError
from sporewright.jsontext import listed, shown
from sporewright.simulate import charts
from sporewright.simulate.account import lines
from sporewright.simulate.ground import Results, floor_of
from sporewright.simulate.measurements import groups_of
from sporewright.simulate.policies import ORACLE, POLICIES, checked
from sporewright.simulate.report import html_report, print_lines, table_of
from sporewright.simulate.scenario import Scenario, load_scenario
from sporewright.simulate.standings import standings
from sporewright.simulate.study import Material, Result, Trial, material_of, play_all

__all__ = ["Measurements", "simulate", "studied"]


@dataclass(frozen=True, slots=True)
class Measurements:
    """The measurements to replay: files of measured requests, the groups taken from them, and the times of calls.

    `groups`: the data sets, every group of the files without any; `timeout_s`: what callers wait for an answer.
    """

    latency: Sequence[Path]
    arrivals: Path
    groups: Sequence[str] = ()
    timeout_s: float | None = None

    def read(self, traces: Sequence[str]) -> dict[str, Material]:
        """group → its material; ConfigError for a group that no file has, or that two have."""
        found: dict[str, Path] = {}
        for file in self.latency:
            for group in groups_of(file):
                if group in found:
                    raise ConfigError(f"--latency {file}: group {shown(group)} is in {found[group]}, too")
                found[group] = file
        for group in self.groups:
            if group not in found:
                raise DecodeError(f"{listed(map(str, self.latency))}: no row of group {shown(group)}; {listed(found)}")
        return {
            group: replace(material_of(found[group], self.arrivals, group, traces), timeout_s=self.timeout_s)
            for group in dict.fromkeys(self.groups or found)
        }


def simulate(
    measured: Measurements,
    scenarios: Sequence[str],
    policies: Sequence[str],
    seeds: int,
    jobs: int,
    report: Path | None,
    gaps: Sequence[float] = (),
) -> None:
    """Print a table a data set, scenario and gap, and one over all of them; write the report if a file is named.

    Others are compared with the first policy. `gaps`: seconds between calls, the scenario's own pace without any.
    """
    checks.count(seeds, "--seeds", least=1)
    checks.count(jobs, "--jobs", least=1)
    chosen = [checked(name) for name in dict.fromkeys(policies or POLICIES)]
    if report is not None:
        _check(report)
    worlds = [load_scenario(name) for name in dict.fromkeys(scenarios)]
    for world in worlds:
        if world.fleet is not None:
            raise ConfigError(f"--scenario {world.name}: a fleet is no contest of policies; make bench-routing runs it")
    materials = measured.read([world.trace for world in worlds])
    console = Console()
    studies, cells = [], []
    for (data, material), world in product(materials.items(), _paced(worlds, gaps)):
        titled = world if len(materials) == 1 else replace(world, name=f"{data}, {world.name}")
        results = studied(material, titled, chosen, seeds, jobs)
        print_lines(console, f"{titled.name}: {world.about}", lines(results, chosen[0]))
        studies.append((titled, results))
        regrets = {policy: [run.regret for run in runs] for policy, runs in results.items()}
        cells.append(Results(titled.name, data, data, world.name, world.gap_s, floor_of(material, world), "", regrets))
    if len(cells) > 1 and ORACLE in chosen and len(chosen) > 1:
        console.print(table_of(standings(cells, chosen[0]), f"{len(cells)} cells, regret over the lowest"))
    if report is not None:
        facts = {
            "measurements": "; ".join(f"{data}: {', '.join(each.rows)}" for data, each in materials.items()),
            "arrivals": measured.arrivals.name,
            "seeds": f"0 to {seeds - 1}",
            "compared with": chosen[0],
            "sporewright": __version__,
        }
        _write(report, html_report(studies, chosen[0], facts))
        console.print(f"report: {report}", markup=False, soft_wrap=True)


def _paced(worlds: Sequence[Scenario], gaps: Sequence[float]) -> list[Scenario]:
    """Each scenario at each gap; one with its own pace at that, and all at theirs where no gap is named."""
    for gap in gaps:
        if not 0 < gap < math.inf:
            raise ConfigError(f"--gap {gap!r} is no number of seconds")
    return [
        each if gap is None else replace(each, gap_s=gap, name=f"{each.name}, {gap:g} s")
        for each in worlds
        for gap in (gaps if gaps and not each.gap_s and each.series != "time" else [None])
    ]


def studied(
    material: Material, scenario: Scenario, policies: Sequence[str], seeds: int, jobs: int
) -> dict[str, list[Result]]:
    """policy → its results over the seeds 0 … n − 1."""
    trials = [Trial(scenario, policy, seed) for policy in policies for seed in range(seeds)]
    results = play_all(material, trials, jobs)
    return {policy: results[at * seeds : (at + 1) * seeds] for at, policy in enumerate(policies)}


def _check(report: Path) -> None:
    """Refuse now what could not be drawn or written when all runs are done; nothing is left behind."""
    charts.library()
    is_new = not report.exists()
    try:
        report.open("ab").close()
        if is_new:
            report.unlink()
    except OSError as why:
        raise StorageError(f"{report}: {why.strerror}") from None


def _write(report: Path, text: str) -> None:
    try:
        report.write_text(text, "utf-8")
    except OSError as why:
        raise StorageError(f"{report}: {why.strerror}") from None
