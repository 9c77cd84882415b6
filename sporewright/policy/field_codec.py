"""A field as JSON: every number exactly, read back strictly (L, S2, S3).

    {"layers": […], "root_variance": x, "process_variance": {layer: x},
     "cells": [{"address": {layer: name}, "option", "dim", "prior"?, "w"?, "closed"?: true, "declared"?: bool,
                "evidence"?: {"precision": [x, …], "information": [x, …], "observations": n}}]}

The numbers of a list add up exactly to the sum they stand for; cells are sorted by path, option, dimension. A cell with
a prior or evidence makes its option a candidate; `declared` says so where all was forgotten, and that it does not where
the evidence was folded in from below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from sporewright import jsontext
from sporewright.core.codec import decode_number
from sporewright.errors import DecodeError, SporewrightError
from sporewright.policy.belief import MAX_OBSERVATIONS, Cell, ExactSum, Place
from sporewright.policy.field_writer import FieldWriter, WritableField
from sporewright.policy.limits import READABLE

__all__ = ["from_json", "to_json"]

_Field = TypeVar("_Field", bound=WritableField)

_MOST_PARTS = 64

_Found = tuple[tuple[str, ...], str, str, Cell]


def to_json(field: WritableField) -> str:
    """The field as JSON text, pure ASCII."""
    cells = sorted(_cells(field.tree.root, ()), key=lambda found: found[:3])
    body = {
        "layers": list(field.layers),
        "root_variance": field.tree.variances[0],
        "process_variance": dict(zip(field.layers, field.tree.variances[1:], strict=True)),
        "cells": [_encode(field.address(path), option, dimension, cell) for path, option, dimension, cell in cells],
    }
    return jsontext.compact(body)


def _cells(place: Place, path: tuple[str, ...]) -> Iterator[_Found]:
    for option, row in place.cells.items():
        for dimension, cell in row.items():
            if cell.holds():
                yield path, option, dimension, cell
    for name, child in place.children.items():
        yield from _cells(child, (*path, name))


def _encode(address: dict[str, str], option: str, dimension: str, cell: Cell) -> dict[str, Any]:
    body: dict[str, Any] = {"address": address, "option": option, "dim": dimension}
    if cell.prior is not None:
        body["prior"] = cell.prior
    if cell.weight is not None:
        body["w"] = cell.weight
    if cell.closed:
        body["closed"] = True
    is_evident = cell.prior is not None or bool(cell.own[0])
    if cell.is_declared is not is_evident:
        body["declared"] = cell.is_declared
    if cell.own[0]:
        precision, information = (total.parts() for total in cell.own)
        body["evidence"] = {
            "precision": precision,
            "information": information,
            "observations": cell.observations,
        }
    return body


def from_json(text: str | bytes, make: Callable[[list[str], dict[str, float], float], _Field]) -> _Field:
    """The field that `make(layers, process_variance, root_variance)` gives, with its cells.

    The first thing malformed is a DecodeError that says where.
    """
    data = _object(jsontext.parse(text, "field"), "field")
    field = _empty(data, make)
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise DecodeError(f"field.cells: {jsontext.shown(cells)} is not a list")
    seen: set[tuple[tuple[str, ...], str, str]] = set()
    for at, raw in enumerate(cells):
        place = f"field.cells[{at}]"
        coordinate = _coordinate(field, _object(raw, place), place)
        if coordinate in seen:
            raise DecodeError(f"{place}: the same address, option and dimension as an earlier cell")
        seen.add(coordinate)
        try:
            _restore(field, *coordinate, raw, place)
        except SporewrightError as why:
            raise _located(why, place) from None
    return field


def _located(why: SporewrightError, place: str) -> DecodeError:
    return why if isinstance(why, DecodeError) else DecodeError(f"{place}: {why}")


def _empty(data: dict[str, Any], make: Callable[[list[str], dict[str, float], float], _Field]) -> _Field:
    layers = data.get("layers")
    if not isinstance(layers, list) or not all(isinstance(name, str) for name in layers):
        raise DecodeError(f"field.layers: {jsontext.shown(layers)} is not a list of names")
    variances = _object(data.get("process_variance", {}), "field.process_variance")
    numbers = {layer: decode_number(x, f"field.process_variance.{layer}") for layer, x in variances.items()}
    root = decode_number(data.get("root_variance", 1.0), "field.root_variance")
    try:
        return make(layers, numbers, root)
    except SporewrightError as why:
        raise _located(why, "field") from None


def _object(data: object, place: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise DecodeError(f"{place}: expected an object, got {jsontext.shown(data)}")
    return data


def _coordinate(field: WritableField, raw: dict[str, Any], place: str) -> tuple[tuple[str, ...], str, str]:
    option, dimension = raw.get("option"), raw.get("dim")
    for key, name in (("option", option), ("dim", dimension)):
        if not isinstance(name, str):
            raise DecodeError(f"{place}.{key}: {jsontext.shown(name)} is not a string")
    try:
        return field.path(_object(raw.get("address"), f"{place}.address")), str(option), str(dimension)
    except SporewrightError as why:
        raise _located(why, f"{place}.address") from None


def _restore(
    field: WritableField, path: tuple[str, ...], option: str, dimension: str, raw: dict[str, Any], place: str
) -> None:
    """Put one cell in, each part through the writer that checks it."""
    writer, address = FieldWriter(field, 0), field.address(path)
    if "prior" in raw:
        writer.set_prior(address, option, dimension, decode_number(raw["prior"], f"{place}.prior"))
    if "w" in raw:
        weight = decode_number(raw["w"], f"{place}.w")
        if option:
            writer.set_option_weight(address, option, dimension, weight)
        else:
            writer.set_weight(address, dimension, weight)
    if "closed" in raw:
        if not isinstance(raw["closed"], bool):
            raise DecodeError(f"{place}.closed: {jsontext.shown(raw['closed'])} is not true or false")
        writer.set_gate(address, option, dimension, not raw["closed"])
    if "evidence" in raw:
        evidence = _object(raw["evidence"], f"{place}.evidence")
        writer.restore_evidence(address, option, dimension, *_evidence(evidence, f"{place}.evidence"))
    if "declared" in raw:
        is_declared = raw["declared"]
        if not isinstance(is_declared, bool) or ("prior" in raw and not is_declared) or (is_declared and not option):
            raise DecodeError(
                f"{place}.declared: {jsontext.shown(is_declared)} is not true, nor false where no prior is; "
                "what holds for every option declares none"
            )
        if option:
            field.tree.grow(path)[-1].ensure(option, dimension).is_declared = is_declared


def _evidence(data: dict[str, Any], place: str) -> tuple[ExactSum, ExactSum, int]:
    precision = _exact(data.get("precision"), f"{place}.precision")
    information = _exact(data.get("information"), f"{place}.information")
    observations = data.get("observations")
    if isinstance(observations, bool) or not isinstance(observations, int) or not 0 < observations <= MAX_OBSERVATIONS:
        raise DecodeError(f"{place}.observations: {jsontext.shown(observations)} is not a count from 1")
    if precision.units <= 0:
        raise DecodeError(f"{place}.precision: it must be above 0")
    return precision, information, observations


def _exact(data: object, place: str) -> ExactSum:
    if not isinstance(data, list) or len(data) > _MOST_PARTS:
        raise DecodeError(f"{place}: {jsontext.shown(data)} is not a list of at most {_MOST_PARTS} numbers")
    parts = [decode_number(part, f"{place}[{at}]") for at, part in enumerate(data)]
    for at, part in enumerate(parts):
        if not abs(part) <= READABLE:
            raise DecodeError(f"{place}[{at}]: {part!r} is not finite or beyond {READABLE:g}")
    total = ExactSum(parts)
    if abs(float(total)) > READABLE:
        raise DecodeError(f"{place}: the sum {float(total)!r} is beyond {READABLE:g}")
    return total
