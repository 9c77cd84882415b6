"""The heads that pages watch: each a live queue under a name, pushed only when its head changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sporewright.core.live import LiveQueue
from sporewright.core.tensor import Tensor
from sporewright.device.calls import Effect, WatchReply
from sporewright.errors import ConfigError

__all__ = ["Watches"]


@dataclass
class _Watch:
    cursor: Mapping[str, str]
    limit: int
    among: Collection[str] | None
    live: LiveQueue
    told: tuple[list[str], int]
    seen: tuple[int, int] | None = None
    revision: int = 0


class Watches:
    """Watches by name; a cursor is complete when it comes here."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._watches: dict[str, _Watch] = {}

    def add(self, name: str, cursor: Mapping[str, str], limit: int, among: Collection[str] | None = None) -> WatchReply:
        """Start a watch, or turn the one of that name to another cursor; ConfigError for a negative limit."""
        if limit < 0:
            raise ConfigError(f"watch {name!r}: limit must be at least 0, not {limit}")
        live = self._tensor.watch(cursor, limit, among=among)
        self.remove(name)
        watch = self._watches[name] = _Watch(cursor, limit, among, live, (live.order(), live.total))
        return {"queue": list(watch.told[0]), "total": watch.told[1]}

    def remove(self, name: str) -> None:
        """Stop a watch; one that does not exist is stopped already."""
        watch = self._watches.pop(name, None)
        if watch is not None:
            watch.live.close()

    def clear(self) -> None:
        """Stop all."""
        for name in list(self._watches):
            self.remove(name)

    def head(self) -> list[str]:
        """The order that the oldest watch was told or would be told now."""
        for watch in self._watches.values():
            return watch.live.order()
        return []

    def turn(self, level: str, before: str, instance: str) -> None:
        """The device's own instance is another one: every watch that looked from it follows."""
        for watch in self._watches.values():
            if watch.cursor.get(level) != before:
                continue
            watch.live.close()
            finer = {
                name: instance + there.removeprefix(before)
                for name, there in watch.cursor.items()
                if there.startswith(f"{before}/")
            }
            watch.cursor = {**watch.cursor, **finer, level: instance}
            watch.live = self._tensor.watch(watch.cursor, watch.limit, among=watch.among)
            watch.seen = None

    def pushes(self) -> list[Effect]:
        """A `queue` push for every watch whose head or total changed since it was told; the others read two numbers."""
        effects: list[Effect] = []
        for name, watch in self._watches.items():
            seen = (watch.live.revision, watch.live.total)
            if seen == watch.seen:
                continue
            watch.seen = seen
            now = (watch.live.order(), watch.live.total)
            if now == watch.told:
                continue
            watch.told = now
            watch.revision += 1
            body = {"watch": name, "queue": now[0], "total": now[1], "revision": watch.revision}
            effects.append({"type": "push", "push": "queue", "body": body})
        return effects
