"""Cells as JSON: S1 text out, strict reading in, and a forgiving merge that never applies half a cell (S1–S3)."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sporewright import jsontext
from sporewright.core.cells import Cell, CellSink
from sporewright.core.store import Layers, Value
from sporewright.errors import DecodeError

__all__ = [
    "ApplyReport",
    "DecodedCell",
    "apply_cells",
    "decode_cell",
    "decode_number",
    "decode_tensor",
    "decode_value",
    "encode_cell",
    "encode_number",
    "encode_value",
    "restore",
    "to_json",
]

SENTINELS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}

_KEYS = {"level", "inst", "option", "dim", "v", "w"}
_STRINGS = {str}

Grouped = dict[tuple[str, str], dict[tuple[str, str], Layers]]
"""(level, instance) → (option, dimension) → layers."""

Refusal = Callable[[str, str, str, str], str | None]
"""The reason why the cell at (level, instance, option, dimension) may not be written; None if it may."""


class DecodedCell(NamedTuple):
    """One decoded cell; a layer the JSON does not have is None. A tuple, for a tensor has many."""

    level: str
    instance: str
    option: str
    dimension: str
    value: Value | None
    weight: float | None


@dataclass(slots=True)
class ApplyReport:
    """The result of `apply_json`: the number of merged cells, and (index, reason) of each skipped one (S3)."""

    applied: int = 0
    skipped: list[tuple[int, str]] = field(default_factory=list)


def encode_number(x: float) -> float | str:
    """A float64 as JSON can say it (S2)."""
    if math.isfinite(x):
        return x
    return "nan" if math.isnan(x) else ("inf" if x > 0 else "-inf")


def encode_value(value: Value) -> float | str | dict[str, str]:
    """A value layer as JSON data (S2)."""
    return {"b64": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else encode_number(value)


def encode_cell(
    level: str, instance: str, option: str, dimension: str, value: Value | None, weight: float | None
) -> dict[str, Any]:
    """One S1 cell; layers that are unset are left out."""
    cell: dict[str, Any] = {"level": level, "inst": instance, "option": option, "dim": dimension}
    if value is not None:
        cell["v"] = encode_value(value)
    if weight is not None:
        cell["w"] = encode_number(weight)
    return cell


def to_json(levels: Sequence[str], cells: Iterable[Cell]) -> str:
    """S1 text; pure ASCII, so that any string of Python survives the trip."""
    body = [encode_cell(c.level, c.instance, c.option, c.dimension, c.value, c.weight) for c in cells]
    return json.dumps({"levels": list(levels), "cells": body}, separators=(",", ":"), allow_nan=False)


def _sound(data: object, place: str) -> None:
    """Refuse what the forgiving reader could not take, with its reason."""
    if isinstance(data, jsontext.Flaw):
        raise DecodeError(f"{place}: {data.reason}")


def decode_number(data: object, place: str) -> float:
    """A float64 from a JSON number or a sentinel of S2; DecodeError names the place and the value."""
    _sound(data, place)
    if isinstance(data, str) and data in SENTINELS:
        return SENTINELS[data]
    if isinstance(data, bool) or not isinstance(data, int | float):
        raise DecodeError(f"{place}: {jsontext.shown(data)} is not a number")
    try:
        number = float(data)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise DecodeError(f"{place}: the number overflows or is no JSON")
    return number


def decode_value(data: object, place: str) -> Value:
    """A scalar or a document (S2); DecodeError names the place and the value."""
    if not isinstance(data, dict):
        return decode_number(data, place)
    text = data.get("b64")
    _sound(text, f"{place}.b64")
    if len(data) != 1 or not isinstance(text, str):
        raise DecodeError(f'{place}: a document is {{"b64": text}}, not {jsontext.shown(data)}')
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise DecodeError(f"{place}.b64: {jsontext.shown(text)} is not base64") from None


def decode_cell(data: object, place: str, levels: Sequence[str] | None = None) -> DecodedCell:
    """One S1 cell, whole or not at all; `levels` also refuses a level that is none of them."""
    _sound(data, place)
    if not isinstance(data, dict):
        raise DecodeError(f"{place}: a cell is an object, not {jsontext.shown(data)}")
    names = []
    for key in ("level", "inst", "option", "dim"):
        name = data.get(key)
        _sound(name, f"{place}.{key}")
        if not isinstance(name, str):
            raise DecodeError(f"{place}.{key}: {jsontext.shown(name)} is not a string")
        names.append(name)
    if levels is not None and names[0] not in levels:
        raise DecodeError(
            f"{place}.level: unknown level {jsontext.shown(names[0])}; the levels are {jsontext.listed(levels)}"
        )
    value = decode_value(data["v"], f"{place}.v") if "v" in data else None
    weight = decode_number(data["w"], f"{place}.w") if "w" in data else None
    return DecodedCell(names[0], names[1], names[2], names[3], value, weight)


def decode_tensor(text: str | bytes) -> tuple[list[str], Grouped]:
    """Levels and cells of S1 text, strictly: the first thing malformed is a DecodeError that says where.

    Of a layer that is set twice the later one is kept (T5).
    """
    data = jsontext.parse(text, "tensor")
    if not isinstance(data, dict):
        raise DecodeError(f"tensor: expected an object, got {jsontext.shown(data)}")
    levels, cells = data.get("levels"), data.get("cells")
    if not isinstance(levels, list) or not all(isinstance(name, str) for name in levels):
        raise DecodeError(f"tensor.levels: {jsontext.shown(levels)} is not a list of names")
    if not isinstance(cells, list):
        raise DecodeError(f"tensor.cells: {jsontext.shown(cells)} is not a list")
    grouped: Grouped = {}
    for at, raw in enumerate(cells):
        cell = _plain_cell(raw, levels) or decode_cell(raw, f"tensor.cells[{at}]", levels)
        mine = grouped.setdefault((cell.level, cell.instance), {})
        value, weight = mine.get((cell.option, cell.dimension), (None, None))
        mine[cell.option, cell.dimension] = (
            value if cell.value is None else cell.value,
            weight if cell.weight is None else cell.weight,
        )
    return levels, grouped


def _plain_cell(data: Any, levels: Sequence[str]) -> DecodedCell | None:
    """The fast path of `decode_cell` for a well-formed cell with numbers in it; None for any other."""
    if type(data) is not dict or not data.keys() <= _KEYS or len(data) < len(_KEYS) - 1:
        return None
    names = data.get("level"), data.get("inst"), data.get("option"), data.get("dim")
    value, weight = data.get("v", 0.0), data.get("w", 0.0)
    if set(map(type, names)) != _STRINGS or type(value) is not float or type(weight) is not float:
        return None
    if names[0] not in levels or not (math.isfinite(value) and math.isfinite(weight)):
        return None
    return DecodedCell(*names, value if "v" in data else None, weight if "w" in data else None)  # type: ignore[arg-type]


def restore(tensor: CellSink, grouped: Grouped) -> None:
    """State decoded cells without asking a writer (S3's trusted restore)."""
    for (level, instance), cells in grouped.items():
        tensor.put_many(tensor.level_index(level), instance, cells)


def apply_cells(tensor: CellSink, text: str | bytes, refusal: Refusal | None) -> ApplyReport:
    """Merge `{"cells": […]}` or a bare list; each malformed or refused cell is skipped whole and reported (S3).

    Text that is no JSON at all is a DecodeError and changes nothing.
    """
    data = jsontext.parse(text, "cells", forgiving=True)
    cells = data.get("cells") if isinstance(data, dict) else data
    _sound(cells, "cells")
    if not isinstance(cells, list):
        raise DecodeError(f"cells: {jsontext.shown(cells)} is not a list of cells")
    report = ApplyReport()
    for at, raw in enumerate(cells):
        try:
            cell = decode_cell(raw, f"cells[{at}]", tensor.levels)
        except DecodeError as why:
            report.skipped.append((at, str(why)))
            continue
        refused = refusal(cell.level, cell.instance, cell.option, cell.dimension) if refusal else None
        if refused is not None:
            report.skipped.append((at, refused))
            continue
        tensor.merge(
            tensor.level_index(cell.level), cell.instance, cell.option, cell.dimension, cell.value, cell.weight
        )
        report.applied += 1
    return report
