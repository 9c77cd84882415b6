"""`python -m tests.differential COUNT SEED`: COUNT of each kind through both; the first difference ends it."""

from __future__ import annotations

import sys
import time
from functools import partial

from tests.differential import chain, pools, questions, readers
from tests.differential.page import Page
from tests.differential.run import rounds

KINDS = (
    ("traces", chain.TRACES, chain.compare),
    ("answers", questions.ANSWERS, readers.compare),
    ("ledgers", pools.SCRIPTS, pools.compare),
)


def _told(name: str, began: float, done: int) -> None:
    print(f"differential: {done} {name} equal, {time.monotonic() - began:.0f} s", flush=True)


def main(count: int = 20_000, seed: int = 0) -> None:
    """Say what was compared; a difference ends it with the smallest example that shows it."""
    with Page() as page:
        for name, strategy, compare in KINDS:
            told = partial(_told, name, time.monotonic())
            rounds(strategy, partial(compare, page), count, seed, is_told=told)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
