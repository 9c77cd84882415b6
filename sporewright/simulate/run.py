"""One run: calls arrive, a policy orders, the chain tries, outcomes come back when they end; then the account."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from sporewright.routing.attempt import AttemptChain
from sporewright.routing.cooldown import Cooldowns
from sporewright.simulate.policy import Attempt, Policy
from sporewright.simulate.world import NOTHING_S, Happening, World

__all__ = ["Call", "run"]


@dataclass(slots=True)
class Call:
    """One call's account. Costs are seconds waited, failed attempts included, dollars at their worth, + 10 for nothing.

    `expected`: the same with each attempt's average instead of its draw; `best`: what the best admissible option would
    have cost on average at the moment of arrival. `avoidable`: it failed, though some option would have answered.
    """

    at: float
    best: float
    cost: float = 0.0
    expected: float = 0.0
    usd: float = 0.0
    attempts: list[str] = field(default_factory=list)
    answered: bool = False
    avoidable: bool = False

    @property
    def regret(self) -> float:
        """Expected cost minus that of the best option admissible at that moment."""
        return self.expected - self.best


@dataclass(slots=True)
class _Flight:
    """A call under way: its chain, and the attempt that is out."""

    number: int
    call: Call
    chain: AttemptChain
    could: bool
    happening: Happening | None = None


def run(world: World, policy: Policy, arrivals: Sequence[float], usd_s: float = 0.0) -> list[Call]:
    """Every call's account, in order of arrival. What happens at one instant happens in the order it was planned."""
    return _Run(world, policy, usd_s).play(arrivals)


class _Run:
    def __init__(self, world: World, policy: Policy, usd_s: float) -> None:
        self._world, self._policy, self._usd_s = world, policy, usd_s
        self._cooldowns = Cooldowns()
        self._events: list[tuple[float, int, _Flight | int]] = []
        self._planned = 0

    def play(self, arrivals: Sequence[float]) -> list[Call]:
        """From the first arrival to the last answer."""
        calls = []
        for number, at in enumerate(arrivals):
            self._plan(at, number)
        while self._events:
            now, _, event = heapq.heappop(self._events)
            if isinstance(event, int):
                calls.append(self._arrive(now, event))
            else:
                self._back(now, event)
        return calls

    def _plan(self, at: float, event: _Flight | int) -> None:
        heapq.heappush(self._events, (at, self._planned, event))
        self._planned += 1

    def _arrive(self, now: float, number: int) -> Call:
        options = self._world.existing(now)
        call = Call(now, self._world.best(now))
        chain = AttemptChain(self._policy.order(now, options), options, cooldowns=self._cooldowns, now=now)
        self._try(now, _Flight(number, call, chain, self._world.would_answer(now, number)))
        return call

    def _try(self, now: float, flight: _Flight) -> None:
        """The chain's next attempt, or the end of the call."""
        call, picked = flight.call, flight.chain.pick(now)
        if picked is None:
            call.cost += NOTHING_S
            call.expected += NOTHING_S
            call.avoidable = flight.could or self._world.would_answer(now, flight.number)
            return
        option = picked.option
        call.expected += self._world.quote(now, option).cost
        flight.happening = self._world.attempt(now, flight.number, option, call.attempts.count(option))
        call.attempts.append(option)
        self._policy.started(now, option)
        self._plan(now + flight.happening.seconds, flight)

    def _back(self, now: float, flight: _Flight) -> None:
        call, happening = flight.call, flight.happening
        assert happening is not None
        self._world.over(call.attempts[-1])
        ended = flight.chain.ended(now, happening.ending)
        call.cost += happening.seconds + happening.usd * self._usd_s
        call.usd += happening.usd
        self._policy.ended(now, Attempt(ended, happening.seconds, happening.usd))
        if "next" in ended.actions:
            self._try(now, flight)
        else:
            call.answered = ended.outcome == "ok"
