"""Ours: the very learner, tensor and live queue that the page runs, as a policy of the simulator."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sporewright.core.config import Seed, TensorConfig
from sporewright.learning.cells import LOCAL, LocalCells
from sporewright.learning.learner import Learner
from sporewright.learning.settings import LearningSettings
from sporewright.routing.learn import evidence_of
from sporewright.simulate.policy import Attempt, Setting

__all__ = ["FAILURE_S", "Ours", "config_of"]

FAILURE_S = 2.0
"""What a failure costs in seconds, as the simulated operator's weight: the wait for it and for the next option."""
REFRESH_S = 5.0
"""Beliefs that time alone changes are laid anew at most this often, as in the engine (device/learned.py)."""
LEVELS = ("global", "workspace", "device", LOCAL)
CURSOR = {"workspace": "w", "device": "d", LOCAL: "d"}


def config_of(options: Collection[str], usd_s: float) -> TensorConfig:
    """What an operator declares: the options, and what a second, a failure and a dollar weigh. No latency is known."""

    def seed(option: str, dimension: str, kind: str, value: float) -> Seed:
        return Seed("global", "global", "", option, dimension, kind, value)

    weights = {"latency": 1.0, "failure": FAILURE_S, **({"financial": usd_s} if usd_s else {})}
    return TensorConfig(
        LEVELS,
        tuple(seed("", dimension, "weight", weight) for dimension, weight in weights.items())
        + tuple(seed(option, "financial", "value", 0.0) for option in options),
        {"latency": 1.0, "failure": 0.05},
    )


class Ours:
    """One device: what it observes it believes, what it believes it lays in its local slice, which orders its queue."""

    def __init__(self, setting: Setting, settings: LearningSettings) -> None:
        self._config = config_of(setting.options, setting.usd_s)
        self._tensor = self._config.build()
        self._learner = Learner(settings)
        above = {"workspace": CURSOR["workspace"]}
        self._cells = LocalCells(self._learner, self._tensor, CURSOR, above)
        for option in setting.options:
            self._cells.declare(option)
        self._queue = self._tensor.watch(CURSOR, among=setting.options)
        self._laid_at = -REFRESH_S

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """The queue as it stands."""
        stale = now - self._laid_at >= REFRESH_S
        self._cells.write(now, options if stale else self._learner.paced())
        self._laid_at = now if stale else self._laid_at
        there = set(options)
        ranked = [option for option in self._queue.order() if option in there]
        self._cells.called(now, ranked[0], ranked)
        return ranked

    def started(self, now: float, option: str) -> None:
        """An attempt is under way."""
        self._learner.began(now, option)
        self._cells.write(now, [option])

    def ended(self, now: float, attempt: Attempt) -> None:
        """Learn what the chain says is to be learned."""
        ended = attempt.ended
        evidence = evidence_of(ended.actions, ended.outcome, attempt.seconds, cost_usd=attempt.usd or None)
        if evidence is None:
            self._learner.ended(now, ended.option)
        else:
            self._learner.learn(now, ended.option, evidence, began=True)
        self._cells.write(now, [ended.option])
