"""Strict JSON from any source: what is wrong is a `DecodeError`, nothing else, in time linear in the text.

Python's own reader takes more than JSON (NaN, duplicate keys, numbers that overflow) and recurses as deep as it is
told to; this one refuses all of that first. A leaf that imports the errors alone.
"""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn

from sporewright.errors import DecodeError

__all__ = ["MAX_NESTING", "Flaw", "compact", "listed", "nests_deep", "parse", "shown"]

# Our own messages nest four deep; unknown fields get some room, a stack does not.
MAX_NESTING = 16


@dataclass(frozen=True, slots=True)
class Flaw:
    """Stands where a forgiving reading met a number or an object it will not take; `reason` says why."""

    reason: str


class _RefusedError(Exception):
    """The error of the reader's hooks."""


class _Shortened(reprlib.Repr):
    """Writes the beginning of anything, in time that its size does not set."""

    def repr_int(self, x: int, _level: int) -> str:
        """Python refuses to write integers of many digits."""
        return repr(x) if x.bit_length() <= 256 else f"an integer of {x.bit_length()} bits"

    def repr_str(self, x: str, _level: int) -> str:
        """From the beginning, as all else is cut."""
        return repr(x[:_SHOWN])

    def repr_bytes(self, x: bytes, _level: int) -> str:
        """As a string."""
        return repr(x[:_SHOWN])


_SHOWN = 60
_shorten = _Shortened()
_shorten.maxother = _SHOWN
_shorten.maxlist = _shorten.maxtuple = _shorten.maxdict = _shorten.maxset = _SHOWN // len("1, ")
_shorten.maxlevel = 3


def shown(value: object) -> str:
    """A value for a message to people: ASCII, at most 60 characters. Takes anything, however deep or large."""
    text = _shorten.repr(value).encode("ascii", "backslashreplace").decode("ascii")
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def listed(names: Iterable[str]) -> str:
    """Names for a message to people, as they are as far as ASCII can say them; the first 20."""
    some = list(islice(names, 21))
    return ", ".join([shown(name)[1:-1] for name in some[:20]] + ["..."] * (len(some) > 20))


# A JSON string, closed or running to the end of the text, so that no quote is ever scanned twice.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")
_CLOSED_PAIR = re.compile(r"\[\]|\{\}")


def nests_deep(text: str, most: int = MAX_NESTING) -> bool:
    """True if the recursive reader must not see it; each pass peels one layer of closed pairs."""
    if text.count("[") + text.count("{") <= most:
        return False
    brackets = _NOT_BRACKETS.sub("", _STRING.sub("", text))
    for _ in range(most):
        if not brackets:
            return False
        brackets, found = _CLOSED_PAIR.subn("", brackets)
        if found == 0:
            break  # what is left is never closed
    return brackets.count("[") + brackets.count("{") > most or "[]" in brackets or "{}" in brackets


def parse(text: str | bytes, what: str, *, forgiving: bool = False) -> Any:
    """One JSON value; DecodeError names `what` and the place. Lone surrogates are for the reader of the strings.

    Forgiving, a bad number or a repeated key becomes a `Flaw` in its place, so that a list loses one entry and not all.
    """
    if not isinstance(text, str | bytes | bytearray):
        raise DecodeError(f"{what}: expected text or its UTF-8 bytes, got {shown(text)}")
    try:
        plain = text if isinstance(text, str) else text.decode("utf-8")
        if nests_deep(plain):
            raise DecodeError(f"{what}: nested deeper than {MAX_NESTING}")
        return (_FORGIVING if forgiving else _STRICT).decode(plain)
    except _RefusedError as why:
        raise DecodeError(what + _located(plain, str(why))) from None
    except json.JSONDecodeError as why:
        raise DecodeError(f"{what}: not JSON at character {why.pos}: {why.msg}") from None
    except UnicodeDecodeError as why:
        raise DecodeError(f"{what}: not UTF-8 at byte {why.start}") from None


def _located(text: str, reason: str) -> str:
    """The path to the first flaw and its reason; read anew, because a strict reading stops without saying where."""
    try:
        found = _FORGIVING.decode(text)
    except json.JSONDecodeError:
        return f": {reason}"
    path = ""
    while not isinstance(found, Flaw):
        steps = found.items() if isinstance(found, dict) else enumerate(found)
        at, found = next((at, inner) for at, inner in steps if _has_flaw(inner))
        path += f"[{at}]" if isinstance(at, int) else f".{shown(at)[1:-1]}"
    return f"{path}: {found.reason}"


def _has_flaw(data: object) -> bool:
    if isinstance(data, dict):
        return any(map(_has_flaw, data.values()))
    return isinstance(data, Flaw) or (isinstance(data, list) and any(map(_has_flaw, data)))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _RefusedError(f"duplicate key {shown(twice)}")
    return read


def _no_constant(token: str) -> NoReturn:
    raise _RefusedError(f"{token} is not JSON")


def _int(literal: str) -> int | float:
    return _float(literal) if len(literal) > 20 else int(literal)


def _float(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise _RefusedError(f"the number {shown(literal)} overflows")
    return number


def _flawed(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(raw: Any) -> Any:
        try:
            return hook(raw)
        except _RefusedError as why:
            return Flaw(str(why))

    return read


def _reader(wrap: Callable[[Callable[[Any], Any]], Callable[[Any], Any]]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=wrap(_object),
        parse_constant=wrap(_no_constant),
        parse_int=wrap(_int),
        parse_float=wrap(_float),
    )


_STRICT = _reader(lambda hook: hook)
_FORGIVING = _reader(_flawed)
compact = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""JSON data as text: no spaces, ASCII; ValueError for a number that JSON lacks. Making it costs as much as a use."""
