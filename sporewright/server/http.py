"""The server's addresses: health, metrics, the sync socket, the built page (docs/reference/server-settings.md)."""

from __future__ import annotations

import asyncio
import mimetypes
import os
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Response, WebSocket
from starlette.datastructures import Headers
from starlette.responses import FileResponse, PlainTextResponse
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from sporewright.errors import SporewrightError
from sporewright.server.log import told

__all__ = ["CONTENT_SECURITY_POLICY", "Page", "add_addresses"]

_log = structlog.get_logger("sporewright.http")

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


# Folders of the build in which every name says the content (docs/reference/build.md).
NAMED_BY_CONTENT = ("assets/", "runtime/")
# As the build writes them beside a file, the smaller one first.
ENCODINGS = {"br": ".br", "gzip": ".gz"}


def accepted_encodings(header: str) -> list[str]:
    """Those of ours that an Accept-Encoding header takes, the smaller first (RFC 9110 §12.5.3)."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameter = part.partition(";")
        try:
            weights[name.strip()] = float(parameter.partition("=")[2]) if parameter else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    return [name for name in ENCODINGS if weights.get(name, weights.get("*", 0.0)) > 0]


class Page(StaticFiles):
    """The built page, precompressed where the build did so; documents carry the strict policy.

    Every answer is revalidated, but those whose name changes with their content.
    """

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or its copy in the smallest encoding that the browser takes."""
        request = Headers(scope=scope)
        headers = {"vary": "accept-encoding"}
        sent = full_path
        for encoding in accepted_encodings(request.get("accept-encoding", "")):
            copy = Path(f"{os.fspath(full_path)}{ENCODINGS[encoding]}")
            if copy.is_file():
                sent, stat_result = copy, copy.stat()
                headers["content-encoding"] = encoding
                break
        kind = mimetypes.guess_type(os.fspath(full_path))[0] or "application/octet-stream"
        response = FileResponse(sent, status_code, headers, kind, stat_result=stat_result)
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, request) else response

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file with its headers."""
        response = await super().get_response(path, scope)
        kept = response.status_code < 400 and path.replace(os.sep, "/").startswith(NAMED_BY_CONTENT)
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["referrer-policy"] = "no-referrer"
        # A worker's policy comes with the worker's own script, so scripts carry it too.
        if response.headers.get("content-type", "").split(";")[0] in ("text/html", "text/javascript"):
            response.headers["content-security-policy"] = CONTENT_SECURITY_POLICY
            # A page that is isolated takes no worker that is not; for any other page it changes nothing.
            response.headers["cross-origin-embedder-policy"] = "require-corp"
        return response


def add_addresses(app: FastAPI, dist: Path | None) -> None:
    """Put the routes on an app whose `state` holds store, metrics and `connect` by the time it serves."""

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, Any]:
        """The store can be written to; 503 with the error's code if it cannot, the reason is in the log."""
        try:
            await asyncio.to_thread(app.state.store.ping)
        except SporewrightError as why:
            _log.error("not ready", code=why.code, reason=str(why))
            response.status_code = 503
            return {"status": "unavailable", "error": {"code": why.code, "message": told(why)}}
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
