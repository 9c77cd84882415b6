"""The effect of each default: half of it and twice of it, everything else as shipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sporewright.learning.settings import DEFAULTS, DimensionSettings, LearningSettings
from sporewright.simulate.account import mean
from sporewright.simulate.policies import OURS
from sporewright.simulate.scenario import Scenario
from sporewright.simulate.study import Material, Trial, play_all

__all__ = ["show", "show_tasks", "variants"]

Spread = Callable[[Callable[[Any], Sequence[float]], Sequence[Any]], Iterable[Sequence[float]]]
"""Apply a function to each, on several processes; what came of it, in order."""

GENERAL = ("temperature", "explore_calls", "surprise", "slack", "clip")
OF_A_DIMENSION = ("half_life_s", "prior", "spread", "noise", "drift", "suspicion_s", "patience")
DIMENSIONS = ("latency", "failure")
OF_QUALITY = (*OF_A_DIMENSION, "device_spread", "curiosity")


def variants(
    dimensions: Sequence[str] = DIMENSIONS, own: Sequence[str] = OF_A_DIMENSION
) -> dict[str, LearningSettings]:
    """Name → settings: as shipped, then each general default, and each of these dimensions' own, halved and doubled."""
    found = {"as shipped": DEFAULTS}
    for factor, how in ((0.5, "½ ×"), (2.0, "2 ×")):
        for name in GENERAL:
            found[f"{how} {name}"] = replace(DEFAULTS, **{name: getattr(DEFAULTS, name) * factor})
        for name in own:
            found[f"{how} {name}"] = replace(DEFAULTS, dimensions=_scaled(dimensions, name, factor))
    return dict(sorted(found.items(), key=lambda each: (each[0] != "as shipped", each[0].partition("× ")[2], each[0])))


def _scaled(dimensions: Sequence[str], name: str, factor: float) -> Mapping[str, DimensionSettings]:
    known = DEFAULTS.dimensions
    changed = {each: replace(known[each], **{name: getattr(known[each], name) * factor}) for each in dimensions}
    return {**known, **changed}


def show(console: Console, material: Material, scenarios: Sequence[Scenario], seeds: int, jobs: int) -> None:
    """A row a variant: its mean regret in each scenario."""
    names = variants()
    console.print(f"bench-routing: sensitivity, {len(names)} settings × {len(scenarios)} scenarios × {seeds} seeds")
    trials = [
        Trial(scenario, OURS, seed, settings)
        for settings in names.values()
        for scenario in scenarios
        for seed in range(seeds)
    ]
    regrets = iter([result.regret for result in play_all(material, trials, jobs)])
    table = _table(f"Mean regret, s ({seeds} seeds)", [scenario.name for scenario in scenarios])
    for name in names:
        table.add_row(name, *(f"{mean(next(regrets) for _ in range(seeds)):,.1f}" for _ in scenarios))
    console.print(table)


def show_tasks(
    console: Console, split: Callable[[tuple[int, LearningSettings]], Sequence[float]], seeds: int, spread: Spread
) -> None:
    """A row a variant of quality's: routing by task and, paced, its score and cost; `split`: of one seed, all five."""
    names = variants(("quality",), OF_QUALITY)
    console.print(f"bench-routing: sensitivity of routing by task, {len(names)} settings × {seeds} splits")
    rows = iter(spread(split, [(seed, settings) for settings in names.values() for seed in range(seeds)]))
    wanted = ["score ÷ best per task", "paced − dear", "paced cost ÷ dear"]
    table = _table(f"Routing by task ({seeds} splits)", wanted)
    for name in names:
        free, bound, cheap, dear, share = (
            mean(column) for column in zip(*(next(rows) for _ in range(seeds)), strict=True)
        )
        table.add_row(name, f"{free / bound:.4f}", f"{cheap - dear:+.4f}", f"{share:.3f}")
    console.print(table)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("setting", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table
