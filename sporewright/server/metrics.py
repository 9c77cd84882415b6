"""The server's metrics, in the Prometheus format; one registry per server, so that two can live in one process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["Metrics"]


class Metrics:
    """The counters of one server."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections = Gauge("sporewright_connections", "Open device sessions", registry=self.registry)
        self.refused = Counter(
            "sporewright_sessions_refused_total", "Sessions ended by an error", ["code"], registry=self.registry
        )
        self.pushes = Counter("sporewright_pushes_total", "Pushes acknowledged", registry=self.registry)
        self.cells = Counter("sporewright_cells_total", "Cells pushed", ["outcome"], registry=self.registry)
        self.commits = Histogram("sporewright_commit_seconds", "One group commit", registry=self.registry)
        self.ticks = Histogram("sporewright_tick_seconds", "One tick, publishing included", registry=self.registry)
        self.published = Counter("sporewright_published_total", "Shared cells changed", registry=self.registry)
        self.revision = Gauge("sporewright_revision", "Revision of the database", registry=self.registry)
        self.throttled = Counter(
            "sporewright_throttled_total", "Messages after which a device had to wait", registry=self.registry
        )
        self.snapshots = Counter("sporewright_snapshots_total", "Snapshots sent", registry=self.registry)

    def text(self) -> bytes:
        """All of it, in the text exposition format."""
        return generate_latest(self.registry)
