"""One attempt as its chain knows it, and how long it is waited for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from sporewright.routing.candidates import Candidates
from sporewright.routing.health import Health
from sporewright.routing.terms import Limits, State

__all__ = ["ECHOES", "Attempt", "Body", "Patience"]

Body = Literal["events", "whole", "bytes"]
"""The body after good headers: a stream of events, an answer short enough to be held until it is whole, or bytes."""
ECHOES = ("timeout", "network", "connect", "truncated")
"""Ends that, after a gap in the clock, are its echo: the connection did not outlive the sleep."""

_ENDS = ("DELIVERED", "BROKEN", "LOST", "ABORTED", "PICKING")


@dataclass(slots=True, eq=False)
class Attempt:
    """The state of an attempt and the times at which it was heard of, in seconds of the chain's clock."""

    option: str
    began: float
    is_probe: bool = False
    is_fallback: bool = False
    """It was asked because those before it were silent."""
    is_raced: bool = False
    """Another option was asked beside it because it was silent."""
    key: int = 0
    """The number of the option's key that it uses."""
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
    is_any: bool = False
    """Any body is its answer: it is not cut once its headers are in, and what is held of it is handed over in time."""
    has_slept: bool = False
    """The clock had a gap: how long it took says nothing."""
    has_queued: bool = False
    """It waited on this side for a connection: how long it took says nothing."""

    @property
    def is_over(self) -> bool:
        """True if it has ended."""
        return self.state in _ENDS

    @property
    def is_unanswered(self) -> bool:
        """True if nothing of an answer has come."""
        return self.state in ("CALLING", "OPENED")

    @property
    def is_silent(self) -> bool:
        """True if nothing has come by which it could be told from an option that does not answer."""
        return self.heard <= self.began if self.state == "CALLING" else self.state == "OPENED" and not self.is_any

    @property
    def is_bounded(self) -> bool:
        """True if the call's deadline bounds it, too: until it answers, and while a short answer is not whole."""
        return self.is_unanswered or (self.state == "HOLDING" and self.is_short and not self.is_finished)

    @property
    def is_untimed(self) -> bool:
        """True if its duration is no measurement of its option."""
        return self.has_slept or self.has_queued

    def queued(self, gap_s: float) -> None:
        """Take the wait for a connection out of its own time; the call's time goes on, so it has not had all of it."""
        self.began, self.heard = self.began + gap_s, self.heard + gap_s
        self.has_queued, self.had_all = True, False

    @property
    def is_held_back(self) -> bool:
        """True if something has come that is not an answer yet and must become one before it is handed over."""
        if self.state == "CALLING":
            return self.heard > self.began and not self.is_any
        return self.state == "HOLDING" and self.is_short and not self.is_finished and not self.is_any

    def slept(self, gap_s: float) -> None:
        """Take a gap in the clock out of what was waited for."""
        self.began, self.heard, self.has_slept = self.began + gap_s, self.heard + gap_s, True

    def silent_since(self, *, streaming: bool) -> float:
        """The beginning of the silence that is measured now: its start, or when something of the answer came last."""
        is_begun = self.state == "CALLING" or (self.state == "OPENED" and streaming)
        return self.began if is_begun else self.heard

    def due(self, limits: Limits, first_token_s: float, *, streaming: bool) -> float:
        """The time at which its own limit is over; `first_token_s`: its option's limit for the first token."""
        if self.state == "CALLING":
            own = self.began + (first_token_s if streaming else limits["attempt_timeout_s"])
            # White space before an answer in one piece keeps a connection alive: a sign of life.
            return max(own, self.heard + limits["inter_token_s"]) if self.heard > self.began else own
        if self.state == "OPENED":
            return (self.began if streaming else self.heard) + first_token_s
        patience = self.heard + limits["inter_token_s"]
        if self.is_any:
            return patience if self.state == "HOLDING" else math.inf
        if self.state == "HOLDING" and self.is_short and not self.has_begun:
            # A long answer in one piece takes its time, whenever its headers came.
            return max(patience, self.began + (first_token_s if streaming else limits["attempt_timeout_s"]))
        return patience


class Patience:
    """Time limits of a call's attempts: each has a limit of its own, within the call's `deadline`."""

    def __init__(
        self, health: Health, left: Candidates, limits: Limits, deadline: float, *, streaming: bool, repeatable: bool
    ) -> None:
        self._health, self._left, self._limits, self._deadline = health, left, limits, deadline
        self._streaming, self._repeatable = streaming, repeatable
        self._all: list[Attempt] = []

    @property
    def running(self) -> list[int]:
        """The attempts that have not ended, oldest first."""
        return [number for number, attempt in enumerate(self._all) if attempt.state not in _ENDS]

    def is_untimed(self, attempt: int) -> bool:
        """True if this attempt's duration is no measurement: the clock had a gap, or it waited for a connection."""
        return self._all[attempt].is_untimed

    def slept(self, gap_s: float) -> None:
        """The clock had a gap (clock_gap.py): it is no time of what is under way, which teaches no time any more."""
        self._deadline += gap_s
        for number in self.running:
            self._all[number].slept(gap_s)

    def due(self, attempt: int) -> float:
        """The time at which the wait for this attempt ends: by its own limit, by its share of the call's time, or by
        the deadline where that bounds it."""
        one = self._all[attempt]
        return min(self._own_due(one), self._share(one), self._deadline if one.is_bounded else math.inf)

    def hands_over(self, attempt: int) -> bool:
        """True if it is then handed over as it comes (`opened` with `bytes`), and does not end."""
        one = self._all[attempt]
        return one.is_any and one.state in ("OPENED", "HOLDING")

    def outstays(self, now: float, attempt: int) -> bool:
        """True if it then ends because another option is to have the rest of the call's time."""
        one = self._all[attempt]
        return self._share(one) <= now < self._own_due(one)

    def silent_since(self, attempt: int) -> float:
        """Since when the silence lasts that its own limit bounds."""
        return self._all[attempt].silent_since(streaming=self._streaming)

    def is_past(self, now: float, attempt: int) -> bool:
        """True if the call's deadline ends the wait for this attempt, and not its own limit."""
        one = self._all[attempt]
        return one.is_bounded and max(now, self._deadline) < min(self._own_due(one), self._share(one))

    def is_cut(self, now: float, attempt: int) -> bool:
        """True if it then ends with `deadline`, else with `timeout`.

        An attempt that began with the call had all the time there is: to it the deadline is a limit of its own.
        """
        return self.is_past(now, attempt) and not self._all[attempt].had_all

    def verdict_s(self, now: float, attempt: int) -> float:
        """The time in seconds that a caller's function has to judge this answer: as long as an attempt may take.

        The call's deadline bounds that as well, unless the answer is a stream, which may have outlasted it.
        """
        one, most = self._all[attempt], self._limits["attempt_timeout_s"]
        flows = one.state == "HOLDING" and not one.is_short
        return most if flows else min(most, max(0.0, self._deadline - now))

    def _race_from(self, one: Attempt) -> float:
        """The time from which another option is asked beside this silent one, if one is free then; ∞ if none.

        Two thirds of what was left of the call when it began, as in `_share`, or later (LatencyHistory.race_after_s).
        """
        history = self._health.history(one.option, streaming=self._streaming)
        after_s = history.race_after_s(self._deadline - one.began, is_probe=one.is_probe)
        at = self._left.free_from(one.began + after_s)
        return at if at < min(self._deadline, self._own_due(one)) else math.inf

    def _silence_of(self, one: Attempt, now: float) -> Literal["timeout", "deadline"]:
        """The end of a silent attempt once another option has answered: a failure, or what the deadline would be.

        It is a failure if it began with the call and its usual time is over (LatencyHistory.lost), or if its silence is
        long enough to tell.
        """
        history = self._health.history(one.option, streaming=self._streaming)
        silence_s = now - one.silent_since(streaming=self._streaming)
        if one.had_all:
            has_failed = history.lost(one.began, now, silence_s, is_probe=one.is_probe)
            return "timeout" if has_failed else "deadline"
        return "timeout" if silence_s >= history.telling_s else "deadline"

    def _share(self, one: Attempt) -> float:
        """Until when an answer that comes and is held back may take, if another option could be asked then.

        Two thirds of what was left of the call when it began: a third is what `attempt_timeout_s` is of `deadline_s`.
        """
        if not one.is_held_back or not self._may_repeat(one) or self._is_last:
            return math.inf
        share = one.began + (self._deadline - one.began) * 2 / 3
        return share if self._left.is_another_ready(share) else math.inf

    @property
    def _is_last(self) -> bool:
        return len(self._all) >= self._limits["max_attempts"]

    def _late(self) -> Attempt | None:
        """The one attempt under way that a second copy may be sent beside: until it has won."""
        running = [self._all[number] for number in self.running]
        is_alone = len(running) == 1 and running[0].is_unanswered
        return running[0] if is_alone and self._may_repeat(running[0]) else None

    def _silent(self) -> Attempt | None:
        """The newest attempt, if none under way has said anything, and the request may be sent once more."""
        running = [self._all[number] for number in self.running]
        may = all(one.is_silent and self._may_repeat(one) for one in running) and not self._is_last
        return running[-1] if running and may else None

    def _may_repeat(self, one: Attempt) -> bool:
        """True if the request that was sent there may be sent once more, there or elsewhere."""
        return self._left.facts(one.option).get("repeatable", self._repeatable)

    def _own_due(self, one: Attempt) -> float:
        history = self._health.history(one.option, streaming=True)
        return one.due(self._limits, history.first_token_s, streaming=self._streaming)
