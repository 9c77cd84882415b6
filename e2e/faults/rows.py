"""Every row of the table, by kind."""

from __future__ import annotations

from e2e.faults import rows_bodies, rows_statuses, rows_streams, rows_transport
from e2e.faults.fault import Fault

__all__ = ["ROWS"]

ROWS: list[Fault] = [*rows_transport.ROWS, *rows_bodies.ROWS, *rows_statuses.ROWS, *rows_streams.ROWS]
