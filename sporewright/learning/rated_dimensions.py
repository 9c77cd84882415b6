"""The dimensions that are learned as ratings, each with the ratings of all options."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sporewright.learning.belief_track import BeliefTrack
from sporewright.learning.link_function import Moments
from sporewright.learning.rated_track import RatedTrack, rated_of
from sporewright.learning.ratings import Ratings
from sporewright.learning.settings import DimensionSettings

__all__ = ["RatedDimensions"]

Prior = Callable[[str, str, DimensionSettings, float], Moments]


class RatedDimensions:
    """dimension → its ratings; `prior` is asked with option, dimension, its settings and the noise."""

    def __init__(self, dimensions: Mapping[str, DimensionSettings], prior: Prior) -> None:
        self._known = {dimension: known for dimension, known in dimensions.items() if known.rated}
        self._prior = prior
        self._ratings: dict[str, Ratings] = {}
        self.clear()

    def __contains__(self, dimension: str) -> bool:
        return dimension in self._ratings

    def __getitem__(self, dimension: str) -> Ratings:
        return self._ratings[dimension]

    def clear(self) -> None:
        """Forget all ratings."""
        self._ratings = {
            dimension: Ratings(known, self._prior_of(dimension)) for dimension, known in self._known.items()
        }

    def drop(self, option: str, dimension: str | None = None) -> None:
        """Forget an option's ratings, of one dimension or all."""
        for name, ratings in self._ratings.items():
            if dimension in (None, name):
                ratings.drop(option)

    def put(self, option: str, dimension: str, track: BeliefTrack | RatedTrack | None) -> BeliefTrack | RatedTrack:
        """Take a track that was read, or begin one, as the settings have the dimension learned now."""
        if dimension not in self._ratings:
            return BeliefTrack() if track is None or isinstance(track, RatedTrack) else track
        rated = rated_of(track) if isinstance(track, BeliefTrack) else track or RatedTrack()
        self._ratings[dimension].put(option, rated)
        return rated

    def refit(self) -> None:
        """Estimate everything anew when it is asked for next."""
        for ratings in self._ratings.values():
            ratings.refit()

    def _prior_of(self, dimension: str) -> Callable[[str, float], Moments]:
        known = self._known[dimension]
        return lambda option, noise: self._prior(option, dimension, known, noise)
