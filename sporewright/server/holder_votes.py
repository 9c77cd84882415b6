"""The holders behind a workspace's results: of each opened (option, dimension) those that have a voice in it."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from typing import TypeAlias

from sporewright.core.rollup import Pair
from sporewright.core.store import Slice
from sporewright.core.tensor import Tensor
from sporewright.server.rollup_rules import attests

__all__ = ["NOBODY", "HolderVotes", "Opened", "Voters", "holder_of"]

Voters: TypeAlias = Mapping[str, str]
"""Instance that votes → its holder; each holder has one such instance in a workspace."""

NOBODY = "operator"
"""The holder of every token that names none, which is whoever made it: all of them together have one vote."""


def holder_of(subject: str, workspace: str, device: str) -> str:
    """The holder a token names; one whose subject is no more than its own slice, `workspace/device`, names none.

    Spaces around a name, and the two ways in which Unicode writes an accent, make no further holder.
    """
    name = unicodedata.normalize("NFC", subject).strip()
    return NOBODY if not name or subject == f"{workspace}/{device}" else name


@dataclass(frozen=True)
class Opened:
    """The pairs that may become global: these dimensions of these options, once `support` holders stand behind one."""

    dimensions: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
    support: float = math.inf

    def __contains__(self, pair: object) -> bool:
        """True if this (option, dimension) is opened."""
        return isinstance(pair, tuple) and pair[1] in self.dimensions and pair[0] in self.options


class HolderVotes:
    """Those of one workspace's devices, kept from tick to tick: only who was written to is read again."""

    def __init__(self, tensor: Tensor, level: str, opened: Opened) -> None:
        self._tensor, self._at = tensor, tensor.level_index(level)
        self._dimensions = sorted(opened.dimensions)
        self._options = opened.options
        self._voters: dict[str, str] = {}
        self._said: dict[str, frozenset[Pair]] = {}
        self._behind: dict[Pair, set[str]] = {}

    def behind(self, pair: Pair) -> Set[str]:
        """The holders that say a finite number of it; of a capability, that it is there."""
        return self._behind.get(pair, frozenset())

    def renew(self, voters: Voters, touched: Collection[str]) -> set[Pair]:
        """Read the voters that were touched, or are new; the pairs behind which other holders may stand now."""
        moved: set[Pair] = set()
        for voter in [voter for voter, holder in self._voters.items() if voters.get(voter) != holder]:
            moved |= self._take(voter, self._voters.pop(voter), frozenset())
        for voter, holder in voters.items():
            if voter not in self._voters or voter in touched:
                self._voters[voter] = holder
                moved |= self._take(voter, holder, self._read(voter))
        return moved

    def _take(self, voter: str, holder: str, says: frozenset[Pair]) -> frozenset[Pair]:
        said = self._said.pop(voter, frozenset())
        if says:
            self._said[voter] = says
        for pair in said - says:
            self._behind[pair].discard(holder)
            if not self._behind[pair]:
                del self._behind[pair]
        for pair in says - said:
            self._behind.setdefault(pair, set()).add(holder)
        return said ^ says

    def _read(self, voter: str) -> frozenset[Pair]:
        cells = self._tensor.store.slice(self._at, voter)
        options = self._options if len(self._options) < len(cells) else cells
        return frozenset(
            (option, dimension)
            for option in options
            if option in self._options and option in cells
            for dimension in self._dimensions
            if _speaks(cells, voter, option, dimension)
        )


def _speaks(cells: Slice, voter: str, option: str, dimension: str) -> bool:
    """True if the voter counts: with a finite number, or attesting something of another than itself (U1, U5)."""
    value = cells[option].get(dimension, (None, None))[0]
    if not isinstance(value, float):
        return False
    return value > 0 and voter != option if attests(dimension) else math.isfinite(value)
