"""The corpus and a few hundred random traces, step by step; that a difference is found, and made small."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import pytest

from tests.differential.chain import TRACES, compare
from tests.differential.page import Page
from tests.differential.run import rounds
from tests.differential.traces import Made
from tests.routing.replay import Replay
from tests.routing.test_traces import TRACES as CORPUS


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_the_corpus_is_equal_in_every_step(page: Page, file: Any) -> None:
    """Not only what a trace expects: dues, hedge times, p95, budgets and refusals, too."""
    trace = json.loads(file.read_text(encoding="utf-8"))
    replay = Replay(trace, watched=True)
    seen = replay.run()

    compare(page, Made(trace, seen, replay.steps, replay.budgets()))


def test_random_traces_are_equal(page: Page) -> None:
    """A first look; `make test` compares 20,000 besides, `make differential` as many as one likes."""
    rounds(TRACES, partial(compare, page), 200, 1)


def test_a_difference_is_found_and_made_small(page: Page) -> None:
    """A page that waits longer for the network than Python does: shown by at most two events."""

    class Other:
        def ask(self, reader: str, trace: dict[str, Any]) -> Any:
            limits = {"deadline_s": 91, **trace["limits"]}
            return page.ask(reader, {**trace, "limits": limits})

    with pytest.raises(AssertionError) as found:
        rounds(TRACES, partial(compare, Other()), 300, 1)  # type: ignore[arg-type]

    text = str(found.value)
    assert "Python" in text
    assert "page" in text
    assert len(re.findall(r"'kind':", text.partition("\nstep")[0])) <= 2
