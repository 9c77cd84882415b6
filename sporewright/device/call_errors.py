"""The errors that a call raises: ours and httpx's in one class, for code around httpx (the providers' SDKs).

The core knows nothing of httpx, so each pair of an error of ours and one of httpx's is a class made here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx

from sporewright.device.attempt_io import Running
from sporewright.errors import BrokenError, SporewrightError, TooLargeError

__all__ = ["broken", "common", "of_httpx"]


def of_httpx(ours: type[SporewrightError], theirs: type[Exception], message: str) -> Exception:
    """An error that is both; `theirs` as a plain client raises it, TransportError where it is none of httpx's."""
    is_theirs = issubclass(theirs, httpx.RequestError)
    error: Exception = _pair(ours, theirs if is_theirs else httpx.TransportError)(message)
    return error


_PAIRS: dict[tuple[type, type], type[Any]] = {}


def _pair(ours: type[SporewrightError], theirs: type[Exception]) -> type[Any]:
    if (ours, theirs) not in _PAIRS:
        # A class without a name in a module is rebuilt by its parts where it is sent to another process.
        members = {"__module__": __name__, "__reduce__": lambda self: (of_httpx, (ours, theirs, str(self)))}
        name = f"{ours.__name__.removesuffix('Error')}{theirs.__name__}"
        _PAIRS[ours, theirs] = type(name, (ours, theirs), members)
    return _PAIRS[ours, theirs]


def common(errors: Iterable[type[Exception] | None]) -> type[Exception]:
    """The narrowest class that all of these share; TransportError if there are none, or one is none of httpx's."""
    found: list[type[Exception]] = []
    for error in errors:
        if error is None or not issubclass(error, httpx.RequestError):
            return httpx.TransportError
        found.append(error)
    kinds = found[0].__mro__ if found else ()
    narrow = (kind for kind in kinds if all(issubclass(error, kind) for error in found))
    shared: type[Exception] = next(narrow, httpx.TransportError)
    return shared if issubclass(shared, httpx.TransportError) or len(set(found)) == 1 else httpx.TransportError


def broken(one: Running, outcome: str, reason: str) -> Exception:
    """An answer that began and will not be whole, or not here; the httpx error, too, that a plain client would have."""
    if outcome == "too_large":
        what = f"the answer of {one.option} is too long to be held back: {reason}"
        return of_httpx(TooLargeError, httpx.TransportError, what)
    what = f"the answer of {one.option} broke off after {one.length} bytes: {reason}"
    return of_httpx(BrokenError, one.error or httpx.TransportError, what)
