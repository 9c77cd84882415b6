"""The contract of a store, whatever it keeps its rows in; `tests/server/test_store.py` holds every store to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from sporewright.errors import StorageError
from sporewright.server.cells import Coordinate, Layers

__all__ = ["Client", "ClientKey", "LostClaimError", "Publication", "Published", "Report", "Store", "Transaction"]


class LostClaimError(StorageError):
    """Another server has taken the database over: this one writes nothing any more."""


class ClientKey(NamedTuple):
    """One engine state of one device: what a sequence of pushes belongs to."""

    workspace: str
    device: str
    client: str


@dataclass(frozen=True)
class Client:
    """A client's last committed push, its newest acks as JSON text, when it last wrote (seconds), and whose
    it is: whom its token named."""

    seq: int
    acks: str
    seen: float
    holder: str


class Published(NamedTuple):
    """A shared cell and the revision that last changed it; empty layers are a tombstone."""

    layers: Layers
    revision: int


@dataclass
class Publication:
    """One workspace's publication: up to revision `head`; tombstones up to revision `floor` are forgotten."""

    head: int = 0
    floor: int = 0
    cells: dict[Coordinate, Published] = field(default_factory=dict)


Report: TypeAlias = tuple[str, Coordinate, Layers]
"""(workspace, coordinate, layers): a cell that a device of the workspace said."""


class Transaction(Protocol):
    """One writing transaction; all of it happens or none."""

    @property
    def revision(self) -> int:
        """The revision this transaction makes."""
        ...

    def report(self, workspace: str, cells: Mapping[Coordinate, Layers]) -> None:
        """State these cells of devices whole; empty layers remove a cell."""
        ...

    def acknowledge(self, clients: Mapping[ClientKey, Client]) -> None:
        """Remember how far these clients are."""
        ...

    def forget_clients(self, keys: Collection[ClientKey]) -> None:
        """Remember nothing of these."""
        ...

    def publish(self, workspace: str, cells: Mapping[Coordinate, Layers]) -> None:
        """Show these cells from this revision on, which becomes the head; empty layers leave a tombstone."""
        ...

    def forget(self, workspace: str, floor: int) -> None:
        """Drop tombstones up to that revision."""
        ...


class Store(Protocol):
    """A database: one epoch (its identity), one revision (+1 per writing transaction), rows."""

    epoch: str

    @property
    def revision(self) -> int:
        """The revision of the last committed transaction; 0 at first."""
        ...

    def write(self) -> AbstractContextManager[Transaction]:
        """One transaction: committed durably when the block ends, undone when it throws. StorageError if it cannot;
        LostClaimError, checked in the transaction itself, once another server has taken the database over."""
        ...

    def reports(self) -> Iterator[Report]:
        """Everything the devices said, row by row: there may be more of it than fits in memory twice."""
        ...

    def clients(self) -> dict[ClientKey, Client]:
        """Every client's state."""
        ...

    def publications(self) -> dict[str, Publication]:
        """Every workspace's publication."""
        ...

    def keep(self) -> None:
        """Make sure of being the one writer; LostClaimError once another server has taken the database over."""
        ...

    def ping(self) -> None:
        """StorageError if the store cannot be written to; nothing is changed."""
        ...

    def close(self) -> None:
        """Let go of everything; a store is not used afterwards."""
        ...
