"""The heads that pages watch: each a live queue under a name, pushed only when its head changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sporewright.core.live import LiveQueue
from sporewright.core.tensor import Tensor
from sporewright.device.calls import Effect, WatchReply
from sporewright.device.figures import figures_at
from sporewright.errors import ConfigError
from sporewright.routing.preferences import Figures

__all__ = ["Watches"]


@dataclass
class _Watch:
    cursor: Mapping[str, str]
    limit: int
    among: Collection[str] | None
    live: LiveQueue
    told: tuple[list[str], int]
    figures: dict[str, Figures] | None
    """The figures as they were told; None: they were not asked for."""
    seen: tuple[int, int] | None = None
    revision: int = 0


class Watches:
    """Watches by name; a cursor is complete when it comes here."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._watches: dict[str, _Watch] = {}
        self._unlisten: Callable[[], None] | None = None
        """Ends the listening to what figures are made of; None as long as nobody asked for them."""
        self._has_moved = False
        """True if something was written since figures were told: scores, among them, are made of everything."""

    def add(
        self,
        name: str,
        cursor: Mapping[str, str],
        limit: int,
        among: Collection[str] | None = None,
        *,
        has_figures: bool = False,
    ) -> WatchReply:
        """Start a watch, or turn the one of that name to another cursor; ConfigError for a negative limit."""
        if limit < 0:
            raise ConfigError(f"watch {name!r}: limit must be at least 0, not {limit}")
        live = self._tensor.watch(cursor, limit, among=among)
        self.remove(name)
        figures = figures_at(self._tensor, cursor, live.order()) if has_figures else None
        watch = self._watches[name] = _Watch(cursor, limit, among, live, (live.order(), live.total), figures)
        reply: WatchReply = {"queue": list(watch.told[0]), "total": watch.told[1]}
        if figures is not None:
            reply["figures"] = figures
            self._unlisten = self._unlisten or self._tensor.listen(self._written)
        return reply

    def _written(self, level: int, instance: str, option: str, dimension: str) -> None:  # noqa: ARG002
        self._has_moved = True

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
        has_moved, self._has_moved = self._has_moved, False
        for name, watch in self._watches.items():
            seen, is_figured = (watch.live.revision, watch.live.total), watch.figures is not None
            if seen == watch.seen and not (is_figured and has_moved):
                continue
            watch.seen = seen
            now = (watch.live.order(), watch.live.total)
            figures = figures_at(self._tensor, watch.cursor, now[0]) if is_figured else None
            if now == watch.told and figures == watch.figures:
                continue
            watch.told, watch.figures = now, figures
            watch.revision += 1
            body = {"watch": name, "queue": now[0], "total": now[1], "revision": watch.revision}
            more = {} if figures is None else {"figures": figures}
            effects.append({"type": "push", "push": "queue", "body": body | more})
        return effects
