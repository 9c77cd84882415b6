"""`sporewright.chat` over real sockets: whole or an error, and a reader who leaves ends it upstream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from sporewright import RoutingTransport, chat
from sporewright.device.chat import Chat
from sporewright.device.transport import NOWHERE
from sporewright.errors import BrokenError, ClosedError, ConfigError, ExhaustedError, RefusedError
from sporewright.server.demo.faults import Step
from tests.device.faulty import WHOLE, fleet_of

MESSAGES = [{"role": "user", "content": "count"}]
OK = Step()


async def read(answer: Chat) -> tuple[list[str], str]:
    """The kinds of events as they change, and the words of the last answer."""
    kinds, words = [], ""
    async for event in answer:
        if event["type"] != "other" and kinds[-1:] != [event["type"]]:
            kinds.append(event["type"])
        words = words + event.get("text", "") if event["type"] != "restart" else ""
    return kinds, words


@pytest.mark.parametrize("stream", [True, False])
async def test_a_chat_is_whole(stream: bool) -> None:
    """Text, usage, done; the answering option's name, its usage in the receipt, and the text once more."""
    async with fleet_of({"a": [OK]}, facts={"a": {"model": "m", "key": "k"}}) as fleet:
        answer = chat(fleet.client, {"messages": MESSAGES, "stream": stream})

        assert await read(answer) == (["text", "usage", "done"], WHOLE)
        assert await answer.text() == WHOLE
        assert (answer.option, answer.finish_reason) == ("a", "stop")
        assert answer.usage == {"input": 12, "output": 60, "total": 72}
        assert answer.receipt is not None
        assert answer.receipt.attempts[0].usage["total_tokens"] == 72
        assert answer.receipt.attempts[0].tokens == {"in": 12, "out": 60}
        with pytest.raises(ClosedError):
            await read(answer)


@pytest.mark.parametrize("kind", ["cut", "end", "stall", "fail", "malformed"])
async def test_a_broken_stream_begins_anew(kind: str) -> None:
    """A restart event and all words from the next option; held back, nothing of the first; or an error."""
    limits = {"inter_token_s": 0.5}
    async with fleet_of({"a": [Step(kind, after=40, token_s=0.002)], "b": [OK]}, limits) as fleet:
        told = await read(chat(fleet.client, {"messages": MESSAGES}, hedge=False))
        held = await read(chat(fleet.client, {"messages": MESSAGES}, restart="buffer", hedge=False))
        broken = chat(fleet.client, {"messages": MESSAGES}, restart="error", hedge=False)
        with pytest.raises(BrokenError) as why:
            await read(broken)
        assert why.value.partial
        assert WHOLE.startswith(why.value.partial)
        with pytest.raises(BrokenError):
            await broken.text()

    assert told == (["text", "restart", "text", "usage", "done"], WHOLE)
    assert held == (["text", "usage", "done"], WHOLE)


async def test_leaving_ends_it_upstream() -> None:
    """Closed in the middle, the server is let go, and no other option is asked."""
    async with fleet_of({"a": [Step(token_s=0.05)], "b": [OK]}) as fleet:
        async with aclosing(aiter(chat(fleet.client, {"messages": MESSAGES}))) as events:
            async for event in events:
                if event["type"] == "text":
                    break
        for _ in range(100):
            if "left" in fleet.attempts("a")[0]:
                break
            await asyncio.sleep(0.02)

        assert "left" in fleet.attempts("a")[0]
        assert fleet.attempts("b") == []


@pytest.mark.parametrize(
    "quoting",
    [
        lambda key: json.dumps({"error": {"message": f"{'x' * 490} {key}"}}),
        lambda key: json.dumps({"detail": [{"why": key, "at": f"/v1?key={quote(key, safe='')}"}]}),
        lambda key: json.dumps({"reason": key}).replace("/", "\\/"),
        lambda key: f"No: {key}, application/json",
    ],
)
async def test_what_is_refused_quotes_no_key(quoting: Callable[[str], str]) -> None:
    """Whole or cut short, as text, as JSON or as an address has it."""
    key = "sk/live+0123456789"
    transport = RoutingTransport(
        ["a"],
        {"a": {"url": "http://a.invalid", "key": key}},
        transport=httpx.MockTransport(lambda _: httpx.Response(400, text=quoting(key))),
    )
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        with pytest.raises(RefusedError, match="a refused with HTTP 400: ") as error:
            await chat(client, {"messages": MESSAGES}).text()
    said = str(error.value)
    assert "[reda" in said
    assert not any(part in said for part in ("0123456789", "sk/live", "sk\\/live", "sk%2Flive"))
    assert "application/json" in said or not quoting("").startswith("No")


async def test_what_is_refused_says_why() -> None:
    """The provider's words; what no dialect can say; what is no request; a client that does not route."""
    refuses = Step("status", status=400, code="content_filter", message="the prompt was filtered")
    request: dict[str, Any] = {"messages": MESSAGES, "logprobs": True}
    async with fleet_of({"a": [refuses]}, facts={"a": {"model": "m"}}) as fleet:
        with pytest.raises(RefusedError, match="a refused with HTTP 400: the prompt was filtered"):
            await chat(fleet.client, {"messages": MESSAGES}).text()
        with pytest.raises(ConfigError, match="not a list"):
            chat(fleet.client, {"messages": "count"})
    async with fleet_of({"a": [OK]}, facts={"a": {"dialect": "anthropic"}}) as fleet:
        with pytest.raises(ExhaustedError, match="logprobs"):
            await chat(fleet.client, request).text()
    plain = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=plain) as client:
        with pytest.raises(ConfigError, match="RoutingTransport"):
            await chat(client, {"messages": MESSAGES}).text()
    with pytest.raises(ConfigError, match="klingon"):
        RoutingTransport(["a"], {"a": {"url": "http://h", "dialect": "klingon"}})  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"expects": "json"}, "chat: 'expects': is none of affinity, cursor, "),
        ({"onyl": ["a"]}, "chat: 'onyl': did you mean 'only'"),
    ],
)
async def test_words_that_a_chat_does_not_have_are_refused(words: dict[str, Any], error: str) -> None:
    """A chat is judged by its dialect, so that what it expects is no question."""
    async with httpx.AsyncClient() as client:
        with pytest.raises(ConfigError, match=error):
            chat(client, {"messages": []}, **words)
