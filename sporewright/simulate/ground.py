"""The proving ground: every policy on many data sets, in many scenarios, at many gaps between calls; results as JSON.

A cell is one data set in one scenario at one gap. What a baseline came to is kept in a file and not run again; ours
always is. Files of several runs are merged by naming them together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from sporewright.errors import ConfigError, DecodeError, StorageError
from sporewright.jsontext import parse
from sporewright.simulate.account import mean
from sporewright.simulate.chance import Draws
from sporewright.simulate.course import Course
from sporewright.simulate.policies import ORACLE, OURS, name_of
from sporewright.simulate.scenario import Scenario, load_scenario
from sporewright.simulate.sources import DataSet
from sporewright.simulate.study import Material, Trial, course_of, material_of, play
from sporewright.simulate.world import World

__all__ = [
    "GAPS",
    "MADE",
    "SCENARIOS",
    "Cell",
    "Results",
    "cells_of",
    "contest",
    "floor_of",
    "load",
    "load_sets",
    "quick",
    "save",
]

RULES = 1
"""Raised when what a baseline or a world does is changed: results kept under other rules are run again."""
GAPS = {3.0: 2000, 30.0: 2000, 120.0: 1000, 600.0: 400, 3600.0: 200}
"""Seconds between calls → how many calls: 2,000 three seconds apart, and 200 an hour apart, which are eight days."""
SCENARIOS = (
    "stationary",
    "drift",
    "outage",
    "new-option",
    "price-change",
    "improve",
    "lost-for-good",
    "brownout",
    "correlated",
    "flap",
    "series",
)
IN_TIME = "series-in-time"
MADE = ("tails-2x25", "tails-5x8", "tails-10x8", "tails-20x5")
"""Scenarios that bring their own options: a data set and a source called "made"."""
TRACES = ("conv", "code")
LEAST_SHARE = 0.002
"""A regret below this share of what the best choices cost is none."""
STRIDE = 3
"""From one place of the quick contest to the next, so many scenarios on: no divisor of how many a place has."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One data set in one scenario at one gap; the scenario has its calls and its gap already."""

    data: str
    source: str
    scenario: Scenario

    @property
    def name(self) -> str:
        """As it stands in tables and files."""
        pace = "in time" if self.scenario.series == "time" else f"{self.scenario.gap_s:g} s"
        return f"{self.data} / {self.scenario.name} / {pace}"


@dataclass(slots=True)
class Results:
    """The results of the policies in one cell: policy → its regrets in seconds, seeds from 0 in order.

    `floor_s`: the least difference that counts, two thousandths of what the best choices cost, and at least one call's.
    """

    cell: str
    data: str
    source: str
    scenario: str
    gap_s: float
    floor_s: float
    stamp: str
    regrets: dict[str, list[float]] = field(default_factory=dict)


def load_sets(
    sets: Sequence[DataSet], folders: Sequence[Path], arrivals: Path
) -> tuple[dict[str, Material], list[str]]:
    """data set → its measurements, of those whose file is in one of the folders; and a line for each that is not."""
    found, missing = {}, []
    for each in sets:
        file = next((folder / each.file for folder in folders if (folder / each.file).is_file()), None)
        if file is None:
            missing.append(f"{each.name}: skipped, {each.file} of {each.source} is not there")
            continue
        material = material_of(file, arrivals, each.group, TRACES)
        found[each.name] = Material(material.rows, material.traces, each.timeout_s)
    return found, missing


def cells_of(
    materials: Mapping[str, Material],
    sources: Mapping[str, str],
    scenarios: Sequence[str] = (*SCENARIOS, IN_TIME, *MADE),
    gaps: Sequence[float] = tuple(GAPS),
) -> list[Cell]:
    """All cells; `sources`: data set → its source. A scenario with its own pace is run at that pace alone."""
    cells = []
    for name in scenarios:
        scenario = load_scenario(name)
        for data in ["made"] if scenario.option else materials:
            if scenario.series == "time":
                if _has_times(materials[data]):
                    cells.append(Cell(data, sources[data], scenario))
                continue
            at = [scenario] if scenario.gap_s else [_paced(scenario, gap) for gap in gaps]
            cells += [Cell(data, "made" if scenario.option else sources[data], each) for each in at]
    return cells


def quick(cells: Sequence[Cell]) -> list[Cell]:
    """Every data set at every gap in one scenario, another one each time."""
    places: dict[tuple[str, float], list[Cell]] = {}
    for cell in cells:
        places.setdefault((cell.data, cell.scenario.gap_s), []).append(cell)
    return [found[turn * STRIDE % len(found)] for turn, found in enumerate(places.values())]


def contest(
    materials: Mapping[str, Material],
    cells: Sequence[Cell],
    policies: Sequence[str],
    seeds: int,
    *,
    jobs: int = 1,
    known: Mapping[str, Results] | None = None,
    done: Callable[[int, Mapping[str, Results]], None] | None = None,
) -> dict[str, Results]:
    """cell → its results, those that are `known` with what was missing; `done` is told after each cell."""
    made = Material({}, next(iter(materials.values())).traces)
    stamps = {data: _stamp(material) for data, material in materials.items()}
    results: dict[str, Results] = dict(known or {})
    tasks = []
    for cell in cells:
        kept = results.get(cell.name)
        stamp = sha256(f"{RULES}/{stamps.get(cell.data)}/{cell.scenario}".encode()).hexdigest()[:16]
        regrets = dict(kept.regrets) if kept and kept.stamp == stamp else {}
        regrets = {policy: found for policy, found in regrets.items() if name_of(policy) != OURS}
        asked = {policy: range(len(regrets.get(policy, [])), seeds) for policy in dict.fromkeys([ORACLE, *policies])}
        tasks.append(_Task(cell, materials.get(cell.data, made), stamp, regrets, asked))
    for count, found in enumerate(_each(tasks, jobs), start=1):
        results[found.cell] = found
        if done:
            done(count, results)
    return results


def save(results: Mapping[str, Results], path: Path) -> None:
    """Write them as JSON, the old file whole until the new one is."""
    cells = [asdict(each) for each in results.values()]
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(json.dumps({"version": 1, "cells": cells}, indent=0), "utf-8")
        part.replace(path)
    except OSError as why:
        raise StorageError(f"{path}: {why.strerror}") from None


def load(paths: Sequence[Path]) -> dict[str, Results]:
    """The results in these files together; of two for the same policy and cell, the one with more seeds counts."""
    merged: dict[str, Results] = {}
    for path in paths:
        for found in _read(path):
            kept = merged.get(found.cell)
            if kept is None or kept.stamp != found.stamp:
                merged[found.cell] = found
                continue
            for policy, regrets in found.regrets.items():
                if len(regrets) >= len(kept.regrets.get(policy, [])):
                    kept.regrets[policy] = regrets
    return merged


def _read(path: Path) -> Iterator[Results]:
    try:
        data = parse(path.read_text("utf-8"), str(path))
    except OSError as why:
        raise StorageError(f"{path}: {why.strerror}") from None
    try:
        if data["version"] != 1:
            raise ConfigError(f"{path}: version {data['version']!r}; 1 is read")
        yield from (Results(**each) for each in data["cells"])
    except (KeyError, TypeError) as why:
        raise DecodeError(f"{path}: no results of a contest: {why}") from None


@dataclass(frozen=True, slots=True)
class _Task:
    cell: Cell
    material: Material
    stamp: str
    regrets: dict[str, list[float]]
    asked: Mapping[str, range]


def _each(tasks: Sequence[_Task], jobs: int) -> Iterator[Results]:
    if jobs <= 1:
        yield from map(_run, tasks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(_run, task) for task in tasks]):
            yield future.result()


def _run(task: _Task) -> Results:
    """Every run that a cell wants, one after another: they share its course."""
    scenario, regrets = task.cell.scenario, {policy: list(known) for policy, known in task.regrets.items()}
    for policy, wanted in task.asked.items():
        for seed in wanted:
            regrets.setdefault(policy, []).append(play(task.material, Trial(scenario, policy, seed)).regret)
    cell, floor_s = task.cell, floor_of(task.material, scenario)
    return Results(cell.name, cell.data, cell.source, scenario.name, scenario.gap_s, floor_s, task.stamp, regrets)


def floor_of(material: Material, scenario: Scenario) -> float:
    """Seconds of regret over a run below which it is none."""
    course = course_of(material, scenario)
    return mean(_best(course, start) for start in course.starts) * max(1.0, LEAST_SHARE * scenario.calls)


def _best(course: Course, now: float) -> float:
    return World(course, Draws(0, 1, course.options)).best(now)


def _paced(scenario: Scenario, gap_s: float) -> Scenario:
    return replace(scenario, gap_s=gap_s, calls=GAPS.get(gap_s, 1000))


def _has_times(material: Material) -> bool:
    return all(row.at is not None for rows in material.rows.values() for row in rows)


def _stamp(material: Material) -> str:
    facts = [[option, [(row.seconds, row.ending, row.at) for row in rows]] for option, rows in material.rows.items()]
    return sha256(f"{facts}/{material.timeout_s}".encode()).hexdigest()
