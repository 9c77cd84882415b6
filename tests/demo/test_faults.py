"""The provider that fails on purpose, where its script does not say how."""

from __future__ import annotations

import httpx
import pytest

from sporewright.server.demo.faults import FaultServer


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"null", b"[" * 100_000, b'{"stream": "x", "messages": 1}'])
async def test_a_failing_provider_takes_any_body(body: bytes) -> None:
    """A body that is no request is answered like one that asks for nothing in particular."""
    server = FaultServer("a")
    await server.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"{server.url}/v1/chat/completions", content=body)
        assert answer.status_code == 200
    finally:
        await server.stop()


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_says_whose_it_is(stream: bool) -> None:
    """The request's key is the id of the answer, of every event of a stream; without one it is the usual."""
    server = FaultServer("a")
    await server.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            place, body = f"{server.url}/v1/chat/completions", {"stream": stream, "messages": []}
            keyed = await client.post(place, json=body, headers={"idempotency-key": "k-1"})
            bare = await client.post(place, json=body)
        asked = len(keyed.text.split("data: {")) - 1 if stream else 1
        assert keyed.text.count('"id":"k-1"') + keyed.text.count('"id": "k-1"') == asked
        assert "k-1" not in bare.text
        assert [entry["key"] for entry in server.log] == ["k-1", None]
    finally:
        await server.stop()
