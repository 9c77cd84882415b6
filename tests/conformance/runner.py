"""Runs a golden case of any kind: pure Python and sporewright only, so that it runs inside the browser too.

A kind is a folder name; its function takes the case's data and gives one line per failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import kinds_core, kinds_field, kinds_policy, kinds_script

__all__ = ["KINDS", "run"]

KINDS: dict[str, Callable[[Any], list[str]]] = {
    **kinds_core.KINDS,
    **kinds_policy.KINDS,
    **kinds_field.KINDS,
    **kinds_script.KINDS,
}


def run(kind: str, data: Any) -> list[str]:
    """The failures of one case; an exception is a failure too, named."""
    try:
        return KINDS[kind](data)
    except Exception as why:
        return [f"raised {type(why).__name__}: {why}"]
