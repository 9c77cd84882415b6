"""A learner: evidence in, beliefs out, each dimension on its own scale. Sans-I/O: time and chance are arguments.

What is learned from what, the formulas and their sources: docs/explanation/learning.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from sporewright import jsontext
from sporewright.core.checks import finite, name
from sporewright.errors import ConfigError
from sporewright.learning.belief_track import TAIL_WEIGHT, Belief, BeliefTrack, seen_of
from sporewright.learning.codec import decode_budget, decode_option, encode_budget, encode_option, object_of
from sporewright.learning.doubt import Doubt
from sporewright.learning.evidence import Evidence
from sporewright.learning.exploration import Exploration, ExplorationBudget
from sporewright.learning.link_function import Moments, cell_of, coordinate_of
from sporewright.learning.pending import Pending, waited
from sporewright.learning.prior import Declarations, Declared, blank_variance, prior_of
from sporewright.learning.rate_estimate import RateEstimate
from sporewright.learning.rated_dimensions import RatedDimensions
from sporewright.learning.rated_track import RatedTrack
from sporewright.learning.settings import DEFAULTS, DimensionSettings, LearningSettings
from sporewright.learning.worth import told_of

__all__ = ["Learner", "Own"]

# Stands for a dimension without measurements; nothing is ever learned here.
_BLANK = BeliefTrack()


class Own(NamedTuple):
    """A device's own evidence, the prior taken out: what it may send (a value in the cell's units, and its count)."""

    value: float
    n: float


class Learner:
    """The beliefs of one device; `device` sets its beat among others."""

    def __init__(self, settings: LearningSettings = DEFAULTS, *, device: str = "") -> None:
        self.settings = settings
        self.exploration = Exploration(settings, device)
        self.evicts: Callable[[str, str, Collection[str]], None] | None = None
        """Told of option, dimension and kinds of work that have to make room: the device erases their records."""
        self._tracks: dict[str, dict[str, BeliefTrack | RatedTrack]] = {}
        self._rated = RatedDimensions(settings.dimensions, self.prior)
        self._declared = Declarations(settings)
        self._pending = Pending(settings.options, settings.pending_s)
        self._paces: dict[str, RateEstimate] = {}
        self._draws = 0
        self.calls = 0.0
        """Attempts that taught something: the clock by which options are looked at again."""

    @property
    def options(self) -> list[str]:
        """The options with evidence, the one heard of longest ago first."""
        return list(self._tracks)

    @property
    def is_empty(self) -> bool:
        """True if there is no evidence of anything."""
        return not self._tracks

    def dimension(self, dimension: str) -> DimensionSettings | None:
        """The settings by which the dimension is learned; None if it is not."""
        return self.settings.dimensions.get(dimension)

    # --- what is known before ---------------------------------------------------------------------------------------

    def declare(
        self, option: str, dimension: str, value: float | None, *, prior: bool = False, support: float = 0.0
    ) -> None:
        """Take over the statement of coarser levels on the option, in the cell's units; None: there is none.

        `prior`: a mere guess (D4), spread widely. `support`: so many holders of a fleet stand behind it; below the
        setting's it does not count, and the value is taken for a guess.
        """
        if dimension not in self.settings.dimensions:
            return
        is_news = self._declared.put(option, dimension, value, is_guess=prior, support=support)
        if is_news and dimension in self._rated:
            self._rated[dimension].declared(option)

    def is_declared(self, option: str) -> bool:
        """True if coarser levels state anything of it."""
        return option in self._declared

    def support(self, option: str, dimension: str) -> float:
        """The number of holders behind the fleet's value of it; 0 without a fleet."""
        declared = self._declared.of(option).get(dimension)
        return declared.support if declared else 0.0

    @property
    def holders(self) -> float:
        """The number of holders in the fleet, as far as can be told: the most that stand behind any of its values."""
        return self._declared.holders

    def knows(self, option: str, dimension: str) -> bool:
        """True if there is own evidence, of whatever kind of work."""
        return dimension in self._tracks.get(option, {})

    # --- attempts ---------------------------------------------------------------------------------------------------

    def began(self, now: float, option: str) -> None:
        """An attempt is under way: while it is, it need not be tried again to learn, and silence is news, too."""
        self._pending.began(now, option)
        if option in self._paces:
            self._paces[option].called(now)

    def ended(self, now: float, option: str) -> None:  # noqa: ARG002
        """An attempt is over without a lesson: cancelled, offline, skipped, a lost hedge, a gap in the clock."""
        if option in self._paces:
            self._paces[option].spared()
        self._pending.over(option)

    def paced(self) -> list[str]:
        """The options that have refused calls for their rate: what is believed of them changes by the second."""
        return list(self._paces)

    def learn(self, now: float, option: str, evidence: Evidence, *, task: str = "", began: bool = False) -> list[str]:
        """Take what an attempt taught; the dimensions that were learned. `began`: it was announced and is over."""
        name(option, "option")
        at, measured = finite(now, "now"), list(evidence.measured())
        for dimension, value, _ in measured:
            known = self.dimension(dimension)
            if known is not None and known.scale == "unit" and value > 1.0:
                raise ConfigError(f"{dimension}: {value!r} is above 1")
        if began:
            self._pending.over(option)
        expected = self.admits(at, option) < 0.5
        if evidence.limited:
            self._paces.setdefault(option, RateEstimate()).refused(at)
        if evidence.failed is not None or evidence.latency_s is not None:
            self.calls += 1.0
        learned: list[str] = []
        for dimension, value, bound in measured:
            known = self.dimension(dimension)
            if known is None or (evidence.limited and expected and dimension == "failure"):
                continue
            track = self._track(option, dimension)
            x = coordinate_of(known.scale, value)
            if isinstance(track, RatedTrack):
                self._rated[dimension].learn(at, option, task, x)
            else:
                noise = track.noise(at, known)
                prior = self.prior(option, dimension, known, noise)
                track.learn(task, at, x, bound, self.settings, (known, prior, noise), self.calls)
            self._bound_tasks(option, dimension, track, task)
            learned.append(dimension)
        return learned

    # --- beliefs ----------------------------------------------------------------------------------------------------

    def prior(self, option: str, dimension: str, known: DimensionSettings, noise: float) -> Moments:
        """The belief above the task kinds (`prior_of`)."""
        return prior_of(self._declared.of(option).get(dimension), known, noise)

    def belief(self, now: float, option: str, dimension: str, *, task: str = "") -> Belief | None:
        """The belief about one call to the option now; None for a dimension that is not learned."""
        known = self.dimension(dimension)
        return None if known is None else self.belief_of(now, option, dimension, known, task)

    def belief_of(self, now: float, option: str, dimension: str, known: DimensionSettings, task: str) -> Belief:
        """`belief` of a dimension that is learned so."""
        if dimension in self._rated:
            return self._rated[dimension].belief(now, option, task)
        track = self._tracks.get(option, {}).get(dimension, _BLANK)
        assert isinstance(track, BeliefTrack), "ratings are asked above"
        noise = track.noise(now, known)
        prior = self.prior(option, dimension, known, noise)
        found = track.posterior(task, now, known, prior, noise)
        return (
            waited(found, self._pending.oldest(now, option), now, known, self.settings.clip)
            if dimension == "latency" and option in self._pending
            else found
        )

    def cell(self, now: float, option: str, dimension: str, *, task: str = "") -> Moments | None:
        """The belief in the cell's units: what one call is expected to come to, and the variance of that expectation.

        The variance is what it would be once the attempts under way are in. None for a dimension that is not learned.
        """
        known = self.dimension(dimension)
        if known is None:
            return None
        return self.cell_of(now, option, dimension, known, self.belief_of(now, option, dimension, known, task))

    def cell_of(self, now: float, option: str, dimension: str, known: DimensionSettings, found: Belief) -> Moments:
        """`cell` of a belief."""
        expected = cell_of(known.scale, Moments(found.mean, found.variance), found.noise)
        if found.excess:
            expected = Moments(expected.mean + found.excess, expected.variance)
        if dimension == "failure":
            expected = Moments(1.0 - (1.0 - expected.mean) * self.admits(now, option), expected.variance)
        waiting = self._pending.count(now, option) if option in self._pending else 0
        if not waiting:
            return expected
        told = Moments(found.mean, 1.0 / (1.0 / found.variance + waiting / found.noise))
        return Moments(expected.mean, cell_of(known.scale, told, found.noise).variance)

    def unmeasured(self, now: float, option: str, dimension: str, known: DimensionSettings, task: str) -> float:
        """The variance of the cell of a dimension without own evidence: nothing but its prior, so it is remembered.

        What an operator says of an option that was never tried here is a guess when its turn has come: else a value
        declared too high would keep it last for ever. A price is what it is.
        """
        if dimension == "financial":
            return 0.0
        if option not in self._tracks:
            declared = self._declared.of(option).get(dimension)
            is_stated = declared is not None and 0.0 < declared.spread < known.spread
            if declared and is_stated and self.exploration.doubts(now, option):
                return blank_variance(Declared(declared.value, known.spread), known)
        if option in self._pending:
            found = self.belief_of(now, option, dimension, known, task)
            return self.cell_of(now, option, dimension, known, found).variance
        return self._declared.blank(option, dimension)

    def is_stated(self, now: float, option: str, dimension: str) -> bool:
        """True if others state the value, and that is not being doubted now."""
        declared, known = self._declared.of(option).get(dimension), self.dimension(dimension)
        if declared is None or known is None or declared.spread >= known.spread:
            return False
        return declared.spread == 0.0 or option in self._tracks or not self.exploration.doubts(now, option)

    def is_tried(self, now: float, option: str) -> bool:
        """True if an attempt at it is under way: it need not be looked at twice."""
        return option in self._pending and self._pending.count(now, option) > 0

    def admits(self, now: float, option: str) -> float:
        """The probability that the option's rate admits a call now; 1 if it has never refused one for its rate."""
        pace = self._paces.get(option)
        return 1.0 if pace is None else pace.chance(now)

    def own(self, option: str, dimension: str, *, task: str | None = None) -> Own | None:
        """The device's own evidence with the prior taken out, for the fleet; None if there is none.

        Of a lower bound the bound itself is sent: how far it is thought to be exceeded is what the fleet was believed.
        Of one kind of work, or of all of it together. As of the last measurement of each: a value that is sent does not
        change because time passes.
        """
        known, track = self.dimension(dimension), self._tracks.get(option, {}).get(dimension)
        if known is None or track is None:
            return None
        if isinstance(track, RatedTrack):
            return Own(*found) if (found := track.told(task)) else None
        told = track.told(task)
        if told is None:
            return None
        mean, count, at, excess = told
        noise = track.noise(at, known) if known.scale == "log" else 0.0
        return Own(cell_of(known.scale, Moments(mean, 0.0), noise).mean + excess / (count + TAIL_WEIGHT), count)

    def curious(self, now: float, option: str, weights: Mapping[str, float], *, task: str = "") -> float:
        """The value of the option's `explore` term: −√(Σ variance·weight²) (L10); a draw of it in Thompson sampling."""
        doubt = Doubt()
        for dimension, weight in weights.items():
            known = self.dimension(dimension)
            if known is None or not math.isfinite(weight):
                continue
            wanted = weight * known.curiosity
            if not known.rated and not self.knows(option, dimension):
                doubt.add(dimension, self.unmeasured(now, option, dimension, known, task) * (wanted * wanted))
                continue
            found = self.belief_of(now, option, dimension, known, task)
            cell = self.cell_of(now, option, dimension, known, found)
            if known.rated:
                doubt.draw(self.drawn(now, option, dimension, cell) * wanted)
            else:
                doubt.add(dimension, told_of(known, found) * (wanted * wanted), cell.mean)
        return self.curiosity_of(doubt.variance, doubt.stray, now, option)

    def drawn(self, now: float, option: str, dimension: str, cell: Moments) -> float:
        """The deviation of a draw from the belief from its cell (Thompson 1933), for dimensions that are rated.

        Ratings come late, seldom, or never: draws do not agree on one option until the first is in.
        """
        self._draws += 1
        return math.sqrt(cell.variance) * self.exploration.wide_draw(now, f"{option}/{dimension}", self._draws)

    def curiosity_of(self, variance: float, stray: float, now: float, option: str) -> float:
        """`curious` of what is not known of a score: its variance, and what was drawn of it."""
        deviation = math.sqrt(variance)
        if self.settings.thompson:
            self._draws += 1
            return deviation * self.exploration.draw(now, option, self._draws) + stray
        return stray - deviation

    # --- forgetting -------------------------------------------------------------------------------------------------

    def forget(self, option: str | None = None, dimension: str | None = None) -> None:
        """Forget an option, one dimension of it, or everything."""
        if option is None:
            self._tracks.clear()
            self._rated.clear()
            self._pending.clear()
            self._paces.clear()
            self.exploration.budget = ExplorationBudget()
        elif dimension is None:
            self._tracks.pop(option, None)
            self._rated.drop(option)
        else:
            row = self._tracks.get(option, {})
            row.pop(dimension, None)
            self._rated.drop(option, dimension)
            if not row:
                self._tracks.pop(option, None)

    def tasks(self, option: str) -> list[str]:
        """The task kinds with evidence about the option."""
        return sorted({task for track in self._tracks.get(option, {}).values() for task in track.leaves})

    def tracks(self, option: str) -> Mapping[str, BeliefTrack | RatedTrack]:
        """dimension → track of an option, to be written down."""
        return self._tracks.get(option, {})

    def restore(self, option: str, tracks: Iterable[tuple[str, BeliefTrack | RatedTrack]]) -> None:
        """Put an option's tracks back (the reader of a record checks them)."""
        self._rated.drop(option)
        self._tracks[option] = {dimension: self._rated.put(option, dimension, track) for dimension, track in tracks}
        timed = {dimension: track for dimension, track in self.tracks(option).items() if isinstance(track, BeliefTrack)}
        self.calls = max(self.calls, seen_of(timed) or 0.0)
        self._bound_options()

    # --- written down -----------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """Everything learned, as JSON text; bounded by `settings.options` and `settings.tasks`."""
        self._rated.refit()  # a learner read from this record estimates everything from it, too
        records = {option: encode_option(tracks) for option, tracks in self._tracks.items()}
        return jsontext.compact({"options": records, "budget": encode_budget(self.exploration.budget)})

    @classmethod
    def from_json(cls, text: str | bytes, settings: LearningSettings = DEFAULTS, *, device: str = "") -> Learner:
        """A learner that believes what the written one did; DecodeError says where the text is none."""
        learner = cls(settings, device=device)
        data = object_of(jsontext.parse(text, "learner"), "learner")
        for option, record in object_of(data.get("options"), "learner.options").items():
            learner.restore(option, decode_option(record, f"learner.options[{jsontext.shown(option)}]"))
        learner.exploration.budget = decode_budget(data.get("budget", {}), "learner.budget")
        return learner

    # --- inside -----------------------------------------------------------------------------------------------------

    def _track(self, option: str, dimension: str) -> BeliefTrack | RatedTrack:
        row = self._tracks.pop(option, None) or {}
        self._tracks[option] = row
        self._bound_options()
        if dimension not in row:
            row[dimension] = self._rated.put(option, dimension, None)
        return row[dimension]

    def _bound_options(self) -> None:
        while len(self._tracks) > self.settings.options:
            oldest = next(iter(self._tracks))
            tracks = self._tracks.pop(oldest)
            self._rated.drop(oldest)
            self._declared.retire(oldest)
            for dimension, track in tracks.items():
                self._evict(oldest, dimension, list(track.leaves))

    def _bound_tasks(self, option: str, dimension: str, track: BeliefTrack | RatedTrack, task: str) -> None:
        most, retired = self.settings.tasks, list[str]()
        if isinstance(track, RatedTrack):
            retired = self._rated[dimension].bound(option, task, most)
        else:
            if task in track.leaves:
                track.leaves[task] = track.leaves.pop(task)
            while len(track.leaves) > most:
                retired.append(next(iter(track.leaves)))
                del track.leaves[retired[-1]]
        for kind in retired:
            self._evict(option, dimension, [kind])

    def _evict(self, option: str, dimension: str, kinds: Collection[str]) -> None:
        if self.evicts is not None:
            self.evicts(option, dimension, kinds)
