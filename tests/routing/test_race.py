"""Cases of a race that the traces leave out: permits that come too late, no network, no time, hedges beside it."""

from __future__ import annotations

import math

import pytest

from sporewright.routing.attempt_chain import Ask, AttemptChain, Call
from sporewright.routing.health import Health
from sporewright.routing.plan import plan_with
from sporewright.routing.terms import Facts

PLAN = plan_with({"deadline_s": 9.0})


def chain_of(options: str, health: Health, *, facts: dict[str, Facts] | None = None) -> AttemptChain:
    """A chain whose first attempt is silent from second 0 on."""
    chain = AttemptChain(options, options, health=health, now=0.0, plan=PLAN, facts=facts)
    assert chain.pick(0.0) == Call("a", 0)
    return chain


def probing() -> tuple[AttemptChain, Ask]:
    """A chain that has asked for the probe of the option that it would race with."""
    health = Health(PLAN)
    health.breaker("b").told({"state": "open", "until": -1.0, "since": 0.0})
    chain = chain_of("ab", health)
    assert chain.another_at() == 6.0
    ask = chain.another(6.0)
    assert ask == Ask("probe", "b")
    assert isinstance(ask, Ask)
    assert chain.asks(ask)
    return chain, ask


def test_a_probe_that_comes_after_an_answer_is_for_nobody() -> None:
    """The silent one has answered meanwhile: whoever asked gives the probe back."""
    chain, ask = probing()
    chain.opened(6.1, "whole")

    assert not chain.asks(ask)
    assert chain.answered(6.2, granted=True) is None
    assert chain.attempts == ["a"]


def test_a_probe_that_comes_after_a_failure_is_for_nobody() -> None:
    """The next option is picked as ever."""
    chain, ask = probing()
    chain.ended(6.1, {"kind": "network"})

    assert chain.pick(6.1) == Ask("probe", "b")
    assert not chain.asks(ask)


def test_while_a_probe_is_asked_for_nothing_else_is() -> None:
    """Neither a hedge nor another race; refused, it is asked for once more after a pause."""
    chain, _ = probing()
    assert (chain.hedge_at(), chain.race_at()) == (math.inf, math.inf)
    assert chain.hedge(6.1) is None

    assert chain.answered(6.2, granted=False) is None
    assert chain.race_at() == pytest.approx(6.2 + PLAN["limits"]["backoff_s"])


def test_a_race_takes_the_place_of_a_hedge_that_is_asked_for() -> None:
    """A busy engine says nothing of the hedge: that holds up no failover."""
    health = Health(PLAN)
    health.history("a", streaming=False).told(0.5)
    chain = chain_of("abc", health)
    asked = chain.another(0.5)
    assert asked == Ask("hedge", "b")
    assert isinstance(asked, Ask)

    assert chain.another(6.0) == Call("b", 1)
    assert not chain.asks(asked)


def test_without_a_network_silence_is_no_failure() -> None:
    """The one that answers is on this machine; the other could not be reached."""
    health = Health(PLAN)
    chain = chain_of("ab", health, facts={"b": {"local": True}})
    chain.network(is_offline=True)
    assert chain.another(6.0) == Call("b", 1)
    chain.ended(6.5, {"kind": "status", "status": 200})

    assert chain.state_of(0) == "LOST"
    assert chain.outrun == {}


def test_an_option_that_is_elsewhere_is_not_asked_without_a_network() -> None:
    """Nor where it has no upstream."""
    chain = AttemptChain("abc", "ac", health=Health(PLAN), now=0.0, plan=PLAN)
    chain.pick(0.0)
    chain.network(is_offline=True)

    assert chain.race_at() == math.inf


@pytest.mark.parametrize("now", [9.0, 10.0])
def test_a_timer_that_goes_off_after_the_deadline_starts_nothing_twice(now: float) -> None:
    """There is no time left; what is asked at once is not asked for without end."""
    chain = chain_of("ab", Health(PLAN))

    assert chain.race(now) is None
    assert chain.race_at() == math.inf


def test_a_retry_in_place_whose_option_is_left_alone_by_then_is_not_waited_for() -> None:
    """Its breaker has opened meanwhile: the race goes on to who is free."""
    health = Health(PLAN)
    chain = chain_of("abc", health)
    chain.race(6.0)
    chain.ended(6.1, {"kind": "status", "status": 500}, chance=0.9)
    assert chain.race_at() > 6.1
    health.breaker("b").told({"state": "open", "until": 30.0, "since": 0.0})

    assert chain.race_at() == 6.0
    assert chain.race(6.2) == Call("c", 2)
