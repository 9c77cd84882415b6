"""The options in one run: rows measured elsewhere, under outages, limits and change; the cost of a choice."""

from __future__ import annotations

import copy
import math
from bisect import bisect_right
from dataclasses import dataclass

from sporewright.policy.bucket import TokenBucket
from sporewright.routing.classify import Ending
from sporewright.simulate.chance import Draws
from sporewright.simulate.course import Course, Quote, State
from sporewright.simulate.measurements import FAILED_S
from sporewright.simulate.scenario import Change

__all__ = ["NOTHING_S", "Happening", "Quote", "World"]

NOTHING_S = 10.0
"""Seconds added to a call's cost when the caller gets nothing."""
_REFUSED: Ending = {"kind": "status", "status": 429}
_DOWN: Ending = {"kind": "status", "status": 503}


@dataclass(frozen=True, slots=True)
class Happening:
    """The course of an attempt: it ends so after that many seconds and costs that many dollars."""

    seconds: float
    ending: Ending
    usd: float = 0.0


_REFUSAL = Quote(FAILED_S, 1.0)


class World:
    """The options of one run and their state so far; times are seconds since the run began."""

    def __init__(self, course: Course, draws: Draws) -> None:
        self._course, self._draws = course, draws
        self.options = course.options
        self._buckets: dict[tuple[str, int], TokenBucket] = {}
        self._flying = dict.fromkeys(self.options, 0)
        self._called = dict.fromkeys(self.options, -math.inf)
        self._best: dict[tuple[int, tuple[str, ...] | None], float] = {}
        self._enter(0)

    def existing(self, now: float) -> list[str]:
        """The options there are, in their declared order."""
        return [option for option, state in self._at(now).items() if state.exists]

    def attempt(self, now: float, call: int, option: str, attempt: int) -> Happening:
        """Start an attempt: it takes a place, a token, and the row drawn for it; `over` gives the place back."""
        state, admitted = self._at(now)[option], self.admits(now, option)
        self._flying[option] += 1
        if not admitted:
            return Happening(FAILED_S, _DOWN if state.is_down else _REFUSED)
        if state.limit:
            self._bucket(option, state.limit).admit(now)
        row = state.rows[int(self._draws.of(call, option, attempt) * len(state.rows))]
        seconds = row.seconds * state.factor + self._chill(now, option, state)
        self._called[option] = now
        if seconds > self._course.timeout_s:
            return Happening(self._course.timeout_s, {"kind": "timeout"}, state.usd)
        return Happening(seconds, row.ending, state.usd if row.is_ok else 0.0)

    def over(self, option: str) -> None:
        """An attempt at the option has ended."""
        self._flying[option] -= 1

    def admits(self, now: float, option: str) -> bool:
        """True if the option would take a call now; changes nothing."""
        state = self._at(now)[option]
        if not state.exists or state.is_down or self._flying[option] >= state.most:
            return False
        return state.limit is None or copy.copy(self._bucket(option, state.limit)).admit(now)

    def quote(self, now: float, option: str) -> Quote:
        """The average cost of an attempt now."""
        if not self.admits(now, option):
            return _REFUSAL
        state = self._at(now)[option]
        chill = self._chill(now, option, state)
        return Quote(state.quote.cost + chill, state.quote.failing) if chill else state.quote

    def best(self, now: float) -> float:
        """The least a call can cost on average now: admissible options tried in the order of their index."""
        states = self._at(now)
        is_still = self._course.is_still[self._part]
        admitted = None if is_still else tuple(option for option in self.options if self.admits(now, option))
        key = (self._part, admitted)
        if not (key in self._best and (is_still or not any(state.cold for state in states.values()))):
            self._best[key] = self._cheapest(now)
        return self._best[key]

    def would_answer(self, now: float, call: int) -> bool:
        """True if some option would take the call now, and answer it at the first attempt."""
        states = self._at(now)
        return any(
            self.admits(now, option)
            and (row := states[option].rows[int(self._draws.of(call, option, 0) * len(states[option].rows))]).is_ok
            and row.seconds * states[option].factor <= self._course.timeout_s
            for option in self.options
        )

    def _cheapest(self, now: float) -> float:
        admitted = [option for option in self.options if self.admits(now, option)]
        quotes = sorted((self.quote(now, option) for option in admitted), key=lambda quote: quote.index)
        cost = NOTHING_S
        for quote in reversed(quotes):
            cost = quote.cost + quote.failing * cost
        return cost

    def _at(self, now: float) -> dict[str, State]:
        """The states now; most questions are of the moment the last one was of."""
        if not self._since <= now < self._until:
            self._enter(max(0, bisect_right(self._course.starts, now) - 1))
        return self._states

    def _enter(self, part: int) -> None:
        starts = self._course.starts
        self._part, self._states = part, self._course.states[part]
        self._since = starts[part] if part else -math.inf
        self._until = starts[part + 1] if part + 1 < len(starts) else math.inf

    def _chill(self, now: float, option: str, state: State) -> float:
        if state.cold is None or now - self._called[option] <= state.cold.idle_s:
            return 0.0
        return state.cold.extra_s

    def _bucket(self, option: str, limit: Change) -> TokenBucket:
        """One bucket a change, kept over the run: it starts full when the limit does."""
        key = (option, id(limit))
        if key not in self._buckets:
            per_s = limit.share * self._course.rate
            self._buckets[key] = TokenBucket(max(1.0, per_s * limit.burst_s), per_s, 0.0)
        return self._buckets[key]
