"""A table of a file as the fields of a dataclass: none that it does not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sporewright.errors import DecodeError
from sporewright.jsontext import shown

__all__ = ["table"]


def table(kind: type[Any], data: object, place: str) -> Mapping[str, Any]:
    """The table, whose keys are fields of `kind`; DecodeError names the first that is none."""
    if not isinstance(data, Mapping):
        raise DecodeError(f"{place}: a table is wanted, not {shown(data)}")
    known = [each.name for each in fields(kind)]
    for name in data:
        if name not in known:
            raise DecodeError(f"{place}.{shown(name)[1:-1]}: there is no such field; {', '.join(known)}")
    return data
