"""Faults: the bytes and pauses of a provider's answer, and what a routed call has to make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Literal

__all__ = ["LIMITS", "WAYS", "Beat", "End", "Fault", "Learned", "Pieces", "Right", "Way", "Who"]

Way = Literal["fetch whole", "fetch streamed", "fetch held", "chat whole", "chat streamed"]
"""`held`: a stream with `restart: "buffer"`; `fetch streamed` has the default (`error`), chat its own (`notify`)."""
WAYS: tuple[Way, ...] = ("fetch whole", "fetch streamed", "fetch held", "chat whole", "chat streamed")
Who = Literal["first", "second", "refused", "broken", "exhausted"]
"""The caller's result: the first's or the second's whole answer; the first's refusal; a broken body; an error."""
Learned = Literal["failure", "late", "slow", "answer", "nothing"]
"""Of the first option: a failure and no latency; a failure and that it takes at least as long as was waited for; only
the latter; an answer and its latency; nothing."""

LIMITS: dict[str, float] = {
    # Seconds where the plan has tens of them: what is tested is what follows a limit.
    "attempt_timeout_s": 1.6, "first_token_s": 1.2, "first_token_min_s": 1.2, "first_token_max_s": 1.2,
    "inter_token_s": 0.8, "finish_s": 0.3, "error_s": 0.4, "look_s": 0.4, "backoff_s": 0.05, "deadline_s": 10,
    # Rows do not compete for what the calls of a profile share.
    "retry_cap": 10_000, "event_bytes": 1 << 16,
}  # fmt: skip


class End(Enum):
    """The end of a scripted answer; without one the connection is closed cleanly."""

    RESET = "a TCP reset"
    HANG = "nothing more, and the connection stays open"
    KEEP = "the connection is kept for the next request"


@dataclass(frozen=True)
class Beat:
    """The same bytes again and again until the caller leaves, or so many `times`."""

    data: bytes
    every_s: float
    times: int = 0


Pieces = tuple[bytes | float | Beat | End, ...]
"""The bytes to send and the pauses, in order: bytes, seconds of silence, a beat, and the end."""


@dataclass(frozen=True)
class Right:
    """The right outcome of one call; `attempts` in all, `seconds` at most, `aside`: why the first is set aside."""

    who: Who = "second"
    attempts: int = 2
    learned: Learned = "failure"
    aside: str | None = None
    seconds: float = 2.5


@dataclass(frozen=True)
class Fault:
    """One row: what the first option answers to a whole and to a streamed request, and what is right.

    `text`: the words of its answer where it gives one. `everywhere`: every request to that server ends so, the page's
    look at its root as well. `also`: what other paths answer. `address` in place of the server's own; `{port}` stands
    for its port, port 0 for one where nothing listens.
    `limits`: limits of its calls other than those of all.
    `ways`: what is right where it differs from `right`. `why`: the reason of a right value that can be argued about.
    """

    name: str
    kind: str
    whole: Pieces | None
    streamed: Pieces | None
    right: Right = field(default_factory=Right)
    ways: Mapping[Way, Right] = field(default_factory=dict)
    text: str = ""
    everywhere: bool = False
    address: str | None = None
    also: Mapping[str, Pieces] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    why: str = ""

    def pieces(self, way: Way) -> Pieces | None:
        """The pieces sent to a call made that way; None: the fault has no such form."""
        return self.whole if way.endswith("whole") else self.streamed

    def right_for(self, way: Way) -> Right:
        """The right outcome of a call made that way."""
        return self.ways.get(way, self.right)

    def but(self, **changes: object) -> Fault:
        """The same with some fields replaced."""
        return replace(self, **changes)  # type: ignore[arg-type]
