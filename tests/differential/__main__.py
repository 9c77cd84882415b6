"""`python -m tests.differential COUNT SEED [KIND…]`: COUNT of each kind through both; the first difference ends it."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

from tests.differential import chain, pools, questions, readers
from tests.differential.page import Page
from tests.differential.run import rounds

KINDS = {
    "traces": (chain.TRACES, chain.compare),
    "answers": (questions.ANSWERS, readers.compare),
    "ledgers": (pools.SCRIPTS, pools.compare),
}
LOOK_S = 0.2


def _told(name: str, began: float, done: int) -> None:
    print(f"differential: {done} {name} equal, {time.monotonic() - began:.0f} s", flush=True)


def compare(name: str, count: int, seed: int) -> None:
    """Say what was compared; a difference ends it with the smallest example that shows it."""
    strategy, same = KINDS[name]
    with Page() as page:
        rounds(strategy, partial(same, page), count, seed, is_told=partial(_told, name, time.monotonic()))


def beside(count: int, seed: int) -> int:
    """Each kind in a process of its own, for they share nothing; the code of the first that fails, which ends all."""
    processes = [
        subprocess.Popen([sys.executable, "-m", "tests.differential", str(count), str(seed), name]) for name in KINDS
    ]
    try:
        while True:
            codes = [process.poll() for process in processes]
            failed = next((code for code in codes if code), 0)
            if failed or None not in codes:
                return failed
            time.sleep(LOOK_S)
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def main(count: str = "20000", seed: str = "0", *names: str) -> int:
    """All kinds beside each other, or those that are named one after another; the exit code."""
    for name in names:
        compare(name, int(count), int(seed))
    return 0 if names else beside(int(count), int(seed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
