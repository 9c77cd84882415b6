"""One run: calls arrive, a policy orders, the chain tries, outcomes come back when they end; then the account."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sporewright.routing.attempt_chain import Ask, AttemptChain, Decision, Wait
from sporewright.routing.attempt_chain import Call as Step
from sporewright.routing.health import Health
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Plan
from sporewright.simulate.chance import Draws
from sporewright.simulate.policy import Attempt, Policy
from sporewright.simulate.world import NOTHING_S, Happening, World

__all__ = ["Call", "Ticks", "run", "run_many"]


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
    policy: Policy
    health: Health
    could: bool = False
    decisions: int = 0
    happening: Happening | None = None


@dataclass(frozen=True, slots=True)
class Ticks:
    """Something done every `every_s` seconds until the last arrival."""

    every_s: float
    do: Callable[[float], None]


def run(
    world: World,
    policy: Policy,
    arrivals: Sequence[float],
    draws: Draws,
    usd_s: float = 0.0,
    plan: Plan = PLAN,
) -> list[Call]:
    """Every call's account, in order of arrival. What happens at one instant happens in the order it was planned.

    `draws` is the chain's chance, too: the jitter of a call's waits is the same under every policy.
    """
    return run_many(world, [policy], [(at, 0) for at in arrivals], draws, usd_s, plan=plan)


def run_many(
    world: World,
    policies: Sequence[Policy],
    arrivals: Sequence[tuple[float, int]],
    draws: Draws,
    usd_s: float = 0.0,
    ticks: Ticks | None = None,
    plan: Plan = PLAN,
) -> list[Call]:
    """The same for several devices, each with its own policy and health; `arrivals`: (when, whose), ascending."""
    return _Run(world, policies, draws, usd_s, plan).play(arrivals, ticks)


class _Run:
    def __init__(self, world: World, policies: Sequence[Policy], draws: Draws, usd_s: float, plan: Plan) -> None:
        self._world, self._draws, self._usd_s, self._plan = world, draws, usd_s, plan
        self._devices = [(policy, Health(plan)) for policy in policies]
        self._whose: list[int] = []
        self._events: list[tuple[float, int, _Flight | int | Ticks]] = []
        self._planned = 0

    def play(self, arrivals: Sequence[tuple[float, int]], ticks: Ticks | None) -> list[Call]:
        """From the first arrival to the last answer."""
        calls = []
        self._whose = [device for _, device in arrivals]
        for number, (at, _) in enumerate(arrivals):
            self._schedule(at, number)
        if ticks is not None:
            for tick in range(1, int(arrivals[-1][0] / ticks.every_s) + 1):
                self._schedule(tick * ticks.every_s, ticks)
        while self._events:
            now, _, event = heapq.heappop(self._events)
            if isinstance(event, Ticks):
                event.do(now)
            elif isinstance(event, int):
                calls.append(self._arrive(now, event))
            elif event.happening is None:
                self._decide(now, event, event.chain.pick(now, self._chance(event)))
            else:
                self._back(now, event, event.happening)
        return calls

    def _schedule(self, at: float, event: _Flight | int | Ticks) -> None:
        heapq.heappush(self._events, (at, self._planned, event))
        self._planned += 1

    def _chance(self, flight: _Flight) -> float:
        flight.decisions += 1
        return self._draws.chance(flight.number, flight.decisions)

    def _arrive(self, now: float, number: int) -> Call:
        options = self._world.existing(now)
        policy, health = self._devices[self._whose[number]]
        call = Call(now, self._world.best(now))
        chain = AttemptChain(policy.order(now, options), options, health=health, now=now, plan=self._plan, hedge=False)
        flight = _Flight(number, call, chain, policy, health)
        self._decide(now, flight, chain.pick(now, self._chance(flight)))
        return call

    def _decide(self, now: float, flight: _Flight, decision: Decision) -> None:
        """Carry out what the chain says, until an attempt is out, a wait is on, or the call is over."""
        while isinstance(decision, Ask):
            # No pools are declared here: nothing has to be drawn.
            granted = decision.permit == "draw" or flight.health.permit(decision.permit, decision.option, now)
            decision = flight.chain.answered(now, granted, self._chance(flight))
        if isinstance(decision, Step):
            self._try(now, flight, decision.option)
        elif isinstance(decision, Wait):
            flight.call.cost += decision.until - now
            flight.call.expected += decision.until - now
            self._schedule(decision.until, flight)
        else:
            flight.call.cost += NOTHING_S
            flight.call.expected += NOTHING_S
            flight.call.avoidable = flight.could

    def _try(self, now: float, flight: _Flight, option: str) -> None:
        call = flight.call
        call.expected += self._world.quote(now, option).cost
        flight.happening = self._world.attempt(now, flight.number, option, call.attempts.count(option))
        call.attempts.append(option)
        flight.policy.started(now, option)
        self._schedule(now + flight.happening.seconds, flight)

    def _back(self, now: float, flight: _Flight, happening: Happening) -> None:
        call, flight.happening = flight.call, None
        self._world.over(call.attempts[-1])
        ended = flight.chain.ended(now, happening.ending, chance=self._chance(flight))
        call.cost += happening.seconds + happening.usd * self._usd_s
        call.usd += happening.usd
        flight.policy.ended(now, Attempt(ended, happening.seconds, happening.usd))
        if "next" in ended.actions:
            flight.could = flight.could or self._world.would_answer(now, flight.number)
            self._decide(now, flight, flight.chain.pick(now, self._chance(flight)))
        else:
            call.answered = ended.outcome == "ok"
