"""Ours: the very learner, tensor and live queue that the page runs, as a policy of the simulator."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sporewright.core.config import Seed, TensorConfig
from sporewright.core.tensor import Tensor
from sporewright.device.device_records import Disk
from sporewright.device.learning_store import LearningStore, with_local
from sporewright.device.shared_levels import SharedLevels
from sporewright.learning.settings import LearningSettings
from sporewright.routing.learn import evidence_of
from sporewright.server.cells import Layers, Stated
from sporewright.simulate.policy import Attempt, Setting

__all__ = ["FAILURE_S", "Caller", "Device", "Ours", "config_of"]

FAILURE_S = 2.0
"""The cost of a failure in seconds, as the simulated operator's weight: the wait, and the slower option after it."""
LEVELS = with_local(("global", "workspace", "device"))
WORKSPACE = "w"


def config_of(options: Collection[str], usd_s: float) -> TensorConfig:
    """The declarations of an operator: the options, and the weights of a second, a failure and a dollar. No latency."""

    def seed(option: str, dimension: str, kind: str, value: float) -> Seed:
        return Seed("global", "global", "", option, dimension, kind, value)

    weights = {"latency": 1.0, "failure": FAILURE_S, **({"financial": usd_s} if usd_s else {})}
    return TensorConfig(
        LEVELS,
        tuple(seed("", dimension, "weight", weight) for dimension, weight in weights.items())
        + tuple(seed(option, "financial", "value", 0.0) for option in options),
        {"latency": 1.0, "failure": 0.05},
    )


class Device:
    """One device of the workspace: what it observes it believes, what it believes orders its queue."""

    def __init__(self, name: str, options: Collection[str], usd_s: float, settings: LearningSettings) -> None:
        self._name = name
        self._tensor = config_of(options, usd_s).build()
        bound = {"workspace": WORKSPACE}
        self._learned = LearningStore(self._tensor, "device", name, bound, settings, Disk())
        self._learned.admit(0.0, options)
        self._shared = SharedLevels(self._tensor, self._tensor.level_index("device"), settings.support)
        self._cursor = self._learned.addressed({**bound, "device": name})
        self._queue = self._tensor.watch(self._cursor, among=options)
        self._said: set[tuple[str, str]] = set()
        self._tensor.listen(self._written)

    @property
    def tensor(self) -> Tensor:
        """Its cells."""
        return self._tensor

    def order(self, now: float, options: Sequence[str]) -> list[str]:
        """The queue as it stands, of the options there are."""
        self._learned.look(now, self._cursor)
        there = set(options)
        return [option for option in self._queue.order() if option in there]

    def began(self, now: float, option: str, first: bool) -> None:
        """An attempt went out; `first`: it was chosen, not fallen back to."""
        self._learned.began(now, option, "", first)

    def ended(self, now: float, attempt: Attempt) -> None:
        """Learn what the chain's actions say is to be learned."""
        ended = attempt.ended
        evidence = evidence_of(ended.actions, ended.outcome, attempt.seconds, cost_usd=attempt.usd or None)
        self._learned.ended(now, ended.option, evidence, "")

    def news(self) -> Stated:
        """The own cells written since the last time this was asked, whole, as a push states them."""
        said, self._said = sorted(self._said), set()
        at = self._tensor.level_index("device")
        return {("device", self._name, *pair): Layers(*self._tensor.store.get(at, self._name, *pair)) for pair in said}

    def told(self, now: float, cells: Mapping[tuple[str, str, str, str], Layers]) -> None:
        """Take over what the orchestrator published; empty layers are what is gone."""
        self._shared.lay(cells)
        self._learned.refresh(now)

    def _written(self, level: int, instance: str, option: str, dimension: str) -> None:
        if level == 2 and instance == self._name:
            self._said.add((option, dimension))


class Caller:
    """A device that calls: its queue is asked for, its attempts are told to it."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._first: str | None = None

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """The queue as it stands."""
        order = self._device.order(now, options)
        self._first = order[0] if order else None
        return order

    def started(self, now: float, option: str) -> None:
        """An attempt is under way; the first of a call is the head of the queue, unless the chain passed it over."""
        self._device.began(now, option, option == self._first)
        self._first = None

    def ended(self, now: float, attempt: Attempt) -> None:
        """Learn."""
        self._device.ended(now, attempt)


class Ours(Caller):
    """One device alone."""

    def __init__(self, setting: Setting, settings: LearningSettings) -> None:
        super().__init__(Device("d", setting.options, setting.usd_s, settings))
