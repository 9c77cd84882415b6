"""`sporewright` in processes forked from one that has imported it: what takes a second and a half is done once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["Forked"]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["sporewright.cli", "sporewright.server.run"])


class Forked:
    """A command in a process, folder and environment of its own, its output in a file; as `subprocess.Popen` else."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str], folder: Path, log: Path) -> None:
        self._words = words
        self._process = _FORKS.Process(target=_run, args=([*words], {**env}, str(folder), str(log)), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, or the number of the signal by which it ended, negative; None: it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Nothing, if it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout: float) -> int:
        """The exit code; TimeoutExpired if it still runs then."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired([*self._words], timeout)
        return code


def _run(words: list[str], env: dict[str, str], folder: str, log: str) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    sys.argv = ["sporewright", *words]
    from sporewright.cli import main

    main()
