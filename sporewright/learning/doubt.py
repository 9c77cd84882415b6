"""The uncertainty of an option's score, which curiosity is about (L6, L10)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Doubt"]


@dataclass(slots=True)
class Doubt:
    """The uncertainty of an option's score, dimension by dimension.

    A lesson from an answer counts as often as there is an answer: an option that has been seen to fail is not tried
    again and again only because its speed is unknown.
    """

    failing: float = 0.0
    answering: float = 0.0
    answers: float = 1.0
    drawn: float = 0.0
    """The deviations drawn for the dimensions whose curiosity draws from the belief."""

    def add(self, dimension: str, variance: float, mean: float | None = None) -> None:
        """The variance a dimension brings into the score; `mean`: its cell, where it was measured here."""
        if dimension != "failure":
            self.answering += variance
            return
        self.failing += variance
        if mean is not None:
            self.answers = 1.0 - min(max(mean, 0.0), 1.0)

    def draw(self, deviation: float) -> None:
        """Add the deviation of a draw from a belief's mean, in the score's units."""
        self.drawn += deviation

    @property
    def variance(self) -> float:
        """All of it but what is drawn."""
        return self.failing + self.answering * (self.answers * self.answers)

    @property
    def stray(self) -> float:
        """The deviations drawn, as often as there is an answer."""
        return self.drawn * self.answers
