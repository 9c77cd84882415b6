"""The engine's learner: outcomes become beliefs, beliefs local cells, own evidence cells to send."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from json.encoder import encode_basestring_ascii

from sporewright import jsontext
from sporewright.core.tensor import Tensor
from sporewright.device.device_records import Disk
from sporewright.errors import ConfigError, DecodeError
from sporewright.learning.belief_track import BeliefTrack
from sporewright.learning.cells import LOCAL, LocalCells, count_of
from sporewright.learning.codec import decode_budget, decode_option, encode_budget, option_text
from sporewright.learning.evidence import Evidence
from sporewright.learning.learner import Learner
from sporewright.learning.rated_track import RatedTrack
from sporewright.learning.settings import LearningSettings

__all__ = ["TASK", "LearningStore", "with_local"]

TASK = "task"
_BELIEF = "belief/"
_BUDGET = "curiosity"
# Beliefs that time alone changes are laid anew at most this often, and for this long after the last call.
REFRESH_S = 5.0
AWAKE_S = 600.0
# With more options than this only those that are callable or have cells are worth a term of their own.
WIDE, CELLS_AN_OPTION = 256, 16
# So many options are laid anew at a time, so that no call waits for it: less than a millisecond in a page. Where there
# are more they take turns, no sooner after one another than TURN_S: all of them in REFRESH_S or as long as it takes.
AT_ONCE, TURN_S = 16, 1.0
# What was slept through is made up for with so many at once.
MOST_AT_ONCE = 256
# Most kinds of work kept current at once; the one asked for longest ago goes first.
KINDS = 32


def with_local(levels: Sequence[str]) -> tuple[str, ...]:
    """The levels of a config with the local one below; ConfigError if its name is taken."""
    if LOCAL in levels:
        raise ConfigError(f"config.levels: {LOCAL!r} is the name of the level that is learned on each device")
    return (*levels, LOCAL)


class LearningStore:
    """The beliefs of one device, in its tensor and on its disk; `bound` is the cursor without the device."""

    def __init__(
        self, tensor: Tensor, level: str, device: str, bound: Mapping[str, str], settings: LearningSettings, disk: Disk
    ) -> None:
        self.learner = Learner(settings, device=device)
        self.learner.evicts = self._evicted
        self.due = math.inf
        """The time at which the cells that are laid have to be laid anew."""
        self._tensor, self._level, self._device = tensor, level, device
        self._bound = {name: instance for name, instance in bound.items() if name not in (TASK, LOCAL)}
        self._disk = disk
        self._kinds: dict[str, LocalCells] = {}
        self._callable: frozenset[str] = frozenset()
        self._until = self._laid_at = -math.inf
        self._turn_s = REFRESH_S
        """The seconds for which the cells laid last stay fresh."""
        self._last = ""
        """The last option whose turn it was."""
        self._unread: list[str] = []
        """Keys of records that could not be read: forget-me erases them, too."""
        self._declared: set[str] = set()
        """The options of which the learner has heard what the levels above say now."""
        self._saying = False
        """True while own evidence is being written, which is no news to the learner."""
        tensor.listen(self._written, (each for each in tensor.levels if each != LOCAL))
        at = tensor.level_index(level)
        self._has_tasks = TASK in tensor.levels and tensor.level_index(TASK) > at

    # --- cursors ----------------------------------------------------------------------------------------------------

    def addressed(self, cursor: Mapping[str, str]) -> dict[str, str]:
        """The cursor with its kind of work spelled as an instance, and the local slice that belongs to both.

        A config without a level for kinds of work has no cells there; what is believed of a kind is laid all the same.
        """
        device = cursor.get(self._level, "")
        full = {level: instance for level, instance in cursor.items() if level != TASK or self._has_tasks}
        kind = cursor.get(TASK, "").removeprefix(f"{device}/")
        if kind and self._has_tasks:
            full[TASK] = f"{device}/{kind}"
        full.setdefault(LOCAL, f"{device}/{kind}")
        return full

    def look(self, now: float, cursor: Mapping[str, str]) -> None:
        """Before a read at this (addressed) cursor: lay the beliefs of its kind of work, if they are not fresh."""
        if now - self._laid_at >= self._turn_s:
            self.refresh(now)
        elif paced := self.learner.paced():
            for cells in self._kinds.values():
                cells.write(now, paced)
        local = cursor.get(LOCAL, "")
        if local.startswith(f"{self._device}/"):
            kind = local.removeprefix(f"{self._device}/")
            if kind not in self._kinds and not self.learner.is_empty:
                self._kind(kind).write(now, self._considered())

    def admit(self, now: float, options: Iterable[str]) -> None:
        """These can be called: they are worth trying even if they have never been measured."""
        self._callable |= frozenset(options)
        self._soon(now)

    # --- learning ---------------------------------------------------------------------------------------------------

    def began(self, now: float, option: str, task: str, first: bool) -> None:
        """An attempt is under way; `first`: the option was chosen, not fallen back to."""
        self.learner.began(now, option)
        cells = self._kind(task)
        if first and cells.called(now, option, self._considered()):
            self._disk.put(_BUDGET, jsontext.compact(encode_budget(self.learner.exploration.budget)))
            if not self.learner.exploration.allowed(now):
                self._lay_at(-math.inf, now)  # from this call on, not from the next refresh
        if not self.learner.is_empty:
            cells.write(now, [option])
        self._until = now + AWAKE_S
        self._soon(now)

    def ended(self, now: float, option: str, evidence: Evidence | None, task: str, *, under_way: bool = True) -> None:
        """An attempt is over; None: it taught nothing."""
        self._until = now + AWAKE_S
        if evidence is None:
            self.learner.ended(now, option)
            return
        fresh = self.learner.is_empty
        cells = self._kind(task)
        if option not in self._declared:
            cells.declare(option)
            self._declared.add(option)
        learned = self.learner.learn(now, option, evidence, task=task, began=under_way)
        self._say(option, learned, task)
        self._save(option)
        if fresh:
            self.refresh(now)
        else:
            cells.write(now, [option])
            self._soon(now)

    def reported(self, now: float, option: str, evidence: Evidence, task: str) -> None:
        """The caller's word on an answer it got."""
        self.ended(now, option, evidence, task, under_way=False)

    def observed(self, now: float, option: str, dimension: str) -> None:
        """The page stated a value itself (A1): what was learned of it before is superseded."""
        if not self.learner.knows(option, dimension):
            return
        kinds = self.learner.tasks(option)
        self.learner.forget(option, dimension)
        self._withdraw(option, dimension, kinds, stated=True)
        self._save(option)
        self._soon(now)

    def refresh(self, now: float) -> None:
        """Lay anew what time or the levels above have changed: all of it, or where it is much, what is due by turns."""
        self._lay_at(self._laid_at, now)

    def _lay_at(self, before: float, now: float) -> None:
        """Lay what has become due since then."""
        self.due, self._laid_at = math.inf, now
        if self.learner.is_empty:
            return
        considered = self._turn(self._considered(), now - before)
        for cells in self._kinds.values():
            for option in considered:
                if option not in self._declared:
                    cells.declare(option)
            cells.write(now, considered)
        self._declared.update(considered)
        if now < self._until:
            self.due = now + self._turn_s

    def _turn(self, considered: list[str], passed_s: float) -> list[str]:
        """Those whose turn it is, and those of which there is news; beliefs age by the minute, a round is seconds."""
        known = len(considered)
        if known <= AT_ONCE:
            self._turn_s = REFRESH_S
            return considered
        self._turn_s = max(TURN_S, REFRESH_S * AT_ONCE / known)
        count = min(known, MOST_AT_ONCE, max(AT_ONCE, round(min(passed_s / self._turn_s, known) * AT_ONCE)))
        first = bisect_right(considered, self._last)
        turn = [*considered[first : first + count], *considered[: max(0, first + count - known)]]
        self._last = turn[-1]
        return sorted({*turn, *(option for option in considered if option not in self._declared)})

    def forget(self) -> None:
        """Forget everything, here; the caller takes back what was sent."""
        for key in (*map(_key, self.learner.options), *self._unread, _BUDGET):
            self._disk.put(key, None)
        self._unread.clear()
        self.learner.forget()
        for cells in self._kinds.values():
            cells.clear()

    # --- storage ----------------------------------------------------------------------------------------------------

    def restore(self, now: float, records: Mapping[str, str]) -> None:
        """Read the beliefs back, and say of them again what a tab closed between two writes did not get to say."""
        read: dict[str, dict[str, BeliefTrack | RatedTrack]] = {}
        for key in sorted(key for key in records if key.startswith(_BELIEF)):
            try:
                option = _option_of(key)
                read[option] = dict(decode_option(jsontext.parse(records[key], key), key))
            except DecodeError:
                self._unread.append(key)
        for option in sorted(read, key=lambda option: _heard(read[option])):
            self.learner.restore(option, read[option].items())
        with suppress(DecodeError):
            if _BUDGET in records:
                self.learner.exploration.budget = decode_budget(jsontext.parse(records[_BUDGET], _BUDGET), _BUDGET)
        for option in self.learner.options:
            for task in ("", *self.learner.tasks(option)):
                self._say(option, self.learner.tracks(option), task)
        self._kind("")
        self.refresh(now)

    def move(self, now: float, device: str) -> None:
        """The device is called otherwise."""
        for cells in self._kinds.values():
            cells.clear()
        kinds, self._kinds, self._device = list(self._kinds), {}, device
        self._declared.clear()
        for kind in kinds:
            self._kind(kind)
        self.refresh(now)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _kind(self, kind: str) -> LocalCells:
        cells = self._kinds.pop(kind, None)
        if cells is None:
            stated = {**self._bound, self._level: self._device}
            here = self.addressed({**stated, TASK: kind})
            cells = LocalCells(self.learner, self._tensor, here, self._bound, kind, stated=stated)
            while len(self._kinds) >= KINDS:
                self._kinds.pop(next(iter(self._kinds))).clear()
            if not self.learner.is_empty:
                for option in self._considered():
                    cells.declare(option)
        self._kinds[kind] = cells
        return cells

    def _considered(self) -> list[str]:
        known = {*self.learner.options, *self._callable}
        if len(self._tensor.store) <= WIDE * CELLS_AN_OPTION:
            known |= set(self._tensor.options(self._bound))
        return sorted(known)

    def _say(self, option: str, dimensions: Iterable[str], task: str) -> None:
        """Write own evidence into the own slice: its mean as the value, how much there is as its companion."""
        places = self._places(task)
        self._saying = True
        try:
            for dimension in dimensions:
                for level, instance, kind in places:
                    own = self.learner.own(option, dimension, task=kind)
                    if own is not None:
                        at = self._tensor.level_index(level)
                        self._state(at, instance, option, dimension, own.value)
                        self._state(at, instance, option, count_of(dimension), round(own.n, 1))
        finally:
            self._saying = False

    def _state(self, at: int, instance: str, option: str, dimension: str, value: float) -> None:
        if self._tensor.store.get(at, instance, option, dimension)[0] != value:
            self._tensor.merge(at, instance, option, dimension, value, None)

    def _places(self, task: str) -> list[tuple[str, str, str | None]]:
        places: list[tuple[str, str, str | None]] = [(self._level, self._device, None)]
        if task and self._has_tasks:
            places.append((TASK, f"{self._device}/{task}", task))
        return places

    def _save(self, option: str) -> None:
        tracks = self.learner.tracks(option)
        self._disk.put(_key(option), option_text(tracks) if tracks else None)

    def _withdraw(self, option: str, dimension: str, kinds: Iterable[str], *, stated: bool = False) -> None:
        """Take back what was said and laid of it; a value that the page has `stated` stays."""
        self._unsay(option, dimension, kinds)
        at = self._tensor.level_index(self._level)
        self._tensor.remove(at, self._device, option, count_of(dimension))
        if not stated:
            self._tensor.remove(at, self._device, option, dimension)
        for cells in self._kinds.values():
            cells.drop(option, dimension)

    def _unsay(self, option: str, dimension: str, kinds: Iterable[str]) -> None:
        for kind in kinds if self._has_tasks else ():
            for level, instance, _ in self._places(kind)[1:]:
                for each in (dimension, count_of(dimension)):
                    self._tensor.remove(self._tensor.level_index(level), instance, option, each)

    def _evicted(self, option: str, dimension: str, kinds: Collection[str]) -> None:
        """Remove what the learner evicted, here and, by tombstones, at the orchestrator: some kinds, or an option."""
        if self.learner.knows(option, dimension):
            self._unsay(option, dimension, kinds)
            return
        self._saying = True
        try:
            self._withdraw(option, dimension, kinds)
        finally:
            self._saying = False
        for cells in self._kinds.values():
            cells.incurious(option)
        self._disk.put(_key(option), None)
        if not self.learner.is_declared(option):
            self._declared.discard(option)

    def _written(self, level: int, instance: str, option: str, dimension: str) -> None:  # noqa: ARG002
        """A statement about an option outside the beliefs themselves may be news to the learner."""
        if not self._saying:
            self._declared.discard(option)

    def _soon(self, now: float) -> None:
        self.due = min(self.due, now + self._turn_s)


def _option_of(key: str) -> str:
    option = jsontext.parse(key[len(_BELIEF) :], key)
    if not isinstance(option, str) or not option:
        raise DecodeError(f"{key}: {jsontext.shown(option)} is no option")
    return option


def _heard(tracks: Mapping[str, BeliefTrack | RatedTrack]) -> float:
    return max((track.at for track in tracks.values()), default=-math.inf)


def _key(option: str) -> str:
    return _BELIEF + encode_basestring_ascii(option)
