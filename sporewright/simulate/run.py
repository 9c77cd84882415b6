"""One run: calls arrive, a policy orders, the chain tries, outcomes come back when they end; then the account."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from sporewright.routing.attempt import Ask, AttemptChain, Decision, Wait
from sporewright.routing.attempt import Call as Step
from sporewright.routing.health import Health
from sporewright.simulate.chance import Draws
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
    """A call under way: its chain, what its chance has come to, and the attempt that is out, if one is."""

    number: int
    call: Call
    chain: AttemptChain
    could: bool = False
    decisions: int = 0
    happening: Happening | None = None


def run(world: World, policy: Policy, arrivals: Sequence[float], draws: Draws, usd_s: float = 0.0) -> list[Call]:
    """Every call's account, in order of arrival. What happens at one instant happens in the order it was planned.

    `draws` is the chain's chance, too: the jitter of a call's waits is the same under every policy.
    """
    return _Run(world, policy, draws, usd_s).play(arrivals)


class _Run:
    def __init__(self, world: World, policy: Policy, draws: Draws, usd_s: float) -> None:
        self._world, self._policy, self._draws, self._usd_s = world, policy, draws, usd_s
        self._health = Health()
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
            elif event.happening is None:
                self._decide(now, event, event.chain.pick(now, self._chance(event)))
            else:
                self._back(now, event, event.happening)
        return calls

    def _plan(self, at: float, event: _Flight | int) -> None:
        heapq.heappush(self._events, (at, self._planned, event))
        self._planned += 1

    def _chance(self, flight: _Flight) -> float:
        flight.decisions += 1
        return self._draws.chance(flight.number, flight.decisions)

    def _arrive(self, now: float, number: int) -> Call:
        options = self._world.existing(now)
        call = Call(now, self._world.best(now))
        order = self._policy.order(now, options)
        chain = AttemptChain(order, options, health=self._health, now=now, hedge=False)
        flight = _Flight(number, call, chain)
        self._decide(now, flight, chain.pick(now, self._chance(flight)))
        return call

    def _decide(self, now: float, flight: _Flight, decision: Decision) -> None:
        """Carry out what the chain says, until an attempt is out, a wait is on, or the call is over."""
        while isinstance(decision, Ask):
            granted = self._health.permit(decision.permit, decision.option, now)
            decision = flight.chain.answered(now, granted, self._chance(flight))
        if isinstance(decision, Step):
            self._try(now, flight, decision.option)
        elif isinstance(decision, Wait):
            flight.call.cost += decision.until - now
            flight.call.expected += decision.until - now
            self._plan(decision.until, flight)
        else:
            flight.call.cost += NOTHING_S
            flight.call.expected += NOTHING_S
            flight.call.avoidable = flight.could

    def _try(self, now: float, flight: _Flight, option: str) -> None:
        call = flight.call
        call.expected += self._world.quote(now, option).cost
        flight.happening = self._world.attempt(now, flight.number, option, call.attempts.count(option))
        call.attempts.append(option)
        self._policy.started(now, option)
        self._plan(now + flight.happening.seconds, flight)

    def _back(self, now: float, flight: _Flight, happening: Happening) -> None:
        call, flight.happening = flight.call, None
        self._world.over(call.attempts[-1])
        ended = flight.chain.ended(now, happening.ending, chance=self._chance(flight))
        call.cost += happening.seconds + happening.usd * self._usd_s
        call.usd += happening.usd
        self._policy.ended(now, Attempt(ended, happening.seconds, happening.usd))
        if "next" in ended.actions:
            flight.could = flight.could or self._world.would_answer(now, flight.number)
            self._decide(now, flight, flight.chain.pick(now, self._chance(flight)))
        else:
            call.answered = ended.outcome == "ok"
