"""Fixtures that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.differential.page import Page


@pytest.fixture(scope="session")
def page() -> Iterator[Page]:
    """The page's interpreters."""
    with Page() as page:
        yield page
