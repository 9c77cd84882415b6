"""The room that is left for what devices say: in a device's slice, and in its workspace."""

from __future__ import annotations

from collections.abc import Set
from functools import cached_property

from sporewright.errors import TooLargeError
from sporewright.server.cells import Coordinate, shown
from sporewright.server.device_reports import DeviceReports
from sporewright.server.settings import Settings

__all__ = ["Room"]


class Room:
    """The room for a group of pushes in one workspace; what they take away makes room once it is committed.

    Every device is sent the results of all pairs of its workspace, so these are bounded, not only what each one says.
    """

    def __init__(self, reports: DeviceReports, workspace: str, declared: Set[str], settings: Settings) -> None:
        self._reports, self._workspace, self._declared, self._settings = reports, workspace, declared, settings
        self._cells = 0
        self._options: set[str] = set()
        self._pairs: set[tuple[str, str]] = set()

    def take(self, at: Coordinate) -> None:
        """Count one more cell; TooLargeError if there is no room for it, its option or its pair."""
        settings, said = self._settings, self._reports.extent(self._workspace)
        option, pair = at[2], at[2:]
        if said.cells + self._cells >= settings.workspace_cells:
            raise _full(at, settings.workspace_cells, "cells")
        is_new = option not in said.options and option not in self._options and option not in self._declared
        if is_new and self._named + len(self._options) >= settings.workspace_options:
            raise _full(at, settings.workspace_options, "options")
        if pair not in said.pairs and pair not in self._pairs:
            if len(said.pairs) + len(self._pairs) >= settings.workspace_pairs:
                raise _full(at, settings.workspace_pairs, "pairs of option and dimension")
            self._pairs.add(pair)
        if is_new:
            self._options.add(option)
        self._cells += 1

    @cached_property
    def _named(self) -> int:
        """The options that are named by devices alone."""
        options = self._reports.extent(self._workspace).options
        return len(options) - sum(option in options for option in self._declared)


def _full(at: Coordinate, most: int, what: str) -> TooLargeError:
    return TooLargeError(f"{shown(at)[:200]}: the devices of a workspace keep at most {most} {what} here")
