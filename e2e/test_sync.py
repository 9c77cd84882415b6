"""Devices and the orchestrator: what one learns reaches the others, and nothing acknowledged is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute

from e2e.harness import LEVELS, config_of, open_bare, start_router, trusting, until
from tests.serving import Orchestrator

Device = Callable[..., BrowserContext]
LIVE = "router.sync.state === 'live' && router.sync.pending === 0"


def options_of(server: Orchestrator, device: str, workspace: str = "acme", **extra: Any) -> dict[str, Any]:
    """Router options of one device of that server."""
    return {
        "config": trusting(config_of({"alpha": 0.1, "beta": 0.2, "gamma": 0.3})),
        "cursor": {"workspace": workspace},
        "upstreams": {},
        "orchestrator": server.socket_url,
        "token": server.token(device, workspace),
        **extra,
    }


def joined(device: Device, server: Orchestrator, name: str, **extra: Any) -> Page:
    """A fresh device with a live connection."""
    page = open_bare(device(), server.origin)
    start_router(page, options_of(server, name, **extra))
    until(page, LIVE)
    return page


def test_two_devices_converge(device: Device, orchestrator: Orchestrator) -> None:
    """A measurement of one browser profile moves the other's queue after the tick (U7)."""
    one, two = joined(device, orchestrator, "A"), joined(device, orchestrator, "B")

    one.evaluate("router.observe('alpha', 'latency', 5)")

    until(two, "router.queue[0] === 'beta'")
    explained = two.evaluate("router.explain()")
    alpha = next(ranked for ranked in explained["ranked"] if ranked["option"] == "alpha")
    latency = next(term for term in alpha["terms"] if term["dimension"] == "latency")
    assert latency["value"] == 5
    assert latency["value_source"][0] == "workspace"


def test_global_is_made_from_the_workspaces(device: Device, orchestrator: Orchestrator) -> None:
    """A device of another workspace reads the result of the first one's as a global value, never its cells (U7)."""
    one = joined(device, orchestrator, "A")
    other = joined(device, orchestrator, "A", workspace="umbrella")

    one.evaluate("router.observe('alpha', 'latency', 5)")

    until(other, "router.queue[0] === 'beta'")
    explained = other.evaluate("router.explain()")
    alpha = next(ranked for ranked in explained["ranked"] if ranked["option"] == "alpha")
    latency = next(term for term in alpha["terms"] if term["dimension"] == "latency")
    assert latency["value_source"] == ["global", ""]


def test_offline_observe_reload_online_arrives(device: Device, orchestrator: Orchestrator) -> None:
    """An observation made offline survives a reload and is sent after reconnecting."""
    two = joined(device, orchestrator, "B")
    context = device()
    one = open_bare(context, orchestrator.origin)
    start_router(one, options_of(orchestrator, "A"))
    until(one, LIVE)
    orchestrator.kill()
    until(one, "router.sync.state !== 'live'")
    one.evaluate("router.observe('alpha', 'latency', 7)")
    until(one, "router.sync.pending > 0")
    # The origin is the server itself, which is down: the page is served again only once it is back.
    orchestrator.start()
    one.reload()

    start_router(one, options_of(orchestrator, "A"))

    until(one, LIVE, timeout=30_000)
    until(two, "router.queue[0] === 'beta'", timeout=30_000)


def test_a_reload_while_offline_keeps_the_change(device: Device, orchestrator: Orchestrator) -> None:
    """With no way to the orchestrator at all, a change is still there after a reload, still pending."""
    page = open_bare(device(), orchestrator.origin)
    dead = options_of(orchestrator, "A", orchestrator="ws://127.0.0.1:9/v1/sync")
    start_router(page, dead)
    page.evaluate("router.observe('alpha', 'latency', 7)")
    until(page, "router.sync.pending === 1")
    page.evaluate("router.resolve()")
    page.reload()

    start_router(page, dead)

    until(page, "router.sync.pending === 1")
    assert page.evaluate("router.resolve()")[-1] == "alpha"


def test_a_forged_write_up_is_refused(device: Device, orchestrator: Orchestrator) -> None:
    """A device that pushes a workspace cell is refused, its page sees it, and no device's queue moves (W1)."""
    victim = joined(device, orchestrator, "B")
    context = device()

    def forge(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def outgoing(text: str | bytes) -> None:
            own, foreign = '"level":"device","inst":"A"', '"level":"workspace","inst":"acme"'
            server.send(str(text).replace(own, foreign))

        socket.on_message(outgoing)

    context.route_web_socket("**/v1/sync", forge)
    page = open_bare(context, orchestrator.origin)
    start_router(page, options_of(orchestrator, "A", engine="inline"))
    until(page, LIVE)

    page.evaluate("router.observe('alpha', 'latency', 99)")

    until(page, "log.some(([kind]) => kind === 'refused')")
    refused = page.evaluate("log.find(([kind]) => kind === 'refused')[1].cells[0]")
    assert refused["code"] == "write-up"
    victim.wait_for_timeout(1000)
    assert victim.evaluate("router.queue[0]") == "alpha"


def test_a_bad_token_is_refused_and_said(device: Device, orchestrator: Orchestrator) -> None:
    """A forged token ends in `refused` with the code `token`; routing goes on."""
    page = open_bare(device(), orchestrator.origin)
    token = orchestrator.token("A")
    head, claims, _ = token.split(".")
    start_router(page, options_of(orchestrator, "A", token=f"{head}.{claims}.{'A' * 43}"))

    until(page, "router.sync.state === 'refused'")

    assert page.evaluate("router.sync.error.code") == "token"
    assert page.evaluate("[...router.queue]") == ["alpha", "beta", "gamma"]


def test_a_token_that_cannot_be_had_is_said(device: Device, orchestrator: Orchestrator) -> None:
    """The page's own token function throws: its words are in `router.sync.error`, and routing goes on."""
    page = open_bare(device(), orchestrator.origin)
    page.evaluate(
        """async (options) => {
          const { Router } = await import('/sporewright.js');
          const token = () => { throw new Error('the session is over'); };
          window.router = await Router.start({ ...options, token });
          await router.ready;
        }""",
        options_of(orchestrator, "A"),
    )

    until(page, "router.sync.error?.message.includes('the session is over')")

    assert page.evaluate("router.sync.error.code") == "token"
    assert page.evaluate("[...router.queue]") == ["alpha", "beta", "gamma"]


@pytest.mark.parametrize("address", ["ws://127.0.0.1:9/v1/sync", "/healthz"])
def test_an_orchestrator_that_does_not_work(device: Device, orchestrator: Orchestrator, address: str) -> None:
    """An address that refuses or speaks something else leaves the page routing, with the state said."""
    page = open_bare(device(), orchestrator.origin)
    url = orchestrator.origin.replace("http", "ws") + address if address.startswith("/") else address
    start_router(page, options_of(orchestrator, "A", orchestrator=url))

    until(page, "['waiting', 'connecting', 'refused'].includes(router.sync.state)")

    assert page.evaluate("[...router.queue]") == ["alpha", "beta", "gamma"]
    page.evaluate("router.observe('alpha', 'latency', 9)")
    assert page.evaluate("router.resolve()")[-1] == "alpha"


def test_two_tabs_of_a_profile_share_one_engine(device: Device, orchestrator: Orchestrator) -> None:
    """In one profile a second tab sees what the first one learned at once, without any server."""
    context = device()
    options = {"config": config_of({"alpha": 0.1, "beta": 0.2}), "cursor": {"workspace": "acme"}, "upstreams": {}}
    one, two = open_bare(context, orchestrator.origin), open_bare(context, orchestrator.origin)
    start_router(one, options)
    start_router(two, options)

    one.evaluate("router.observe('alpha', 'latency', 9)")

    until(two, "router.queue[0] === 'beta'")


def test_a_bad_config_is_named(device: Device, orchestrator: Orchestrator) -> None:
    """A config with an unknown level fails with its code and the seed's index; nothing hangs."""
    page = open_bare(device(), orchestrator.origin)
    config = config_of({"alpha": 0.1})
    config["seeds"].append({**config["seeds"][0], "level": "galaxy"})

    error = page.evaluate(
        """async (options) => {
          const { Router } = await import("/sporewright.js");
          try { const router = await Router.start(options); await router.ready; return null; }
          catch (error) { return { code: error.code, message: error.message }; }
        }""",
        {"config": config, "cursor": {}, "upstreams": {}},
    )

    assert error["code"] == "unknown-level"
    assert "galaxy" in error["message"]
    assert str(len(config["seeds"]) - 1) in error["message"]


def test_forbidden_storage_still_routes(device: Device, orchestrator: Orchestrator) -> None:
    """With IndexedDB refusing to open the router works, it only does not remember."""
    context = device()
    context.add_init_script("IDBFactory.prototype.open = () => { throw new DOMException('denied', 'SecurityError'); };")
    page = open_bare(context, orchestrator.origin)
    start_router(
        page,
        {
            "config": {"levels": LEVELS, **config_of({"alpha": 0.1, "beta": 0.2})},
            "cursor": {},
            "upstreams": {},
            "engine": "inline",
        },
    )

    page.evaluate("router.observe('alpha', 'latency', 9)")

    assert page.evaluate("router.resolve()")[0] == "beta"
