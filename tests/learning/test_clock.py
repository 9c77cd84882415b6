"""Clocks are foreign: a month away, a clock that is put right, and what was learned is neither stuck nor spoiled."""

from __future__ import annotations

import pytest

from sporewright.errors import DecodeError
from sporewright.learning.evidence import Evidence
from sporewright.learning.exploration import ExplorationBudget
from sporewright.learning.learner import Learner
from sporewright.learning.rate_estimate import RateEstimate
from sporewright.learning.settings import settings_from

DAY_S = 86_400.0


@pytest.mark.parametrize("days", [1.0, 22.35, 22.4, 30.0, 365.0])
def test_a_surprise_before_a_long_absence_is_none_after_it(days: float) -> None:
    """However little is left of the evidence, down to nothing at all, the next answers are learned as they come."""
    learner = Learner()
    for second in range(30):
        learner.learn(float(second), "a", Evidence(latency_s=1.0, failed=False))
    learner.learn(30.0, "a", Evidence(latency_s=15.0, failed=False))
    back = 30.0 + days * DAY_S
    learner.learn(back, "a", Evidence(latency_s=15.0, failed=False))
    learner.learn(back + 1.0, "a", Evidence(latency_s=15.0, failed=False))

    cell = learner.cell(back + 1.0, "a", "latency")
    assert cell is not None
    assert cell.mean == pytest.approx(15.0, rel=0.2)
    assert Learner.from_json(learner.to_json()).cell(back + 1.0, "a", "latency") == cell


def test_a_clock_that_was_ahead_does_not_keep_evidence_young() -> None:
    """Put right, it counts from there: evidence ages, the window of the budget turns."""
    learner = Learner()
    ahead, now = 3650 * DAY_S, DAY_S
    learner.learn(ahead, "a", Evidence(latency_s=1.0))
    learner.learn(now, "a", Evidence(latency_s=1.0))
    later = learner.belief(now + 300 * DAY_S, "a", "latency")
    assert later is not None
    assert later.n == 0.0

    budget = ExplorationBudget()
    budget.turn(ahead, 3600.0)
    budget.calls = 5.0
    budget.turn(now, 3600.0)
    assert budget.calls == 5.0
    budget.turn(now + 3600.0, 3600.0)
    assert budget.calls == 0.0


def test_a_pace_outlives_a_clock_that_is_put_back() -> None:
    """Weeks back are no refilling, no negative rate and no overflow."""
    pace = RateEstimate()
    for at in (100 * DAY_S, 100 * DAY_S + 10.0, 50 * DAY_S, 50 * DAY_S + 10.0):
        pace.called(at)
        pace.called(at)
        pace.refused(at)

    assert pace.rate > 0.0
    assert 0.0 <= pace.chance(50 * DAY_S + 11.0) <= 1.0


@pytest.mark.parametrize(
    "name", ["", "reach", "priv:gpu", "budget:usd", "explore", "can:see", "price:in", "own:latency"]
)
def test_a_name_with_a_meaning_of_its_own_is_not_learned(name: str) -> None:
    """D4: gates, budgets, curiosity, attestations, prices and companions are never believed."""
    with pytest.raises(DecodeError, match="meaning of its own"):
        settings_from({"dimensions": {name: {}}})


@pytest.mark.parametrize(("key", "value"), [("thompson", "no"), ("seed", True), ("seed", 1.5)])
def test_how_to_draw_is_checked(key: str, value: object) -> None:
    """The flag for draws is true or false, the seed a whole number."""
    with pytest.raises(DecodeError, match=key):
        settings_from({key: value})
    assert settings_from({"thompson": True, "seed": 7}).seed == 7
