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
from sporewright.learning.belief_track import BeliefTrack, seen_of
from sporewright.learning.doubt import Doubt
from sporewright.learning.learner import Learner
from sporewright.learning.settings import DEFAULTS
from sporewright.learning.worth import Crowd, Look, better_before, held_over, regret_of, told_of
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


# At this temperature, the default, a look counts for what it is worth.
WHOLE: Final = DEFAULTS.temperature
# What fails surely is taken to answer so often, or nothing could be compared with it.
LEAST_ANSWERS: Final = 0.02


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
        # What is laid here is no word of an operator's.
        coarser = {level: at for level, at in self.cursor.items() if level != LOCAL}
        self._weights = Weights(tensor.store, tensor.weights, tensor.path(coarser), learner.settings.dimensions)
        self._looks: dict[str, Look] = {}
        self._crowd = Crowd()
        self._temperature: float | None = None
        """The temperature that is laid for all options together."""
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
        """True if the device has measured the value itself."""
        get = self._tensor.store.get
        return any(get(*at, option, count_of(dimension))[0] is not None for at in self._own)

    def write(self, now: float, options: Collection[str]) -> int:
        """Lay what is believed of these options now; how many cells changed."""
        changed, is_curious = 0, self.learner.exploration.allowed(now)
        for option in options:
            changed += self._lay(now, option, self._weights.of(option), is_curious)
            self._changed.add(option)
        temperature = self.learner.settings.temperature if is_curious else 0.0
        if temperature != self._temperature:
            self._temperature = temperature
            changed += self._put("", EXPLORE, None, temperature)
        self._compare()
        return changed + sum(self._wonder(now, option, is_curious) for option in options)

    def called(self, now: float, option: str, among: Collection[str]) -> bool:
        """An option is called first, of these that could be: spend from the budget if it is not the best known one."""
        self._compare()
        known = [(score, each) for each in among if (score := self._greedy.get(each)) is not None]
        best = min(known, default=(0.0, option))[1]
        if best == option:
            return False
        costs = [self.learner.cell(now, each, "financial", task=self.task) for each in (option, best)]
        more = costs[0].mean - costs[1].mean if costs[0] and costs[1] else 0.0
        self.learner.exploration.spend(more)
        return True

    def drop(self, option: str, dimension: str) -> None:
        """Take one belief away again."""
        self._changed.add(option)
        for name in (dimension, own_of(dimension)):
            self._tensor.remove(self._at, self._instance, option, name)

    def incurious(self, option: str) -> None:
        """Take the curiosity about an option away: it is no longer among those that can be called."""
        self._changed.add(option)
        self._looks.pop(option, None)
        self._tensor.remove(self._at, self._instance, option, EXPLORE)

    def clear(self) -> int:
        """Take everything away again."""
        self._greedy.clear()
        self._changed.clear()
        self._looks.clear()
        self._crowd.clear()
        self._temperature = None
        return self._tensor.clear(LOCAL, self._instance)

    def _lay(self, now: float, option: str, weights: Mapping[str, float], is_curious: bool) -> int:
        learner, task, measured = self.learner, self.task, self.learner.tracks(option)
        timed = {dimension: track for dimension, track in measured.items() if isinstance(track, BeliefTrack)}
        changed, doubt, before = 0, Doubt(), 0.0
        speeds: list[str] = []
        for dimension, known, own_name, _ in self._dimensions:
            weight, learned = weights.get(dimension, 0.0), dimension in measured
            if not (weight or learned):
                continue
            weight = weight if math.isfinite(weight) else 0.0
            wanted = weight * known.curiosity
            if known.rated and not learned and not (wanted and is_curious):
                continue
            if weight and known.scale == "log" and dimension != "financial":
                speeds.append(dimension)
            if not learned and not known.rated:
                told = learner.unmeasured(now, option, dimension, known, task)
                doubt.add(dimension, told * (wanted * wanted))
                continue
            belief = learner.belief_of(now, option, dimension, known, task)
            cell = learner.cell_of(now, option, dimension, known, belief)
            own = None
            if known.rated:
                if wanted and is_curious:
                    doubt.draw(learner.drawn(now, option, dimension, cell) * wanted)
                if not learned:
                    continue
            else:
                doubt.add(dimension, told_of(known, belief) * (wanted * wanted), cell.mean)
                before += weight * better_before(timed[dimension], task, known, belief, cell)
                if dimension == "failure" and weight:
                    own = weight / max(LEAST_ANSWERS, 1.0 - belief.own * cell.mean)
            changed += self._put(option, dimension, cell.mean, own)
            changed += self._put(option, own_name, round(belief.own, 2), None)
        seen = seen_of(timed)
        if seen is None and speeds and all(learner.support(option, dimension) for dimension in speeds):
            seen = 0.0  # a fleet has looked at it: what was missed since is this device's own calls
        self._looks[option] = Look(
            told=doubt.variance,
            stray=doubt.stray,
            seen=seen,
            answers=doubt.answers,
            measured=not speeds or any(dimension in measured for dimension in speeds),
            stated=all(learner.is_stated(now, option, dimension) for dimension in speeds),
            before=before,
            held=held_over(timed, speeds, task),
        )
        return changed

    def _wonder(self, now: float, option: str, is_curious: bool) -> int:
        """Lay what a look at the option is worth, once it is known how the others stand."""
        look, learner = self._looks[option], self.learner
        heat = learner.exploration.weight(now, option, learner.holders) if is_curious else 0.0
        if not heat or learner.settings.thompson:
            return self._put(option, EXPLORE, learner.curiosity_of(look.told, look.stray, now, option), heat)
        regret, deviation = 0.0, math.sqrt(look.told)
        score = self._greedy.get(option)
        if score is not None and not learner.is_tried(now, option):
            best = self._crowd.least
            least = min(self._greedy.values()) if best is None else best
            regret = regret_of(look, score, least, learner.calls, self._crowd)
        if look.stray:  # what is drawn has the temperature for its weight, and so has the rest beside it
            return self._put(option, EXPLORE, look.stray - regret / WHOLE, heat)
        heat *= regret / WHOLE / deviation if deviation else 0.0
        return self._put(option, EXPLORE, 0.0 - deviation, heat)

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
                self._crowd.put(option, None)
                continue
            value, weight = self._tensor.store.get(self._at, self._instance, option, EXPLORE)
            greedy = score - (value * weight if isinstance(value, float) and weight is not None else 0.0)
            self._greedy[option] = greedy
            look = self._looks.get(option)
            is_known = look is not None and look.measured and look.seen is not None
            self._crowd.put(option, greedy if is_known else None)


def _deepest_first(tensor: Tensor, cursor: Mapping[str, str]) -> list[tuple[int, str]]:
    return list(reversed(list(enumerate(tensor.path(cursor)))))


def _folded(store: Store, path: Iterable[tuple[int, str]], option: str) -> Mapping[str, Value]:
    """The option's folded values (F1)."""
    rows = [(at, row) for at, instance in path if (row := store.slice(at, instance).get(option))]
    return resolve.fold_values(rows)
