"""The right values that most rows share, and how a row is spelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from e2e.faults.fault import LIMITS, Fault, Pieces, Right, Way
from e2e.faults.wire import message

__all__ = [
    "ANSWERED", "BROKEN", "FAILED", "LATE", "LIMITED", "MID_STREAM", "MINE", "PASSED", "RACED", "aside", "both",
    "status", "streamed", "whole",
]  # fmt: skip

FAILED = Right()
"""The next option answers; a failure, and no latency."""
LATE = Right(learned="late", seconds=LIMITS["attempt_timeout_s"] + 2.5)
"""The next option answers after the attempt's patience, which is a lower bound of the latency."""
RACED = Right(learned="slow", seconds=4.0)
"""The next option is asked beside this one, and answers; nothing was known of it, so that it may only be slow."""
LIMITED = Right()
"""The next option answers; left alone for as long as it asked, and the refusal counts."""
PASSED = Right(learned="nothing")
"""The next option answers; nothing was wrong with this one."""
ANSWERED = Right("first", 1, "answer", seconds=6.0)
"""It is an answer, and no other option is asked."""
MINE = Right("refused", 1, "nothing")
"""The caller's own mistake comes back at once."""
BROKEN = Right("broken", 1)
"""Part of it was handed over, and the caller asked for an error then."""
MID_STREAM: Mapping[Way, Right] = {"fetch streamed": BROKEN}
"""The ways in which a break after the first token reaches the caller; elsewhere the next option takes over."""


def aside(reason: str) -> Right:
    """The next option answers; this one is set aside, and its latency is not learned."""
    return Right(learned="nothing", aside=reason)


def both(name: str, kind: str, pieces: Pieces, right: Right = FAILED, **more: Any) -> Fault:
    """The same bytes to a whole and to a streamed request."""
    return Fault(name, kind, pieces, pieces, right, **more)


def whole(name: str, kind: str, pieces: Pieces, right: Right = FAILED, **more: Any) -> Fault:
    """A fault of answers in one piece."""
    return Fault(name, kind, pieces, None, right, **more)


def streamed(name: str, kind: str, pieces: Pieces, right: Right = FAILED, **more: Any) -> Fault:
    """A fault of streams."""
    return Fault(name, kind, None, pieces, right, **more)


def status(name: str, number: int, body: Any, right: Right, *headers: str, kind: str = "status", **more: Any) -> Fault:
    """A response of this status with its length; `body` as JSON, text as HTML."""
    of = "text/html" if isinstance(body, str) else "application/json"
    return both(name, kind, message(body, number, of, *headers), right, **more)
