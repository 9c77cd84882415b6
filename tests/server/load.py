"""`make load`: how a server bears up under connected devices, each of which pushes once a second, as a table."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from sporewright.server.auth import Tokens
from sporewright.server.clock import SystemClock
from sporewright.server.run import allow_files
from tests.serving import SECRET, free_port

OPTIONS_A_PUSH = 3
PROBE = "probe"


@dataclass
class Found:
    """The measurements of one run, in seconds."""

    acknowledged: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    healthy: list[float] = field(default_factory=list)
    welcomed: list[float] = field(default_factory=list)
    peak_mb: float = 0.0


async def _device(url: str, number: int, options: int, token: str, found: Found, ends: float) -> None:
    """Push once a second, at a moment of its own, until the end; the first two watch what the third says."""
    dice = random.Random(number)
    name = f"device-{number}"
    begun = time.monotonic()
    async with connect(url, max_size=None, open_timeout=60, ping_interval=None) as line:
        await line.send(json.dumps({"t": "hello", "v": 1, "token": token, "client": "load", "resume": None}))
        assert '"welcome"' in str(await line.recv())
        found.welcomed.append(time.monotonic() - begun)
        sent: dict[int, float] = {}
        reading = asyncio.create_task(_read(line, sent, found, is_watching=number < 2))
        await asyncio.sleep(dice.random())
        seq = 0
        while time.monotonic() < ends:
            seq += 1
            chosen = [f"option-{dice.randrange(options)}" for _ in range(OPTIONS_A_PUSH)]
            cells = [_cell(name, option, dice.random()) for option in dict.fromkeys(chosen)]
            if number == 2:
                cells.append(_cell(name, PROBE, time.monotonic()))
            sent[seq] = time.monotonic()
            await line.send(json.dumps({"t": "push", "seq": seq, "cells": cells}))
            await asyncio.sleep(max(0.0, sent[seq] + 1 - time.monotonic()))
        reading.cancel()
        now = time.monotonic()
        found.acknowledged += [now - at for at in sent.values() if now - at > 1]  # never answered: at least so late


def _cell(device: str, option: str, value: float) -> dict[str, object]:
    return {"level": "device", "inst": device, "option": option, "dim": "latency", "v": value}


async def _read(line: ClientConnection, sent: dict[int, float], found: Found, *, is_watching: bool) -> None:
    async for message in line:
        text = str(message)
        if text.startswith('{"t":"ack"'):
            found.acknowledged.append(time.monotonic() - sent.pop(json.loads(text)["seq"]))
        elif is_watching and PROBE in text:
            now = time.monotonic()
            probes = [cell for cell in json.loads(text)["cells"] if cell["option"] == PROBE]
            said = [cell.get("v") for cell in probes if cell["dim"] == "latency"]
            found.shown += [now - at for at in said if isinstance(at, float)]


async def _watch(origin: str, pid: int, found: Found, ends: float) -> None:
    """Ask for health twice a second, and look at the server's memory."""
    while time.monotonic() < ends:
        begun = time.monotonic()
        await asyncio.to_thread(_get, f"{origin}/healthz")
        found.healthy.append(time.monotonic() - begun)
        status = Path(f"/proc/{pid}/status").read_text()
        found.peak_mb = max(found.peak_mb, int(status.partition("VmRSS:")[2].split()[0]) / 1024)
        await asyncio.sleep(0.5)


def _get(url: str) -> None:
    with urllib.request.urlopen(url, timeout=60) as answer:
        answer.read()


async def _run(origin: str, pid: int, devices: int, options: int, seconds: float) -> Found:
    tokens, found = Tokens(SECRET, SystemClock()), Found()
    url = origin.replace("http", "ws") + "/v1/sync"
    minted = [tokens.mint("load", f"device-{at}", holder=f"holder-{at}", ttl_s=3600) for at in range(devices)]
    ends = time.monotonic() + seconds
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch(origin, pid, found, ends))
        for at, token in enumerate(minted):
            tasks.create_task(_device(url, at, options, token, found, ends))
    return found


def measured(devices: int, options: int, seconds: float) -> Found:
    """Start a server of its own on an empty SQLite file, and load it."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        port = free_port()
        words = ["serve", "--port", str(port), "--database", f"sqlite:///{folder}/load.db"]
        environment = os.environ | {"SPOREWRIGHT_SECRET": SECRET}
        server = subprocess.Popen([sys.executable, "-m", "sporewright.cli", *words], env=environment, cwd=folder)
        try:
            _await(f"http://127.0.0.1:{port}/readyz")
            return asyncio.run(_run(f"http://127.0.0.1:{port}", server.pid, devices, options, seconds))
        finally:
            server.terminate()
            server.wait(30)


def _await(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            return _get(url)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _at(times: list[float], share: float) -> str:
    return f"{sorted(times)[min(len(times) - 1, int(share * len(times)))]:.2f}" if times else "-"


def main() -> None:
    """Print a row for each shape."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("shapes", nargs="*", default=["100x20", "100x100", "500x100"], help="devices x options")
    parser.add_argument("--seconds", type=float, default=20.0)
    chosen = parser.parse_args()
    allow_files(20_000)
    print("| devices × options | acknowledged p50 / p95 s | shown p50 s | pushes a second | slowest health s | MB |")
    print("|---|---|---|---|---|---|")
    for shape in chosen.shapes:
        devices, options = map(int, shape.split("x"))
        found = measured(devices, options, chosen.seconds)
        rate = sum(each < 10 for each in found.acknowledged) / chosen.seconds
        row = [
            f"{devices:,} × {options:,}",
            f"{_at(found.acknowledged, 0.5)} / {_at(found.acknowledged, 0.95)}",
            _at(found.shown, 0.5),
            f"{rate:.0f} ({devices})",
            _at(found.healthy, 1.0),
            f"{found.peak_mb:.0f}",
        ]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
