"""The sorted head of a long queue: the smallest keys there are, kept in order while options move (R5)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

__all__ = ["Head"]


class Head:
    """Names by ascending (score, name), NaN last: every key up to the largest that is held, or all of them.

    Scores and names stand in two lists, so that a search compares floats and the order is a slice of names. A key
    beyond the largest one held is left out while the head is not `complete`: it is none of the smallest.
    """

    __slots__ = ("_numbers", "_scores", "complete", "first", "names")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.complete = True
        self.first = 0
        """The first place that changed since somebody set this to the end."""
        self._scores: list[float] = []
        self._numbers = 0  # from here on the scores are NaN

    def fill(self, scores: list[float], names: list[str], complete: bool) -> None:
        """Hold these keys, which are in order; `complete`: there are no others."""
        self._scores, self.names = scores, names
        self._numbers = len(scores)
        while self._numbers and scores[self._numbers - 1] != scores[self._numbers - 1]:
            self._numbers -= 1
        self.complete = complete
        self.first = 0

    def trim(self, count: int) -> None:
        """Let go of all but the smallest `count`, fewer than there are."""
        del self.names[count:], self._scores[count:]
        self._numbers = min(self._numbers, count)
        self.complete = False

    def move(self, name: str, before: float | None, now: float | None) -> None:
        """Its score has changed; None: it had, or has, no place in the queue."""
        if before != now:
            if before is not None:
                self.remove(before, name)
            if now is not None:
                self.insert(now, name)

    def remove(self, score: float, name: str) -> None:
        """Take the key out, if it is held."""
        names = self.names
        at = bisect_left(self._scores, score, 0, self._numbers)
        if at == len(names) or names[at] != name:
            at = self._find(score, name)
        if at < len(names) and names[at] == name:
            del names[at], self._scores[at]
            if score == score:
                self._numbers -= 1
            if at < self.first:
                self.first = at

    def insert(self, score: float, name: str) -> None:
        """Put the key in its place, unless that is beyond what is held."""
        scores = self._scores
        at = bisect_left(scores, score, 0, self._numbers)
        if score != score or (at < self._numbers and scores[at] == score):
            at = self._find(score, name)
        if at < len(scores) or self.complete:
            self.names.insert(at, name)
            scores.insert(at, score)
            if score == score:
                self._numbers += 1
            if at < self.first:
                self.first = at

    def _find(self, score: float, name: str) -> int:
        if score != score:
            return bisect_left(self.names, name, self._numbers)
        scores, end = self._scores, self._numbers
        at = bisect_left(scores, score, 0, end)
        if at < end and scores[at] == score and self.names[at] != name:
            at = bisect_left(self.names, name, at, bisect_right(scores, score, at, end))
        return at
