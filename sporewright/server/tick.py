"""What may go up and what lies over what (U7); the going up itself is `fleet.py`."""

from __future__ import annotations

from sporewright.learning.cells import COUNT, is_companion
from sporewright.server.cells import Layers, Stated

__all__ = ["attests", "counts", "judges", "overlay"]


def judges(dimension: str) -> bool:
    """A judgement, whose median rolls up (D1): not a gate, budget, attestation, curiosity, or what backs a value."""
    special = dimension.startswith(("priv:", "budget:", "can:")) or is_companion(dimension)
    return dimension not in ("reach", "explore") and not special


def attests(dimension: str) -> bool:
    """An attestation, which rolls up by corroboration (U5)."""
    return dimension.startswith("can:")


def counts(dimension: str) -> bool:
    """How much was measured: its median goes up beside the judgement's, and tells evidence from what is only stated."""
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
