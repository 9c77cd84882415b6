"""Routes for the inspector: the config, the upstreams' addresses, and a token for its device."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sporewright.errors import ConfigError, DecodeError
from sporewright.jsontext import parse, shown
from sporewright.server.auth import Tokens
from sporewright.server.demo.figures import SOURCES, TIME_FACTOR
from sporewright.server.demo.seeds import WORKSPACE, demo_config
from sporewright.server.demo.upstream import Upstream

__all__ = ["demo_site", "upstreams_json", "with_demo"]

# Long enough for a demonstration; the page asks again when it needs another.
TOKEN_TTL_S = 3600.0
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NO_STORE = {"Cache-Control": "no-store"}


def demo_site(tokens: Tokens, upstreams: Sequence[Upstream]) -> Starlette:
    """The routes under /demo/, same origin only: no CORS header, so no other page reads a token."""

    async def config(_: Request) -> Response:
        return JSONResponse(demo_config(), headers=_NO_STORE)

    async def addresses(_: Request) -> Response:
        return JSONResponse(upstreams_json(upstreams), headers=_NO_STORE)

    async def token(request: Request) -> Response:
        try:
            device = _device(await request.body())
        except (ConfigError, DecodeError) as why:
            return JSONResponse({"error": {"code": why.code, "message": str(why)}}, 400, _NO_STORE)
        minted = tokens.mint(WORKSPACE, device, holder=f"owner of {device}", ttl_s=TOKEN_TTL_S)
        return JSONResponse({"token": minted, "workspace": WORKSPACE, "device": device}, headers=_NO_STORE)

    routes = [
        Route("/demo/config.json", config),
        Route("/demo/upstreams.json", addresses),
        Route("/demo/token", token, methods=["POST"]),
    ]
    return Starlette(routes=routes)


def upstreams_json(upstreams: Sequence[Upstream]) -> dict[str, object]:
    """Each upstream's address and the measurements of the provider it stands for, in the provider's own seconds."""
    described = {
        upstream.figures.name: {
            "url": upstream.url,
            "p50_s": upstream.figures.p50_s,
            "p95_s": upstream.figures.p95_s,
            "rate_limited": upstream.figures.rate_limited,
        }
        for upstream in upstreams
    }
    return {"upstreams": described, "time_factor": TIME_FACTOR, "sources": SOURCES}


def with_demo(orchestrator: Callable[..., Any], site: Starlette) -> Callable[..., Any]:
    """One ASGI app: HTTP under /demo/ goes to the site, everything else to the orchestrator."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        ours = scope["type"] == "http" and scope["path"].startswith("/demo/")
        await (site if ours else orchestrator)(scope, receive, send)

    return app


def _device(body: bytes) -> str:
    asked = parse(body, "token") if body else {}
    device = asked.get("device") if isinstance(asked, dict) else asked
    if device is None:
        return f"device-{secrets.token_hex(2)}"
    if not isinstance(device, str) or not _DEVICE.fullmatch(device):
        named = shown(device)
        raise ConfigError(f"device: {named} is not a name of 1 to 64 letters, digits, '.', '_' or '-'")
    return device
