"""Rules of what may go up and what lies over what (U7); the roll-up itself is `aggregation.py`."""

from __future__ import annotations

from sporewright.core.global_rules import stays_below
from sporewright.learning.cells import COUNT, companions_of, support_of
from sporewright.server.cells import Coordinate, Layers, Stated

__all__ = ["attests", "counts", "judges", "overlay", "without_weak"]


def judges(dimension: str) -> bool:
    """A judgement, whose median rolls up (D1): not a gate, budget, attestation, curiosity, or what backs a value."""
    return not stays_below(dimension) and not attests(dimension)


def attests(dimension: str) -> bool:
    """An attestation, which rolls up by corroboration (U5)."""
    return dimension.startswith("can:")


def counts(dimension: str) -> bool:
    """True for a count of measurements: its median goes up beside the judgement's, and tells evidence from words."""
    return dimension.startswith(COUNT)


def overlay(declared: Stated, *derived: Stated) -> Stated:
    """Derived cells over declared ones; the layers merge separately, so a declared weight prices a derived value."""
    merged = dict(declared)
    for cells in derived:
        for at, layers in cells.items():
            value, weight = merged.get(at, Layers())
            merged[at] = Layers(
                value if layers.value is None else layers.value, weight if layers.weight is None else layers.weight
            )
    return merged


def without_weak(derived: Stated, declared: Stated, support: float) -> Stated:
    """The derived cells without those that too few stand behind to cover a value that the operator declared there.

    Devices lay no value below its support, so publishing it would only hide the operator's.
    """
    weak: set[Coordinate] = set()
    for (*place, dimension), layers in declared.items():
        level, instance, option = place
        backing = derived.get((level, instance, option, support_of(dimension)), Layers()).value
        if layers.value is not None and isinstance(backing, float) and backing < support:
            weak |= {(level, instance, option, name) for name in companions_of(dimension)}
    return {at: layers for at, layers in derived.items() if at not in weak} if weak else derived
