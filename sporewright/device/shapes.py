"""Is this JSON value of that shape? Checks bodies and events against their TypedDicts, so that a shape is said once."""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from sporewright.errors import DecodeError
from sporewright.jsontext import shown

__all__ = ["check"]

_PLAIN: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (int, float),
    bool: (bool,),
    type(None): (type(None),),
}
_WORDS = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


@cache
def _fields(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        (name, get_args(hint)[0], False) if get_origin(hint) is NotRequired else (name, hint, True)
        for name, hint in hints.items()
    )


@cache
def _parts(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(kind), get_args(kind)


def check(where: str, kind: Any, value: Any) -> None:
    """DecodeError that names the place and the value unless `value` has the shape; unknown fields are ignored."""
    if kind is Any:
        return
    if kind in _PLAIN:
        if type(value) not in _PLAIN[kind]:
            raise DecodeError(f"{where}: expected {_WORDS.get(kind, 'null')}, got {shown(value)}")
    elif is_typeddict(kind):
        _check_fields(where, kind, value)
    else:
        _check_generic(where, kind, value)


def _check_fields(where: str, kind: type, value: Any) -> None:
    if not isinstance(value, dict):
        raise DecodeError(f"{where}: expected an object, got {shown(value)}")
    for name, hint, required in _fields(kind):
        if name in value:
            check(f"{where}.{name}", hint, value[name])
        elif required:
            raise DecodeError(f"{where}.{name}: missing")


def _check_generic(where: str, kind: Any, value: Any) -> None:
    origin, args = _parts(kind)
    if origin is Literal:
        if not isinstance(value, str) or value not in args:
            raise DecodeError(f"{where}: expected one of {', '.join(args)}, got {shown(value)}")
    elif origin in (Union, UnionType):
        _check_union(where, args, value)
    elif origin is dict:
        if not isinstance(value, dict):
            raise DecodeError(f"{where}: expected an object, got {shown(value)}")
        for name, item in value.items():
            check(f"{where}[{shown(name)}]", args[1], item)
    elif origin in (list, tuple):
        if not isinstance(value, list) or (origin is tuple and len(value) != len(args)):
            raise DecodeError(f"{where}: expected a list, got {shown(value)}")
        for at, item in enumerate(value):
            check(f"{where}[{at}]", args[at if origin is tuple else 0], item)
    else:
        raise TypeError(f"no check for {kind!r}")


def _check_union(where: str, kinds: tuple[Any, ...], value: Any) -> None:
    reasons = []
    for kind in kinds:
        try:
            check(where, kind, value)
        except DecodeError as why:
            reasons.append(str(why))
        else:
            return
    raise DecodeError("; or ".join(reasons))
