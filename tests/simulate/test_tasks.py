"""The best model for each kind of question is learned from answers given, and a budget is kept by its price."""

from __future__ import annotations

import random

import pytest

from sporewright.learning.settings import DEFAULTS
from sporewright.simulate.measurements import Answer
from sporewright.simulate.tasks import LEARNED, best_per_task, routed, usd_of

PRICES = {"dear": 1.0, "small": 0.1}
SKILLS = {"sums": {"dear": 0.9, "small": 0.3}, "words": {"dear": 0.5, "small": 0.9}}


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """Two kinds of question; the small model is better at one of them."""
    drawn = random.Random(5)
    return [
        Answer(task, 400, {model: float(drawn.random() < skill) for model, skill in SKILLS[task].items()})
        for task in drawn.choices(["sums", "words"], k=LEARNED + 400)
    ]


def test_each_task_goes_to_who_is_good_at_it(answers: list[Answer]) -> None:
    """Near the best per task on questions it has not seen, whatever the split."""
    scored, rest = routed(answers, PRICES, 1, DEFAULTS)

    assert len(rest) == 400
    assert scored.score > 0.95 * best_per_task(rest)
    assert routed(answers, PRICES, 1, DEFAULTS)[0] == scored


def test_a_budget_is_kept(answers: list[Answer]) -> None:
    """Allowed half of what the dear model alone would cost, it spends hardly more, and scores above the small one."""
    dear = usd_of(answers[0], PRICES["dear"])
    scored, rest = routed(answers, PRICES, 1, DEFAULTS, 0.5 * dear)

    assert scored.usd <= 0.5 * dear * 1.15
    assert scored.score > sum(answer.scores["small"] for answer in rest) / len(rest)


def test_the_bound_is_hindsight() -> None:
    """The best model of each task, on these very answers."""
    answers = [
        Answer("t", 4, {"a": 1.0, "b": 0.0}),
        Answer("t", 4, {"a": 0.0, "b": 0.0}),
        Answer("u", 4, {"a": 0, "b": 1}),
    ]

    assert best_per_task(answers) == pytest.approx(2 / 3)
    assert usd_of(answers[0], 2.0) == pytest.approx(2e-6)
