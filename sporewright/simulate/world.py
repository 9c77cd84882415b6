"""What the options do: rows measured elsewhere, under outages, limits and change; what a choice costs on average."""

from __future__ import annotations

import copy
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sporewright.errors import ConfigError
from sporewright.policy.bucket import TokenBucket
from sporewright.routing.classify import Ending
from sporewright.simulate.chance import Draws
from sporewright.simulate.measurements import FAILED_S, Row
from sporewright.simulate.scenario import Change, Scenario, resolve_option

__all__ = ["NOTHING_S", "Happening", "Quote", "World"]

NOTHING_S = 10.0
"""Seconds added to a call's cost when the caller gets nothing."""
_REFUSED: Ending = {"kind": "status", "status": 429}
_DOWN: Ending = {"kind": "status", "status": 503}


@dataclass(frozen=True, slots=True)
class Happening:
    """How an attempt goes: it ends so after that many seconds and costs that many dollars."""

    seconds: float
    ending: Ending
    usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Quote:
    """What an attempt at an option costs on average, in seconds (dollars included), and how often it fails."""

    cost: float
    failing: float

    @property
    def index(self) -> float:
        """Cost per success: trying in this order is the cheapest way to one answer."""
        return self.cost / (1 - self.failing) if self.failing < 1 else math.inf


_REFUSAL = Quote(FAILED_S, 1.0)


@dataclass(frozen=True, slots=True)
class _State:
    """One option between two changes."""

    rows: Sequence[Row]
    quote: Quote
    exists: bool
    is_down: bool
    factor: float
    usd: float
    cold: Change | None
    bucket: TokenBucket | None
    most: float


class World:
    """The options of one run and what became of them so far; times are seconds since the run began.

    `rate`: mean arrivals a second, which a limit's share is taken of. An attempt longer than `timeout_s` ends then.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[Row]],
        scenario: Scenario,
        draws: Draws,
        *,
        span_s: float,
        rate: float,
        timeout_s: float,
    ) -> None:
        self._usd_s, self._timeout_s, self._rate = scenario.usd_s, timeout_s, rate
        self._draws = draws
        self._buckets: dict[tuple[str, int], TokenBucket] = {}
        ranked = sorted(rows, key=lambda option: (self._quote(rows[option], 1.0, 0.0).index, option))
        changes: dict[str, list[Change]] = {option: [] for option in rows}
        for at, change in enumerate(scenario.change):
            place = f"{scenario.name}.change[{at}]"
            for option in resolve_option(change.option, ranked, place):
                changes[option].append(_named(change, ranked, place))
        self.options = tuple(rows)
        self._from = sorted(
            {0.0, *(end * span_s for each in scenario.change for end in (each.at, each.until) if end < 1)}
        )
        self._states = [
            {option: self._state(option, rows, changes[option], start / span_s) for option in rows}
            for start in self._from
        ]
        self._flying = dict.fromkeys(rows, 0)
        self._called = dict.fromkeys(rows, -math.inf)
        self._best: dict[tuple[int, tuple[str, ...]], float] = {}

    def existing(self, now: float) -> list[str]:
        """The options there are, in their declared order."""
        return [option for option, state in self._at(now).items() if state.exists]

    def attempt(self, now: float, call: int, option: str, attempt: int) -> Happening:
        """Start an attempt: it takes a place, a token, and the row drawn for it; `over` gives the place back."""
        state, admitted = self._at(now)[option], self.admits(now, option)
        self._flying[option] += 1
        if not admitted:
            return Happening(FAILED_S, _DOWN if state.is_down else _REFUSED)
        if state.bucket:
            state.bucket.admit(now)
        row = state.rows[int(self._draws.of(call, option, attempt) * len(state.rows))]
        seconds = row.seconds * state.factor + self._chill(now, option, state)
        self._called[option] = now
        if seconds > self._timeout_s:
            return Happening(self._timeout_s, {"kind": "timeout"}, state.usd)
        return Happening(seconds, row.ending, state.usd if row.is_ok else 0.0)

    def over(self, option: str) -> None:
        """An attempt at the option has ended."""
        self._flying[option] -= 1

    def admits(self, now: float, option: str) -> bool:
        """Whether the option would take a call now; changes nothing."""
        state = self._at(now)[option]
        if not state.exists or state.is_down or self._flying[option] >= state.most:
            return False
        return state.bucket is None or copy.copy(state.bucket).admit(now)

    def quote(self, now: float, option: str) -> Quote:
        """What an attempt costs now, on average."""
        if not self.admits(now, option):
            return _REFUSAL
        state = self._at(now)[option]
        chill = self._chill(now, option, state)
        return Quote(state.quote.cost + chill, state.quote.failing) if chill else state.quote

    def best(self, now: float) -> float:
        """The least a call can cost on average now: admissible options tried in the order of their index."""
        warm = not any(state.cold for state in self._at(now).values())
        admitted = tuple(option for option in self.options if self.admits(now, option))
        key = (bisect_right(self._from, now), admitted)
        if not (warm and key in self._best):
            quotes = sorted((self.quote(now, option) for option in admitted), key=lambda quote: quote.index)
            cost = NOTHING_S
            for quote in reversed(quotes):
                cost = quote.cost + quote.failing * cost
            self._best[key] = cost
        return self._best[key]

    def would_answer(self, now: float, call: int) -> bool:
        """Whether some option would take the call now, and answer it at the first attempt."""
        states = self._at(now)
        return any(
            self.admits(now, option)
            and (row := states[option].rows[int(self._draws.of(call, option, 0) * len(states[option].rows))]).is_ok
            and row.seconds * states[option].factor <= self._timeout_s
            for option in self.options
        )

    def _at(self, now: float) -> dict[str, _State]:
        return self._states[max(0, bisect_right(self._from, now) - 1)]

    def _chill(self, now: float, option: str, state: _State) -> float:
        if state.cold is None or now - self._called[option] <= state.cold.idle_s:
            return 0.0
        return state.cold.extra_s

    def _state(self, option: str, rows: Mapping[str, Sequence[Row]], changes: list[Change], share: float) -> _State:
        active = {
            change.kind: change
            for change in changes
            if change.at <= share < (change.until if change.until < 1 else math.inf)
        }
        drawn = rows[active["rows"].source if "rows" in active else option]
        factor = active["slow"].factor if "slow" in active else 1.0
        usd = active["price"].usd if "price" in active else 0.0
        return _State(
            rows=drawn,
            quote=self._quote(drawn, factor, usd),
            exists="absent" not in active,
            is_down="outage" in active,
            factor=factor,
            usd=usd,
            cold=active.get("cold"),
            bucket=self._bucket(option, active["limit"]) if "limit" in active else None,
            most=active["concurrency"].most if "concurrency" in active else math.inf,
        )

    def _bucket(self, option: str, limit: Change) -> TokenBucket:
        """One bucket a change, kept over the run: it starts full when the limit does."""
        per_s = limit.share * self._rate
        return self._buckets.setdefault((option, id(limit)), TokenBucket(max(1.0, per_s * limit.burst_s), per_s, 0.0))

    def _quote(self, rows: Sequence[Row], factor: float, usd: float) -> Quote:
        cost, failed = 0.0, 0
        for row in rows:
            is_late = row.seconds * factor > self._timeout_s
            failed += is_late or not row.is_ok
            cost += min(row.seconds * factor, self._timeout_s) + (usd * self._usd_s if is_late or row.is_ok else 0.0)
        return Quote(cost / len(rows), failed / len(rows))


def _named(change: Change, ranked: Sequence[str], place: str) -> Change:
    """The change with its source's own name instead of a rank."""
    if change.kind != "rows":
        return change
    found = resolve_option(change.source, ranked, f"{place}.source")
    if len(found) != 1:
        raise ConfigError(f"{place}.source: {change.source!r} is more than one option")
    return replace(change, source=found[0])
