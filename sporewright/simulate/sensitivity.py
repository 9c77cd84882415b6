"""What each default is worth: half of it and twice of it, everything else as shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sporewright.learning.settings import DEFAULTS, DimensionSettings, LearningSettings
from sporewright.simulate.account import mean
from sporewright.simulate.policies import OURS
from sporewright.simulate.scenario import Scenario
from sporewright.simulate.study import Material, Trial, play_all

__all__ = ["show", "variants"]

GENERAL = ("temperature", "explore_calls", "surprise", "slack", "clip")
OF_A_DIMENSION = ("half_life_s", "prior", "spread", "noise", "drift", "suspicion_s", "patience")
DIMENSIONS = ("latency", "failure")


def variants() -> dict[str, LearningSettings]:
    """Name → settings: as shipped, then each default of what latency and failure are learned by, halved and doubled."""
    found = {"as shipped": DEFAULTS}
    for factor, how in ((0.5, "½ ×"), (2.0, "2 ×")):
        for name in GENERAL:
            found[f"{how} {name}"] = replace(DEFAULTS, **{name: getattr(DEFAULTS, name) * factor})
        for name in OF_A_DIMENSION:
            found[f"{how} {name}"] = replace(DEFAULTS, dimensions=_scaled(name, factor))
    return dict(sorted(found.items(), key=lambda each: (each[0] != "as shipped", each[0].partition("× ")[2], each[0])))


def _scaled(name: str, factor: float) -> Mapping[str, DimensionSettings]:
    known = DEFAULTS.dimensions
    changed = {each: replace(known[each], **{name: getattr(known[each], name) * factor}) for each in DIMENSIONS}
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
    table = Table(title=f"Mean regret, s ({seeds} seeds)", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("setting", no_wrap=True)
    for scenario in scenarios:
        table.add_column(scenario.name, justify="right", no_wrap=True)
    for name in names:
        table.add_row(name, *(f"{mean(next(regrets) for _ in range(seeds)):,.1f}" for _ in scenarios))
    console.print(table)
