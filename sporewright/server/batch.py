"""One group of pushes before it is committed: the cells to write, the answers, and how much room there still is."""

from __future__ import annotations

from collections import Counter
from functools import partial

from sporewright.errors import ProtocolError
from sporewright.server.cells import Coordinate, Layers, Stated
from sporewright.server.clients import Clients
from sporewright.server.declared import Declared
from sporewright.server.device_reports import DeviceReports
from sporewright.server.push_validation import ack_from, acks_with, judge
from sporewright.server.room import Room
from sporewright.server.settings import Settings
from sporewright.server.store import Client, ClientKey
from sporewright.wire import Ack, Push

__all__ = ["Batch"]


class Batch:
    """The effects of one group of pushes, before it is committed."""

    def __init__(self, clients: Clients, reports: DeviceReports, declared: Declared, settings: Settings) -> None:
        self.cells: dict[str, Stated] = {}
        self.clients: dict[ClientKey, Client] = {}
        self._known, self._reports, self._declared, self._settings = clients, reports, declared, settings
        self._rooms: dict[str, Room] = {}
        self._grown: Counter[tuple[str, str]] = Counter()

    def take(self, key: ClientKey, holder: str, push: Push, now: float) -> Ack:
        """Add a push; one that is already committed gets its old ack again. ProtocolError for a gap in `seq`."""
        client = self.clients.get(key) or self._known.get(key) or Client(0, "[]", now, holder)
        if push.seq <= client.seq:
            return ack_from(client.acks, push.seq)
        if push.seq > client.seq + 1:
            raise ProtocolError(f"push.seq: {push.seq} leaves a gap, {client.seq} is committed")
        kept = partial(self._holds, key.workspace)
        slice_ = (key.workspace, key.device)
        left = self._settings.slice_cells - self._reports.count(*slice_) - self._grown[slice_]
        room = self._room(key.workspace)
        accepted, ack = judge(self._declared.levels, key.device, push, kept, left, room, self._settings)
        self._grown[slice_] += sum((layers != Layers()) - kept(at) for at, layers in accepted.items())
        self.cells.setdefault(key.workspace, {}).update(accepted)
        self.clients[key] = Client(push.seq, acks_with(client.acks, ack), now, holder)
        return ack

    def _room(self, workspace: str) -> Room:
        if workspace not in self._rooms:
            options = self._declared.options_of(workspace)
            self._rooms[workspace] = Room(self._reports, workspace, options, self._settings)
        return self._rooms[workspace]

    def _holds(self, workspace: str, at: Coordinate) -> bool:
        """True if there is such a cell once the batch is committed."""
        batched = self.cells.get(workspace, {}).get(at)
        return self._reports.holds(workspace, at) if batched is None else batched != Layers()
