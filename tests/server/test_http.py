"""The addresses of a server, asked over HTTP."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from sporewright.server.http import CONTENT_SECURITY_POLICY
from tests.server.conftest import Running, cell

Make = Callable[..., Running]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A built page of a few files."""
    for name in (
        "index.html",
        "sporewright.js",
        "manifest.json",
        "runtime/pyodide-1/pyodide.mjs",
        "runtime/pyodide-1/a.wasm",
        "runtime/pyodide-1/a.whl",
    ):
        file = tmp_path / "dist" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path / "dist"


def _ask(running: Running) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", trust_env=False)


async def test_health_readiness_and_openapi(server: Make) -> None:
    """A server that serves says so, and describes itself."""
    async with server().serving() as running, _ask(running) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ok")
        assert set((await client.get("/openapi.json")).json()["paths"]) == {"/healthz", "/readyz", "/metrics"}


async def test_not_ready_without_its_database(server: Make) -> None:
    """A store that does not answer is 503 with the reason."""
    async with server(database="memory://").serving() as running, _ask(running) as client:
        running.app.state.store.close()
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "closed"


async def test_metrics_count(server: Make) -> None:
    """Counts of the devices' work can be scraped, and no name or token of theirs is in them."""
    async with server().serving() as running, _ask(running) as client, running.device("A") as device:
        await device.push(cell("A", "groq", "latency", 1.0), cell("B", "groq", "latency", 1.0))
        text = (await client.get("/metrics")).text
    assert "sporewright_connections 1.0" in text
    assert 'sporewright_cells_total{outcome="accepted"} 1.0' in text
    assert 'sporewright_cells_total{outcome="refused"} 1.0' in text
    assert "acme" not in text


@pytest.mark.parametrize("prefix", ["/", "/sporewright/"])
async def test_the_page_is_served_with_its_types(server: Make, dist: Path, prefix: str) -> None:
    """Modules, WebAssembly and documents carry the types browsers insist on; what may change is asked for again."""
    types = {
        "": "text/html; charset=utf-8",
        "sporewright.js": "text/javascript; charset=utf-8",
        "manifest.json": "application/json",
        "runtime/pyodide-1/pyodide.mjs": "text/javascript; charset=utf-8",
        "runtime/pyodide-1/a.wasm": "application/wasm",
    }
    async with server(dist=dist).serving() as running, _ask(running) as client:
        for name, kind in types.items():
            answer = await client.get(prefix + name)
            assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
            assert (answer.headers["cache-control"] == "no-cache") is not name.startswith("runtime/")
            assert answer.headers["x-content-type-options"] == "nosniff"
        page = await client.get(prefix)
        assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        same = await client.get(prefix, headers={"if-none-match": page.headers["etag"]})
        assert same.status_code == 304


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("*", "br"),
        ("*, br;q=0", "gzip"),
        ("identity", None),
        ("br;q=x", None),
        ("", None),
    ],
)
async def test_the_smallest_copy_is_sent(server: Make, dist: Path, accept: str, encoding: str | None) -> None:
    """A copy that the build compressed is sent as it is, under the type and the policy of the plain file."""
    plain = b"export const plain = true;\n" * 100
    copies = {None: plain, "br": b"its brotli copy", "gzip": gzip.compress(plain)}
    for ending, code in (("", None), (".br", "br"), (".gz", "gzip")):
        (dist / f"sporewright.js{ending}").write_bytes(copies[code])
    async with server(dist=dist).serving() as running, _ask(running) as client:
        asked = {"accept-encoding": accept}
        async with client.stream("GET", "/sporewright.js", headers=asked) as answer:
            sent = b"".join([chunk async for chunk in answer.aiter_raw()])
        same = await client.get("/sporewright.js", headers=asked | {"if-none-match": answer.headers["etag"]})
        bare = await client.get("/runtime/pyodide-1/a.wasm", headers=asked)
    assert sent == copies[encoding]
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["vary"] == "accept-encoding"
    assert same.status_code == 304
    assert "content-encoding" not in bare.headers


async def test_what_is_named_by_its_content_is_kept(server: Make, dist: Path) -> None:
    """Hashed assets and the runtime need no second question, everything else does; a miss is not kept."""
    (dist / "assets").mkdir()
    (dist / "assets" / "index-a1b2.js").write_text("x")
    async with server(dist=dist).serving() as running, _ask(running) as client:
        for name in ("/assets/index-a1b2.js", "/runtime/pyodide-1/a.whl", "/sporewright/runtime/pyodide-1/a.wasm"):
            assert "immutable" in (await client.get(name)).headers["cache-control"]
        missing = await client.get("/runtime/pyodide-1/gone.wasm")
        assert (missing.status_code, "immutable" in missing.headers.get("cache-control", "")) == (404, False)
        assert (await client.get("/sporewright.js")).headers["cache-control"] == "no-cache"


async def test_nothing_outside_the_page_is_served(server: Make, dist: Path) -> None:
    """A path that leaves the folder is not found."""
    (dist.parent / "secret.txt").write_text("secret")
    async with server(dist=dist).serving() as running, _ask(running) as client:
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/sporewright/..%2f..%2fsecret.txt", "/nothing.js"):
            assert (await client.get(path)).status_code == 404


def test_the_policy_is_strict() -> None:
    """Nothing may be evaluated or come from elsewhere, but WebAssembly may compile and upstreams may be called."""
    rules = dict(rule.strip().split(" ", 1) for rule in CONTENT_SECURITY_POLICY.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert rules["connect-src"] == "*"
    assert rules["worker-src"] == rules["style-src"] == "'self'"
