"""Sizes at which cells move between dicts and panels all the time, and the absence of numpy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sporewright.core import columns, columns_moves, columns_panel, columns_rollup

__all__ = ["narrow", "tiny"]

TINY = {
    (columns, "MANY"): 2,
    (columns, "FEW"): 1,
    (columns, "THIN"): 3,
    (columns_moves, "LONG"): 2,
    (columns_moves, "SHORT"): 1,
    (columns_moves, "DENSE"): 2,
    (columns_panel, "LEAST"): 1,
    (columns_rollup, "LEAST"): 0,
}


@contextmanager
def tiny() -> Iterator[None]:
    """Two cells are many, and a third of the rows is dense."""
    with pytest.MonkeyPatch.context() as patch:
        for (module, name), size in TINY.items():
            patch.setattr(module, name, size)
        yield


@contextmanager
def narrow() -> Iterator[None]:
    """As where numpy is not installed: everything stays in dicts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "available", lambda: False)
        yield
