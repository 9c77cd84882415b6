"""Table 8: the way up over a fleet in CPython, against one `numpy.median` over the same numbers as a dense array.

Both sides in processor time, alternating, medians of the rounds; results are compared before anything is timed.
"""

from __future__ import annotations

import os
import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from sporewright.core.rollup import Corroborated, Median, Operator, Rollup, Sum
from sporewright.core.tensor import Tensor

__all__ = ["SIZES", "run"]

SIZES = (10_000, 100_000, 1_000_000)
"""Devices; the first is the fleet that is measured in full, the others show the growth."""

PAIRS = [
    (f"option-{at:02}", dimension) for at in range(50) for dimension in ("cost", "failure", "latency", "load", "ttft")
]
UP = ("device", "workspace", "acme")
ROUNDS = 5
SHARE = 100  # one device in so many changes before a tick
MEMORY = 60  # bytes a cell that the largest step needs in all: two panels while one grows, the dense array, its copy


@dataclass
class Fleet:
    """Devices that each say the same 250 things, and the same numbers as a dense array, a row a pair."""

    tensor: Tensor
    dense: npt.NDArray[np.float64]
    names: list[str]
    dice: np.random.Generator

    @classmethod
    def of(cls, devices: int) -> Fleet:
        """A fleet of random numbers, written a device at a time as a server does."""
        made = cls(
            Tensor(["global", "workspace", "device"]),
            np.empty((len(PAIRS), devices)),
            [f"device-{at}" for at in range(devices)],
            np.random.default_rng(1),
        )
        for at in range(devices):
            made.report(at)
        return made

    def report(self, at: int) -> None:
        """One device states all its cells anew."""
        numbers = self.dice.random(len(PAIRS))
        self.dense[:, at] = numbers
        cells = {pair: (x, None) for pair, x in zip(PAIRS, numbers.tolist(), strict=True)}
        self.tensor.put_many(2, self.names[at], cells)

    def some_report(self) -> None:
        """One device in a hundred."""
        for at in self.dice.choice(len(self.names), max(1, len(self.names) // SHARE), replace=False).tolist():
            self.report(at)

    def median(self) -> npt.NDArray[np.float64]:
        """The side to compare with."""
        found: npt.NDArray[np.float64] = np.median(self.dense, axis=1)
        return found

    def sums(self) -> list[float | None]:
        """Every `reduce_sum`."""
        return [self.tensor.reduce_sum("device", "workspace", "sums", *pair) for pair in PAIRS]


def spent(call: Callable[[], object]) -> float:
    """Seconds of processor time."""
    began = time.process_time()
    call()
    return time.process_time() - began


def ratio(fleet: Fleet, ours: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Ours against `numpy.median`; `before` is not timed."""
    found = []
    for _ in range(ROUNDS):
        before()
        found.append((spent(ours), spent(fleet.median)))
    mine, other = (statistics.median(side) for side in zip(*found, strict=True))
    return mine / other


def compared(fleet: Fleet) -> None:
    """Stops the run if the medians or the sums are not those of the dense array."""
    fleet.tensor.roll_up(*UP)
    found = [fleet.tensor.value({"workspace": "acme"}, *pair) for pair in PAIRS]
    if found != fleet.median().tolist():
        raise SystemExit("roll_up and numpy.median differ")
    plain = sum_in_order(sorted(fleet.dense[0].tolist()))
    if fleet.tensor.reduce_sum("device", "workspace", "sums", *PAIRS[0]) != plain:
        raise SystemExit("reduce_sum and a plain sum in ascending order differ")


def sum_in_order(numbers: list[float]) -> float:
    """U2 in three lines."""
    total = 0.0
    for x in numbers:
        total += x
    return total


def ticks(fleet: Fleet) -> dict[str, float]:
    """Renewals after one device in a hundred reported anew, everybody voting by name."""
    voters = frozenset(fleet.names)

    def renewing(*operators: Operator) -> Callable[[], None]:
        kept = [Rollup(fleet.tensor, "device", operator) for operator in operators]
        for each in kept:
            each.renew(voters)
        return lambda: [each.renew(voters) for each in kept] and None

    return {
        "tick: medians": ratio(fleet, renewing(Median()), fleet.some_report),
        "tick: corroborations": ratio(fleet, renewing(Corroborated(100)), fleet.some_report),
        "tick: medians and corroborations": ratio(fleet, renewing(Median(), Corroborated(100)), fleet.some_report),
        "tick: sums": ratio(fleet, renewing(Sum()), fleet.some_report),
    }


def weighed(devices: int) -> float:
    """Bytes a cell, all the tensor keeps."""
    tracemalloc.start()
    fleet = Fleet.of(devices)
    dense = fleet.dense.nbytes + sum(map(len, fleet.names))
    held = tracemalloc.get_traced_memory()[0] - dense
    tracemalloc.stop()
    return held / len(fleet.tensor.store)


def show(console: Console, rows: list[tuple[str, float, str, float]]) -> None:
    """The table: what was measured, and what was asked for."""
    table = Table("", "measured", "wanted", title="8 · the way up, 10,000 devices × 50 × 5", title_justify="left")
    for name, found, unit, most in rows:
        table.add_row(name, f"{found:,.2f} {unit}", f"≤ {most:g} {'✓' if found <= most else '✗'}")
    console.print(table)


def grown(console: Console, sizes: list[int]) -> None:
    """Processor time of each operator a cell, as a multiple of the first size's: linear is 1."""
    table = Table("devices", "cells", "fill", "roll_up", "corroborate", "reduce_sum", "tick", "numpy.median")
    table.title, table.title_justify = "8 · growth: processor time a cell against the first row's", "left"
    first: list[float] = []
    for devices in sizes:
        needed = devices * len(PAIRS) * MEMORY
        if needed > os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
            table.add_row(
                f"{devices:,}", f"{devices * len(PAIRS):,}", f"not measured: needs {needed / 1e9:.0f} GB free"
            )
            continue
        began = time.process_time()
        fleet = Fleet.of(devices)
        found = [time.process_time() - began, *operators(fleet)]
        each = [seconds / len(fleet.tensor.store) for seconds in found]
        first = first or each
        cells = [f"{mine / base:.2f}×" for mine, base in zip(each, first, strict=True)]
        table.add_row(f"{devices:,}", f"{len(fleet.tensor.store):,}", *cells)
    console.print(table)


def operators(fleet: Fleet) -> list[float]:
    """Seconds of roll-up, corroboration, every sum, a tick, and numpy's median."""
    kept = Rollup(fleet.tensor, "device", Median())
    kept.renew()
    fleet.some_report()
    return [
        spent(lambda: fleet.tensor.roll_up(*UP)),
        spent(lambda: fleet.tensor.corroborate("device", "global", "", 100)),
        spent(fleet.sums),
        spent(kept.renew),
        spent(fleet.median),
    ]


def run(console: Console, sizes: list[int]) -> None:
    """Measure and print; the first of `sizes` in full."""
    print(f"bench: a fleet of {sizes[0]}", flush=True)
    weight = weighed(sizes[0])
    fleet = Fleet.of(sizes[0])
    compared(fleet)
    rows = [
        ("roll_up", ratio(fleet, lambda: fleet.tensor.roll_up(*UP)), "× numpy.median", 5.0),
        (
            "corroborate",
            ratio(fleet, lambda: fleet.tensor.corroborate("device", "global", "", 100)),
            "× numpy.median",
            5.0,
        ),
        ("reduce_sum of every pair", ratio(fleet, fleet.sums), "× numpy.median", 5.0),
        *((name, found, "× numpy.median", 0.6) for name, found in ticks(fleet).items()),
        ("memory", weight, "bytes a cell", 100.0),
    ]
    show(console, rows)
    print(f"bench: growth to {sizes[-1]} devices", flush=True)
    grown(console, sizes)
