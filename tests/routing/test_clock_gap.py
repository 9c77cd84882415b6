"""Gaps in the clock and what is known of them; gates of what a page may not reach, at their edges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sporewright.routing.attempt_chain import AttemptChain, Wait
from sporewright.routing.clock_gap import Gaps
from sporewright.routing.health import Health
from sporewright.routing.plan import PLAN
from sporewright.routing.quarantine import Quarantine

LIMITS = PLAN["limits"]


def test_looks_in_time_are_no_gap() -> None:
    """Every second, or a little late: nothing is missing; nor is a minute where a hidden page's timers wait so long."""
    gaps = Gaps(1000.0, 0.0)
    assert [gaps.seen(1000.0 + at, at) for at in (1.0, 2.0, 7.9)] == [0.0, 0.0, 0.0]
    assert gaps.seen(1069.0, 69.0, hidden=True) == 0.0
    # It was hidden when it was looked at last: its timers may have been late still.
    assert gaps.seen(1130.0, 130.0) == 0.0


def test_what_is_missing_is_the_gap() -> None:
    """A sleep counts by the wall, whether the steady clock stood still or not, less the look that was due."""
    assert Gaps(1000.0, 0.0).seen(1600.0, 0.5) == 599.0
    assert Gaps(1000.0, 0.0).seen(1600.0, 600.0) == 599.0
    assert Gaps(1000.0, 0.0).seen(1600.0, 600.0, hidden=True) == 599.0


def test_a_frozen_page_says_so() -> None:
    """A pause that the page reports as a freeze is a gap however short it was, beyond the look that was due."""
    assert Gaps(1000.0, 0.0).seen(1003.0, 3.0, frozen=True) == 2.0
    assert Gaps(1000.0, 0.0).seen(1000.4, 0.4, frozen=True) == 0.0
    assert Gaps(1000.0, 0.0).seen(1003.0, 3.0) == 0.0


def test_a_clock_that_is_set_back() -> None:
    """The end of a wait moves back with the clock."""
    assert Gaps(1000.0, 0.0).seen(400.0, 1.0) == -601.0


@given(st.lists(st.tuples(st.floats(0.0, 1e4), st.floats(0.0, 1e4), st.booleans(), st.booleans()), max_size=30))
def test_a_gap_never_exceeds_what_passed(looks: list[tuple[float, float, bool, bool]]) -> None:
    """Whatever the clocks do: forwards at most the time since the last look, and never more than is missing."""
    gaps, wall, steady = Gaps(0.0, 0.0), 0.0, 0.0
    for elapsed, ran, hidden, frozen in looks:
        wall, steady = wall + elapsed, steady + ran
        gap = gaps.seen(wall, steady, hidden=hidden, frozen=frozen)
        assert -ran - 1e-6 <= gap <= elapsed + 1e-6


def test_a_wait_for_the_network_ends_at_the_deadline_without_the_sleep() -> None:
    """A call that waits for a network sleeps with the device: its deadline is later by as much."""
    chain = AttemptChain(["a"], ["a"], health=Health(), now=0.0)
    chain.network(is_offline=True)
    assert chain.pick(0.0) == Wait(LIMITS["deadline_s"])
    chain.slept(600.0)
    assert chain.pick(600.0) == Wait(LIMITS["deadline_s"] + 600.0)
    assert chain.is_offline
    assert chain.pick(691.0) is None


def test_a_gate_is_shared_and_lifted() -> None:
    """A gate that one tab found is told to the others, and so is the answer that ends it; the last reason holds."""
    one, other = Health(), Health()
    one.apply("a", ["gate"], 0.0, reason="cors")
    other.told(one.told_of("a"))
    assert other.admits("a", 14.9) == "blocked"
    assert other.admits("a", 15.0) == "yes"
    assert [each["blocked"] for each in other.all()] == [{"reason": "cors", "until": 15.0}]
    one.apply("a", ["mend"], 1.0)
    other.told(one.told_of("a"))
    assert other.admits("a", 1.0) == "yes"


def test_gates_double_up_to_their_cap() -> None:
    """15 s, 30 s, … 15 min, each time it is found so again; found while it is gated is the same time."""
    blocks, now, lengths = Quarantine(), 0.0, []
    for _ in range(8):
        blocks.block("a", now, "csp")
        blocks.block("a", now, "csp")
        until = blocks.due(now)
        lengths.append(until - now)
        now = until
    assert lengths == [15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
    assert blocks.active(now) == {}
