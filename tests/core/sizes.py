"""Sizes at which cells move between dicts and panels all the time, and the absence of numpy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from sporewright.core.columnar import store as column_store

__all__ = ["narrow", "patched", "tiny"]

TINY = {
    "store": {"MANY": 2, "FEW": 1, "THIN": 3},
    "moves": {"LONG": 2, "SHORT": 1, "DENSE": 2},
    "panel": {"LEAST": 1},
    "rollup": {"LEAST": 0},
}


@contextmanager
def patched(module: ModuleType, values: Mapping[str, Any]) -> Iterator[None]:
    """Module constants are others for a while."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


@contextmanager
def tiny() -> Iterator[None]:
    """Two cells are many, and a third of the rows is dense; without numpy nothing is."""
    with ExitStack() as stack:
        for name, values in TINY.items() if column_store.available() else ():
            stack.enter_context(patched(import_module(f"sporewright.core.columnar.{name}"), values))
        yield


@contextmanager
def narrow() -> Iterator[None]:
    """As where numpy is not installed: everything stays in dicts."""
    with patched(column_store, {"available": lambda: False}):
        yield
