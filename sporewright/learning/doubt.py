"""What is not known of an option's score: what curiosity is about (L6, L10)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Doubt"]


@dataclass(slots=True)
class Doubt:
    """What is not known of an option's score, dimension by dimension.

    What there is to learn from an answer counts as often as there is one: an option that has been seen to fail is not
    tried again and again because nobody knows how fast it would be.
    """

    failing: float = 0.0
    answering: float = 0.0
    answers: float = 1.0
    drawn: float = 0.0
    """What was drawn of dimensions whose curiosity draws from the belief."""

    def add(self, dimension: str, variance: float, mean: float | None = None) -> None:
        """The variance a dimension brings into the score; `mean`: its cell, where it was measured here."""
        if dimension != "failure":
            self.answering += variance
            return
        self.failing += variance
        if mean is not None:
            self.answers = 1.0 - min(max(mean, 0.0), 1.0)

    def draw(self, deviation: float) -> None:
        """What a draw from a belief strays from its mean, in the score's units."""
        self.drawn += deviation

    @property
    def variance(self) -> float:
        """All of it but what is drawn."""
        return self.failing + self.answering * (self.answers * self.answers)

    @property
    def stray(self) -> float:
        """What was drawn, as often as there is an answer."""
        return self.drawn * self.answers
