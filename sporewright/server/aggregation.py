"""The way up, kept from tick to tick: devices → holders → workspace → global (U1, U5, U7).

A holder is named by a token. Each votes once however many devices he has: the devices of one holder come to one
medial device first, which votes in their place. Tenants never mix: a workspace is derived from its own tensor, and what
is global from the workspaces' results only, of what the operator has opened (`global_rollup.py`). A tick reads only
what was written since the last one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from sporewright.core.rollup import Corroborated, Median, Pair, Rollup, Support, finite_values, median
from sporewright.core.store import Layers as CellLayers
from sporewright.core.tensor import Tensor
from sporewright.learning.cells import count_of, judged, support_of
from sporewright.server.cells import Layers, Stated
from sporewright.server.device_reports import DeviceReports
from sporewright.server.global_rollup import GlobalRollup, Said
from sporewright.server.holder_votes import HolderVotes, Opened, Voters
from sporewright.server.rollup_rules import attests, counts, judges

__all__ = ["Aggregation", "Holders"]

WORKSPACE, DEVICE = "workspace", "device"

Holders = Mapping[str, str]
"""live device → the holder that its token names."""


class _Rollups:
    """From the devices to their workspace: medians with their support and counts, and corroborated attestations."""

    def __init__(self, tensor: Tensor, quorum: int) -> None:
        self._values = (Rollup(tensor, DEVICE, Median(), judges), Rollup(tensor, DEVICE, Corroborated(quorum), attests))
        self._counts = Rollup(tensor, DEVICE, Median(), counts)
        self._support = Rollup(tensor, DEVICE, Support(), judges)

    def renew(self, voters: Collection[str] | None) -> dict[Pair, float | None]:
        """The results that changed, None where nothing is left; only `voters` vote."""
        rollups = (*self._values, self._counts)
        changes = {pair: x for rollup in rollups for pair, x in rollup.renew(voters).items()}
        return changes | {_backing(pair): x for pair, x in self._support.renew(voters).items()}

    def result(self, pair: Pair) -> tuple[float, float | None] | None:
        """The result of one pair, and the median of its counts where it was measured; None: nothing."""
        found = [each.results[pair] for each in self._values if pair in each.results]
        return (found[0], self._counts.results.get((pair[0], count_of(pair[1])))) if found else None

    def cells(self, workspace: str) -> Stated:
        """All that came out, as cells of the workspace; a count only beside what was measured."""
        backing = ((_backing(pair), x) for pair, x in self._support.results.items())
        values = (each for rollup in self._values for each in rollup.results.items())
        medians = self._values[0].results
        measured = ((pair, x) for pair, x in self._counts.results.items() if (pair[0], judged(pair[1])) in medians)
        return {(WORKSPACE, workspace, *pair): Layers(x) for part in (values, backing, measured) for pair, x in part}


def _backing(pair: Pair) -> Pair:
    return pair[0], support_of(pair[1])


class _HolderMedians:
    """For each holder of several devices one medial device among the others, renewed where one of his has changed."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor, self._at = tensor, tensor.level_index(DEVICE)
        self._devices: dict[str, frozenset[str]] = {}
        self.written: set[str] = set()
        """The medial devices that the last renewal has written anew."""

    def renew(self, holders: Holders, touched: Collection[str]) -> Voters:
        """The voices that count now: devices that stand for themselves, and the medial ones of the other holders."""
        several = _several(holders)
        self.written.clear()
        for holder in self._devices.keys() - several.keys():
            self._tensor.clear(DEVICE, _medial(holder))
        for holder, devices in several.items():
            if devices != self._devices.get(holder) or not devices.isdisjoint(touched):
                self._write(holder, devices)
        self._devices = several
        alone = {device: holder for device, holder in holders.items() if holder not in several}
        return alone | {_medial(holder): holder for holder in several}

    def _write(self, holder: str, devices: frozenset[str]) -> None:
        slices = [(name, self._tensor.store.slice(self._at, name)) for name in sorted(devices)]
        pairs = {(option, dimension) for _, cells in slices for option in cells for dimension in cells[option]}
        cells: dict[Pair, CellLayers] = {}
        for option, dimension in pairs:
            said = [
                (name, cells_[option][dimension][0]) for name, cells_ in slices if dimension in cells_.get(option, {})
            ]
            is_number = judges(dimension) or counts(dimension)
            if is_number and (values := finite_values([(name, x) for name, x in said if x is not None])):
                cells[option, dimension] = (median(values), None)
            elif attests(dimension):
                yes = any(isinstance(x, float) and x > 0 for name, x in said if name != option)
                cells[option, dimension] = (float(yes), None)
        self._tensor.clear(DEVICE, _medial(holder))
        self._tensor.put_many(self._at, _medial(holder), cells)
        self.written.add(_medial(holder))


def _medial(holder: str) -> str:
    """No device is called so: '/' parts a device from its finer instances (W2)."""
    return f"/{holder}"


def _several(holders: Holders) -> dict[str, frozenset[str]]:
    """Holder → his live devices, of those that have more than one."""
    if len(set(holders.values())) == len(holders):
        return {}
    devices: dict[str, set[str]] = {}
    for device, holder in holders.items():
        devices.setdefault(holder, set()).add(device)
    return {holder: frozenset(names) for holder, names in devices.items() if len(names) > 1}


class _Workspace:
    """One tenant's way up."""

    def __init__(self, tensor: Tensor, quorum: int, opened: Opened) -> None:
        self._way = _Rollups(tensor, quorum)
        self._medials = _HolderMedians(tensor)
        self._opened = opened
        self._voices = HolderVotes(tensor, DEVICE, opened) if opened.dimensions else None
        self.moved: dict[Pair, Said | None] = {}
        """The changes of the last renewal to the opened pairs: in the result, or in the holders behind it."""

    def renew(self, holders: Holders, touched: Collection[str]) -> dict[Pair, float | None]:
        voters = self._medials.renew(holders, touched)
        changes = self._way.renew(frozenset(voters))
        if self._voices is not None:
            changed = {(option, judged(dimension)) for option, dimension in changes}
            moved = self._voices.renew(voters, self._medials.written.union(touched))
            self.moved = {pair: self._said(self._voices, pair) for pair in moved | changed if pair in self._opened}
        return changes

    def _said(self, voices: HolderVotes, pair: Pair) -> Said | None:
        result = self._way.result(pair)
        return None if result is None else Said(*result, frozenset(voices.behind(pair)))

    def cells(self, name: str) -> Stated:
        return self._way.cells(name)


class Aggregation:
    """The cells derived from all reports: each workspace's, and the global ones made of those."""

    def __init__(self, reports: DeviceReports, quorum: int, opened: Opened = Opened()) -> None:  # noqa: B008 - frozen
        self.derived: dict[str, Stated] = {}
        """workspace → its derived cells."""
        self._reports, self._quorum, self._opened = reports, quorum, opened
        self._workspaces: dict[str, _Workspace] = {}
        self._everywhere = GlobalRollup(opened, quorum)

    @property
    def everywhere(self) -> Stated:
        """The global ones; another object once something in it has changed."""
        return self._everywhere.cells

    def renew(self, live: Mapping[str, Holders]) -> Iterable[str]:
        """Make everything anew from what `live` devices (by workspace) say; the workspaces whose own cells changed."""
        changed = list(self._renewed(live))
        self._everywhere.renew()
        return changed

    def _renewed(self, live: Mapping[str, Holders]) -> Iterator[str]:
        for name in self._reports.workspaces:
            if name not in self._workspaces:
                self._workspaces[name] = _Workspace(self._reports.tensor(name), self._quorum, self._opened)
                self.derived[name] = {}
            way = self._workspaces[name]
            changes = way.renew(live.get(name, {}), self._reports.touched(name))
            self._everywhere.take(name, way.moved)
            if changes:
                self.derived[name] = way.cells(name)
                yield name
