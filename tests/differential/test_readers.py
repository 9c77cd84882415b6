"""A few hundred random answers, requests, refusals and headers; that a difference is found, and made small."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.differential.page import Page
from tests.differential.questions import ANSWERS, KINDS
from tests.differential.readers import HERE, Asked, compare
from tests.differential.run import rounds


def test_random_answers_are_equal(page: Page) -> None:
    """A first look; `make test` compares 20,000 besides, `make differential` as many as one likes."""
    rounds(ANSWERS, partial(compare, page), 300, 1)


def test_every_reader_is_asked(page: Page) -> None:
    """Each kind of question has a reader on both sides that answers it."""
    assert set(KINDS) == set(HERE)
    for reader, body in {
        "stream": {"pieces": ["ZGF0YTogMQoK"], "most": 9},
        "chat": {"pieces": ["e30="], "most": 9, "dialect": "openai", "choices": 1},
        "brackets": {"pieces": ["ew=="], "most": 9},
        "request": {"dialect": "openai", "request": {"messages": []}, "option": {}},
        "refusal": {"text": "context_length_exceeded"},
        "pace": {"headers": {"retry-after": "7"}, "now": 0},
        "repeatable": {"method": "GET", "path": "/", "headers": []},
    }.items():
        assert not isinstance(page.ask(reader, body), dict), "nothing was thrown"
        compare(page, Asked(reader, body))


def test_a_difference_is_found_and_made_small(page: Page) -> None:
    """A page that reads 30 seconds as 31: shown by a few headers."""

    class Other:
        def ask(self, reader: str, body: dict[str, Any]) -> Any:
            said = page.ask(reader, body)
            if reader == "pace" and said[0] == 30:
                said[0] = 31
            return said

    with pytest.raises(AssertionError, match=r"pace .*\n  Python \[30") as found:
        rounds(ANSWERS, partial(compare, Other()), 2000, 1)  # type: ignore[arg-type]

    assert len(str(found.value)) < 300
