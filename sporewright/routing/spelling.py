"""The known word that a misspelt one probably means."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["meant"]

EDITS = 2
"""So many letters may be wrong, missing, too many or swapped, and at most one in two."""
LONGEST = 64
"""Longer names are not compared: the work grows with the square of it."""


def meant(word: str, known: Iterable[str]) -> str | None:
    """The nearest known word, by edits after case and `_` are left out; None if none is near. The first of equals."""
    found, least = None, EDITS + 1
    for each in known:
        one, other = _bare(word), _bare(each)
        if abs(len(one) - len(other)) > EDITS or len(one) > LONGEST:
            continue
        edits = _distance(one, other)
        if edits < least and 2 * edits <= len(other):
            found, least = each, edits
    return found


def _bare(word: str) -> str:
    return word.replace("_", "").replace("-", "").lower()


def _distance(one: str, other: str) -> int:
    """Optimal string alignment: insertions, deletions, substitutions, and swaps of neighbours."""
    before, last = list[int](), list(range(len(other) + 1))
    for at, letter in enumerate(one):
        row = [at + 1]
        for there, its in enumerate(other):
            best = min(last[there + 1] + 1, row[there] + 1, last[there] + (letter != its))
            if at and there and letter == other[there - 1] and one[at - 1] == its:
                best = min(best, before[there - 1] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]
