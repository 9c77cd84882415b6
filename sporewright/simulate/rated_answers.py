"""Recorded answers asked for in turn and rated seldom, late or wrongly, by our learner and a baseline."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sporewright.learning.settings import DEFAULTS, LearningSettings
from sporewright.simulate.account import mean
from sporewright.simulate.chance import generator
from sporewright.simulate.measurements import Answer
from sporewright.simulate.tasks import GAP_S, TaskRouter

__all__ = [
    "CONDITIONS",
    "RATED_ROUTERS",
    "Chooser",
    "Condition",
    "HierarchicalThompson",
    "OursRated",
    "ask_all",
    "rated_by",
    "untold",
]


@dataclass(frozen=True, slots=True)
class Condition:
    """The way answers are rated: the share of them, so many questions later, the share of judgements that are wrong."""

    rated: float = 1.0
    late: int = 0
    wrong: float = 0.0
    worse: float = 0.0
    """Half-way the best model's scores fall by this much."""


CONDITIONS: Mapping[str, Condition] = {
    "all rated": Condition(),
    "one gets worse": Condition(worse=0.3),
    "one in twenty": Condition(rated=0.05),
    "noisy judge": Condition(wrong=0.25),
    "an hour late": Condition(late=round(3600 / GAP_S)),
}


RATED_ROUTERS = ("ours", "ours, task not told", "hierarchical Thompson", "hierarchical Thompson, task not told")


class Chooser(Protocol):
    """Chooses a model for each question; told what answers were worth."""

    def ask(self, now: float, answer: Answer) -> str:
        """The model to ask."""

    def told(self, now: float, task: str, model: str, score: float) -> None:
        """A rating."""


class OursRated:
    """The learner and tensor that a device runs."""

    def __init__(self, models: Sequence[str], settings: LearningSettings) -> None:
        self._router = TaskRouter(models, settings, None)
        self._free = dict.fromkeys(models, 0.0)

    def ask(self, now: float, answer: Answer) -> str:
        """The head of the queue."""
        return self._router.ask(now, answer, self._free)

    def told(self, now: float, task: str, model: str, score: float) -> None:
        """Learn."""
        self._router.rated(now, task, model, score)


class HierarchicalThompson:
    """Thompson sampling from a Gaussian for each task around each model's own; ratings discounted by further ones.

    Conjugate normal updates with known variances (Hong et al., AISTATS 2022), the discount as in discounted Thompson
    sampling (Raj and Kalyani 2017).
    """

    KEPT = 0.998
    PRIOR, SPREAD, OF_TASKS, NOISE = 0.7, 0.3, 0.1, 0.25

    def __init__(self, models: Sequence[str], chance: random.Random) -> None:
        self._chance = chance
        self._ratings: dict[str, dict[str, list[float]]] = {model: {} for model in models}

    def ask(self, now: float, answer: Answer) -> str:  # noqa: ARG002
        """The best of one draw each."""
        return max(self._ratings, key=lambda model: self._draw(model, answer.task))

    def told(self, now: float, task: str, model: str, score: float) -> None:  # noqa: ARG002
        """All there is counts a little less, this one fully."""
        for tasks in self._ratings.values():
            for row in tasks.values():
                row[0] *= self.KEPT
        row = self._ratings[model].setdefault(task, [0.0, 0.0])
        row[0] += 1.0
        row[1] += (score - row[1]) / row[0]

    def _draw(self, model: str, task: str) -> float:
        noise, own = self.NOISE**2, self.OF_TASKS**2
        precision, information = 1.0 / self.SPREAD**2, self.PRIOR / self.SPREAD**2
        for n, value in self._ratings[model].values():
            weight = 1.0 / (noise / max(n, 1e-9) + own)
            precision += weight
            information += weight * value
        large = self._chance.gauss(information / precision, math.sqrt(1.0 / precision))
        n, value = self._ratings[model].get(task, (0.0, 0.0))
        precision = 1.0 / own + n / noise
        return self._chance.gauss((large / own + n * value / noise) / precision, math.sqrt(1.0 / precision))


def untold(answers: Sequence[Answer]) -> list[Answer]:
    """The same questions, their tasks not told."""
    return [replace(answer, task="") for answer in answers]


def ask_all(
    answers: Sequence[Answer], condition: Condition, seed: int, make: Callable[[Sequence[str]], Chooser]
) -> tuple[float, float]:
    """The mean score of what was chosen, in the first and second half; the seed draws order, ratings and errors."""
    order = list(answers)
    generator(seed, "questions").shuffle(order)
    models = sorted(order[0].scores)
    best = max(models, key=lambda model: mean(answer.scores[model] for answer in order))
    chance, chooser, half = generator(seed, "ratings"), make(models), len(order) // 2
    scores: list[float] = []
    waiting: deque[tuple[int, str, str, float]] = deque()
    for at, answer in enumerate(order):
        now = at * GAP_S
        while waiting and waiting[0][0] <= at:
            _, task, model, score = waiting.popleft()
            chooser.told(now, task, model, score)
        model = chooser.ask(now, answer)
        score = answer.scores[model]
        if at >= half and model == best:
            score = max(0.0, score - condition.worse)
        scores.append(score)
        is_rated, is_wrong = chance.random() < condition.rated, chance.random() < condition.wrong
        if is_rated:
            waiting.append((at + 1 + condition.late, answer.task, model, 1.0 - score if is_wrong else score))
    return mean(scores[:half]), mean(scores[half:])


def rated_by(answers: Sequence[Answer], at: tuple[str, str, int]) -> tuple[float, float]:
    """`ask_all` of one of RATED_ROUTERS in one of CONDITIONS under a seed."""
    router, condition, seed = at
    asked = untold(answers) if router.endswith("not told") else answers
    ours = router.startswith("ours")

    def make(models: Sequence[str]) -> Chooser:
        return OursRated(models, DEFAULTS) if ours else HierarchicalThompson(models, generator(seed, "policy"))

    return ask_all(asked, CONDITIONS[condition], seed, make)
