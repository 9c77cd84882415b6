"""The messages between a device and a server: ten of them, as JSON text, version 1 (docs/reference/wire.md).

`decode` is strict and safe on hostile input: size first, then nesting, then JSON, then every field; what is wrong is a
`DecodeError` that says where, a foreign version a `VersionError`, a message over its limit a `TooLargeError`. Unknown
fields are ignored, unknown types are not. Cell entries stay plain S2 dicts here; `core.codec` turns them into cells.
"""

from __future__ import annotations

import binascii
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NoReturn, NotRequired, TypeAlias, TypedDict

from sporewright import jsontext
from sporewright.errors import DecodeError, TooLargeError, VersionError
from sporewright.jsontext import shown

__all__ = [
    "TYPES",
    "VERSION",
    "Ack",
    "Bye",
    "CellEntry",
    "Delta",
    "ErrorMessage",
    "Hello",
    "Limits",
    "Message",
    "Ping",
    "Pong",
    "Push",
    "Refusal",
    "Resume",
    "Snapshot",
    "Welcome",
    "decode",
    "encode",
    "encode_entry",
    "entry_bytes",
]

VERSION = 1
# The largest integer that every JSON reader keeps exactly (IEEE-754 double, 2^53 - 1).
MAX_INTEGER = 2**53 - 1


class CellEntry(TypedDict):
    """One whole cell in S1/S2 form: an absent layer is unset, neither layer is a tombstone."""

    level: str
    inst: str
    option: str
    dim: str
    v: NotRequired[float | str | dict[str, str]]
    w: NotRequired[float | str]


@dataclass(frozen=True)
class Limits:
    """The size of one message: UTF-8 bytes and cell entries; the server names its own in `Welcome`."""

    message_bytes: int = 1 << 20
    cells: int = 4096


@dataclass(frozen=True)
class Resume:
    """A device's position: the identity of the database it knows and the last revision it applied."""

    epoch: str
    revision: int


@dataclass(frozen=True)
class Refusal:
    """One cell of a push that was not committed: its index in the push, a code of `errors.py`, and words."""

    index: int
    code: str
    message: str


@dataclass(frozen=True)
class Hello:
    """Device: the first message; the token proves the slice and is never shown by `repr`."""

    t: ClassVar[str] = "hello"
    token: str = field(repr=False)
    client: str
    resume: Resume | None = None
    v: int = VERSION


@dataclass(frozen=True)
class Welcome:
    """Server: the token was good; `seq` is the last push of this client that is committed (0: none)."""

    t: ClassVar[str] = "welcome"
    session: str
    epoch: str
    workspace: str
    device: str
    levels: tuple[str, ...]
    revision: int
    seq: int
    lease_s: float
    limits: Limits
    v: int = VERSION


@dataclass(frozen=True)
class Push:
    """Device: cells of its own slice; `seq` counts 1, 2, 3 … per client."""

    t: ClassVar[str] = "push"
    seq: int
    cells: Sequence[CellEntry]


@dataclass(frozen=True)
class Ack:
    """Server, after the commit: how many cells of push `seq` were accepted and which were refused."""

    t: ClassVar[str] = "ack"
    seq: int
    accepted: int
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """Server: part `part` (from 1) of `parts`; the whole replaces the shared cells once the last part is in."""

    t: ClassVar[str] = "snapshot"
    revision: int
    part: int
    parts: int
    cells: Sequence[CellEntry]


@dataclass(frozen=True)
class Delta:
    """Server: what changed between revision `base` and `revision`, tombstones included."""

    t: ClassVar[str] = "delta"
    base: int
    revision: int
    cells: Sequence[CellEntry]


@dataclass(frozen=True)
class Ping:
    """Device: still here; renews the lease."""

    t: ClassVar[str] = "ping"
    n: int


@dataclass(frozen=True)
class Pong:
    """Server: the answer to the ping with the same `n`."""

    t: ClassVar[str] = "pong"
    n: int


@dataclass(frozen=True)
class ErrorMessage:
    """Server: what went wrong, as a code of `errors.py`; a fatal one is followed by close."""

    t: ClassVar[str] = "error"
    code: str
    message: str
    fatal: bool


@dataclass(frozen=True)
class Bye:
    """Either end: a clean goodbye."""

    t: ClassVar[str] = "bye"
    reason: str


Message: TypeAlias = Hello | Welcome | Push | Ack | Snapshot | Delta | Ping | Pong | ErrorMessage | Bye
_Check: TypeAlias = Callable[[str, Any], Any]


def _bad(where: str, wanted: str, value: object) -> NoReturn:
    raise DecodeError(f"{where}: expected {wanted}, got {shown(value)}")


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str):
        _bad(where, "a string", value)
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            _bad(where, "text without lone surrogates", value)
    return value


def _secret(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value.isascii():  # a JWT is ASCII; the value itself is never repeated
        raise DecodeError(f"{where}: expected an ASCII string")
    return value


def _integer(least: int) -> _Check:
    def check(where: str, value: Any) -> int:
        if type(value) is not int or not least <= value <= MAX_INTEGER:
            _bad(where, f"an integer from {least} to 2^53 - 1", value)
        return value

    return check


def _version(where: str, value: Any) -> int:
    if type(value) is not int:
        _bad(where, "an integer", value)
    if value != VERSION:
        raise VersionError(f"{where}: this end speaks version {VERSION}, the peer version {shown(value)}")
    return value


def _flag(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        _bad(where, "true or false", value)
    return value


def _finite(where: str, value: Any) -> float:
    if type(value) not in (int, float):
        _bad(where, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        _bad(where, "a number within the range of a double", value)
    return number


def _seconds(where: str, value: Any) -> float:
    number = _finite(where, value)
    return number if number > 0 else _bad(where, "a positive number of seconds", value)


def _number(where: str, value: Any) -> float | str:
    if isinstance(value, str):
        return value if value in ("inf", "-inf", "nan") else _bad(where, 'a number, "inf", "-inf" or "nan"', value)
    return _finite(where, value)


def _layer(where: str, value: Any) -> float | str | dict[str, str]:
    if not isinstance(value, Mapping):
        return _number(where, value)
    if set(value) != {"b64"} or not isinstance(value["b64"], str):
        _bad(where, 'a document {"b64": "..."}', value)
    try:
        binascii.a2b_base64(value["b64"], strict_mode=True)
    except ValueError as why:
        raise DecodeError(f"{where}.b64: {why}") from None
    return {"b64": value["b64"]}


def _entry(where: str, value: Any) -> CellEntry:
    if not isinstance(value, Mapping):
        _bad(where, "a cell entry", value)
    for name in ("level", "inst", "option", "dim"):
        if name not in value:
            raise DecodeError(f"{where}.{name}: missing")
        _text(f"{where}.{name}", value[name])
    entry = CellEntry(level=value["level"], inst=value["inst"], option=value["option"], dim=value["dim"])
    if "v" in value:
        entry["v"] = _layer(f"{where}.v", value["v"])
    if "w" in value:
        entry["w"] = _number(f"{where}.w", value["w"])
    return entry


def _many(check: _Check) -> _Check:
    def all_of(where: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            _bad(where, "a list", value)
        return tuple(check(f"{where}[{index}]", item) for index, item in enumerate(value))

    return all_of


def _record(kind: type, checks: Mapping[str, _Check]) -> _Check:
    def check_record(where: str, value: Any) -> Any:
        if isinstance(value, kind):
            value = vars(value)
        if not isinstance(value, Mapping):
            _bad(where, "an object", value)
        read = {}
        for name, check in checks.items():
            if name not in value:
                raise DecodeError(f"{where}.{name}: missing")
            read[name] = check(f"{where}.{name}", value[name])
        return kind(**read)

    return check_record


def _or_null(check: _Check) -> _Check:
    return lambda where, value: None if value is None else check(where, value)


_COUNT, _POSITIVE = _integer(0), _integer(1)
_ENTRIES = _many(_entry)
_RESUME = _or_null(_record(Resume, {"epoch": _text, "revision": _COUNT}))
_LIMITS = _record(Limits, {"message_bytes": _POSITIVE, "cells": _POSITIVE})
_REFUSALS = _many(_record(Refusal, {"index": _COUNT, "code": _text, "message": _text}))
_WELCOME: dict[str, _Check] = {
    "v": _version, "session": _text, "epoch": _text, "workspace": _text, "device": _text, "levels": _many(_text),
    "revision": _COUNT, "seq": _COUNT, "lease_s": _seconds, "limits": _LIMITS,
}  # fmt: skip

# Type -> (class, field -> check), in the order of the checks: a foreign version is told before a foreign field.
_SHAPES: dict[type, dict[str, _Check]] = {
    Hello: {"v": _version, "token": _secret, "client": _text, "resume": _RESUME},
    Welcome: _WELCOME,
    Push: {"seq": _POSITIVE, "cells": _ENTRIES},
    Ack: {"seq": _POSITIVE, "accepted": _COUNT, "refused": _REFUSALS},
    Snapshot: {"revision": _COUNT, "part": _POSITIVE, "parts": _POSITIVE, "cells": _ENTRIES},
    Delta: {"base": _COUNT, "revision": _COUNT, "cells": _ENTRIES},
    Ping: {"n": _COUNT},
    Pong: {"n": _COUNT},
    ErrorMessage: {"code": _text, "message": _text, "fatal": _flag},
    Bye: {"reason": _text},
}
_READERS: dict[str, _Check] = {kind.t: _record(kind, shape) for kind, shape in _SHAPES.items()}  # type: ignore[attr-defined]
TYPES = tuple(_READERS)


def encode(message: Message, limits: Limits = Limits()) -> str:
    """One message as JSON text; DecodeError for a field that does not hold, TooLargeError over the limits."""
    checked = _READERS[message.t](message.t, message)
    _check_cells(checked, limits)
    body = {"t": message.t} | {item.name: _plain(getattr(checked, item.name)) for item in fields(checked)}
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    _check_size(text, limits)
    return text


def decode(text: str | bytes, limits: Limits = Limits()) -> Message:
    """Read one message; TooLargeError before any parsing, DecodeError says where, VersionError for a foreign `v`."""
    _check_size(text, limits)
    body = jsontext.parse(text, "message")
    if not isinstance(body, dict):
        _bad("message", "an object", body)
    kind = body.get("t")
    if not isinstance(kind, str) or kind not in _READERS:
        _bad("message.t", "a known type", kind)
    message: Message = _READERS[kind](kind, body)
    _check_cells(message, limits)
    return message


def encode_entry(entry: CellEntry) -> str:
    """One entry as it stands in a message; DecodeError for a field that does not hold."""
    return json.dumps(_entry("cell", entry), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def entry_bytes(entry: CellEntry) -> int:
    """The bytes of a message that this entry takes, its comma included."""
    return len(json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8")) + 1


def _plain(value: Any) -> Any:
    if isinstance(value, (Resume, Limits, Refusal)):
        return vars(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _check_size(text: str | bytes, limits: Limits) -> None:
    if not isinstance(text, str | bytes):
        _bad("message", "text or bytes", text)
    size = len(text)
    if isinstance(text, str) and size <= limits.message_bytes and not text.isascii():
        size = len(text.encode("utf-8", "surrogatepass"))
    if size > limits.message_bytes:
        raise TooLargeError(f"message: {size} bytes, the limit is {limits.message_bytes}")


def _check_cells(message: Message, limits: Limits) -> None:
    count = len(message.cells) if isinstance(message, (Push, Snapshot, Delta)) else 0
    if count > limits.cells:
        raise TooLargeError(f"{message.t}.cells: {count} entries, the limit is {limits.cells}")
