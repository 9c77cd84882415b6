"""A provider that fails on purpose: real sockets, chat completions, a script of faults, a log of each attempt."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sporewright.errors import ConfigError, DecodeError
from sporewright.jsontext import parse, shown
from sporewright.server.demo.completion import TOKENS, answer, chunk, event, usage, words
from sporewright.server.demo.listener import Listener, reset

__all__ = ["KINDS", "FaultServer", "Step"]

KINDS = (
    "ok", "status", "reset", "silent", "cut", "end", "stall", "malformed", "fail", "no_done", "prefill",
)  # fmt: skip
"""ok; a status; RST before the headers; silence; after `after` tokens: RST, a clean end, a stall, an event that is no
JSON, an error event; a whole answer without `[DONE]` that stays open; 400 for an assistant prefill, else ok."""


@dataclass(frozen=True)
class Step:
    """One behaviour, for `times` requests (0: for ever) or, from its first request on, for `seconds`."""

    kind: str = "ok"
    times: int = 0
    seconds: float = 0.0
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str = "fault"
    message: str = "as it was told to"
    tokens: int = TOKENS
    after: int = 20
    first_token_s: float = 0.0
    token_s: float = 0.0

    @classmethod
    def parse(cls, body: object) -> Step:
        """From JSON; ConfigError names what is wrong."""
        known = {each.name: type(each.default) for each in fields(cls)}
        if not isinstance(body, dict) or not set(body) <= set(known):
            raise ConfigError(f"step: {shown(body)} has other fields than {', '.join(known)}")
        if body.get("kind", "ok") not in KINDS:
            raise ConfigError(f"step.kind: {shown(body['kind'])} is none of {', '.join(KINDS)}")
        return cls(**body)


class FaultServer:
    """One provider on a port of its own; `script` is worked off step by step, the last one stays."""

    def __init__(self, name: str, script: Sequence[Step] = (Step(),), *, host: str = "127.0.0.1") -> None:
        self.name = name
        self.log: list[dict[str, Any]] = []
        """Each attempt: `at`, `left` or `ended` (seconds since the epoch), `kind`, `status`, `tokens` sent."""
        self._stopping = asyncio.Event()
        self._listener = Listener(self._app(), host)
        self.url = self._listener.url
        self.play(script)

    def play(self, script: Sequence[Step]) -> None:
        """Behave so from now on."""
        if not script:
            raise ConfigError("script: a script has at least one step")
        self._script, self._used, self._since = list(script), 0, 0.0

    async def start(self) -> None:
        """Serve."""
        await self._listener.start()

    async def stop(self) -> None:
        """Stop serving and close the port; no caller is kept waiting."""
        self._stopping.set()
        await self._listener.stop()

    def _app(self) -> Starlette:
        cors = Middleware(
            CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"], expose_headers=["*"]
        )
        routes = [
            Route("/v1/chat/completions", self._serve, methods=["POST"]),
            Route("/hello", self._serve, methods=["GET", "POST"]),
            Route("/_script", self._set_script, methods=["POST"]),
            Route("/_log", self._get_log, methods=["GET"]),
        ]
        return Starlette(routes=routes, middleware=[cors])

    def _step(self) -> Step:
        now = time.monotonic()
        while len(self._script) > 1:
            step = self._script[0]
            if self._since == 0.0:
                self._since = now
            over = now - self._since >= step.seconds if step.seconds > 0 else self._used >= step.times > 0
            if not over:
                break
            self._script.pop(0)
            self._used, self._since = 0, 0.0
        self._used += 1
        return self._script[0]

    async def _serve(self, request: Request) -> Response:
        step = self._step()
        body = await _body(request)
        prefill = _is_prefilled(body)
        entry: dict[str, Any] = {"at": time.time(), "kind": step.kind, "status": None, "tokens": 0, "prefill": prefill}
        entry["key"] = request.headers.get("idempotency-key")
        self.log.append(entry)
        if step.kind in ("reset", "silent"):
            if step.kind == "silent":
                await self._until_left(request, entry)
            reset(request.state.transport)
            return Response()  # to a connection that is gone
        if step.kind == "status" or (step.kind == "prefill" and prefill):
            return self._refuse(step, entry)
        return self._answer(step, entry, request, body)

    def _refuse(self, step: Step, entry: dict[str, Any]) -> Response:
        status, code, message = step.status, step.code, step.message
        if step.kind == "prefill":
            status, code, message = (
                400,
                "invalid_request_error",
                "This model does not support assistant message prefill.",
            )
        entry.update(status=status, ended=time.time())
        return JSONResponse({"error": {"message": message, "code": code}}, status, dict(step.headers))

    def _answer(self, step: Step, entry: dict[str, Any], request: Request, body: dict[str, Any]) -> Response:
        entry["status"] = 200
        if body.get("stream"):
            stream = self._noting(self._events(step, entry, request), entry)
            return StreamingResponse(stream, media_type="text/event-stream", headers=dict(step.headers))
        if step.kind in ("cut", "end", "stall"):
            text = json.dumps({**answer(self.name, step.tokens), **_id(entry)}).encode()
            head = {"content-length": str(len(text))} if step.kind != "end" else {}
            pieces = self._noting(self._half(step, text, request), entry)
            return StreamingResponse(pieces, media_type="application/json", headers=head)
        entry.update(tokens=step.tokens, ended=time.time())
        return JSONResponse({**answer(self.name, step.tokens), **_id(entry)}, headers=dict(step.headers))

    async def _noting(self, pieces: AsyncIterator[bytes], entry: dict[str, Any]) -> AsyncIterator[bytes]:
        try:
            async for piece in pieces:
                yield piece
            entry["ended"] = time.time()
        finally:
            if "ended" not in entry:
                entry["left"] = time.time()

    async def _events(self, step: Step, entry: dict[str, Any], request: Request) -> AsyncIterator[bytes]:
        own = _id(entry)
        yield event(chunk(self.name, {"role": "assistant", "content": ""}, **own))
        await self._pause(step.first_token_s)
        for number, word in enumerate(words(step.tokens)):
            if number == step.after and step.kind in ("cut", "end", "stall", "malformed", "fail"):
                yield await self._fault(step, request)
                if step.kind != "malformed":
                    return
            yield event(chunk(self.name, {"content": word}, **own))
            entry["tokens"] += 1
            await self._pause(step.token_s)
        yield event(chunk(self.name, {}, "stop", **own))
        yield event({**chunk(self.name, {}, **own), "choices": [], "usage": usage(step.tokens)})
        if step.kind == "no_done":
            await self._stopping.wait()
        else:
            yield event("[DONE]")

    async def _fault(self, step: Step, request: Request) -> bytes:
        if step.kind == "malformed":
            return b'data: {"choices": [{"delta": {"conte\n\n'
        if step.kind == "fail":
            return event({"error": {"message": step.message, "code": step.code}})
        if step.kind == "stall":
            await self._stopping.wait()
        elif step.kind == "cut":
            # A reset takes with it what its peer has not read: what was sent before is to be read by then.
            await self._pause(0.25)
            reset(request.state.transport)
        return b""

    async def _half(self, step: Step, text: bytes, request: Request) -> AsyncIterator[bytes]:
        yield text[: len(text) // 2]
        yield await self._fault(step, request)

    async def _pause(self, seconds: float) -> None:
        # Every token is a packet of its own: the loop gets its turn to write.
        try:
            async with asyncio.timeout(max(seconds, 0.0005)):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _until_left(self, request: Request, entry: dict[str, Any]) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        leaving = asyncio.create_task(_goodbye(request))
        _, pending = await asyncio.wait({stopping, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        entry["left"] = time.time()

    async def _set_script(self, request: Request) -> Response:
        try:
            steps = parse(await request.body(), "script")
            self.play([Step.parse(step) for step in steps] if isinstance(steps, list) else [])
        except (ConfigError, DecodeError) as why:
            return JSONResponse({"error": {"message": str(why)}}, 400)
        return JSONResponse({"steps": len(self._script)})

    async def _get_log(self, _: Request) -> Response:
        return JSONResponse({"name": self.name, "attempts": self.log})


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _id(entry: dict[str, Any]) -> dict[str, str]:
    """The answer's `id` is the request's `Idempotency-Key`, where it has one: every event says whose it is."""
    return {"id": entry["key"]} if entry["key"] else {}


def _is_prefilled(body: dict[str, Any]) -> bool:
    """True if the last message is the beginning of the assistant's own answer."""
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, dict) and last.get("role") == "assistant"


async def _goodbye(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue
