"""`python -m sporewright.simulate.proving`: the contest as one table (docs/explanation/proving-ground.md)."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from rich.console import Console

from sporewright.errors import ConfigError
from sporewright.jsontext import listed, shown
from sporewright.simulate.account import mean
from sporewright.simulate.ground import (
    GAPS,
    IN_TIME,
    MADE,
    SCENARIOS,
    Cell,
    Results,
    cells_of,
    contest,
    load,
    load_sets,
    quick,
    save,
)
from sporewright.simulate.policies import ORACLE, OURS, PUBLISHED, checked
from sporewright.simulate.report import table_of
from sporewright.simulate.sources import load_sources
from sporewright.simulate.standings import held_out, luckless, standings, surely_worse
from sporewright.simulate.study import Material

__all__ = ["FAMILIES", "arguments", "main", "prove"]


def _grid(name: str, **values: Sequence[float]) -> list[str]:
    """A policy under every combination of these values."""
    return [
        f"{name}:{','.join(f'{key}={value:g}' for key, value in zip(values, each, strict=True))}"
        for each in product(*values.values())
    ]


FAMILIES: dict[str, list[str]] = {
    "kalman": _grid("kalman", bound=(0.5, 1.0), drift=(0.02, 0.12)),
    "cusum": _grid("cusum", bound=(0.5, 1.0), threshold=(5.0, 10.0)),
    "gaussian-thompson": _grid("gaussian-thompson", half_life_s=(1800.0, 28800.0), width=(0.5,)),
    "discounted-ucb": _grid("discounted-ucb", kept=(0.99, 0.998), bonus=(0.002,)),
    "mean-of-ten": _grid("mean-of-ten", epsilon=(0.01, 0.03)),
}
"""The variants to tune, each on the sources that it is not reported on; the parameters to choose from."""
TOLD_EVERY = 10
"""Cells, between two lines that say how far it is."""
LITELLM = "lowest-latency"
QUICK_POLICIES = (LITELLM, "kalman:bound=0.5,drift=0.02", "discounted-ucb:kept=0.998,bonus=0.002")
TUNED = " (tuned)"


def main() -> None:
    """Read the arguments, run what is missing, print the tables."""
    prove(Console(width=120), arguments().parse_args())


def arguments() -> ArgumentParser:
    """The arguments of the command; without any the whole contest, which takes hours."""
    root = Path(__file__).resolve().parents[2]
    shared = Path(os.environ.get("SPOREWRIGHT_SHARED") or root.parent / "shared") / "data"
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", default=[shared, root / "measurements"], help="folders")
    parser.add_argument("--sources", type=Path, help="a manifest of your own instead of the package's")
    parser.add_argument("--sets", nargs="+", help="data sets; all that are there without it")
    parser.add_argument("--scenarios", nargs="+", default=[*SCENARIOS, IN_TIME, *MADE])
    parser.add_argument("--gaps", nargs="+", type=float, default=list(GAPS), help="seconds between calls")
    parser.add_argument("--policies", nargs="+", help="ours and these, instead of everybody")
    parser.add_argument("--ours", nargs="+", default=[OURS], help="settings of ours to choose among (ours:clip=3)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--quick", action="store_true", help="a sample of the cells against the strongest three")
    parser.add_argument("--results", type=Path, nargs="+", help="files to go on from; the first is written")
    parser.add_argument("--cells", action="store_true", help="also a line a cell")
    return parser


def prove(console: Console, given: Namespace) -> None:
    """Run what is asked for and not known, and print what it comes to."""
    wanted = [each for source in load_sources(given.sources) for each in source.data_sets]
    for name in given.sets or ():
        if name not in [each.name for each in wanted]:
            raise ConfigError(f"--sets {shown(name)} is none of {listed(each.name for each in wanted)}")
    arrivals = next((each / "arrivals.csv" for each in given.data if (each / "arrivals.csv").is_file()), None)
    if arrivals is None:
        console.print(f"proving ground: skipped, no arrivals.csv in {listed(map(str, given.data))}", soft_wrap=True)
        return
    wanted = [each for each in wanted if not given.sets or each.name in given.sets]
    materials, missing = load_sets(wanted, given.data, arrivals)
    for line in missing:
        console.print(line, markup=False, soft_wrap=True)
    sources = {each.name: each.source for each in wanted}
    cells = cells_of(materials, sources, given.scenarios, given.gaps)
    if given.quick:
        cells = quick(cells)
    rivals = given.policies or (QUICK_POLICIES if given.quick else everybody())
    policies = [checked(each) for each in dict.fromkeys([*given.ours, *rivals])]
    results = _run(console, given, materials, cells, policies)
    _show(console, [results[cell.name] for cell in cells], policies, given)


def everybody() -> list[str]:
    """Every baseline with its published parameters, and all that those to be tuned are chosen among."""
    return [*PUBLISHED, *(spec for specs in FAMILIES.values() for spec in specs)]


def _run(
    console: Console,
    given: Namespace,
    materials: Mapping[str, Material],
    cells: Sequence[Cell],
    policies: Sequence[str],
) -> dict[str, Results]:
    files = [path for path in given.results or () if path.exists()]
    began = time.monotonic()

    def done(count: int, results: Mapping[str, Results]) -> None:
        if given.results:
            save(results, given.results[0])
        if count % TOLD_EVERY == 0 or count == len(cells):
            console.print(f"{count} of {len(cells)} cells, {time.monotonic() - began:.0f} s", highlight=False)

    return contest(materials, cells, policies, given.seeds, jobs=given.jobs, known=load(files), done=done)


def _show(console: Console, cells: Sequence[Results], policies: Sequence[str], given: Namespace) -> None:
    shown_cells = [_only(cell, policies, given.seeds) for cell in cells]
    families = {name + TUNED: specs for name, specs in FAMILIES.items() if all(spec in policies for spec in specs)}
    if len(given.ours) > 1:
        families = {OURS + TUNED: list(given.ours), **families}
    first = given.ours[0]
    if families:
        shown_cells, chosen = held_out(shown_cells, families)
        first = OURS + TUNED if len(given.ours) > 1 else first
        for source, choices in chosen.items():
            console.print(f"without {source}: {', '.join(choices.values())}", markup=False, soft_wrap=True)
    table = standings(shown_cells, first)
    console.print(table_of(table, f"{len(shown_cells)} cells, {given.seeds} seeds; regret over the lowest in a cell"))
    ours = next(row for row in table if row.policy == first)
    console.print(f"{first} is {ours.worst:.2f} x the lowest in {ours.where}", markup=False, soft_wrap=True)
    tuned = [name for name in families if name.partition(TUNED)[0] != OURS]
    for others in ([LITELLM], tuned):
        if others and all(other in cell.regrets for cell in shown_cells for other in others):
            share = surely_worse(shown_cells, first, others)
            what = others[0] if len(others) == 1 else "the best tuned baseline"
            console.print(f"{first} is surely worse than {what} in {share:.1%} of the cells", markup=False)
    if given.cells:
        _print_cells(console, shown_cells)


def _only(cell: Results, policies: Sequence[str], seeds: int) -> Results:
    regrets = {policy: cell.regrets[policy][:seeds] for policy in (ORACLE, *policies)}
    return replace(cell, regrets=regrets)


def _print_cells(console: Console, cells: Sequence[Results]) -> None:
    for cell in cells:
        means = {policy: mean(luckless(cell, policy)) for policy in cell.regrets if policy != ORACLE}
        ranked = sorted(means, key=means.__getitem__)
        line = ", ".join(f"{policy} {means[policy]:.1f}" for policy in ranked[:8])
        console.print(
            f"{cell.cell} (at least {cell.floor_s:.2f} s): {line}", markup=False, highlight=False, soft_wrap=True
        )


if __name__ == "__main__":
    main()
