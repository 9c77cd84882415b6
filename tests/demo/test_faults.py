"""The provider that fails on purpose, where its script does not say how."""

from __future__ import annotations

import httpx
import pytest

from sporewright.server.demo.faults import FaultServer


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"null", b"[" * 100_000, b'{"stream": "x", "messages": 1}'])
async def test_a_failing_provider_takes_any_body(body: bytes) -> None:
    """What is no request is answered like one that asks for nothing in particular."""
    server = FaultServer("a")
    await server.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"{server.url}/v1/chat/completions", content=body)
        assert answer.status_code == 200
    finally:
        await server.stop()
