"""The account of a native call's attempts: for its receipt, for the learner, and for its error."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
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
from sporewright.routing.preferences import why

__all__ = ["Account"]

_WAITED = ("slow_start", "timed_out", "deadline")
"""They tell how long was waited for an answer, not for the headers before it."""


class Account:
    """Of one call: `receipt` is kept current, `source` is told."""

    def __init__(
        self,
        source: Source,
        chain: AttemptChain,
        receipt: Receipt,
        expectations: Expectations,
        *,
        is_streaming: bool,
    ) -> None:
        self._source, self._chain, self._receipt, self._is_streaming = source, chain, receipt, is_streaming
        self._expectations = expectations
        self._passed = dict(receipt.skipped)
        """The options that the call itself passed over."""
        self._said: list[tuple[str, Running]] = []
        """The reason for which each attempt of the receipt ended, for its error: it may quote the exception there."""
        self._unexplained: list[tuple[Running, Ended]] = []
        """They refused for no known reason: a failure of theirs once another option answers, else the caller's."""

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
        entry.tokens = {} if one.is_told else one.tokens

    def reports(self, one: Running, step: Ended, retry_after_s: float | None, credential: str | None = None) -> None:
        """Tell the learner of a step, if anything is to be learned of it, and of a probe's end in any case."""
        is_probe = self._chain.is_probe(one.number)
        is_end = one.number not in self._chain.running and not one.is_told
        teaches = self._source.plan["teaches"]
        if not any(action in teaches for action in step.actions) and not (is_probe and is_end):
            return
        one.is_told = True
        took = time.monotonic() - one.began
        body: dict[str, Any] = {
            "option": one.option,
            "outcome": step.outcome,
            "stage": step.stage,
            "latency_s": took if one.latency is None or step.outcome in _WAITED else one.latency,
            "streaming": self._is_streaming,
            "attempt": one.number + 1,
            "probe": is_probe,
            "slept": self._chain.is_untimed(one.number),
        }
        more: dict[str, Any] = {
            "first_token_s": step.first_token_s,
            "retry_after_s": retry_after_s,
            "reason": step.aside,
            "model": step.model,
            "task": self._receipt.task,
        }
        if step.aside is not None:
            more["credential"] = credential
        key, keys = self._chain.keys_of(one.number)
        if keys > 1:
            more |= {"key": key, "keys": keys}
        more |= {f"tokens_{name}": count for name, count in one.tokens.items()}
        self._source.outcome(body | {name: value for name, value in more.items() if value is not None})
        if step.outcome == "unexplained":
            self._unexplained.append((one, step))
        elif "learn_ok" in step.actions:
            self._outdoes()

    def _outdoes(self) -> None:
        """Tell the learner of the options that refused a request which another option has answered now."""
        while self._unexplained:
            one, step = self._unexplained.pop()
            told = {"option": one.option, "outcome": "unexplained", "stage": "PICKING", "attempt": one.number + 1}
            task = {} if self._receipt.task is None else {"task": self._receipt.task}
            why = {} if step.aside is None else self._declined(one, step)
            self._source.outcome({**told, **task, "streaming": self._is_streaming, "probe": False, **why})

    def _declined(self, one: Running, step: Ended) -> dict[str, Any]:
        """Set the option aside for what its status said; how the learner is told of it."""
        self._source.health.apply(one.option, ["set_aside"], time.time(), reason=step.aside or "key")
        credential = self._expectations.set_aside(one, step)
        signed = {} if credential is None else {"credential": credential}
        return {"outcome": "declined", "reason": step.aside, **signed}

    def leaves(self, one: Running, outcome: Literal["aborted", "lost"], reason: str) -> None:
        """The caller gave it up, or it lost a race: one that was raced for its silence has failed by that."""
        step = self._chain.outrun.get(one.number)
        if step is not None:
            silent_s = time.monotonic() - one.began
            self.notes(one, step.outcome, f"nothing for {silent_s * 1000:.0f} ms, and another option answered", None)
            self.reports(one, step, None)
            return
        self.notes(one, outcome, reason, None)
        if self._chain.is_probe(one.number):
            self._source.outcome({"option": one.option, "outcome": outcome, "attempt": one.number + 1, "probe": True})

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
