"""The worth of a look at an option: in proportion to the work, counted in calls, and only for what it can tell."""

from __future__ import annotations

import pytest

from sporewright.learning.evidence import Evidence
from sporewright.learning.learner import Learner
from sporewright.learning.worth import Crowd, Look, regret_of, shortfall


def test_a_spell_is_doubted_the_longer_it_was_not_looked_at() -> None:
    """After a change the way it was before is expected more with every call that goes elsewhere: worth a look."""
    look = Look(told=0.0, stray=0.0, seen=500.0, before=11.0, held=3.0)
    regrets = [regret_of(look, 12.0, 2.0, 500.0 + calls, Crowd()) for calls in (0, 1, 3, 10, 30)]

    assert regrets == sorted(regrets)
    assert regrets[0] == 0.0 < regrets[1] < 10.0 < regrets[-1]


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_what_a_look_is_worth_is_in_proportion_to_the_work(scale: float) -> None:
    """Every score a hundred times larger makes every regret a hundred times larger, and no order another."""
    crowd = Crowd()
    for option, score in (("a", 1.0), ("b", 2.0), ("c", 5.0)):
        crowd.put(option, score * scale)
    known = Look(told=0.04 * scale**2, stray=0.0, seen=10.0)
    strange = Look(told=1.0, stray=0.0, seen=None, measured=False)

    assert crowd.least == pytest.approx(scale)
    assert regret_of(known, 1.1 * scale, scale, 50.0, crowd) / scale == pytest.approx(1.5, abs=0.8)
    told = [regret_of(strange, 1.0, scale, calls, crowd) / scale for calls in (50.0, 90.0)]
    assert told[0] == pytest.approx(told[1])
    assert told[0] > 1.0


def test_nothing_is_looked_for_that_no_look_can_tell() -> None:
    """A price that is not declared and that no answer reports earns no curiosity, however much a dollar weighs."""
    learner = Learner()
    learner.learn(0.0, "A", Evidence(latency_s=1.0, failed=False))

    assert learner.curious(0.0, "A", {"financial": 1000.0}) == 0.0
    assert learner.curious(0.0, "B", {"financial": 1000.0}) == 0.0


def test_the_crowd_is_kept_as_it_changes() -> None:
    """The least score and the stranger are those of the scores that stand, whatever stood before."""
    crowd = Crowd()
    assert (crowd.least, crowd.stranger()) == (None, None)
    for option, score in (("a", 3.0), ("b", 1.0), ("a", 0.5), ("a", 4.0), ("c", 2.0), ("c", None), ("d", -1.0)):
        crowd.put(option, score)
    fresh = Crowd()
    fresh.put("a", 4.0)
    fresh.put("b", 1.0)

    assert crowd.least == pytest.approx(1.0)
    assert crowd.stranger() == pytest.approx(fresh.stranger())
    crowd.clear()
    assert crowd.least is None


def test_a_shortfall_is_never_below_what_the_means_say() -> None:
    """E[max(0, best − X)] is at least best − mean, and nothing where scores are not positive."""
    assert shortfall(2.0, 1.0, 0.0) == 1.0
    assert shortfall(2.0, 1.0, 0.5) >= 1.0
    assert 0.0 < shortfall(1.0, 2.0, 0.5) < shortfall(1.0, 2.0, 1.0) < 1.0
    assert shortfall(0.0, 1.0, 1.0) == shortfall(1.0, -1.0, 1.0) == 0.0
