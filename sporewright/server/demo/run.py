"""`sporewright demo`: five upstreams and the orchestrator in one process; Ctrl-C ends all of it."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import webbrowser
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sporewright.server.app import create_app, tokens_of
from sporewright.server.clock import SystemClock
from sporewright.server.demo.figures import PROVIDERS, SOURCES, TIME_FACTOR
from sporewright.server.demo.listener import Listener
from sporewright.server.demo.seeds import demo_config
from sporewright.server.demo.site import demo_site, with_demo
from sporewright.server.demo.upstream import Upstream
from sporewright.server.settings import Settings, load_settings

__all__ = ["run_demo"]


def run_demo(host: str = "127.0.0.1", port: int = 8787, open_browser: bool = True, database: str | None = None) -> None:
    """Serve until SIGINT or SIGTERM; ConfigError when the port is taken.

    `database` as in `sporewright serve`; None: an SQLite file that goes when the demo ends.
    """
    with tempfile.TemporaryDirectory(prefix="sporewright-demo-") as folder:
        asyncio.run(_serve(host, port, open_browser, database, Path(folder)))


async def _serve(host: str, port: int, open_browser: bool, database: str | None, folder: Path) -> None:
    with _ended_by_signals() as ended:
        async with _upstreams() as upstreams, _page(host, port, database, folder, upstreams) as page:
            _say(page, upstreams)
            if open_browser:
                await asyncio.to_thread(webbrowser.open, page.url)
            await ended.wait()
            print("stopping", flush=True)


@contextmanager
def _ended_by_signals() -> Iterator[asyncio.Event]:
    # The first signal ends the demo in order; a second one finds Python's own handlers back in place.
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def end() -> None:
        ended.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    yield ended


@asynccontextmanager
async def _upstreams() -> AsyncIterator[list[Upstream]]:
    upstreams = [Upstream(figures) for figures in PROVIDERS]
    try:
        await asyncio.gather(*(upstream.start() for upstream in upstreams))
        yield upstreams
    finally:
        await asyncio.gather(*(upstream.stop() for upstream in upstreams))


@asynccontextmanager
async def _page(
    host: str, port: int, database: str | None, folder: Path, upstreams: list[Upstream]
) -> AsyncIterator[Listener]:
    settings = _settings(host, port, database or f"sqlite:///{folder / 'demo.db'}", folder)
    orchestrator = create_app(settings)
    site = demo_site(tokens_of(settings, SystemClock()), upstreams)
    page = Listener(with_demo(orchestrator, site), host, port, settings)
    try:
        # Not left to the listener: a store that does not open is then an error of ours with its own words.
        async with orchestrator.router.lifespan_context(orchestrator):
            await page.start()
            yield page
            await page.stop()
    finally:
        await page.stop()


def _settings(host: str, port: int, database: str, folder: Path) -> Settings:
    config = folder / "config.json"
    config.write_text(json.dumps(demo_config()), encoding="utf-8")
    settings = load_settings(host=host, port=port, database=database, config=config)
    built = Path(__file__).parents[3] / "web" / "dist"
    return settings if settings.dist else settings.model_copy(update={"dist": built})


def _say(page: Listener, upstreams: list[Upstream]) -> None:
    print(f"Five upstreams, {1 / TIME_FACTOR:g} times as fast as measured ({SOURCES['latency']}):")
    for upstream in upstreams:
        median = upstream.figures.p50_s * TIME_FACTOR
        print(f"  {upstream.figures.name:<11} {upstream.url}  median {median:.2f} s")
    print(f"Inspector: {page.url}/")
    print("Ctrl-C ends all of it.", flush=True)
