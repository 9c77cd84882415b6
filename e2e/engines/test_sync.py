"""Devices and a real orchestrator in each engine: what one learns reaches the other, and what waited is sent later."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.engines.driver import Engine, Tab
from e2e.engines.harness import DECLARED, options_of, routed, start_router
from e2e.link import Link
from e2e.upstreams import Upstream
from tests.serving import Orchestrator

LIVE = "router.sync.state === 'live' && router.sync.pending === 0"
NOBODY = "ws://127.0.0.1:9/v1/sync"


@pytest.fixture
def elsewhere(orchestrator_of_all: Orchestrator) -> Iterator[Link]:
    """Another origin, and so another device of this browser."""
    with Link(orchestrator_of_all.port) as way:
        yield way


def test_devices_learn_of_each_other(
    engine: Engine, link: Link, elsewhere: Link, fleet: dict[str, Upstream], orchestrator_of_all: Orchestrator
) -> None:
    """Live: what one measures moves the other's queue. Without an orchestrator it waits, over a reload as well."""
    server, workspace = orchestrator_of_all, f"of-{engine.name}"

    def joined(name: str, link: Link) -> Tab:
        token, cursor = server.token(name, workspace), {"workspace": workspace}
        given = options_of(fleet, config=DECLARED, orchestrator=server.socket_url, token=token, cursor=cursor)
        tab = routed(engine, link.origin, given)
        tab.until(LIVE)
        return tab

    one, two = joined("one", link), joined("two", elsewhere)
    one.value("router.observe('alpha', 'latency', 5)")
    two.until("router.queue[0] === 'beta'")
    one.close()

    token, cursor = server.token("one", workspace), {"workspace": workspace}
    alone = options_of(fleet, config=DECLARED, orchestrator=NOBODY, token=token, cursor=cursor)
    one = routed(engine, link.origin, alone)
    one.value("router.observe('beta', 'latency', 9)")
    one.until("router.sync.pending === 1 && router.queue[0] === 'alpha'")
    one.reload()
    start_router(one, {**alone, "orchestrator": server.socket_url})
    one.until(LIVE)
    two.until("router.queue[0] === 'alpha'")
