"""Every error of the project and its stable code; the same codes appear in TypeScript as `SporewrightError.code`.

An error is data: `code` never changes once published; the message names the coordinate and the offending value and is
for people.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "CODES",
    "BadValueKindError",
    "BudgetError",
    "ClosedError",
    "ConfigError",
    "DecodeError",
    "EngineError",
    "ExcludedError",
    "ExhaustedError",
    "InternalError",
    "ProtocolError",
    "RefusedError",
    "SporewrightError",
    "StorageError",
    "TimedOutError",
    "TokenError",
    "TooLargeError",
    "UnknownLevelError",
    "VersionError",
    "WriteUpError",
    "error_from_code",
]


class SporewrightError(Exception):
    """Base class of all errors of this package; `code` is stable and shared with TypeScript."""

    code: ClassVar[str] = "error"


class WriteUpError(SporewrightError, PermissionError):
    """A write to a coarser level than the writer's floor, or outside its slice (W1, W2); nothing was written."""

    code = "write-up"


class UnknownLevelError(SporewrightError, LookupError):
    """A level that the tensor does not have (T3, W1)."""

    code = "unknown-level"


class BadValueKindError(SporewrightError, TypeError):
    """A value of the wrong kind: a number where a document belongs, or the other way round (C2)."""

    code = "bad-value-kind"


class DecodeError(SporewrightError, ValueError):
    """Data that cannot be decoded; the message says where (S3)."""

    code = "decode"


class ConfigError(SporewrightError, ValueError):
    """A setting or an argument that cannot work; the message names it with its value."""

    code = "config"


class ProtocolError(SporewrightError):
    """The other end sent a well-formed message that the state of the session does not allow."""

    code = "protocol"


class VersionError(ProtocolError):
    """The other end uses another version of the wire protocol."""

    code = "version"


class TooLargeError(ProtocolError):
    """A message, an answer or a batch that is larger than its limit."""

    code = "too-large"


class TokenError(SporewrightError, PermissionError):
    """A token that is missing, forged, expired, or bound to another slice."""

    code = "token"


class StorageError(SporewrightError, OSError):
    """A database or a browser store that is full, forbidden or broken."""

    code = "storage"


class TimedOutError(SporewrightError, TimeoutError):
    """No answer within the time allowed."""

    code = "timeout"


class ClosedError(SporewrightError):
    """A call to something that has been closed."""

    code = "closed"


class EngineError(SporewrightError):
    """The engine did not start or stopped; the message says at which stage."""

    code = "engine"


class ExhaustedError(SporewrightError):
    """Every option was tried or skipped; each one's reason is in the message."""

    code = "exhausted"


class ExcludedError(ExhaustedError):
    """The preferences of a call leave no option; the message says which one excluded which option."""

    code = "excluded"


class BudgetError(ExhaustedError):
    """No pool covered the call within its deadline; the message names the pool and the time at which it does."""

    code = "budget"


class OfflineError(ExhaustedError):
    """The device had no network until the deadline of the call; no option is at fault."""

    code = "offline"


class BrokenError(SporewrightError, OSError):
    """An answer that broke off after part of it had been delivered."""

    code = "broken"
    partial: str | None = None
    """Of a chat the first choice's text as far as it came."""


class RefusedError(SporewrightError):
    """A chat that the provider refused; the message holds the HTTP status and the reason."""

    code = "refused"


class InternalError(SporewrightError):
    """A defect of this package, wrapped so that no raw exception crosses a boundary."""

    code = "internal"


def _family(root: type[SporewrightError]) -> list[type[SporewrightError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in _family(child))]


CODES: dict[str, type[SporewrightError]] = {kind.code: kind for kind in _family(SporewrightError)}


def error_from_code(code: str, message: str) -> SporewrightError:
    """Rebuild an error that crossed a boundary as data; an unknown code becomes `InternalError`."""
    return CODES.get(code, InternalError)(message)
