"""A real server on a real port, and devices that speak to it through the very session they run."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from sporewright.server.app import create_app, tokens_of
from sporewright.server.cells import Stated
from sporewright.server.run import uvicorn_config
from sporewright.server.settings import Settings
from sporewright.server.store.contract import Store
from sporewright.sync import Role, Session
from sporewright.wire import Ack, CellEntry, Delta, Hello, Message, Push, Resume, Snapshot, Welcome
from tests.serving import SECRET, free_port


def reported(store: Store) -> dict[str, Stated]:
    """workspace → its cells, as a store holds them."""
    found: dict[str, Stated] = {}
    for workspace, at, layers in store.reports():
        assert at not in found.setdefault(workspace, {}), "a cell is reported once"
        found[workspace][at] = layers
    return found


class MovableClock:
    """A clock that tests move: `time` passes, `set_by` is how far the wall clock was set besides."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.set_by = 0.0

    def now(self) -> float:
        """The time it was moved to, as the wall clock shows it."""
        return self.time + self.set_by

    def monotonic(self) -> float:
        """The time that has passed."""
        return self.time


class Running:
    """A server that serves, its settings and its clock."""

    def __init__(self, settings: Settings, clock: MovableClock) -> None:
        self.settings, self.clock = settings, clock
        self.tokens = tokens_of(settings, clock)
        self.port = free_port()

    @property
    def url(self) -> str:
        """The address to which devices connect."""
        return f"ws://127.0.0.1:{self.port}/v1/sync"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Running]:
        """Serve until the block ends."""
        self.app = create_app(self.settings, self.clock)
        config = uvicorn_config(self.app, self.settings, host="127.0.0.1", port=self.port, log_level="error")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield self
        finally:
            server.should_exit = True
            await task

    @asynccontextmanager
    async def device(
        self, name: str, workspace: str = "acme", holder: str = "", compression: str | None = "deflate", **hello: Any
    ) -> AsyncIterator[Device]:
        """A device that has been welcomed; its holder is itself unless another is named."""
        async with connect(self.url, max_size=None, compression=compression) as socket:
            device = Device(socket)
            owner = holder or f"owner of {name} in {workspace}"
            token = self.tokens.mint(workspace, name, holder=owner, ttl_s=3600)
            await device.say(Hello(**{"token": token, "client": f"client-{name}"} | hello))
            device.welcome = await device.hear(Welcome)
            yield device


class Device:
    """One connection of a device."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.session = Session(Role.DEVICE)
        self.shared: dict[tuple[str, str, str, str], CellEntry] = {}
        self.welcome: Any = None

    async def say(self, message: Message) -> None:
        """Send a message through the session."""
        await self.socket.send(self.session.send(message))

    async def hear(self, kind: type[Any]) -> Any:
        """The next message of that kind; shared cells on the way are applied."""
        while True:
            message = self.session.receive(await asyncio.wait_for(self.socket.recv(), 10))
            if isinstance(message, Snapshot) and message.part == 1:
                self.shared.clear()
            if isinstance(message, Snapshot | Delta):
                for entry in message.cells:
                    at = (entry["level"], entry["inst"], entry["option"], entry["dim"])
                    self.shared.pop(at, None)
                    if "v" in entry or "w" in entry:
                        self.shared[at] = entry
            if isinstance(message, kind):
                return message

    async def push(self, *cells: CellEntry) -> Ack:
        """Push cells and wait for their ack."""
        await self.say(Push(self.session.pushed + 1, cells))
        ack: Ack = await self.hear(Ack)
        return ack

    async def until(self, true: Callable[[Device], bool]) -> None:
        """Listen until something holds of what is shared."""
        while not true(self):
            await self.hear(Snapshot | Delta)  # type: ignore[arg-type]

    def value(self, level: str, instance: str, option: str, dimension: str) -> object:
        """A shared value as JSON data; None if there is none."""
        return self.shared.get((level, instance, option, dimension), {}).get("v")

    @property
    def resume(self) -> Resume:
        """The epoch and revision at which this device stands, for its next hello."""
        return Resume(self.welcome.epoch, self.session.revision or 0)


def cell(device: str, option: str, dimension: str, value: float, level: str = "device") -> CellEntry:
    """One entry of a device's slice."""
    return CellEntry(level=level, inst=device, option=option, dim=dimension, v=value)


def seed(level: str, instance: str, option: str, dimension: str, kind: str, value: float) -> dict[str, object]:
    """One seed of an operator's config."""
    at = {"floor": "global", "level": level, "inst": instance, "option": option, "dim": dimension}
    return at | {"kind": kind, "value": value}


def opening(*dimensions: str, options: tuple[str, ...] = (), support: int = 5, seeds: Any = ()) -> dict[str, Any]:
    """A config that opens these dimensions of these options, which it declares at the global level."""
    declared = [seed("global", "", option, "financial", "value", 0.0) for option in options]
    rules = {"dimensions": list(dimensions), "options": "declared"}
    levels = ["global", "workspace", "device"]
    return {"levels": levels, "seeds": [*declared, *seeds], "learning": {"support": support}, "global": rules}


@pytest.fixture
def server(tmp_path: Path) -> Callable[..., Running]:
    """Makes servers on one SQLite file, with what the operator declares if anything."""
    clock = MovableClock()

    def make(declared: dict[str, Any] | None = None, **settings: Any) -> Running:
        if declared is not None:
            (tmp_path / "config.json").write_text(json.dumps(declared))
            settings["config"] = tmp_path / "config.json"
        database = f"sqlite:///{tmp_path / 'fleet.db'}"
        return Running(Settings(**{"database": database, "secret": SECRET, "tick_s": 0.05} | settings), clock)

    return make


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of our own on a free port, or a plain reason why there is none."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("PostgreSQL: psycopg is not installed")
    # Debian keeps a server's programs off the path, one folder a version.
    system = map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    folders = [os.environ.get("POSTGRESQL", ""), os.environ["PATH"], *system]
    initdb, pg_ctl = (shutil.which(name, path=os.pathsep.join(folders)) for name in ("initdb", "pg_ctl"))
    if initdb is None or pg_ctl is None:
        pytest.skip("PostgreSQL: no initdb and pg_ctl on the path or under /usr/lib/postgresql")
    if os.getuid() == 0 and subprocess.run(["id", "postgres"], capture_output=True).returncode:
        pytest.skip("PostgreSQL: refuses to run as root, and there is no user postgres")
    be = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    # Not pytest's own folder: another run of pytest closes that to everybody but its user.
    with tempfile.TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as home:
        if be:
            shutil.chown(home, "postgres")
        yield from _cluster(Path(home), initdb, pg_ctl, be)


def _cluster(home: Path, initdb: str, pg_ctl: str, be: list[str]) -> Iterator[str]:
    """A fresh cluster under `home`, run by `be`; its address."""
    port = free_port()
    data = str(home / "data")
    subprocess.run(
        [*be, initdb, "-D", data, "-U", "spore", "-A", "trust", "-E", "UTF8"], check=True, capture_output=True
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {home}"
    start = [*be, pg_ctl, "-D", data, "-w", "-o", options, "-l", f"{home}/log", "start"]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"postgresql://spore@127.0.0.1:{port}/postgres"
    subprocess.run([*be, pg_ctl, "-D", data, "-m", "immediate", "stop"], check=True, capture_output=True)
