"""Answers rated seldom, late or wrongly: ours keeps up with a hierarchical Thompson, and a task told costs nothing."""

from __future__ import annotations

import random
from functools import partial

import pytest

from sporewright.learning.settings import DEFAULTS
from sporewright.simulate.chance import generator
from sporewright.simulate.measurements import Answer
from sporewright.simulate.rated_answers import (
    CONDITIONS,
    RATED_ROUTERS,
    HierarchicalThompson,
    OursRated,
    ask_all,
    rated_by,
    untold,
)

SKILLS = {"best": 0.93, "good": 0.9, "fair": 0.75}
OURS = partial(OursRated, settings=DEFAULTS)


def thompson(models: list[str]) -> HierarchicalThompson:
    """The baseline, with its own chance."""
    return HierarchicalThompson(models, generator(1, "policy"))


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """Models that differ as much at one kind of question as at any other."""
    drawn = random.Random(3)
    return [
        Answer(f"t{at % 12}", 400, {model: min(1.0, drawn.gauss(skill, 0.1)) for model, skill in SKILLS.items()})
        for at in range(800)
    ]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_ours_keeps_up(answers: list[Answer], condition: str) -> None:
    """However answers are rated the mean score is near the baseline's or above."""
    ours = ask_all(answers, CONDITIONS[condition], 1, OURS)
    theirs = ask_all(answers, CONDITIONS[condition], 1, thompson)

    assert sum(ours) > sum(theirs) - 0.03
    assert ask_all(answers, CONDITIONS[condition], 1, OURS) == ours


def test_a_task_told_costs_nothing(answers: list[Answer]) -> None:
    """Twelve kinds of question that do not differ are learned as one."""
    told, not_told = (ask_all(each, CONDITIONS["all rated"], 1, OURS) for each in (answers, untold(answers)))

    assert sum(told) > sum(not_told) - 0.01


def test_what_gets_worse_is_left(answers: list[Answer]) -> None:
    """The second half is worth nearly what the next best model is."""
    _, second = ask_all(answers, CONDITIONS["one gets worse"], 1, OURS)

    assert second > 0.85


@pytest.mark.parametrize("router", RATED_ROUTERS)
def test_routers_by_name(answers: list[Answer], router: str) -> None:
    """Each is one of the two, told the task or not; better than the worst model always."""
    scores = rated_by(answers, (router, "all rated", 1))

    assert min(scores) > SKILLS["fair"]
    assert rated_by(answers, (router, "all rated", 1)) == scores
