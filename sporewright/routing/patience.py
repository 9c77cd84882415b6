"""One attempt as its chain knows it, and how long it is waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sporewright.routing.terms import Limits, State

__all__ = ["ECHOES", "Attempt", "Body"]

Body = Literal["events", "whole", "bytes"]
"""What follows good headers: a stream of events, an answer short enough to be held until it is whole, anything else."""
ECHOES = ("timeout", "network", "connect", "truncated")
"""Ends that, after a gap in the clock, are its echo: the connection did not outlive the sleep."""

_ENDS = ("DELIVERED", "BROKEN", "LOST", "ABORTED", "PICKING")


@dataclass(slots=True, eq=False)
class Attempt:
    """Where an attempt stands, and what it has been heard of, in seconds of the chain's clock."""

    option: str
    began: float
    is_probe: bool = False
    key: int = 0
    """Which of its option's keys it uses."""
    had_all: bool = False
    """It began with the call: the call's whole time was its own."""
    state: State = "CALLING"
    heard: float = 0.0
    first_s: float | None = None
    """Seconds to the first token of a stream, or to the headers of anything else."""
    is_finished: bool = False
    """The answer has said that it is whole, and nothing of it has come since: usage and the end mark may follow."""
    is_short: bool = False
    """Its body is held only because it is short: it has to be whole within the call's deadline."""
    has_begun: bool = False
    """Something of its body has come that is not white space."""
    has_slept: bool = False
    """The clock had a gap: how long it took says nothing."""
    has_queued: bool = False
    """It waited on this side for a connection: how long it took says nothing."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state in _ENDS

    @property
    def is_unanswered(self) -> bool:
        """Whether nothing of an answer has come."""
        return self.state in ("CALLING", "OPENED")

    @property
    def is_bounded(self) -> bool:
        """Whether the call's deadline bounds it, too: until it answers, and while a short answer is not whole."""
        return self.is_unanswered or (self.state == "HOLDING" and self.is_short and not self.is_finished)

    @property
    def is_untimed(self) -> bool:
        """Whether how long it takes says nothing of its option."""
        return self.has_slept or self.has_queued

    def queued(self, gap_s: float) -> None:
        """Take what was waited for a connection out of its own time; the call's time goes on, so it has not had all."""
        self.began, self.heard = self.began + gap_s, self.heard + gap_s
        self.has_queued, self.had_all = True, False

    def slept(self, gap_s: float) -> None:
        """Take a gap in the clock out of what was waited for."""
        self.began, self.heard, self.has_slept = self.began + gap_s, self.heard + gap_s, True

    def silent_since(self, *, streaming: bool) -> float:
        """When the silence began that is measured now: at its start, or when something of the answer came last."""
        is_begun = self.state == "CALLING" or (self.state == "OPENED" and streaming)
        return self.began if is_begun else self.heard

    def due(self, limits: Limits, first_token_s: float, *, streaming: bool) -> float:
        """When the patience with it is over, by its own limit; `first_token_s`: what its option is given for that."""
        if self.state == "CALLING":
            own = self.began + (first_token_s if streaming else limits["attempt_timeout_s"])
            # White space before an answer in one piece keeps a connection alive: a sign of life.
            return max(own, self.heard + limits["inter_token_s"]) if self.heard > self.began else own
        if self.state == "OPENED":
            return (self.began if streaming else self.heard) + first_token_s
        patience = self.heard + limits["inter_token_s"]
        if self.state == "HOLDING" and self.is_short and not self.has_begun:
            # A long answer in one piece takes its time, whenever its headers came.
            return max(patience, self.began + (first_token_s if streaming else limits["attempt_timeout_s"]))
        return patience
