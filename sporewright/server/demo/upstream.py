"""One upstream: an HTTP server that answers as late, and fails as often, as a measured provider; faults on demand."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sporewright.errors import ConfigError, DecodeError
from sporewright.jsontext import parse, shown
from sporewright.server.demo.figures import IN_TOKENS, OUT_TOKENS, TIME_FACTOR, Figures
from sporewright.server.demo.listener import Listener, reset

__all__ = ["FAULTS", "Fault", "Upstream"]

FAULTS = ("none", "slow", "rate_limit", "error", "empty", "unauthorized", "reset", "silent")
# A slow upstream still answers, mostly within the 4 s that the page allows an attempt.
SLOW_FACTOR = 4.0
# A refusal costs a round trip, not a generation.
REFUSAL_S = 0.02
LOG_LENGTH = 200


@dataclass(frozen=True)
class Fault:
    """The present fault of an upstream, one of `FAULTS`; `retry_after_s` goes out with `rate_limit`."""

    kind: str = "none"
    retry_after_s: float = 5.0

    @classmethod
    def parse(cls, body: object) -> Fault:
        """From the control endpoint's JSON; ConfigError names what is wrong."""
        if not isinstance(body, dict) or body.get("kind") not in FAULTS:
            raise ConfigError(f"fault: {shown(body)} has no kind of {', '.join(FAULTS)}")
        after = body.get("retry_after_s", cls.retry_after_s)
        if isinstance(after, bool) or not isinstance(after, (int, float)) or not 0 <= after <= 3600:
            raise ConfigError(f"fault: retry_after_s {shown(after)} is not a number of seconds in [0, 3600]")
        return cls(str(body["kind"]), float(after))


class Upstream:
    """A stand-in for one provider on a port of its own; `latency_s` and the failures are drawn from `figures`."""

    def __init__(self, figures: Figures, *, host: str = "127.0.0.1", seed: int | None = None) -> None:
        self.figures = figures
        self.fault = Fault()
        self.log: deque[dict[str, object]] = deque(maxlen=LOG_LENGTH)
        self._random = random.Random(seed)
        self._stopping = asyncio.Event()
        self._listener = Listener(self._app(), host)
        self.url = self._listener.url

    async def start(self) -> None:
        """Serve."""
        await self._listener.start()

    async def stop(self) -> None:
        """Stop serving and close the port; no caller is kept waiting by a slow or a silent answer."""
        self._stopping.set()
        await self._listener.stop()

    def latency_s(self) -> float:
        """One draw in seconds: log-normal with the measured median and 95th percentile, times the time factor."""
        return TIME_FACTOR * self._random.lognormvariate(math.log(self.figures.p50_s), self.figures.sigma)

    def _app(self) -> Starlette:
        # Any page may call: these are stand-ins without secrets, and pages under test live on other origins.
        cors = Middleware(
            CORSMiddleware,
            allow_origins=["*"],
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Retry-After"],
        )
        routes = [
            Route("/hello", self._answer, methods=["GET"]),
            Route("/v1/chat/completions", self._answer, methods=["POST"]),
            Route("/_fault", self._get_fault, methods=["GET"]),
            Route("/_fault", self._set_fault, methods=["POST"]),
            Route("/_log", self._get_log, methods=["GET"]),
        ]
        return Starlette(routes=routes, middleware=[cors])

    async def _answer(self, request: Request) -> Response:
        started = time.monotonic()
        fault = self.fault
        if fault.kind == "reset":
            self._note(request, "reset", started)
            reset(request.state.transport)
            return Response()  # to a connection that is gone
        if fault.kind == "silent":
            self._note(request, "silent", started)
            await self._until_left(request)
            return Response()
        response = await self._respond(request, fault)
        self._note(request, response.status_code, started)
        return response

    async def _respond(self, request: Request, fault: Fault) -> Response:
        if fault.kind == "error":
            await self._pause(REFUSAL_S)
            return _problem(500, "the upstream failed, as it was told to")
        if fault.kind == "empty":
            return JSONResponse({"error": {"message": "the upstream has no answer, as it was told to"}})
        if fault.kind == "unauthorized":
            await self._pause(REFUSAL_S)
            return _problem(401, "Incorrect API key provided")
        if fault.kind == "rate_limit" or self._random.random() < self.figures.rate_limited:
            await self._pause(REFUSAL_S)
            return _problem(429, "too many requests", {"Retry-After": str(math.ceil(fault.retry_after_s))})
        await self._pause(self.latency_s() * (SLOW_FACTOR if fault.kind == "slow" else 1.0))
        if request.method == "GET":
            return JSONResponse({"hello": self.figures.name})
        return JSONResponse(_completion(self.figures.name, len(self.log) + 1))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _until_left(self, request: Request) -> None:
        waits = {asyncio.create_task(_goodbye(request)), asyncio.create_task(self._stopping.wait())}
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        reset(request.state.transport)

    def _note(self, request: Request, outcome: int | str, started: float) -> None:
        took = round(time.monotonic() - started, 4)
        self.log.append({"at": time.time(), "path": request.url.path, "outcome": outcome, "seconds": took})

    async def _get_fault(self, _: Request) -> Response:
        return JSONResponse({"kind": self.fault.kind, "retry_after_s": self.fault.retry_after_s})

    async def _set_fault(self, request: Request) -> Response:
        try:
            self.fault = Fault.parse(parse(await request.body(), "fault"))
        except (ConfigError, DecodeError) as why:
            return _problem(400, str(why))
        return await self._get_fault(request)

    async def _get_log(self, _: Request) -> Response:
        return JSONResponse({"name": self.figures.name, "attempts": list(self.log)})


async def _goodbye(request: Request) -> None:
    # The body is drained first; then the next message is the caller's goodbye.
    await request.body()
    while (await request.receive())["type"] != "http.disconnect":
        continue


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "code": status}}, status, headers)


def _completion(name: str, number: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": f"An answer from the stand-in for {name}."}
    return {
        "id": f"demo-{name}-{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "llama-2-70b-chat",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": IN_TOKENS, "completion_tokens": OUT_TOKENS, "total_tokens": IN_TOKENS + OUT_TOKENS},
    }
