"""The memory of measurements: stalls count in the mean, old records are read, outages are doubted."""

from __future__ import annotations

import pytest

from sporewright.learning.belief_track import seen_of
from sporewright.learning.evidence import Evidence
from sporewright.learning.learner import Learner


def expected(learner: Learner, now: float, dimension: str = "latency") -> float:
    """The expected value of one call to A."""
    cell = learner.cell(now, "A", dimension)
    assert cell is not None
    return cell.mean


def test_an_option_that_stalls_is_as_slow_as_its_mean() -> None:
    """0.7 s but for 25 s once in fifty calls is 1.19 s, not 0.7: the mean counts, whatever the rest is like."""
    learner = Learner()
    for at in range(400):
        learner.learn(3.0 * at, "A", Evidence(latency_s=25.7 if at % 50 == 25 else 0.7, failed=False))
    again = Learner.from_json(learner.to_json())

    assert expected(learner, 1200.0) == pytest.approx(1.2, rel=0.25)
    assert expected(again, 1200.0) == expected(learner, 1200.0)


def test_the_record_of_an_earlier_version_is_read() -> None:
    """A record without counts of calls, excess or `seen` means what it meant; what follows is learned as ever."""
    record = '{"latency":{"":{"now":[9.5,0.7,0.2,100.0]}},"failure":{"":{"now":[9.5,0.0,0.0,100.0]}}}'
    learner = Learner.from_json(f'{{"options":{{"A":{record}}},"budget":{{}}}}')

    assert expected(learner, 100.0) == pytest.approx(2.0, rel=0.1)
    assert seen_of(learner.tracks("A")) == 0.0
    learner.learn(101.0, "A", Evidence(latency_s=2.0, failed=False))
    assert (learner.calls, seen_of(learner.tracks("A"))) == (1.0, 1.0)
    assert Learner.from_json(learner.to_json()).calls == 1.0


def test_an_outage_is_doubted_the_longer_it_was_not_looked_at() -> None:
    """An option that failed is thought to answer again with every minute in which it is not tried."""
    learner = Learner()
    for at in range(100):
        learner.learn(float(at), "A", Evidence(latency_s=1.0, failed=False))
    for at in range(5):
        learner.learn(100.0 + at, "A", Evidence(failed=True))
    means = [expected(learner, 105.0 + s, dimension="failure") for s in (0, 60, 600, 6000)]

    assert means == sorted(means, reverse=True)
    assert means[0] > 0.5 > means[-1]
