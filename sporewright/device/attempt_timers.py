"""The timers of one routed call: how long each attempt is waited for, and when another one is sent beside it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping

import httpx

from sporewright.device.attempt_io import Running
from sporewright.device.failure import Fault, fault_of, late_by
from sporewright.routing.attempt_chain import AttemptChain

__all__ = ["AttemptTimers"]

_BUSY_S = 0.05
"""A timer that goes off so late was held up by other work of this process, and so was what has arrived meanwhile."""
_GRACE_S = 0.25
"""Longest time in which that is read, before the attempt ends."""


class AttemptTimers:
    """`now` is the call's clock; `running`, its attempts under way; `another` is called when another one is to be
    sent beside them, `hands_over` where one is not held back any more; `telling_s`: how long a silence of an option has
    to last to tell anything of it.
    """

    def __init__(
        self,
        chain: AttemptChain,
        now: Callable[[], float],
        running: Mapping[int, Running],
        another: Callable[[], None],
        hands_over: Callable[[Running], None],
        telling_s: Callable[[str], float],
    ) -> None:
        self._chain, self._now, self._running, self._another = chain, now, running, another
        self._telling_s, self._hands_over = telling_s, hands_over
        self._beside: asyncio.TimerHandle | None = None

    def arm(self, one: Running) -> None:
        """Wait for this attempt from here on; too late, its task is cancelled, and `late` says why."""
        due = self._chain.due(one.number)
        one.is_awaited = True
        if one.wakes <= due:
            return  # it goes off before that and looks again: it is not set anew with each piece of an answer
        loop = asyncio.get_running_loop()
        goes_off, is_graced = loop.time() + max(0.0, due - self._now()), False

        def late() -> None:
            nonlocal is_graced
            if one.number not in self._running or not one.is_awaited:
                one.wakes = math.inf
                return
            held_up_s = loop.time() - goes_off
            if held_up_s > _BUSY_S and not is_graced:
                is_graced, one.timer = True, loop.call_later(min(held_up_s, _GRACE_S), late)
                return
            one.wakes = math.inf
            now = self._now()  # a gap moves what is due
            if self._chain.due(one.number) > now:
                self.arm(one)  # it went off early, or the limit is another
                return
            if self._chain.hands_over(one.number):
                self._hands_over(one)
                return
            took = time.monotonic() - one.began
            why = f"nothing for {max(0.0, now - self._chain.silent_since(one.number)) * 1000:.0f} ms"
            if self._chain.outstays(now, one.number):
                why = f"not whole after {took * 1000:.0f} ms, and another option is ready"
            elif self._chain.is_past(now, one.number):
                why = f"the call's deadline passed {took * 1000:.0f} ms into this attempt"
            one.late = "deadline" if self._chain.is_cut(now, one.number) else "timeout", why
            if one.task is not None:
                one.task.cancel()

        if one.timer is not None:
            one.timer.cancel()
        one.wakes, one.timer = due, loop.call_at(goes_off, late)

    @staticmethod
    def disarm(one: Running) -> None:
        """Nothing is waited for; its timer finds that out when it goes off."""
        one.is_awaited = False

    def end(self, one: Running) -> None:
        """It has ended: nothing of it is waited for any more."""
        self.disarm(one)
        if one.timer is not None:
            one.timer.cancel()

    def fault(self, one: Running, why: Exception) -> Fault:
        """The fault by which an attempt ended that raised this exception."""
        if not isinstance(why, httpx.TimeoutException):
            return fault_of(one, why)
        return late_by(why, self._now() - self._chain.silent_since(one.number), self._telling_s(one.option))

    def watch(self) -> None:
        """Say when another attempt is to be sent beside what is under way, if one may be sent then."""
        self.stop()
        at = self._chain.another_at() if self._running else math.inf
        if at == math.inf:
            return

        def late() -> None:
            if self._chain.another_at() != at or at > self._now():
                self.watch()  # it went off early, or what is known of the late one, or its state, is another
            else:
                self._another()

        self._beside = asyncio.get_running_loop().call_later(max(0.0, at - self._now()), late)

    def stop(self) -> None:
        """The call needs no other attempt any more."""
        if self._beside is not None:
            self._beside.cancel()
