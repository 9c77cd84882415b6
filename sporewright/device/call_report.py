"""The account of a native call's attempts: for its receipt, for the learner, and for its error."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from sporewright.device.attempt_io import Running
from sporewright.device.call_errors import common, of_httpx
from sporewright.device.call_receipt import Attempt, Receipt, counts_of
from sporewright.device.expectations import Expectations
from sporewright.device.order_source import Source
from sporewright.errors import BudgetError, ExcludedError, ExhaustedError
from sporewright.pools import Refused
from sporewright.routing.attempt_chain import AttemptChain, Ended
from sporewright.routing.attempt_reports import AttemptReports, Measured, Report
from sporewright.routing.classify import Ending
from sporewright.routing.preferences import why

__all__ = ["CallReporter", "Stays"]


Stays = Callable[[str, Any, float | None], None]
"""Told that an option has answered: its name, the answer's usage, the seconds to its first token."""


class CallReporter:
    """Of one call: `receipt` is kept current, `source` is told."""

    def __init__(
        self,
        source: Source,
        chain: AttemptChain,
        receipt: Receipt,
        expectations: Expectations,
        *,
        is_streaming: bool,
        stays: Stays | None = None,
    ) -> None:
        self._source, self._chain, self._receipt, self._expectations = source, chain, receipt, expectations
        self._reports = AttemptReports(chain, source.health, source.plan, is_streaming=is_streaming, task=receipt.task)
        self._stays = stays
        self._passed = dict(receipt.skipped)
        """The options that the call itself passed over."""
        self._said: list[tuple[str, Running]] = []
        """The reason for which each attempt of the receipt ended, for its error: it may quote the exception there."""

    def names(self, one: Running) -> None:
        """Write down which option answers, and which were passed over."""
        self._receipt.option, self._receipt.skipped = one.option, {**self._passed, **self._chain.skipped}

    def notes(self, one: Running, outcome: str, reason: str, retry_after_s: float | None) -> None:
        """One entry an attempt; what is learned later of a stream that is handed on is written into it."""
        took = time.monotonic() - one.began
        if one.entry is None:
            one.entry = Attempt(one.option, outcome, reason)
            self._receipt.attempts.append(one.entry)
            self._said.append((reason, one))
        entry = one.entry
        entry.outcome, entry.duration, entry.bytes, entry.usage = outcome, took, one.length, counts_of(one.usage)
        entry.latency = took if one.latency is None else one.latency
        entry.reason = entry.reason if outcome == "ok" else one.threw or reason
        entry.status = None if one.response is None else one.response.status_code
        key, keys = self._chain.keys_of(one.number)
        entry.retry_after, entry.key = retry_after_s, key if keys > 1 else None
        entry.tokens = {} if self._reports.is_told(one.number) else one.tokens

    def reports(self, one: Running, step: Ended, ending: Ending | None) -> None:
        """Tell the learner of a step, and the operator of an option that declined; `ending`: the one that led to it."""
        credential = None if step.aside is None else self._expectations.digest(one.option)
        if "set_aside" in step.actions:
            self._expectations.set_aside(one.option, step.aside, credential)
        told = self._reports.step(time.time(), one.number, step, self._measured(one, credential), ending)
        self._tells(told)
        if self._stays is not None and any(each.body["outcome"] == "ok" for each in told[:1]):
            self._stays(one.option, one.usage, step.first_token_s)

    def leaves(self, one: Running, outcome: Literal["aborted", "lost"], reason: str) -> None:
        """The caller gave it up, or it lost a race: one that was raced for its silence has failed by that."""
        step = self._chain.outrun.get(one.number)
        if step is None:
            self.notes(one, outcome, reason, None)
        else:
            silent_s = time.monotonic() - one.began
            self.notes(one, step.outcome, f"nothing for {silent_s * 1000:.0f} ms, and another option answered", None)
        self._tells(self._reports.left(time.time(), one.number, outcome, self._measured(one, None)))

    @staticmethod
    def _measured(one: Running, credential: str | None) -> Measured:
        status = None if one.response is None else one.response.status_code
        return Measured(time.monotonic() - one.began, one.latency, status, one.tokens, credential)

    def _tells(self, reports: Iterable[Report]) -> None:
        for each in reports:
            body = each.body
            if each.sets_aside:
                self._expectations.set_aside(body["option"], body["reason"], body.get("credential"))
            self._source.outcome(body)

    def exhausted(self, what: str, refused: Mapping[str, Refused]) -> Exception:
        """No option answered: every attempt and every option passed over, with its reason, and when the first returns.

        An ExhaustedError that is the httpx error, too, which a plain client would have had from each of them.
        """
        ended = zip(self._receipt.attempts, self._said, strict=True)
        told = [f"{attempt.option}: {attempt.outcome} ({said})" for attempt, (said, _) in ended]
        skipped = {**self._passed, **self._chain.skipped}
        preferences: Any = self._receipt.preferences or {}
        asked, figures = preferences.get("asked", {}), preferences.get("figures", {})
        told += [f"{option}: skipped ({why(option, reason, asked, figures)})" for option, reason in skipped.items()]
        named = {attempt.option for attempt in self._receipt.attempts} | set(skipped)
        # The call's time, or its attempts, were over before it was their turn.
        told += [f"{option}: skipped (not-reached)" for option in self._receipt.queue if option not in named]
        returns = self._chain.waits_for
        if returns is not None:
            told.append(f"the first returns at {datetime.fromtimestamp(returns, UTC).isoformat()}")
        all_of_it = "; ".join(told) or "the queue is empty"
        theirs = common(one.error for _, one in self._said)
        if skipped and not self._receipt.queue:
            return of_httpx(ExcludedError, theirs, f"what {what} asks for leaves no option: {all_of_it}")
        if "no-allowance" in skipped.values() and not self._receipt.attempts:
            pool, at = min(((each.pool, each.until) for each in refused.values()), key=lambda each: each[1])
            when = "never" if at == math.inf else f"again at {datetime.fromtimestamp(at, UTC).isoformat()}"
            return of_httpx(BudgetError, theirs, f"pool {pool!r} covers {what} {when}: {all_of_it}")
        return of_httpx(ExhaustedError, theirs, f"no option answered {what}: {all_of_it}")
