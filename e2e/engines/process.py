"""Stop a tab's process as a phone stops an app in the background: no thread of it runs, and it keeps its locks."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from e2e.engines.driver import Tab

BURN_MS = 1500
ROUNDS = 8


@contextmanager
def suspended(tab: Tab) -> Iterator[None]:
    """Within it the process that runs this tab's scripts, and its workers, is stopped."""
    process = content_process(tab)
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def content_process(tab: Tab) -> int:
    """The process among our descendants that works while the tab's page does nothing but work.

    On a busy machine another may work as much for a while: it is asked again until one has worked twice as much.
    """
    spent: Counter[int] = Counter()
    for _ in range(ROUNDS):
        before = _ticks()
        tab.run(f"() => {{ const end = performance.now() + {BURN_MS}; while (performance.now() < end); }}")
        time.sleep(0.05)
        spent.update({process: ticks - before.get(process, 0) for process, ticks in _ticks().items()})
        (first, most), (_, next_most) = spent.most_common(2)
        if most >= 2 * next_most:
            return first
    raise AssertionError(f"no process works for the page alone: {spent.most_common(3)}")


def _ticks() -> dict[int, int]:
    """The time that each of our descendants has worked, in ticks of the system's clock."""
    parents, ticks = {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
            ticks[int(entry.name)] = int(fields[11]) + int(fields[12])

    def is_ours(process: int) -> bool:
        while process > 1:
            process = parents.get(process, 0)
            if process == os.getpid():
                return True
        return False

    return {process: spent for process, spent in ticks.items() if is_ours(process)}
