"""The data that the demo gives its page: a config that the core accepts, addresses, and a token for each device."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from sporewright.core.config import TensorConfig
from sporewright.server.auth import Tokens
from sporewright.server.clock import SystemClock
from sporewright.server.demo.figures import PROVIDERS
from sporewright.server.demo.listener import Listener
from sporewright.server.demo.seeds import demo_config
from sporewright.server.demo.site import demo_site, upstreams_json
from sporewright.server.demo.upstream import Upstream

TOKENS = Tokens("a secret of the tests that is long enough", SystemClock())
UPSTREAMS = {"workspace": "demo", "device": "anyone"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a served demo site."""
    listener = Listener(demo_site(TOKENS, []), "127.0.0.1")
    await listener.start()
    async with httpx.AsyncClient(base_url=listener.url) as made:
        yield made
    await listener.stop()


def test_the_config_builds_and_drops_one_option_by_a_real_gate() -> None:
    """The served config is one that the core builds (C1), with five options in the order and one gate at work (R2)."""
    tensor = TensorConfig.from_dict(demo_config()).build()
    explained = tensor.explain(UPSTREAMS)
    assert {ranked.option for ranked in explained.ranked} == {figures.name for figures in PROVIDERS}
    (dropped,) = explained.dropped
    assert (dropped.option, dropped.dimension, dropped.level) == ("replicate", "priv:eu-residency", "workspace")
    assert "replicate" in tensor.resolve({"workspace": "another"})


def test_every_option_looks_better_untried_than_any_is() -> None:
    """The priors are optimistic (D4): no option's measured cost beats another's untried one, so each gets a try."""
    explained = TensorConfig.from_dict(demo_config()).build().explain(UPSTREAMS)
    untried = {ranked.option: ranked.score for ranked in explained.ranked}
    waits = {figures.name: 0.25 * figures.p50_s - 0.1 for figures in PROVIDERS}
    assert max(untried.values()) < min(untried[option] + waits[option] for option in untried)


async def test_config_is_served_fresh(client: httpx.AsyncClient) -> None:
    """GET /demo/config.json is the config, never cached."""
    answer = await client.get("/demo/config.json")
    assert answer.json() == demo_config()
    assert answer.headers["cache-control"] == "no-store"


async def test_addresses_are_those_of_running_upstreams() -> None:
    """Each address in /demo/upstreams.json answers, with the figures of its provider beside it."""
    upstream = Upstream(PROVIDERS[0])
    await upstream.start()
    told = upstreams_json([upstream])["upstreams"]["groq"]  # type: ignore[index]
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{told['url']}/hello")).json() == {"hello": "groq"}
    assert told["p50_s"] == PROVIDERS[0].p50_s
    await upstream.stop()


async def test_each_profile_gets_a_device_of_its_own(client: httpx.AsyncClient) -> None:
    """Without a name two callers get different devices of the workspace demo, each with a token that says so."""
    first, second = [(await client.post("/demo/token")).json() for _ in range(2)]
    assert first["device"] != second["device"]
    granted = TOKENS.verify(first["token"])
    assert (granted.workspace, granted.device) == ("demo", first["device"])


async def test_a_returning_profile_keeps_its_device(client: httpx.AsyncClient) -> None:
    """A given name comes back, in the answer and in the token."""
    given = (await client.post("/demo/token", json={"device": "device-42"})).json()
    assert given["device"] == "device-42"
    assert TOKENS.verify(given["token"]).device == "device-42"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"device": ""}', b'{"device": "a/b"}', b'{"device": 1}', b"[" * 99999])
async def test_a_name_that_is_none_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    """Bad JSON and names that would leave the slice are a 400 with a stable code and no token."""
    answer = await client.post("/demo/token", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {"decode", "config"}
    assert "token" not in answer.json()


async def test_no_other_origin_reads_a_token(client: httpx.AsyncClient) -> None:
    """The token endpoint sends no CORS header: a page of another origin cannot read what it gets."""
    answer = await client.post("/demo/token", headers={"Origin": "http://elsewhere.test"})
    assert "access-control-allow-origin" not in answer.headers
