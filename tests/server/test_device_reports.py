"""The reports of devices, in memory: counted by device, apart by workspace, restored from a store."""

from __future__ import annotations

from sporewright.server.cells import Layers
from sporewright.server.clock import SystemClock
from sporewright.server.declared import Declared
from sporewright.server.device_reports import DeviceReports
from sporewright.server.metrics import Metrics
from sporewright.server.orchestrator import Orchestrator
from sporewright.server.settings import Settings
from sporewright.server.store.memory import MemoryStore
from tests.server.conftest import SECRET

LEVELS = ("global", "workspace", "device", "task")
A, FINER = ("device", "A", "x", "latency"), ("task", "A/t", "x", "latency")


def test_a_device_is_counted_with_its_finer_instances() -> None:
    """Stating a cell twice counts once, removing one takes it away again, and another device is another count (W2)."""
    reports = DeviceReports(LEVELS)
    reports.state("acme", [(A, Layers(1.0)), (A, Layers(2.0)), (FINER, Layers(None, 1.0))])
    reports.state("acme", [(("device", "AA", "x", "latency"), Layers(1.0)), (("device", "A", "x", "cost"), Layers())])
    assert (reports.count("acme", "A"), reports.count("acme", "AA"), reports.count("other", "A")) == (2, 1, 0)
    reports.state("acme", [(A, Layers())])
    assert (reports.count("acme", "A"), reports.holds("acme", A), reports.holds("acme", FINER)) == (1, False, True)
    assert not reports.holds("other", FINER)
    assert list(reports.workspaces) == ["acme"]


def test_a_level_that_the_config_lost_waits_in_the_store() -> None:
    """A server started with fewer levels than before starts, and leaves the cells it cannot read where they are."""
    store = MemoryStore()
    with store.write() as transaction:
        transaction.report("acme", {A: Layers(1.0), FINER: Layers(1.0)})
    Orchestrator(store, Settings(secret=SECRET), Declared(), SystemClock(), Metrics())
    assert {at for _, at, _ in store.reports()} == {A, FINER}
