"""The store that forgets: everything in dicts, for tests and `memory://`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from sporewright.errors import ClosedError
from sporewright.server.cells import Coordinate, Layers
from sporewright.server.store.contract import Client, ClientKey, Publication, Published, Report, Transaction

__all__ = ["MemoryStore"]


@dataclass
class _Transaction:
    """A transaction: its writes are done only when the block has ended well."""

    rows: _Rows
    revision: int
    steps: list[Callable[[], object]] = field(default_factory=list)

    def report(self, workspace: str, cells: Mapping[Coordinate, Layers]) -> None:
        self.steps.append(partial(self.rows.report, workspace, dict(cells)))

    def acknowledge(self, clients: Mapping[ClientKey, Client]) -> None:
        self.steps.append(partial(self.rows.clients.update, dict(clients)))

    def forget_clients(self, keys: Collection[ClientKey]) -> None:
        self.steps.extend(partial(self.rows.clients.pop, key, None) for key in keys)

    def publish(self, workspace: str, cells: Mapping[Coordinate, Layers]) -> None:
        rows = {coordinate: Published(layers, self.revision) for coordinate, layers in cells.items()}
        self.steps.append(partial(self.rows.publish, workspace, self.revision, rows))

    def forget(self, workspace: str, floor: int) -> None:
        self.steps.append(partial(self.rows.forget, workspace, floor))


@dataclass
class _Rows:
    revision: int = 0
    reports: dict[tuple[str, Coordinate], Layers] = field(default_factory=dict)
    clients: dict[ClientKey, Client] = field(default_factory=dict)
    publications: dict[str, Publication] = field(default_factory=dict)

    def report(self, workspace: str, cells: Mapping[Coordinate, Layers]) -> None:
        for at, layers in cells.items():
            if layers == Layers():
                self.reports.pop((workspace, at), None)
            else:
                self.reports[workspace, at] = layers

    def publish(self, workspace: str, head: int, cells: dict[Coordinate, Published]) -> None:
        publication = self.publications.setdefault(workspace, Publication())
        publication.head = head
        publication.cells |= cells

    def forget(self, workspace: str, floor: int) -> None:
        publication = self.publications.setdefault(workspace, Publication())
        publication.floor = floor
        old = [at for at, row in publication.cells.items() if row.layers == Layers() and row.revision <= floor]
        for coordinate in old:
            del publication.cells[coordinate]


class MemoryStore:
    """A store without a file; its epoch is new each time."""

    def __init__(self) -> None:
        self.epoch = uuid.uuid4().hex
        self._rows = _Rows()
        self._closed = False

    @property
    def revision(self) -> int:
        """The revision of the last committed transaction."""
        return self._rows.revision

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction: its steps are taken when the block ends, none of them when it throws."""
        self.ping()
        transaction = _Transaction(self._rows, self._rows.revision + 1)
        yield transaction
        self._rows.revision = transaction.revision
        for step in transaction.steps:
            step()

    def reports(self) -> Iterator[Report]:
        """Everything the devices said."""
        for (workspace, at), layers in self._rows.reports.items():
            yield workspace, at, layers

    def clients(self) -> dict[ClientKey, Client]:
        """Every client's state."""
        return dict(self._rows.clients)

    def publications(self) -> dict[str, Publication]:
        """Every workspace's publication."""
        return {
            name: replace(publication, cells=dict(publication.cells))
            for name, publication in self._rows.publications.items()
        }

    def keep(self) -> None:
        """Nobody else has it."""

    def ping(self) -> None:
        """ClosedError after `close`."""
        if self._closed:
            raise ClosedError("memory store: closed")

    def close(self) -> None:
        """Forget everything."""
        self._closed = True
        self._rows = _Rows()
