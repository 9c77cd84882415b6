"""Attacks on a server as an operator runs it, one test each; SECURITY.md says which holds what."""

from __future__ import annotations

import asyncio
import json
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from sporewright.server.auth import Tokens
from sporewright.server.clock import SystemClock
from sporewright.wire import Bye, CellEntry, ErrorMessage, Hello, Snapshot
from tests.server.conftest import Device, cell
from tests.server.test_hostile_sockets import UPGRADE
from tests.serving import SECRET, Orchestrator

NAMES = [
    "__proto__", "constructor", "toString", "hasOwnProperty", " ", ".", "..", "../../etc/passwd", "%2e%2e", "null",
    "'; DROP TABLE reports; --", '" OR 1=1', "%s%n{0}{self}", "${jndi:ldap://x}", "\\0", "\0", "a\nlevel=error b",
    "\x1b[2J\x1b]0;t\x07", "\u202eevil", "é", "e\u0301", "😀", "\ufeff", "\uffff", "<script>", "x" * 900,
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """One server for all of them; none of them is a defect of its."""
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "dist").mkdir()
    (folder / "dist" / "index.html").write_text("the page")
    server = Orchestrator(folder, dist=folder / "dist").start()
    yield server
    server.stop()
    assert "Traceback" not in (folder / "server.log").read_text()


def _token(device: str, workspace: str = "acme", holder: str = "") -> str:
    return Tokens(SECRET, SystemClock()).mint(workspace, device, holder=holder or device, ttl_s=600)


async def test_every_name_is_a_name(server: Orchestrator) -> None:
    """Names of prototypes, SQL, paths, formats, terminals and bidirectional text come back as they were said."""
    async with connect(server.socket_url, max_size=None) as line:
        device = Device(line)
        await device.say(Hello(_token("N", "names"), "c"))
        said: list[CellEntry] = [cell("N", name, "latency", float(at)) for at, name in enumerate(NAMES)]
        said += [cell("N", "x", name, float(at)) for at, name in enumerate(NAMES)]
        await device.hear(Snapshot)
        ack = await device.push(*said)
        assert ack.refused == ()
        last = float(len(NAMES) - 1)
        await device.until(lambda d: d.value("workspace", "names", "x", NAMES[-1]) == last)
        found = [device.value("workspace", "names", name, "latency") for name in NAMES]
        assert found == list(map(float, range(len(NAMES))))


async def test_names_write_no_lines_of_the_log(server: Orchestrator) -> None:
    """Whatever a device says of itself, each line of the log is one record, and holds no token and no escape."""
    async with connect(server.socket_url) as line:
        device = Device(line)
        token = _token("evil\n{}\x1b[31m", holder='{"level": "critical"}\r\n')
        await device.say(Hello(token, 'c\n{"event": "forged"}'))
        await line.send('{"t": "\n\x1b[2J' + "x" * 300)
        assert (await device.hear(ErrorMessage)).code == "decode"
    text = (server.folder / "server.log").read_text()
    assert token not in text
    assert "\x1b" not in text
    for record in filter(None, text.splitlines()):
        assert record.startswith("Listening") or "event" in json.loads(record)


async def test_a_stolen_token_gains_one_slice(server: Orchestrator) -> None:
    """Replayed elsewhere it takes the session's place, which is told so; it writes that device's cells alone."""
    token = _token("V")
    async with connect(server.socket_url) as first, connect(server.socket_url) as second:
        victim, thief = Device(first), Device(second)
        for device in (victim, thief):
            await device.say(Hello(token, "same"))
            await device.hear(Snapshot)
        assert "took its place" in (await victim.hear(Bye)).reason
        ack = await thief.push(cell("W", "x", "latency", 1.0), cell("V", "x", "latency", 1.0, level="workspace"))
        assert (ack.accepted, {one.code for one in ack.refused}) == (0, {"write-up"})


def _memory_mb(server: Orchestrator) -> float:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory of a process is read from Linux's /proc")
@pytest.mark.parametrize("greets", [False, True])
async def test_a_decompression_bomb(server: Orchestrator, greets: bool) -> None:
    """Half a gigabyte of zeros in half a megabyte: cut off while it unfolds, in a memory of a few messages."""
    packer = zlib.compressobj(9, wbits=-12)
    bomb = packer.compress(bytes(1 << 29)) + packer.flush(zlib.Z_SYNC_FLUSH)
    before = _memory_mb(server)
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(UPGRADE.encode()[:-2] + offer.encode())
        assert b"permessage-deflate" in await asyncio.to_thread(line.recv, 4096)
        if greets:
            hello = json.dumps({"t": "hello", "v": 1, "token": _token("B"), "client": "c", "resume": None}).encode()
            line.sendall(b"\x81\xfe" + len(hello).to_bytes(2, "big") + bytes(4) + hello)
            assert b"welcome" in await asyncio.to_thread(line.recv, 4096)
        frame = b"\xc1\xff" + len(bomb[:-4]).to_bytes(8, "big") + bytes(4) + bomb[:-4]
        assert await asyncio.to_thread(_is_cut_off, line, frame)
    assert _memory_mb(server) - before < 60


def _is_cut_off(line: socket.socket, frame: bytes) -> bool:
    try:
        line.sendall(frame)
        while line.recv(65536):
            pass
    except ConnectionError:
        return True
    return True


@pytest.mark.parametrize(
    "path",
    ["/../server.log", "/..%2fserver.log", "/%2e%2e/server.log", "//server.log", "/sporewright/../../server.log",
     "/....//server.log", "/..\\server.log", "/%00/../server.log", "/sporewright/%2e%2e%2f%2e%2e%2fserver.log"],
)  # fmt: skip
def test_no_path_leaves_the_page(server: Orchestrator, path: str) -> None:
    """The log stands beside the page's folder and is served by no way of writing its path."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while more := line.recv(65536):
            answer += more
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), answer[:200]
    assert b"Listening" not in answer
