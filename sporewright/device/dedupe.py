"""The number up to which each page has been heard, so that a report sent again after a lost answer counts once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sporewright import jsontext
from sporewright.device.device_records import Disk
from sporewright.errors import DecodeError

__all__ = ["HEARD", "Deduplicator"]

HEARD = "heard"
# Pages that are remembered; the one that was silent longest goes first.
PAGES = 32


class Deduplicator:
    """A page numbers what it says and counts each time; it says it in order, and again only what was not answered.

    The number is saved with what was learned, in one step: either both are kept or neither is.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._last: dict[str, int] = {}

    def restore(self, records: Mapping[str, str]) -> None:
        """Take over the numbers of the engine before this one; a record that cannot be read is none."""
        try:
            data = jsontext.parse(records.get(HEARD, "{}"), HEARD)
        except DecodeError:
            return
        pages = data.items() if isinstance(data, dict) else ()
        self._last = {page: nth for page, nth in pages if isinstance(nth, int) and nth > 0}

    def is_new(self, body: Mapping[str, Any]) -> bool:
        """True if it counts; from here on it has been heard. A report without a number is always new."""
        page, nth = body.get("page"), body.get("nth")
        if page is None or nth is None:
            return True
        last = self._last.pop(page, 0)
        self._last[page] = max(last, nth)
        while len(self._last) > PAGES:
            del self._last[next(iter(self._last))]
        if nth > last:
            self._disk.put(HEARD, jsontext.compact(self._last))
        return bool(nth > last)
