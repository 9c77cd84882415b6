"""Cases that the traces leave out: the chain's guards, its time-outs, its end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.errors import ProtocolError
from sporewright.routing.attempt_chain import Ask, AttemptChain, Call, Decision, Wait
from sporewright.routing.classify import Ending
from sporewright.routing.health import Health

ENDINGS = st.one_of(
    st.builds(lambda s: {"kind": "status", "status": s}, st.integers(0, 999)),
    st.builds(lambda k: {"kind": k}, st.sampled_from(["network", "timeout", "abort", "prepare"])),
)


def chain_of(*options: str) -> AttemptChain:
    """A chain at time 0 whose options can all be called."""
    return AttemptChain(options, options, health=Health(), now=0.0)


def settled(chain: AttemptChain, health: Health, now: float, decision: Decision) -> tuple[float, Decision]:
    """The time and the decision once every wait is over and every ask answered."""
    while isinstance(decision, (Wait, Ask)):
        if isinstance(decision, Wait):
            now = decision.until
            decision = chain.pick(now)
        else:
            decision = chain.answered(now, health.permit(decision.permit, decision.option, now))
    return now, decision


def test_the_time_out_shrinks_to_the_deadline() -> None:
    """An attempt gets its own time-out or what is left of the call, whichever is less."""
    chain = chain_of("a", "b")
    first = chain.pick(0.0)
    assert isinstance(first, Call)
    assert chain.due(first.attempt) == 30.0
    chain.ended(80.0, {"kind": "network"})
    second = chain.pick(80.0)

    assert isinstance(second, Call)
    assert chain.due(second.attempt) == 90.0


def test_the_deadline_cuts_only_who_had_time_of_his_own_left() -> None:
    """Not an attempt that began with the call, nor one whose own limit is over as well, nor an answer that flows."""
    chain = chain_of("a", "b")
    first = chain.pick(0.0)
    assert isinstance(first, Call)
    assert not chain.is_cut(90.0, first.attempt)
    chain.ended(80.0, {"kind": "network"})
    second = chain.pick(80.0)
    assert isinstance(second, Call)
    assert chain.is_cut(90.0, second.attempt)
    assert not chain.is_cut(110.0, second.attempt)
    chain.opened(85.0, "bytes", second.attempt)

    assert not chain.is_cut(90.0, second.attempt)


def test_out_of_turn_is_refused() -> None:
    """Picking during a call, ending none, answering nothing and going on after the end are ProtocolErrors."""
    chain = chain_of("a")
    with pytest.raises(ProtocolError, match="PICKING"):
        chain.ended(0.0, {"kind": "network"})
    with pytest.raises(ProtocolError, match="nothing was asked for"):
        chain.answered(0.0, True)
    chain.pick(0.0)
    with pytest.raises(ProtocolError, match="CALLING"):
        chain.pick(0.0)
    with pytest.raises(ProtocolError, match="truncated: the attempt at a is CALLING"):
        chain.ended(0.5, {"kind": "truncated"})
    chain.ended(1.0, {"kind": "status", "status": 200})
    with pytest.raises(ProtocolError, match="DELIVERED"):
        chain.pick(1.0)


def test_only_what_was_delivered_can_be_rejected() -> None:
    """There is nothing to be looked at before."""
    chain = chain_of("a", "b")
    chain.pick(0.0)

    with pytest.raises(ProtocolError, match="rejected: the chain is CALLING"):
        chain.rejected(0)


def test_an_abort_between_two_calls_ends_the_chain() -> None:
    """The caller may give up while nothing is being called; a second time changes nothing."""
    chain = chain_of("a", "b")
    chain.pick(0.0)
    chain.ended(1.0, {"kind": "network"})

    chain.abort()
    chain.abort()

    assert chain.state == "ABORTED"


def test_an_abort_ends_every_attempt_and_frees_the_probe() -> None:
    """Both of a race end, and the next call may probe at once what an aborted one was probing."""
    health = Health()
    for _ in range(5):
        health.apply("a", ["trip"], 0.0)
    chain = AttemptChain("a", "a", health=health, now=4.0)
    _, called = settled(chain, health, 4.0, chain.pick(4.0))
    assert isinstance(called, Call)
    assert chain.is_probe(called.attempt)
    assert not health.permit("probe", "a", 4.1)

    chain.abort()

    assert (chain.state, chain.running) == ("ABORTED", [])
    assert health.permit("probe", "a", 4.2)


def test_one_probe_at_a_time() -> None:
    """While another call probes the only option, this one asks again every half second and then has its turn."""
    health = Health()
    for _ in range(5):
        health.apply("a", ["trip"], 0.0)
    first, second = (AttemptChain("a", "a", health=health, now=4.0) for _ in range(2))
    settled(first, health, 4.0, first.pick(4.0))
    asked = second.pick(4.0)
    assert isinstance(asked, Ask)
    waits = second.answered(4.0, health.permit("probe", "a", 4.0))
    assert isinstance(waits, Wait)
    assert 4.5 <= waits.until < 5.0
    assert dict(second.skipped) == {"a": "probing"}

    first.ended(4.6, {"kind": "status", "status": 200})

    assert isinstance(second.pick(waits.until), Ask)
    assert health.permit("probe", "a", waits.until)
    assert isinstance(second.answered(waits.until, True), Call)


def test_a_hedge_comes_at_the_options_own_p95() -> None:
    """Before twenty answers there is none; then it is the p95 by nearest rank."""
    health = Health()
    for seconds in range(1, 21):
        chain = AttemptChain("ab", "ab", health=health, now=0.0)
        chain.pick(0.0)
        assert chain.hedge_at() == math.inf
        chain.ended(float(seconds), {"kind": "status", "status": 200})
    chain = AttemptChain("ab", "ab", health=health, now=100.0)
    chain.pick(100.0)

    assert chain.hedge_at() == 119.0


def hedged(*, streaming: bool = False) -> tuple[AttemptChain, Ask]:
    """A chain whose first attempt is late, and the hedge that was asked for and is not answered yet."""
    health = Health()
    for _ in range(20):
        health.called()
        health.apply("a", ["pace"], 0.0, first_token_s=0.1, streaming=streaming)
    chain = AttemptChain("abc", "abc", health=health, now=0.0, streaming=streaming)
    chain.pick(0.0)
    ask = chain.hedge(chain.hedge_at())
    assert isinstance(ask, Ask)
    return chain, ask


@pytest.mark.parametrize("streaming", [True, False])
def test_a_hedge_granted_after_the_first_has_won_is_not_made(streaming: bool) -> None:
    """Its answer is being handed over, or held: a second one would begin it anew in the middle."""
    chain, _ = hedged(streaming=streaming)
    chain.opened(0.2, "events" if streaming else "whole")
    if streaming:
        chain.token(0.2)

    assert chain.answered(0.3, True) is None
    assert chain.attempts == ["a"]


def test_a_hedge_is_not_asked_for_once_the_first_has_won() -> None:
    """Held until it is whole, it is no longer late."""
    chain = chain_of("a", "b")
    chain.pick(0.0)
    chain.opened(0.1, "whole")

    assert chain.hedge(0.2) is None
    assert chain.hedge_at() == math.inf


def test_a_hedge_asked_for_is_void_once_the_first_has_failed() -> None:
    """The next option is picked as ever; the permit that comes then is for nothing that is still asked."""
    chain, ask = hedged()
    assert chain.asks(ask)
    chain.ended(0.3, {"kind": "network"})
    picked = chain.pick(0.3)

    assert isinstance(picked, Call)
    assert picked.option == ask.option == "b"
    assert not chain.asks(ask)
    with pytest.raises(ProtocolError, match="nothing was asked for"):
        chain.answered(0.3, True)


@given(st.lists(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")), st.lists(ENDINGS, min_size=12))
def test_every_chain_ends(queue: list[str], upstreams: set[str], endings: list[Ending]) -> None:
    """At most two calls more than options, none without an upstream, and an end that is one."""
    health, now = Health(), 0.0
    chain = AttemptChain(queue, upstreams, health=health, now=now)

    for ending in endings:
        now, called = settled(chain, health, now, chain.pick(now))
        if called is None:
            break
        chain.ended(now + 0.1, ending)
        if chain.state != "PICKING":
            break

    assert chain.state in ("DELIVERED", "ABORTED", "EXHAUSTED", "LOST", "PICKING")
    assert len(chain.attempts) <= min(len(set(chain.attempts)) + 2, 10)
    assert set(chain.attempts) <= upstreams & set(queue)
