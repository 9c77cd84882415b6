"""Cooldowns: exponential per incident, extended, never shortened."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from sporewright.routing.cooldown import Cooldowns
from sporewright.routing.plan import PLAN

TIMES = st.lists(st.tuples(st.floats(0, 1e6), st.none() | st.floats(allow_nan=True)), max_size=30)


def test_each_incident_doubles_the_wait_up_to_the_cap() -> None:
    """5, 10, 20 … seconds after each return, never more than the cap."""
    cooldowns, now, waits = Cooldowns(), 0.0, []

    for _ in range(100):
        until = cooldowns.cool_down("a", now)
        waits.append(until - now)
        now = until

    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == PLAN["limits"]["cooldown_cap_s"]


def test_a_burst_is_one_incident() -> None:
    """Ten calls in flight that are all refused count once, from the last of them."""
    cooldowns = Cooldowns()

    untils = [cooldowns.cool_down("a", 0.1 * n) for n in range(10)]

    assert untils[-1] == 0.9 + 5
    assert cooldowns.cool_down("a", 100.0) == 110.0


def test_an_answer_forgets_the_incidents_but_not_the_cooldown() -> None:
    """After a success the next incident is the first again; a running cooldown stays."""
    cooldowns = Cooldowns()
    cooldowns.cool_down("a", 0.0)
    cooldowns.cool_down("a", 6.0)

    cooldowns.answered("a")

    assert cooldowns.is_cooling("a", 7.0)
    assert cooldowns.cool_down("a", 20.0) == 25.0


def test_what_is_asked_for_is_waited_for() -> None:
    """Retry-After is honoured below the base as well; who refuses again at the time it named is asked less often."""
    cooldowns, now, waits = Cooldowns(), 0.0, []

    for asked in (1.5, 1.5, 1.5, 1.5, 0.0, math.nan):
        until = cooldowns.cool_down("a", now, asked)
        waits.append(until - now)
        now = until

    assert waits == [1.5, 1.5, 2, 4, 8, 160]
    assert Cooldowns().cool_down("a", 7.0, 0.0) == 7.0


@given(TIMES)
def test_never_shortened_and_always_finite(refusals: list[tuple[float, float | None]]) -> None:
    """Whatever is asked for and whenever, `until` only grows, and stays within the largest cap of the last refusal."""
    cooldowns, last = Cooldowns(), -math.inf

    for now, asked in refusals:
        until = cooldowns.cool_down("a", now, asked)
        assert until >= last
        assert math.isfinite(until)
        last = until


def test_options_do_not_touch_each_other() -> None:
    """One option's cooldown is no other's, and the active ones are listed by name."""
    cooldowns = Cooldowns()
    cooldowns.extend("b", 3.0)
    cooldowns.cool_down("a", 0.0)

    assert list(cooldowns.active(2.0)) == ["a", "b"]
    assert cooldowns.active(4.0) == {"a": 5.0}
    assert not cooldowns.is_cooling("c", 0.0)
