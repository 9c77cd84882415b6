"""The sessions that are live: whose each is, and the bells that wake it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from sporewright.errors import TooLargeError
from sporewright.server.settings import Settings
from sporewright.server.store import ClientKey

__all__ = ["Member", "Members"]


@dataclass(eq=False)
class Member:
    """One live session: whose it is, and the bells: its workspace has something new; a later session took its place."""

    key: ClientKey
    holder: str
    """The holder that the token names: all devices of a holder have one vote (U7)."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    replaced: asyncio.Event = field(default_factory=asyncio.Event)


class Members:
    """All of them, found by device, by holder and by workspace; each of these has so many at most."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._all: set[Member] = set()
        self._groups: dict[tuple[str, ...], set[Member]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._all)

    def holds(self, key: ClientKey) -> bool:
        """True if this client is connected."""
        return any(member.key == key for member in tuple(self._groups.get((*key[:2], ""), ())))

    def are_there(self, workspace: str) -> bool:
        """True if anybody of the workspace is connected."""
        return (workspace,) in self._groups

    def of(self, workspace: str) -> Iterator[Member]:
        """The sessions of a workspace."""
        yield from self._groups.get((workspace,), ())

    def enter(self, member: Member) -> None:
        """Let one in, in place of an earlier one of the same client; TooLargeError if there are enough."""
        device, holder, *_ = groups = _groups(member)
        others = [other for other in self._groups.get(device, ()) if other.key != member.key]
        if len({other.key for other in others}) >= self._settings.device_clients:
            raise TooLargeError(f"connections: a device has {self._settings.device_clients} at a time")
        if len(self._groups.get(holder, ())) >= self._settings.holder_connections:
            raise TooLargeError(f"connections: a holder has {self._settings.holder_connections} at a time")
        if len(self._all) >= self._settings.connections:
            raise TooLargeError(f"connections: this server takes {self._settings.connections} at a time")
        for other in self._groups.get(device, set()).difference(others):
            other.replaced.set()
        self._all.add(member)
        for group in groups:
            self._groups.setdefault(group, set()).add(member)

    def leave(self, member: Member) -> None:
        """A session ended."""
        self._all.discard(member)
        for group in _groups(member):
            members = self._groups.get(group, set())
            members.discard(member)
            if not members:
                self._groups.pop(group, None)


def _groups(member: Member) -> tuple[tuple[str, ...], ...]:
    """Its device, its holder in its workspace, and its workspace."""
    workspace, device, _ = member.key
    return (workspace, device, ""), (workspace, member.holder), (workspace,)
