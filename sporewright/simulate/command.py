"""`sporewright simulate`: read, run, show, write the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from sporewright._version import __version__
from sporewright.core import checks
from sporewright.errors import ConfigError, StorageError
from sporewright.simulate import charts
from sporewright.simulate.account import lines
from sporewright.simulate.policies import POLICIES, checked
from sporewright.simulate.report import html_report, print_lines
from sporewright.simulate.scenario import Scenario, load_scenario
from sporewright.simulate.study import Material, Result, Trial, material_of, play_all

__all__ = ["simulate", "studied"]


def simulate(
    latency: Path,
    arrivals: Path,
    group: str,
    scenarios: Sequence[str],
    policies: Sequence[str],
    seeds: int,
    jobs: int,
    report: Path | None,
) -> None:
    """Print a table a scenario; write the report if a file is named. Others are compared with the first policy."""
    checks.count(seeds, "--seeds", least=1)
    checks.count(jobs, "--jobs", least=1)
    chosen = [checked(name) for name in dict.fromkeys(policies or POLICIES)]
    if report is not None:
        _check(report)
    worlds = [load_scenario(name) for name in dict.fromkeys(scenarios)]
    for world in worlds:
        if world.fleet is not None:
            raise ConfigError(f"--scenario {world.name}: a fleet is no contest of policies; make bench-routing runs it")
    material = material_of(latency, arrivals, group, [world.trace for world in worlds])
    console = Console()
    studies = []
    for world in worlds:
        results = studied(material, world, chosen, seeds, jobs)
        print_lines(console, f"{world.name}: {world.about}", lines(results, chosen[0]))
        studies.append((world, results))
    if report is not None:
        facts = {
            "measurements": f"{latency.name}, group {group}: {', '.join(material.rows)}",
            "arrivals": arrivals.name,
            "seeds": f"0 to {seeds - 1}",
            "compared with": chosen[0],
            "sporewright": __version__,
        }
        _write(report, html_report(studies, chosen[0], facts))
        console.print(f"report: {report}", markup=False, soft_wrap=True)


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
