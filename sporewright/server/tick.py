"""The way up, as U7 says it: medians of what live devices judge, corroborated attestations, nothing else.

Derived cells are made anew from the reports each time. Tenants never mix: a workspace is derived from its own tensor,
and what is global from the workspaces' results only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import cast

from sporewright.core.tensor import Tensor
from sporewright.server.cells import Layers, Stated
from sporewright.server.reports import Reports

__all__ = ["attests", "derive", "judges", "overlay"]

GLOBAL, WORKSPACE, DEVICE = _LEVELS = ("global", "workspace", "device")


def judges(dimension: str) -> bool:
    """A judgement, whose median rolls up (D1): not a gate, a budget, an attestation, or curiosity."""
    return dimension not in ("reach", "explore") and not dimension.startswith(
        ("priv:", "budget:", "can:", "count:", "support:", "own:")
    )


def attests(dimension: str) -> bool:
    """An attestation, which rolls up by corroboration (U5)."""
    return dimension.startswith("can:")


def derive(reports: Reports, is_live: Callable[[str, str], bool], quorum: int) -> tuple[dict[str, Stated], Stated]:
    """workspace → its derived cells, and the global ones; `is_live(workspace, device)` says whose reports vote."""
    results = {workspace: _of_devices(reports, workspace, is_live, quorum) for workspace in reports.workspaces}
    feeder = Tensor(_LEVELS)
    writer = feeder.writer(WORKSPACE)
    for cells in results.values():
        for at, layers in cells.items():
            writer.set_value(*at, cast(float, layers.value))
    return results, _up(feeder, WORKSPACE, GLOBAL, "", results.keys(), quorum)


def _of_devices(reports: Reports, workspace: str, is_live: Callable[[str, str], bool], quorum: int) -> Stated:
    tensor = reports.tensor(workspace)
    live = {instance for instance in tensor.store.instances(2) if is_live(workspace, instance)}
    return _up(tensor, DEVICE, WORKSPACE, workspace, live, quorum)


def _up(tensor: Tensor, source: str, target: str, instance: str, voters: Collection[str], quorum: int) -> Stated:
    tensor.clear(target, instance)  # made anew: what nobody says any more is gone
    tensor.roll_up(source, target, instance, instances=voters, dimensions=judges)
    tensor.corroborate(source, target, instance, quorum, instances=voters, dimensions=attests)
    return {
        (target, instance, option, dimension): Layers(*layers)
        for option, row in tensor.store.slice(tensor.level_index(target), instance).items()
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
