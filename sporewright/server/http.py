"""The server's addresses: health, metrics, the sync socket, the built page (docs/contracts.md §2, §6)."""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response, WebSocket
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from sporewright.errors import SporewrightError

__all__ = ["CONTENT_SECURITY_POLICY", "Page", "add_addresses"]

# WebAssembly may compile and nothing may be evaluated; a page may talk to any upstream its author names.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; "
    "connect-src *; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# What a browser must be told, whatever the machine's own table says: streaming compilation asks for application/wasm.
for _kind, _ending in (
    ("text/javascript", ".mjs"),
    ("text/javascript", ".js"),
    ("application/wasm", ".wasm"),
    ("application/zip", ".whl"),
):
    mimetypes.add_type(_kind, _ending)


class Page(StaticFiles):
    """The built page; every answer is revalidated, and documents carry the strict policy."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file with its headers."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["referrer-policy"] = "no-referrer"
        # A worker's policy comes with the worker's own script, so scripts carry it too.
        if response.headers.get("content-type", "").split(";")[0] in ("text/html", "text/javascript"):
            response.headers["content-security-policy"] = CONTENT_SECURITY_POLICY
        return response


def add_addresses(app: FastAPI, dist: Path | None) -> None:
    """Put the routes on an app whose `state` holds store, metrics and `connect` by the time it serves."""

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, Any]:
        """The store answers; 503 with the reason if it does not."""
        try:
            await asyncio.to_thread(app.state.store.ping)
        except SporewrightError as why:
            response.status_code = 503
            return {"status": "unavailable", "error": {"code": why.code, "message": str(why)}}
        return {"status": "ok", "revision": app.state.store.revision}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Counters in the Prometheus text format."""
        return Response(app.state.metrics.text(), media_type=app.state.metrics.content_type)

    @app.websocket("/v1/sync")
    async def sync(socket: WebSocket) -> None:
        await app.state.connect(socket)

    if dist is not None and dist.is_dir():
        app.mount("/sporewright", Page(directory=dist, html=True))
        app.mount("/", Page(directory=dist, html=True))
