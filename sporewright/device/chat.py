"""`sporewright.chat`: the page's routed chat under asyncio, over a client whose transport routes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

import httpx

from sporewright.device.call_options import CHAT_WORDS
from sporewright.device.call_receipt import Receipt
from sporewright.device.failure import redacted
from sporewright.device.transport import NOWHERE, Upstream, dialect_of
from sporewright.errors import BrokenError, ClosedError, ConfigError, RefusedError
from sporewright.jsontext import shown
from sporewright.routing.dialects.chat_events import ChatEvents
from sporewright.routing.dialects.chat_request import chat_body, chat_path
from sporewright.routing.dialects.rows import reach
from sporewright.routing.dialects.sse_events import Heard, Kind, read_json
from sporewright.routing.preferences import refuse_unknown_words
from sporewright.routing.terms import Restart

__all__ = ["Chat", "chat"]

_PATH = "/chat/completions"
"""The path by which the plan knows the kind of request that a chat is: it may be sent twice."""


class Chat:
    """A chat's answer, read once: `async for event in chat` (docs/reference/chat.md), or `await chat.text()`."""

    def __init__(self, client: httpx.AsyncClient, request: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        if not isinstance(request.get("messages"), list):
            raise ConfigError(f"chat: messages: {shown(request.get('messages'))} is not a list")
        self._client, self._asked = client, asked
        self._readers: dict[str, Callable[[], ChatEvents]] = {}
        self._sent: dict[str, httpx.Request] = {}
        self._request = {**request, "stream": request.get("stream") is not False}
        self._has_begun = False
        self._restarted = ""
        self._texts: list[str] = []
        self.option = ""
        """The option that answers; empty before one does."""
        self.usage: dict[str, int] | None = None
        self.finish_reason: str | None = None
        """None as long as the answer is not whole."""
        self.receipt: Receipt | None = None

    @property
    def request(self) -> Mapping[str, Any]:
        """The request as the caller made it."""
        return self._request

    def spoken(self, upstream: Upstream, base: str) -> tuple[str, bytes]:
        """Path and query below an address whose path is `base`, and the body, in the option's dialect."""
        dialect, model = dialect_of(upstream), upstream.get("model", self._request.get("model"))
        is_streaming = self._request["stream"] is True
        path = chat_path(dialect, base, model=model, is_streaming=is_streaming, path=upstream.get("path"))
        body = chat_body(dialect, self._request, model=model)
        return path, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()

    def sent(self, option: str, request: httpx.Request) -> None:
        """Keep what the option is sent: a refusal may quote from it what proves who sent it."""
        self._sent[option] = request

    def listener(self, option: str, upstream: Upstream, most: int) -> _Listener:
        """A listener that follows this option's answer for the chain; `most` bytes of one event."""
        dialect, choices = dialect_of(upstream), self._request.get("n")
        asked = choices if isinstance(choices, int) else 1
        self._readers[option] = lambda: ChatEvents(dialect, most=most, choices=asked)
        return _Listener(self._readers[option]())

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        if self._has_begun:
            raise ClosedError("this chat has been read already; make a new one")
        self._has_begun = True
        accept = "text/event-stream" if self._request["stream"] else "application/json"
        asked = {"restart": "notify", **self._asked, "speech": self, "on_restart": self._begins_anew}
        # Each option is sent its own body; that there is one says that this is a POST like any other.
        headers = {"accept": accept, "content-type": "application/json"}
        extensions = {"sporewright": asked}
        async with self._client.stream(
            "POST", NOWHERE + _PATH, headers=headers, content=b"{}", extensions=extensions
        ) as response:
            receipt = response.extensions.get("sporewright")
            if not isinstance(receipt, Receipt):
                raise ConfigError("chat: the client's transport is not a RoutingTransport")
            self.receipt, self.option = receipt, receipt.option
            if response.status_code >= 400:
                said = _reason(await response.aread())
                why = redacted(said, self._sent.get(self.option))[:500]
                raise RefusedError(f"{self.option} refused with HTTP {response.status_code}: {why}")
            if self.option not in self._readers:
                raise BrokenError(
                    f"{self.option} answered HTTP {response.status_code}, without an answer that can be read"
                )
            try:
                async for event in self._read(response):
                    yield event
            except BrokenError as why:
                why.partial = "".join(self._texts)
                raise

    async def text(self) -> str:
        """The first choice's whole text; reads the chat if it has not been read."""
        if not self._has_begun:
            async for _ in self:
                pass
        if self.finish_reason is None:
            raise BrokenError("this chat has not been read to its end")
        return "".join(self._texts)

    async def _read(self, response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
        events = self._readers[self.option]()
        async for piece in response.aiter_bytes():
            if self._restarted:
                self.option, self._restarted, self._texts = self._restarted, "", []
                events = self._readers[self.option]()
                yield {"type": "restart", "option": self.option}
            for event in events.feed(piece):
                yield self._noted(event)
        for event in events.end():
            yield self._noted(event)
        reasons = [reason for _, reason in sorted(events.finish_reasons.items())]
        if events.ending != "complete":
            raise BrokenError(f"the answer of {self.option} is not whole: {events.ending}")
        self.usage, self.finish_reason = events.usage, reasons[0]
        if self.usage is not None:
            yield {"type": "usage", "usage": self.usage, "data": events.raw_usage}
        yield {"type": "done", "option": self.option, "finish_reason": reasons[0], "finish_reasons": reasons}

    def _begins_anew(self, option: str) -> None:
        self._restarted = option

    def _noted(self, event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "text" and event["choice"] == 0:
            self._texts.append(event["text"])
        return event


def chat(client: httpx.AsyncClient, request: Mapping[str, Any], *, restart: Restart = "notify", **asked: Any) -> Chat:
    """A chat with the first option that answers, each asked in its own dialect; the call is made at the first read.

    `request` as OpenAI's chat completions take it; `asked`: `retry`, `hedge`, `idempotent`, `only` and so on, as
    in the transport's extension, without `expects`: a chat is judged by its dialect.
    Errors: ExhaustedError, BrokenError, RefusedError; ConfigError for what is no request.
    """
    refuse_unknown_words(asked, CHAT_WORDS, "chat")
    return Chat(client, request, {"restart": restart, **asked})


class _Listener:
    """Follows an answer by its dialect: what is a token, and whether it is whole."""

    def __init__(self, events: ChatEvents) -> None:
        self._events = events

    def feed(self, piece: bytes) -> Heard:
        events, before = self._events, self._events.lively
        events.feed(piece)
        return Heard(
            tokens=events.lively - before,
            is_malformed=events.is_malformed,
            is_finished=events.is_finished,
            is_done=events.is_done,
            error=events.error,
            usage=events.raw_usage,
        )

    def ends(self) -> tuple[Kind, Any]:
        self._events.end()
        return self._events.ending, self._events.raw_usage

    @property
    def has_said_anything(self) -> bool:
        return self._events.has_said_anything

    def counts(self) -> dict[str, int]:
        usage = self._events.usage or {}
        return {
            name: usage[of] for name, of in (("in", "input"), ("out", "output"), ("cached", "cached")) if of in usage
        }


def _reason(text: bytes) -> str:
    """The provider's reason for a refusal, as far as it gives one."""
    said: Any = text.decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):  # its own words, then
        body = read_json(said)
        # Written anew: what JSON escapes may be what is not to be told.
        anew = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        said = reach(body, ["error", "message"]) or reach(body, ["message"]) or anew
    return str(said)
