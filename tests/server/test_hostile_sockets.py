"""Sockets that send half, nothing, rubbish or far too much, against a server as an operator runs it."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import socket
import statistics
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from websockets.asyncio.client import connect

from sporewright.server.auth import Tokens
from sporewright.server.clock import SystemClock
from sporewright.wire import Hello, Ping, Pong, Welcome
from tests.server.conftest import Device
from tests.serving import SECRET, Orchestrator

TEXT, CONTINUED, BINARY, CLOSE, PING = 0x1, 0x0, 0x2, 0x8, 0x9
UPGRADE = (
    "GET /v1/sync HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n\r\n"
)


def _frame(opcode: int, payload: bytes, *, final: bool = True, claimed: int | None = None) -> bytes:
    """A client's frame (RFC 6455 §5.2) with a mask of zeros; `claimed` says another length than it has."""
    size = len(payload) if claimed is None else claimed
    head = bytes([opcode | 0x80 * final])
    if size < 126:
        head += bytes([0x80 | size])
    else:
        head += struct.pack("!BH", 0x80 | 126, size) if size < 1 << 16 else struct.pack("!BQ", 0x80 | 127, size)
    return head + bytes(4) + payload


class Raw:
    """A TCP connection to the server, or a WebSocket whose frames are made by hand."""

    def __init__(self, server: Orchestrator) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)

    def upgraded(self) -> Raw:
        """As a WebSocket."""
        self.socket.sendall(UPGRADE.encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        assert head.startswith(b"HTTP/1.1 101")
        return self

    def greeted(self, token: str, client: str) -> Raw:
        """As a device that has been welcomed."""
        hello = {"t": "hello", "v": 1, "token": token, "client": client, "resume": None}
        self.socket.sendall(_frame(TEXT, json.dumps(hello).encode()))
        assert b'"welcome"' in self.socket.recv(4096)
        return self

    def is_closed(self) -> bool:
        """True once the server has ended it; what it said before is read."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65536):
                pass
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """One server for all of them: each finds it well after what the one before has done."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "dist").mkdir()
    (folder / "dist" / "large.bin").write_bytes(bytes(1 << 25))
    times = {"HELLO_TIMEOUT_S": "1", "MESSAGE_TIMEOUT_S": "2", "SEND_TIMEOUT_S": "1", "NEWCOMERS": "60"}
    env = {f"SPOREWRIGHT_{name}": value for name, value in times.items()}
    server = Orchestrator(folder, env=env, dist=folder / "dist").start()
    yield server
    server.stop()
    log = (folder / "server.log").read_text()
    assert "Traceback" not in log
    assert "xception" not in log


def _token(device: str) -> str:
    return Tokens(SECRET, SystemClock()).mint("acme", device, holder=device, ttl_s=600)


async def _join(line: object, token: str) -> Device:
    device = Device(line)  # type: ignore[arg-type]
    await device.say(Hello(token, "honest"))
    device.welcome = await device.hear(Welcome)
    return device


def _silent(raw: Raw, _: str) -> None:
    """Nothing at all."""
    del raw


def _half_headers(raw: Raw, _: str) -> None:
    raw.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nX: ")


def _half_body(raw: Raw, _: str) -> None:
    raw.socket.sendall(b"POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nx")


def _half_second_request(raw: Raw, _: str) -> None:
    raw.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\nGET /healthz HTT")


def _no_hello(raw: Raw, _: str) -> None:
    raw.upgraded()


def _unfinished_hello(raw: Raw, _: str) -> None:
    raw.upgraded().socket.sendall(_frame(TEXT, b'{"t":', final=False))


def _unfinished_frame(raw: Raw, _: str) -> None:
    raw.upgraded().socket.sendall(_frame(TEXT, b'{"t":', claimed=4000))


def _unfinished_message(raw: Raw, token: str) -> None:
    raw.upgraded().greeted(token, "fragment").socket.sendall(_frame(TEXT, b'{"t":', final=False))


def _unfinished_large_frame(raw: Raw, token: str) -> None:
    raw.upgraded().greeted(token, "frame").socket.sendall(_frame(BINARY, b"{", claimed=900_000))


KINDS: list[Callable[[Raw, str], None]] = [
    _silent,
    _half_headers,
    _half_body,
    _half_second_request,
    _no_hello,
    _unfinished_hello,
    _unfinished_frame,
    _unfinished_message,
    _unfinished_large_frame,
]
MORE = {
    _half_headers: b"y",
    _half_body: b"y",
    _unfinished_hello: _frame(CONTINUED, b" ", final=False),
    _unfinished_frame: b" ",
    _unfinished_message: _frame(CONTINUED, b" ", final=False) + _frame(PING, b""),
    _unfinished_large_frame: b" ",
}


def test_what_is_begun_and_never_ended_is_cut_off(server: Orchestrator) -> None:
    """Half of anything, silent or in trickles, before and after the hello: all are closed within their time-outs."""
    with ExitStack() as stack:
        token = _token("A")
        raws = []
        for kind, _ in itertools.product(KINDS, range(3)):
            raw = Raw(server)
            stack.callback(raw.socket.close)
            kind(raw, token)
            raws.append((kind, raw))
        deadline = time.monotonic() + 12
        while time.monotonic() < deadline and (raws := [each for each in raws if not each[1].is_closed()]):
            for kind, raw in raws:
                if kind in MORE:
                    try:
                        raw.socket.send(MORE[kind])
                    except OSError:
                        continue
            time.sleep(0.2)
        assert [kind.__name__ for kind, _ in raws] == []


async def test_a_crowd_that_says_nothing_keeps_nobody_out(server: Orchestrator) -> None:
    """Five times as many silent sockets as may wait: a device gets in at once, and few of them are still held."""
    with ExitStack() as stack:
        raws = []
        for number in range(300):
            raw = Raw(server)
            stack.callback(raw.socket.close)
            if number % 3 == 0:
                raw.upgraded()
            elif number % 3 == 1:
                _half_headers(raw, "")
            raws.append(raw)
        begun = time.monotonic()
        async with connect(server.socket_url) as line:
            await _join(line, _token("A"))
        assert time.monotonic() - begun < 2
        await asyncio.sleep(0.3)
        assert sum(not raw.is_closed() for raw in raws) <= 60


RUBBISH = [
    _frame(TEXT, b"\xff\xfe"),
    _frame(TEXT, b'{"t":"\xe2', final=False) + _frame(CONTINUED, b"\x28"),
    _frame(BINARY, os.urandom(200)),
    _frame(CLOSE, b"\x03"),
    _frame(CLOSE, struct.pack("!H", 999)),
    _frame(CLOSE, struct.pack("!H", 1000) + b"\xff\xff"),
    _frame(PING, b"x" * 126),
    _frame(PING, b"", final=False),
    _frame(0x3, b""),
    _frame(0xB, b""),
    _frame(0x40 | TEXT, b"x"),
    _frame(CONTINUED, b"x"),
    _frame(TEXT, b"x", final=False) + _frame(TEXT, b"y"),
    _frame(TEXT, b"", claimed=1 << 40),
    _frame(TEXT, b"", claimed=(1 << 64) - 1),
    _frame(TEXT, b"[" * 5000),
    _frame(TEXT, b"x" * 100_000),
    _frame(TEXT, b'{"t":"hello","v":' + b"9" * 5000 + b"}"),
    _frame(TEXT, json.dumps({"t": "hello", "v": 1, "token": "a.b.c", "client": "\ud800"}).encode()),
    b"\x81\x05hello",
    os.urandom(300),
]


def test_rubbish_is_closed(server: Orchestrator) -> None:
    """Frames that no client sends, before and after the hello, and requests that are none; none is a defect."""
    raws = []
    for number, (rubbish, greets) in enumerate(itertools.product(RUBBISH, (False, True))):
        raw = Raw(server).upgraded()
        raws.append((rubbish, raw.greeted(_token(f"R{number}"), "c") if greets else raw))
        raw.socket.sendall(rubbish)
    for request in (b"\x16\x03\x01\x02\x00", b"GET \xff HTTP/1.1\r\n\r\n", b"GET /" + b"x" * 70_000, b"\r\n" * 9):
        raws.append((request, Raw(server)))
        raws[-1][1].socket.sendall(request)
    for rubbish, raw in raws:
        assert _in_time(raw.is_closed), rubbish[:60]
        raw.socket.close()


def test_a_page_that_nobody_takes(server: Orchestrator) -> None:
    """A large file, asked for and not read: the connection ends with the send time-out."""
    raw = Raw(server)
    raw.socket.sendall(b"GET /large.bin HTTP/1.1\r\nHost: h\r\n\r\n")
    time.sleep(4)
    assert _in_time(raw.is_closed)
    raw.socket.close()


@pytest.mark.parametrize("flood", [_frame(PING, b""), _frame(TEXT, b'{"t":"ping","n":1}'), _frame(0xA, b"")])
async def test_a_flood_holds_nobody_up(server: Orchestrator, flood: bytes) -> None:
    """A hundred thousand pings of one device, as frames or as messages: another's are answered as before."""
    async with connect(server.socket_url) as line:
        honest = await _join(line, _token("A"))
        before = await _waits(honest, 40)
        raw = await asyncio.to_thread(Raw(server).upgraded().greeted, _token("B"), "flood")
        flooding = asyncio.create_task(asyncio.to_thread(_send, raw.socket, flood * 100_000))
        during = await _waits(honest, 100)
        raw.socket.close()
        await flooding
    assert max(during) < 0.25 + max(before), (statistics.median(before), statistics.median(during), max(during))


async def _waits(device: Device, count: int) -> list[float]:
    found = []
    for number in range(count):
        begun = time.monotonic()
        await device.say(Ping(number))
        await device.hear(Pong)
        found.append(time.monotonic() - begun)
        await asyncio.sleep(0.02)
    return found


def _send(line: socket.socket, data: bytes) -> None:
    try:
        line.settimeout(3)
        line.sendall(data)
    except OSError:
        return  # it is not read on, or closed: that is what the test is about


def _in_time(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False
