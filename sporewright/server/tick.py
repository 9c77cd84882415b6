"""The way up, as U7 says it: medians of what live devices judge, corroborated attestations, nothing else.

Derived cells are made anew from the reports each time. Tenants never mix: a workspace is derived from its own tensor,
and what is global from the workspaces' results only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sporewright.core.tensor import Tensor
from sporewright.server.cells import Layers, Stated

__all__ = ["attests", "derive", "judges", "overlay"]

GLOBAL, WORKSPACE, DEVICE = _LEVELS = ("global", "workspace", "device")


def judges(dimension: str) -> bool:
    """A judgement, whose median rolls up (D1): not a gate, a budget, an attestation, or curiosity."""
    return dimension not in ("reach", "explore") and not dimension.startswith(("priv:", "budget:", "can:"))


def attests(dimension: str) -> bool:
    """An attestation, which rolls up by corroboration (U5)."""
    return dimension.startswith("can:")


def derive(
    reports: Mapping[str, Stated], is_live: Callable[[str, str], bool], quorum: int
) -> tuple[dict[str, Stated], Stated]:
    """workspace → its derived cells, and the global ones; `is_live(workspace, device)` says whose reports vote."""
    results = {workspace: _of_devices(workspace, cells, is_live, quorum) for workspace, cells in reports.items()}
    feeder = Tensor(_LEVELS)
    for cells in results.values():
        _feed(feeder, WORKSPACE, cells)
    return results, _up(feeder, WORKSPACE, GLOBAL, "", results.keys(), quorum)


def _of_devices(workspace: str, cells: Stated, is_live: Callable[[str, str], bool], quorum: int) -> Stated:
    feeder = Tensor(_LEVELS)
    _feed(feeder, DEVICE, cells)
    live = {instance for instance in feeder.store.instances(2) if is_live(workspace, instance)}
    return _up(feeder, DEVICE, WORKSPACE, workspace, live, quorum)


def _feed(feeder: Tensor, level: str, cells: Stated) -> None:
    # Only what may roll up goes in: finer levels, weights and documents have no way up.
    writer = feeder.writer(level)
    for at, layers in cells.items():
        if at[0] == level and isinstance(layers.value, float) and (judges(at[3]) or attests(at[3])):
            writer.set_value(*at, layers.value)


def _up(feeder: Tensor, source: str, target: str, instance: str, voters: Collection[str], quorum: int) -> Stated:
    feeder.roll_up(source, target, instance, instances=voters, dimensions=judges)
    feeder.corroborate(source, target, instance, quorum, instances=voters, dimensions=attests)
    return {
        (target, instance, option, dimension): Layers(*layers)
        for option, row in feeder.store.slice(feeder.level_index(target), instance).items()
        for dimension, layers in row.items()
    }


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
