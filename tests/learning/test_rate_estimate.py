"""The rate at which an option admits calls is learned from its refusals, and told before the next one."""

from __future__ import annotations

import random

import pytest

from sporewright.learning.evidence import Evidence
from sporewright.learning.learner import Learner
from sporewright.learning.rate_estimate import RateEstimate
from sporewright.policy.bucket import TokenBucket


def exercised(rate: float, seconds: float, threshold: float, load: float = 0.4) -> tuple[RateEstimate, int, int]:
    """A bucket called whenever a call comes (Poisson) and the pace gives it that chance; (pace, taken, refused)."""
    pace, bucket, drawn = RateEstimate(), TokenBucket(5.0, rate, 0.0), random.Random(7)
    now, taken, refused = 0.0, 0, 0
    while now < seconds:
        now += drawn.expovariate(load)
        if pace.chance(now) < threshold:
            continue
        pace.called(now)
        if bucket.admit(now):
            taken += 1
        else:
            refused += 1
            pace.refused(now)
    return pace, taken, refused


def test_nothing_is_known_before_a_refusal() -> None:
    """Every call would be taken, however many went out."""
    pace = RateEstimate()
    for call in range(100):
        pace.called(call / 10)

    assert pace.chance(10.0) == 1.0


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2])
def test_the_rate_is_what_was_admitted_between_refusals(rate: float) -> None:
    """Within a tenth of the true one after an hour."""
    pace, _, _ = exercised(rate, 3600.0, 0.5)

    assert pace.rate == pytest.approx(rate, rel=0.1)


def test_refusals_become_rare_and_little_is_left_untaken() -> None:
    """One refusal in ten calls at most where trying blindly meets six, and nine tenths of the bucket are used."""
    _, taken, refused = exercised(0.1, 7200.0, 0.5)
    _, blind, refusals = exercised(0.1, 7200.0, 0.0)

    assert refusals > 0.6 * (blind + refusals)
    assert refused < 0.15 * (taken + refused)
    assert taken > 0.9 * blind


def test_a_limit_that_was_lifted_is_found_out() -> None:
    """The bucket is thought along for ever, so in the end every call would be taken."""
    pace, _, _ = exercised(0.1, 1000.0, 0.5)

    assert pace.chance(1000.0 + 3600.0) == 1.0


def test_an_attempt_without_a_lesson_gives_its_token_back() -> None:
    """A call that was cancelled may not have been counted."""
    pace, _, _ = exercised(0.1, 1000.0, 0.5)
    before = pace.chance(1010.0)
    pace.called(1010.0)
    spent = pace.chance(1010.0)
    pace.spared()

    assert spent <= pace.chance(1010.0)
    assert before > spent


def test_a_learner_expects_the_refusal() -> None:
    """Paced out, an option is expected to fail now, and to answer again later; its failures do not grow by it."""
    learner = Learner()
    for minute in range(10):
        for call in range(3):
            now = 60.0 * minute + call
            learner.began(now, "a")
            limited = call == 2
            evidence = Evidence(limited=limited, failed=limited, latency_s=None if limited else 1.0)
            learner.learn(now + 0.5, "a", evidence, began=True)

    just, later = learner.cell(543.0, "a", "failure"), learner.cell(600.0, "a", "failure")
    assert just is not None
    assert later is not None
    assert just.mean > 0.9
    assert later.mean < 0.5
    assert learner.paced() == ["a"]
    learner.forget()
    assert learner.paced() == []
