"""A few hundred random scripts on ledgers; that a difference is found, and made small."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.differential.page import Page
from tests.differential.pools import SCRIPTS, compare
from tests.differential.run import rounds


def test_random_ledgers_are_equal(page: Page) -> None:
    """A first look; `make test` compares 20,000 besides, `make differential` as many as one likes."""
    rounds(SCRIPTS, partial(compare, page), 400, 1)


def test_a_difference_is_found_and_made_small(page: Page) -> None:
    """A page that counts a draw of seven as six is shown by a short script."""

    class Other:
        def ask(self, reader: str, script: dict[str, Any]) -> Any:
            said = page.ask(reader, script)
            for step in said:
                for account in step[1]["accounts"].values():
                    account["used"] -= account["used"] == 7
            return said

    with pytest.raises(AssertionError, match=r"step \d") as found:
        rounds(SCRIPTS, partial(compare, Other()), 2000, 1)  # type: ignore[arg-type]

    assert len(str(found.value)) < 2500
