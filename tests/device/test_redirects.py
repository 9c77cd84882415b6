"""Redirects of an option: followed there where an answer is expected, else the caller's, who comes back to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sporewright.device.redirects import is_same_origin
from sporewright.device.transport import NOWHERE, RoutingTransport
from tests.device.echo_server import EchoServer

Handler = Callable[[httpx.Request], httpx.Response]
CHAT = "/v1/chat/completions"
WHOLE = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}


def routed(answer: Handler, facts: dict[str, Any] | None = None, order: str = "ab") -> httpx.AsyncClient:
    """A client over options whose hosts are their names."""
    upstreams: Any = {name: {"url": f"http://{name}.test/base", **(facts or {})} for name in order}
    transport = RoutingTransport(list(order), upstreams, transport=httpx.MockTransport(answer))
    return httpx.AsyncClient(transport=transport, base_url=NOWHERE, follow_redirects=True)


async def test_inference_is_followed_within_its_option() -> None:
    """A relative 307 is asked there, with its body and its key; the caller sees the answer alone."""
    seen: list[tuple[str, str, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url), request.content.decode(), request.headers.get("authorization")))
        if request.url.path.startswith("/base"):
            return httpx.Response(307, headers={"location": "/elsewhere/chat/completions"})
        return httpx.Response(200, json=WHOLE)

    async with routed(answer, {"key": "k"}) as client:
        response = await client.post(CHAT, content=b"{}", follow_redirects=False)

    assert response.json() == WHOLE
    assert response.history == []
    assert seen == [
        ("http://a.test/base/v1/chat/completions", "{}", "Bearer k"),
        ("http://a.test/elsewhere/chat/completions", "{}", "Bearer k"),
    ]


@pytest.mark.parametrize(("scheme", "host"), [("http", "c.test"), ("http", "a.test:81"), ("https", "a.test:8443")])
async def test_another_origin_gets_no_credentials(scheme: str, host: str) -> None:
    """Neither the option's key, nor its own headers, nor the caller's."""
    seen: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/base"):
            return httpx.Response(308, headers={"location": f"{scheme}://{host}/x"})
        seen.append(request.headers)
        return httpx.Response(200, json=WHOLE)

    facts = {"key": "k", "headers": {"X-Own": "o"}, "caller_credentials": True}
    async with routed(answer, facts) as client:
        await client.post(CHAT, content=b"{}", headers={"cookie": "c=1", "x-api-key": "x", "X-Plain": "p"})

    (headers,) = seen
    assert headers["host"] == host
    assert headers["x-plain"] == "p"
    assert not {"authorization", "x-own", "cookie", "x-api-key"} & set(headers)


@pytest.mark.parametrize("location", ["same", "spiral", "ftp://a.test/", "http://%20:x/", ""])
async def test_inference_that_is_led_nowhere_is_asked_elsewhere(location: str) -> None:
    """A loop is one request, a spiral ten; where nothing follows the next option answers."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.host == "b.test":
            return httpx.Response(200, json=WHOLE)
        where = {"same": str(request.url), "spiral": f"?n={len(asked)}"}.get(location, location)
        return httpx.Response(307, headers={"location": where})

    async with routed(answer) as client:
        response = await client.post(CHAT, content=b"{}")

    assert response.json() == WHOLE
    assert asked == ["a.test"] * (11 if location == "spiral" else 1) + ["b.test"]


async def test_what_the_caller_follows_leads_back_to_the_same_option() -> None:
    """A relative address is the option's own, whichever option is first by then, below its base or not."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        if request.url.host == "a.test":
            return httpx.Response(503)
        if request.url.path == "/base/x":
            return httpx.Response(302, headers={"location": "/other?n=1"})
        return httpx.Response(200, text="there")

    async with routed(answer) as client:
        response = await client.get("/x")

    assert response.text == "there"
    assert [each.status_code for each in response.history] == [302]
    assert seen == ["http://a.test/base/x", "http://b.test/base/x", "http://b.test/other?n=1"]


async def test_what_the_caller_follows_elsewhere_goes_without_credentials() -> None:
    """Another host is asked as any address is, and learns nothing of the option's key, nor of the caller's."""
    seen: list[tuple[str, str | None, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        headers = request.headers
        seen.append((str(request.url), headers.get("authorization"), headers.get("x-api-key")))
        there = "http://b.test/base/y"
        return (
            httpx.Response(302, headers={"location": there}) if request.url.path == "/base/x" else httpx.Response(200)
        )

    async with routed(answer, {"key": "k"}) as client:
        await client.get("/x", headers={"x-api-key": "mine"})

    assert seen == [("http://a.test/base/x", "Bearer k", None), ("http://b.test/base/y", None, None)]


async def test_a_redirect_that_is_not_followed_is_the_caller_s_as_it_came() -> None:
    """Its location is not touched, and what httpx makes of it comes to the same option when it is sent."""
    async with EchoServer("/base") as server:
        transport = RoutingTransport(["a"], {"a": {"url": server.url}})
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            response = await client.get("/to/301?where=/base/echo%3Fx=1")
            assert response.status_code == 301
            assert response.headers["location"] == "/base/echo?x=1"
            assert response.next_request is not None
            after = await client.send(response.next_request)

    assert after.json()["target"] == "/base/echo?x=1"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a.test", "http://a.test:80/x", True),
        ("http://a.test", "https://a.test", True),
        ("http://a.test:81", "https://a.test", False),
        ("https://a.test", "http://a.test", False),
        ("http://a.test", "http://b.test", False),
        ("http://a.test", "http://a.test:81", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    """As for httpx: the same host by https now may be shown what it was shown before."""
    assert is_same_origin(httpx.URL(one), httpx.URL(other)) is same
