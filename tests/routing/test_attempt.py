"""What the traces do not say about the chain: its guards, its time-outs, its end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.errors import ProtocolError
from sporewright.routing.attempt import AttemptChain
from sporewright.routing.classify import Ending
from sporewright.routing.cooldown import Cooldowns

ENDINGS = st.one_of(
    st.builds(lambda s: {"kind": "status", "status": s}, st.integers(0, 999)),
    st.builds(lambda k: {"kind": k}, st.sampled_from(["network", "timeout", "abort", "prepare"])),
)


def chain_of(*options: str) -> AttemptChain:
    """A chain at time 0 whose options can all be called."""
    return AttemptChain(options, options, cooldowns=Cooldowns(), now=0.0)


def test_the_time_out_shrinks_to_the_deadline() -> None:
    """An attempt gets its own time-out or what is left of the call, whichever is less."""
    chain = chain_of("a", "b")
    first = chain.pick(0.0)
    chain.ended(80.0, {"kind": "network"})
    second = chain.pick(80.0)

    assert first is not None
    assert first.timeout_s == 30.0
    assert second is not None
    assert second.timeout_s == 10.0


def test_out_of_turn_is_refused() -> None:
    """Picking during a call, ending none, and going on after the end are ProtocolErrors that change nothing."""
    chain = chain_of("a")
    with pytest.raises(ProtocolError, match="PICKING"):
        chain.ended(0.0, {"kind": "network"})
    chain.pick(0.0)
    with pytest.raises(ProtocolError, match="CALLING"):
        chain.pick(0.0)
    chain.ended(1.0, {"kind": "status", "status": 200})
    with pytest.raises(ProtocolError, match="DELIVERED"):
        chain.pick(1.0)


def test_an_abort_between_two_calls_ends_the_chain() -> None:
    """The caller may give up while nothing is being called; a second time changes nothing."""
    chain = chain_of("a", "b")
    chain.pick(0.0)
    chain.ended(1.0, {"kind": "network"})

    chain.abort()
    chain.abort()

    assert chain.state == "ABORTED"


@given(st.lists(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")), st.lists(ENDINGS, min_size=12))
def test_every_chain_ends(queue: list[str], upstreams: set[str], endings: list[Ending]) -> None:
    """No option is called twice or without an upstream, and the chain ends within the options there are."""
    chain = AttemptChain(queue, upstreams, cooldowns=Cooldowns(), now=0.0)

    for at, ending in enumerate(endings):
        if chain.pick(float(at)) is None:
            break
        chain.ended(float(at), ending)
        if chain.state != "PICKING":
            break

    assert chain.state in ("DELIVERED", "ABORTED", "EXHAUSTED")
    assert len(set(chain.attempts)) == len(chain.attempts)
    assert set(chain.attempts) <= upstreams & set(queue)
    assert not set(chain.attempts) & set(chain.skipped)
