"""Beliefs as cells: posterior means in a local slice, finer than what is synced, and curiosity as one more term (L10).

`resolve` and `explain` stay what they are: they find the learned value at level `local`, and the temperature as the
weight of `explore` there. A dimension without own evidence is left to the levels above: the fleet's value is read where
it was published.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from sporewright.core import resolve
from sporewright.core.store import Store, Value
from sporewright.core.tensor import Tensor
from sporewright.core.weights import Weights
from sporewright.learning.doubt import Doubt
from sporewright.learning.learner import Learner
from sporewright.policy.explore import DIMENSION as EXPLORE

__all__ = [
    "COUNT",
    "LOCAL",
    "OWN",
    "SUPPORT",
    "LocalCells",
    "companions_of",
    "count_of",
    "is_companion",
    "judged",
    "own_of",
    "support_of",
]

LOCAL: Final = "local"
"""The level below all others, where beliefs are laid; it never leaves the device."""
COUNT: Final = "count:"
"""`count:<dimension>` beside a device's own value: how many measurements' worth of evidence it stands for; beside a
published one: the median of that over those who measured."""
SUPPORT: Final = "support:"
"""`support:<dimension>` beside a published value: how many holders stand behind it."""

OWN: Final = "own:"
"""`own:<dimension>` beside a belief: the share of own evidence in it, 0 to 1, for people (`explain`); hundredths."""


def count_of(dimension: str) -> str:
    """The companion that carries a device's count."""
    return COUNT + dimension


def support_of(dimension: str) -> str:
    """The companion that carries a fleet's support."""
    return SUPPORT + dimension


def own_of(dimension: str) -> str:
    """The companion that says how much of a belief is own evidence."""
    return OWN + dimension


def companions_of(dimension: str) -> tuple[str, str, str]:
    """A published value's dimension and those that say what stands behind it."""
    return dimension, support_of(dimension), count_of(dimension)


def judged(dimension: str) -> str:
    """The dimension a companion speaks of; any other is its own."""
    return dimension.partition(":")[2] if is_companion(dimension) else dimension


def is_companion(dimension: str) -> bool:
    """True for what says how much stands behind a value, and is none itself."""
    return dimension.startswith((COUNT, SUPPORT, OWN))


class LocalCells:
    """One cursor's beliefs in one tensor: `cursor` names the `local` instance they are laid at and the levels above.

    `above`: the cursor of what others say (declared, published), without the device's own levels. `task`: the kind of
    work whose beliefs these are. `stated`: the cursor with the device's own level, where a value without a count is the
    page's own word and no evidence.
    """

    def __init__(
        self,
        learner: Learner,
        tensor: Tensor,
        cursor: Mapping[str, str],
        above: Mapping[str, str],
        task: str = "",
        *,
        stated: Mapping[str, str] | None = None,
    ) -> None:
        self.learner = learner
        self.cursor = dict(cursor)
        self.task = task
        self._tensor = tensor
        stated = above if stated is None else stated
        self._above, self._stated = _deepest_first(tensor, above), _deepest_first(tensor, stated)
        self._own = [(tensor.level_index(level), at) for level, at in stated.items() if level not in above]
        self._dimensions = [
            (dimension, known, own_of(dimension), support_of(dimension))
            for dimension, known in learner.settings.dimensions.items()
        ]
        self._at = tensor.level_index(LOCAL)
        self._instance = self.cursor.get(LOCAL, "")
        self._weights = Weights(tensor.store, tensor.weights, tensor.path(self.cursor), learner.settings.dimensions)
        self._temperature: float | None = None
        """What is laid for all options together."""
        self._greedy: dict[str, float] = {}
        self._changed: set[str] = set()
        """Options laid anew since they were last compared."""

    @property
    def best(self) -> str | None:
        """The option that is best by what is known, curiosity left out."""
        self._compare()
        return min(((score, option) for option, score in self._greedy.items()), default=(0.0, None))[1]

    def declare(self, option: str) -> None:
        """Tell the learner what the levels above say of an option."""
        store = self._tensor.store
        above = _folded(store, self._above, option)
        has_own = any(store.slice(*at).get(option) for at in self._own)
        stated = _folded(store, self._stated, option) if has_own else above
        for dimension, _, _, support_name in self._dimensions:
            is_evidence = has_own and self._measured(option, dimension)
            value = (above if is_evidence else stated).get(dimension)
            support = above.get(support_name)
            backing = support if isinstance(support, float) else 0.0
            mere = backing == 0.0 and (option, dimension) in self._tensor.priors
            known = value if isinstance(value, float) else None
            self.learner.declare(option, dimension, known, prior=mere, support=backing)

    def _measured(self, option: str, dimension: str) -> bool:
        """Whether the device's own value is evidence of its own."""
        get = self._tensor.store.get
        return any(get(*at, option, count_of(dimension))[0] is not None for at in self._own)

    def write(self, now: float, options: Iterable[str]) -> int:
        """Lay what is believed of these options now; how many cells changed."""
        changed, is_curious = 0, self.learner.curiosity.allowed(now)
        for option in options:
            changed += self._lay(now, option, self._weights.of(option), is_curious)
            self._changed.add(option)
        temperature = self.learner.settings.temperature if is_curious else 0.0
        if temperature != self._temperature:
            self._temperature = temperature
            changed += self._put("", EXPLORE, None, temperature)
        return changed

    def called(self, now: float, option: str, among: Collection[str]) -> bool:
        """An option is called first, of these that could be: spend from the budget if it is not the best known one."""
        self._compare()
        known = [(score, each) for each in among if (score := self._greedy.get(each)) is not None]
        best = min(known, default=(0.0, option))[1]
        if best == option:
            return False
        costs = [self.learner.cell(now, each, "financial", task=self.task) for each in (option, best)]
        more = costs[0].mean - costs[1].mean if costs[0] and costs[1] else 0.0
        self.learner.curiosity.spend(more)
        return True

    def drop(self, option: str, dimension: str) -> None:
        """Take one belief away again."""
        self._changed.add(option)
        for name in (dimension, own_of(dimension)):
            self._tensor.remove(self._at, self._instance, option, name)

    def incurious(self, option: str) -> None:
        """Take the curiosity about an option away: nobody asks for it any more."""
        self._changed.add(option)
        self._tensor.remove(self._at, self._instance, option, EXPLORE)

    def clear(self) -> int:
        """Take everything away again."""
        self._greedy.clear()
        self._changed.clear()
        self._temperature = None
        return self._tensor.clear(LOCAL, self._instance)

    def _lay(self, now: float, option: str, weights: Mapping[str, float], is_curious: bool) -> int:
        learner, task, measured = self.learner, self.task, self.learner.tracks(option)
        changed, doubt = 0, Doubt()
        for dimension, known, own_name, _ in self._dimensions:
            weight, learned = weights.get(dimension, 0.0), dimension in measured
            if not (weight or learned):
                continue
            wanted = weight * known.curiosity if math.isfinite(weight) else 0.0
            is_drawn = known.rated and wanted and is_curious
            if not learned and not is_drawn:
                if not known.rated:
                    doubt.add(dimension, learner.unmeasured(now, option, dimension, known, task) * (wanted * wanted))
                continue
            belief = learner.belief_of(now, option, dimension, known, task)
            cell = learner.cell_of(now, option, dimension, known, belief)
            if is_drawn:
                doubt.draw(learner.drawn(now, option, dimension, cell) * wanted)
            elif not known.rated:
                doubt.add(dimension, cell.variance * (wanted * wanted), cell.mean)
            if learned:
                changed += self._put(option, dimension, cell.mean, None)
                changed += self._put(option, own_name, round(belief.own, 2), None)
        own = learner.curiosity.weight(now, option, learner.holders) if is_curious else 0.0
        return changed + self._put(option, EXPLORE, learner.curiosity_of(now, option, doubt), own)

    def _put(self, option: str, dimension: str, value: float | None, weight: float | None) -> bool:
        before = self._tensor.store.get(self._at, self._instance, option, dimension)
        if before == (value, weight):
            return False
        if weight == before[1]:
            self._tensor.merge(self._at, self._instance, option, dimension, value, None)
        else:
            self._tensor.put(self._at, self._instance, option, dimension, value, weight)
        return True

    def _compare(self) -> None:
        changed, self._changed = self._changed, set()
        for option, score in resolve.scores(self._tensor.slices(self.cursor), changed):
            if score is None:
                self._greedy.pop(option, None)
                continue
            value, weight = self._tensor.store.get(self._at, self._instance, option, EXPLORE)
            self._greedy[option] = score - (value * weight if isinstance(value, float) and weight is not None else 0.0)


def _deepest_first(tensor: Tensor, cursor: Mapping[str, str]) -> list[tuple[int, str]]:
    return list(reversed(list(enumerate(tensor.path(cursor)))))


def _folded(store: Store, path: Iterable[tuple[int, str]], option: str) -> Mapping[str, Value]:
    """The option's folded values (F1)."""
    rows = [(at, row) for at, instance in path if (row := store.slice(at, instance).get(option))]
    return resolve.fold_values(rows)
