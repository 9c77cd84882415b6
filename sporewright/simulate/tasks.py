"""Routing by the kind of task: which model answers what, learned from the answers given, then frozen and scored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sporewright.core.config import Seed, TensorConfig
from sporewright.learning.cells import LOCAL, LocalCells
from sporewright.learning.evidence import Evidence
from sporewright.learning.learner import Learner
from sporewright.learning.settings import LearningSettings
from sporewright.policy.budget import Budget
from sporewright.simulate.account import mean
from sporewright.simulate.chance import generator
from sporewright.simulate.measurements import Answer

__all__ = ["GAP_S", "LEARNED", "Scored", "TaskRouter", "best_per_task", "routed", "usd_of"]

LEARNED = 2000
"""Answers after which the policy is frozen."""
GAP_S = 30.0
"""Seconds from one question to the next: two thousand take most of a day."""
TICK = 20
"""Questions between two ticks of the price."""
STEP = 0.005
"""The step of the price: a two-hundredth of the excess a tick, so that it averages over the kinds of question."""
POOL = "spend"
LEVELS = ("global", "workspace", "device", "task", LOCAL)


@dataclass(frozen=True, slots=True)
class Scored:
    """The results of a frozen policy on the questions it did not learn from: mean score and mean dollars an answer."""

    score: float
    usd: float


def usd_of(answer: Answer, price_per_mtok: float) -> float:
    """Dollars for the prompt: four characters a token, at a price per million tokens."""
    return answer.prompt_chars / 4 * price_per_mtok / 1e6


def best_per_task(answers: Sequence[Answer]) -> float:
    """The mean score if each task went to the model that is best at it on these very answers."""
    tasks: dict[str, list[Answer]] = {}
    for answer in answers:
        tasks.setdefault(answer.task, []).append(answer)
    return sum(
        max(sum(answer.scores[model] for answer in asked) for model in asked[0].scores) for asked in tasks.values()
    ) / len(answers)


def routed(
    answers: Sequence[Answer],
    prices: Mapping[str, float],
    seed: int,
    settings: LearningSettings,
    usd_a_question: float | None = None,
) -> tuple[Scored, list[Answer]]:
    """Learn from LEARNED answers in an order drawn by the seed, one model asked each; then score on the rest.

    `usd_a_question`: what may be spent on average, paced by a pool's price (B4). Gives the rest back, too.
    """
    order = list(answers)
    generator(seed, "questions").shuffle(order)
    router = TaskRouter(sorted(prices), settings, usd_a_question)
    spent = 0.0
    for number, answer in enumerate(order[:LEARNED]):
        model = router.ask(number * GAP_S, answer, prices)
        spent += usd_of(answer, prices[model])
        router.told(number * GAP_S, answer, model, prices)
        if number % TICK == TICK - 1:
            router.pay(spent / TICK)
            spent = 0.0
    router.freeze()
    rest = order[LEARNED:]
    chosen = [(answer, router.ask(LEARNED * GAP_S, answer, prices)) for answer in rest]
    score = mean(answer.scores[model] for answer, model in chosen)
    return Scored(score, mean(usd_of(answer, prices[model]) for answer, model in chosen)), rest


class TaskRouter:
    """One device that answers questions; each kind of task has its own beliefs, laid at its own instance."""

    def __init__(self, models: Iterable[str], settings: LearningSettings, usd_a_question: float | None) -> None:
        self._models = list(models)
        self._learner = Learner(settings)
        self._cap = usd_a_question
        self._budget = Budget(step=STEP)
        self._budget.add_pool(POOL, 1.0)
        self._tensor = _declared(self._models).build()
        self._writer = self._tensor.writer("global")
        self._kinds: dict[str, LocalCells] = {}

    def ask(self, now: float, answer: Answer, prices: Mapping[str, float]) -> str:
        """The model to ask: each one's draw on the pool is known before it is asked."""
        cells = self._kinds.get(answer.task) or self._kind(answer.task)
        if self._cap is not None:
            for model in self._models:
                draw = usd_of(answer, prices[model]) / self._cap
                self._writer.set_value("global", "", model, f"budget:{POOL}", draw)
        cells.write(now, self._models)
        order = self._tensor.resolve(cells.cursor)
        cells.called(now, order[0], order)
        return order[0]

    def told(self, now: float, answer: Answer, model: str, prices: Mapping[str, float]) -> None:
        """Learn the quality of the answer, and its cost."""
        self.rated(now, answer.task, model, answer.scores[model])
        self._learner.learn(now, model, Evidence(cost_usd=usd_of(answer, prices[model])), task=answer.task)

    def rated(self, now: float, task: str, model: str, quality: float) -> None:
        """Learn a rating of an answer."""
        self._learner.learn(now, model, Evidence(quality=quality), task=task)

    def pay(self, usd_a_question: float) -> None:
        """A tick of the price, by what a question cost since the last one as a share of what it may (B4, B5)."""
        if self._cap is not None:
            self._budget.tick({POOL: usd_a_question / self._cap})
            self._budget.publish_prices(self._writer, "global")

    def freeze(self) -> None:
        """Nothing is tried to learn any more: what was learned is written down, and read by one without curiosity."""
        settings = replace(self._learner.settings, temperature=0.0)
        self._learner, kinds = Learner.from_json(self._learner.to_json(), settings), list(self._kinds)
        self._kinds = {}
        for kind in kinds:
            self._kind(kind)

    def _kind(self, task: str) -> LocalCells:
        place = f"d/{task}"
        cursor = {"workspace": "w", "device": "d", "task": place, LOCAL: place}
        cells = LocalCells(self._learner, self._tensor, cursor, {"workspace": "w"}, task)
        for model in self._models:
            cells.declare(model)
        self._kinds[task] = cells
        return cells


def _declared(models: Iterable[str]) -> TensorConfig:
    """Quality is all that counts; the pool's price, once it has one, makes dear answers cost."""

    def seed(option: str, dimension: str, kind: str, value: float) -> Seed:
        return Seed("global", "global", "", option, dimension, kind, value)

    return TensorConfig(
        LEVELS,
        (seed("", "quality", "weight", 1.0), *(seed(model, "financial", "value", 0.0) for model in models)),
        {"quality": 0.3},
    )
