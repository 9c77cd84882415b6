"""The fixed course of a world: each option's rows, changes and averages over the run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sporewright.errors import ConfigError
from sporewright.simulate.measurements import Row
from sporewright.simulate.scenario import Change, Scenario, resolve_option

__all__ = ["Course", "Quote", "State"]

PARTS, LEAST = 60, 10
"""A series in its own order is replayed in so many parts, or fewer, of this many rows of each option on average."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The average cost of an attempt at an option, in seconds (dollars included), and its chance to fail."""

    cost: float
    failing: float

    @property
    def index(self) -> float:
        """Cost per success: trying in this order is the cheapest way to one answer."""
        return self.cost / (1 - self.failing) if self.failing < 1 else math.inf


@dataclass(frozen=True, slots=True)
class State:
    """One option between two changes."""

    rows: Sequence[Row]
    quote: Quote
    exists: bool
    is_down: bool
    factor: float
    usd: float
    cold: Change | None
    limit: Change | None
    most: float

    @property
    def is_still(self) -> bool:
        """True if its behaviour does not depend on the calls it has had."""
        return self.cold is None and self.limit is None and self.most == math.inf


class Course:
    """The states of all options over one run; times are seconds since it began. Worlds of one course may share it.

    `rate`: mean arrivals a second, which a limit's share is taken of. An attempt longer than `timeout_s` ends then.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[Row]],
        scenario: Scenario,
        *,
        span_s: float,
        rate: float,
        timeout_s: float,
    ) -> None:
        self.options = tuple(rows)
        self.usd_s, self.timeout_s, self.rate = scenario.usd_s, timeout_s, rate
        self._quotes: dict[tuple[int, float, float], Quote] = {}
        ranked = sorted(rows, key=lambda option: (self._quote(rows[option], 1.0, 0.0).index, option))
        changes: dict[str, list[Change]] = {option: [] for option in rows}
        for at, change in enumerate(scenario.change):
            place = f"{scenario.name}.change[{at}]"
            for option in resolve_option(change.option, ranked, place):
                changes[option].append(_named(change, ranked, place))
        parts = _parts(rows, scenario)
        shares = {end for each in scenario.change for end in (each.at, each.until) if end < 1}
        shares |= {part / len(parts) for part in range(len(parts))}
        self.starts = sorted({0.0, *(share * span_s for share in shares)})
        self.states = [
            {
                option: self._state(option, parts[_part(start / span_s, len(parts))], changes[option], start / span_s)
                for option in rows
            }
            for start in self.starts
        ]
        self.is_still = [all(state.is_still for state in states.values()) for states in self.states]

    def _state(self, option: str, rows: Mapping[str, Sequence[Row]], changes: list[Change], share: float) -> State:
        active = {
            change.kind: change
            for change in changes
            if change.at <= share < (change.until if change.until < 1 else math.inf)
        }
        drawn = rows[active["rows"].source if "rows" in active else option]
        factor = active["slow"].factor if "slow" in active else 1.0
        usd = active["price"].usd if "price" in active else 0.0
        return State(
            rows=drawn,
            quote=self._quote(drawn, factor, usd),
            exists="absent" not in active,
            is_down="outage" in active,
            factor=factor,
            usd=usd,
            cold=active.get("cold"),
            limit=active.get("limit"),
            most=active["concurrency"].most if "concurrency" in active else math.inf,
        )

    def _quote(self, rows: Sequence[Row], factor: float, usd: float) -> Quote:
        key = (id(rows), factor, usd)
        if key not in self._quotes:
            cost, failed = 0.0, 0
            for row in rows:
                is_late = row.seconds * factor > self.timeout_s
                failed += is_late or not row.is_ok
                cost += min(row.seconds * factor, self.timeout_s) + (usd * self.usd_s if is_late or row.is_ok else 0.0)
            self._quotes[key] = Quote(cost / len(rows), failed / len(rows))
        return self._quotes[key]


def _part(share: float, parts: int) -> int:
    """The part of the run that the share lies in, where a part's own beginning is given back exactly."""
    return min(parts - 1, int(share * parts * (1 + 1e-12)))


def _parts(rows: Mapping[str, Sequence[Row]], scenario: Scenario) -> list[Mapping[str, Sequence[Row]]]:
    """The rows of each part of the run: all of them at any time, unless the series is replayed as it was recorded."""
    if not scenario.series:
        return [rows]
    count = max(1, min(PARTS, min(len(each) for each in rows.values()) // LEAST))
    if scenario.series == "order":
        slices = {option: _by_order(each, count) for option, each in rows.items()}
    else:
        end = max(_at(row, scenario.name) for each in rows.values() for row in each)
        slices = {option: _by_time(each, count, end, scenario.name) for option, each in rows.items()}
    return [{option: slices[option][part] for option in rows} for part in range(count)]


def _by_order(rows: Sequence[Row], parts: int) -> list[Sequence[Row]]:
    return [rows[len(rows) * part // parts : len(rows) * (part + 1) // parts] for part in range(parts)]


def _by_time(rows: Sequence[Row], parts: int, end: float, name: str) -> list[Sequence[Row]]:
    """The rows measured in each part of the recording; a part without any has those before it, or else the next."""
    found: list[list[Row]] = [[] for _ in range(parts)]
    for row in rows:
        found[_part(_at(row, name) / end if end else 0.0, parts)].append(row)
    held = next(each for each in found if each)
    filled: list[Sequence[Row]] = []
    for each in found:
        held = each or held
        filled.append(held)
    return filled


def _at(row: Row, name: str) -> float:
    if row.at is None:
        raise ConfigError(f"{name}: the measurements have no times (column t_s) to be replayed at")
    return row.at


def _named(change: Change, ranked: Sequence[str], place: str) -> Change:
    """The change with its source's own name instead of a rank."""
    if change.kind != "rows":
        return change
    found = resolve_option(change.source, ranked, f"{place}.source")
    if len(found) != 1:
        raise ConfigError(f"{place}.source: {change.source!r} is more than one option")
    return replace(change, source=found[0])
