"""Writing into a field: declarations, measurements, forgetting and folding, each at a floor or finer (L1–L5, W1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sporewright.core import checks
from sporewright.errors import ConfigError, WriteUpError
from sporewright.policy.belief import BeliefTree, Cell, ExactSum, Place
from sporewright.policy.limits import READABLE, checked_number, checked_variance, fits_evidence

__all__ = ["Address", "FieldWriter"]

Address = Mapping[str, str]
"""layer → name; `{}` is the root, and a coarser layer may not be left out before a finer one."""


class WritableField(Protocol):
    """The part of an `AddressedField` that a writer needs."""

    layers: tuple[str, ...]
    tree: BeliefTree

    def path(self, address: Address) -> tuple[str, ...]:
        """The names along the address, coarse → fine."""
        ...

    def address(self, path: Sequence[str]) -> dict[str, str]:
        """The address of a path."""
        ...


class FieldWriter:
    """A handle that may write at its floor or finer; a refused write changes nothing (W1). Made by the field."""

    __slots__ = ("_field", "_floor")

    def __init__(self, field: WritableField, floor: int) -> None:
        self._field = field
        self._floor = floor

    def __repr__(self) -> str:
        layer = self._field.layers[self._floor - 1] if self._floor else None
        return f"<FieldWriter {'anywhere' if layer is None else f'at layer {layer!r} and finer'}>"

    def set_prior(self, address: Address, option: str, dimension: str, value: float) -> None:
        """Declare the mean of the node's residual; 0 where it is not declared (L1)."""
        path = self._admit(address, option, dimension)
        prior = checked_number(value, self._place(path, option, dimension))
        trail = self._field.tree.grow(path)
        cell = trail[-1].ensure(option, dimension)
        cell.prior, cell.is_declared = prior, True
        self._field.tree.climb(trail, option, dimension)

    def set_weight(self, address: Address, dimension: str, value: float) -> None:
        """Declare a weight for every option at the node; weights add along the path (L5)."""
        self._weigh(address, "", dimension, value)

    def set_option_weight(self, address: Address, option: str, dimension: str, value: float) -> None:
        """Declare one option's weight at the node, added to the shared ones (L5)."""
        self._named(option)
        self._weigh(address, option, dimension, value)

    def set_gate(self, address: Address, option: str, dimension: str, is_open: bool) -> None:
        """Close the option's gate at the node, for it and all below; True lifts what was closed at this node (L5)."""
        path = self._admit(address, option, dimension)
        closed = not checks.flag(is_open, self._place(path, option, dimension))
        trail = self._field.tree.grow(path)
        trail[-1].ensure(option, dimension).closed = closed
        self._field.tree.prune(trail, option, dimension)

    def observe(self, address: Address, option: str, dimension: str, value: float, variance: float) -> int:
        """Condition on one measurement of the sum along the path, with its noise variance; nodes updated (L2).

        ConfigError for a value that is not finite and a variance that is not positive: nothing changes.
        """
        path = self._admit(address, option, dimension)
        place = self._place(path, option, dimension)
        measured = checked_number(value, place)
        precision = 1.0 / checked_variance(variance, place)
        cell = self._field.tree.find(path, option, dimension)
        if not fits_evidence(cell or Cell(), precision, precision * measured):
            raise ConfigError(f"{place}: no more evidence fits this node")
        evidence = ExactSum([precision]), ExactSum([precision * measured])
        return self._learn(path, option, dimension, evidence, 1)

    def restore_evidence(
        self,
        address: Address,
        option: str,
        dimension: str,
        precision: ExactSum,
        information: ExactSum,
        observations: int,
    ) -> None:
        """Put back evidence that was recorded at the node before (the reader of a snapshot checks it)."""
        self._learn(self._admit(address, option, dimension), option, dimension, (precision, information), observations)

    def discount(self, address: Address, option: str, dimension: str, factor: float) -> bool:
        """Multiply the evidence recorded at exactly that node by a factor in [0, 1]; False if there is none (L3)."""
        path = self._admit(address, option, dimension)
        place = self._place(path, option, dimension)
        if not 0.0 <= checked_number(factor, place) <= 1.0:
            raise ConfigError(f"{place}: a discount is in [0, 1], not {factor!r}")
        cell = self._field.tree.find(path, option, dimension)
        if cell is None or not cell.own[0]:
            return False
        cell.discount(factor)
        trail = self._field.tree.walk(path)
        self._field.tree.climb(trail, option, dimension)
        self._field.tree.prune(trail, option, dimension)
        return True

    def compact(self, address: Address, option: str | None = None, dimension: str | None = None) -> int:
        """Fold what a retired subtree knows into its parent; cells emptied. No other posterior moves (L4).

        One (option, dimension), or every one where a name is left out. Weights and gates stay. The parent is written
        to, so the floor must admit it. ConfigError for the root, which has no parent, and for evidence that no longer
        fits the parent: nothing changes.
        """
        path = self._field.path(address)
        for place, chosen_name in (("option", option), ("dimension", dimension)):
            if chosen_name is not None:
                checks.name(chosen_name, place)
        if not path:
            raise ConfigError("compact: the root has no parent to fold into")
        self._admit_depth(path[:-1], f"compact {self._field.address(path)!r}")
        trail = self._field.tree.walk(path)
        if len(trail) <= len(path):
            return 0
        pairs = {(o, d) for place in trail[-1].below() for o, row in place.cells.items() for d in row}
        chosen = sorted(p for p in pairs if option in (None, p[0]) and dimension in (None, p[1]))
        for pair in chosen:
            self._check_room(trail[-1], trail[-2], pair, path[:-1])
        return sum(self._field.tree.fold(trail, *pair) for pair in chosen)

    def _check_room(self, place: Place, parent: Place, pair: tuple[str, str], above: Sequence[str]) -> None:
        """Refuse a fold after which the field could not be read back; only a made-up snapshot ever comes near."""
        cell = place.cell(*pair)
        message = cell.message if cell else (0.0, 0.0)
        if not fits_evidence(parent.cell(*pair) or Cell(), *message, (READABLE, READABLE)):
            raise ConfigError(f"compact: no more evidence fits {self._place(above, *pair)}")

    def _learn(
        self, path: Sequence[str], option: str, dimension: str, evidence: tuple[ExactSum, ExactSum], observations: int
    ) -> int:
        trail = self._field.tree.grow(path)
        cell = trail[-1].ensure(option, dimension)
        cell.merge(evidence, observations)
        cell.is_declared = True
        return self._field.tree.climb(trail, option, dimension)

    def _weigh(self, address: Address, option: str, dimension: str, value: float) -> None:
        path = self._admit(address, option or None, dimension)
        weight = checked_number(value, self._place(path, option, dimension))
        self._field.tree.grow(path)[-1].ensure(option, dimension).weight = weight

    def _admit(self, address: Address, option: str | None, dimension: str) -> tuple[str, ...]:
        """The path, if this writer may write there; `option` None is the shared slot."""
        path = self._field.path(address)
        if option is not None:
            self._named(option)
        checks.name(dimension, "dimension")
        self._admit_depth(path, self._place(path, option or "", dimension))
        return path

    def _admit_depth(self, path: Sequence[str], place: str) -> None:
        if len(path) < self._floor:
            raise WriteUpError(f"{place}: coarser than this writer's floor {self._field.layers[self._floor - 1]!r}")

    @staticmethod
    def _named(option: str) -> None:
        if not checks.name(option, "option"):
            raise ConfigError('option "" is the shared slot: it carries weights and nothing else')

    def _place(self, path: Sequence[str], option: str, dimension: str) -> str:
        return f"({self._field.address(path)!r}, {option!r}, {dimension!r})"
