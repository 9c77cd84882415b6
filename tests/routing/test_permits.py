"""Permits that are refused: a call waits before it asks for the same one again."""

from __future__ import annotations

from sporewright.routing.attempt_chain import Ask, AttemptChain, Wait
from sporewright.routing.health import Health
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Plan


def test_a_refused_probe_is_not_asked_for_at_the_same_moment() -> None:
    """Without a back-off, too, there is a pause: the chain would ask without end."""
    plan: Plan = {**PLAN, "limits": {**PLAN["limits"], "backoff_s": 0.0, "wait_spread_s": 0.0}}
    health = Health(plan)
    for _ in range(plan["limits"]["breaker_failures"]):
        health.apply("a", ["trip"], 0.0)
    later = health.returns("a", 0.0)
    chain = AttemptChain(["a"], {"a"}, health=health, now=later, plan=plan)

    asked = chain.pick(later)
    assert isinstance(asked, Ask)
    decision = chain.answered(later, granted=False)

    assert isinstance(decision, Wait)
    assert decision.until > later
    again = chain.pick(decision.until)
    assert isinstance(again, Ask)
