"""The engine states of devices, as far as their pushes are committed; a device has so many of them at most."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from sporewright.server.store import Client, ClientKey

__all__ = ["Clients"]


class Clients:
    """Client key → its state, and which belong to one device."""

    def __init__(self, clients: Mapping[ClientKey, Client]) -> None:
        self._clients: dict[ClientKey, Client] = {}
        self._of_device: dict[tuple[str, str], set[ClientKey]] = {}
        self.update(clients)

    def get(self, key: ClientKey) -> Client | None:
        """The state of that client; None if it has not pushed, or is forgotten."""
        return self._clients.get(key)

    def __iter__(self) -> Iterator[tuple[ClientKey, Client]]:
        return iter(self._clients.items())

    def update(self, clients: Mapping[ClientKey, Client]) -> None:
        """Take over what was committed."""
        self._clients.update(clients)
        for key in clients:
            self._of_device.setdefault(key[:2], set()).add(key)

    def forget(self, keys: Iterable[ClientKey]) -> None:
        """These are gone; one that comes back begins at push 1 again, as at a database that was lost."""
        for key in keys:
            self._clients.pop(key, None)
            self._of_device[key[:2]].discard(key)

    def too_many(
        self, fresh: Collection[ClientKey], is_connected: Callable[[ClientKey], bool], most: int
    ) -> list[ClientKey]:
        """The clients to forget if these are added: of their devices, those that wrote longest ago beyond `most`.

        None that is connected: its next push would leave a gap.
        """
        found: list[ClientKey] = []
        for device, keys in _by_device(fresh).items():
            own = self._of_device.get(device, set())
            beyond = len(own | keys) - most
            if beyond > 0:
                old = sorted(own - keys, key=lambda key: self._clients[key].seen)
                found += [key for key in old if not is_connected(key)][:beyond]
        return found


def _by_device(keys: Iterable[ClientKey]) -> dict[tuple[str, str], set[ClientKey]]:
    found: dict[tuple[str, str], set[ClientKey]] = {}
    for key in keys:
        found.setdefault(key[:2], set()).add(key)
    return found
