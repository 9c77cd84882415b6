"""The reports on the attempts of one call: which of their steps and ends the learner is told of, and in which words.

The driver measures, and sends what comes of it to the engine as the call `outcome`. What an outcome teaches is decided
there, by the plan's row (learn.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from sporewright.routing.attempt_chain import AttemptChain
from sporewright.routing.classify import Ending
from sporewright.routing.decisions import Ended
from sporewright.routing.health import Health
from sporewright.routing.terms import Plan

__all__ = ["AttemptReports", "Measured", "Report"]

_WAITED = ("slow_start", "timed_out", "deadline")
"""They tell how long was waited for an answer, not for the headers before it."""


class Measured(NamedTuple):
    """The measures of an attempt: its seconds so far and until its headers, what came, and a digest of its key.

    `tokens`: as the provider counted them, once the answer has ended.
    """

    took_s: float
    headers_s: float | None = None
    status: int | None = None
    tokens: Mapping[str, int] = MappingProxyType({})
    credential: str | None = None


class Report(NamedTuple):
    """The body of an `outcome`; `sets_aside`: with it the option is set aside, of which its operator is to be told."""

    attempt: int
    body: dict[str, Any]
    sets_aside: bool = False


class AttemptReports:
    """Those of one call: `is_streaming`: it asks for a stream; `task`: its kind of work, if it named one.

    Each reply is to be told at once and in its order. `health` is that of the chain.
    """

    def __init__(
        self, chain: AttemptChain, health: Health, plan: Plan, *, is_streaming: bool, task: str | None
    ) -> None:
        self._chain, self._health, self._teaches = chain, health, plan["teaches"]
        self._is_streaming, self._task = is_streaming, task
        self._told = set[int]()
        self._unexplained: list[tuple[int, Ended, str | None]] = []
        """They refused for no known reason: a failure of theirs once another option answers, else the caller's."""

    def is_told(self, attempt: int) -> bool:
        """True if something was told of this attempt: what is measured of it later comes too late."""
        return attempt in self._told

    def step(self, now: float, attempt: int, step: Ended, measured: Measured, ending: Ending | None) -> list[Report]:
        """Reports on a step, if anything is to be learned of it, or on a probe's end in any case.

        `ending`: the one that led to it, if it ended the attempt by itself.
        """
        is_probe = self._chain.is_probe(attempt)
        is_end = attempt not in self._chain.running and attempt not in self._told
        if not any(action in self._teaches for action in step.actions) and not (is_probe and is_end):
            return []
        aside = step.aside
        key, keys = self._chain.keys_of(attempt)
        own = self._report(
            attempt,
            step.outcome,
            latency_s=self._latency_s(step.outcome, measured),
            probe=is_probe,
            stage=step.stage,
            first_token_s=step.first_token_s,
            status=measured.status,
            retry_after_s=None if ending is None else ending.get("retry_after_s"),
            reason=ending.get("reason") if aside is None and ending is not None else aside,
            credential=None if aside is None else measured.credential,
            model=step.model,
            slept=True if self._chain.is_untimed(attempt) else None,
            **({"key": key, "keys": keys} if keys > 1 else {}),
            **{f"tokens_{name}": count for name, count in measured.tokens.items()},
        )
        if step.outcome == "unexplained":
            self._unexplained.append((attempt, step, measured.credential))
        return [own, *self._outdone(now)] if "learn_ok" in step.actions else [own]

    def left(self, now: float, attempt: int, outcome: Literal["aborted", "lost"], measured: Measured) -> list[Report]:
        """Reports on an attempt that was given up, or has lost a race.

        One that was raced for its silence has failed by that; of any other a probe's end is told, and nothing else.
        """
        step = self._chain.outrun.get(attempt)
        if step is not None:
            return self.step(now, attempt, step, measured, None)
        if not self._chain.is_probe(attempt):
            return []
        return [self._report(attempt, outcome, latency_s=self._latency_s(outcome, measured), probe=True)]

    def _outdone(self, now: float) -> list[Report]:
        """Reports on the options that refused a request which another option has answered now."""
        found, self._unexplained = self._unexplained, []
        return [self._refused(now, *each) for each in found]

    def _refused(self, now: float, attempt: int, step: Ended, credential: str | None) -> Report:
        """It has failed, or declined for what its status said; the end of a probe was told with the refusal."""
        if step.aside is None:
            return self._report(attempt, "unexplained", stage="PICKING", probe=False)
        self._health.apply(step.option, ["set_aside"], now, reason=step.aside)
        told = self._report(attempt, "declined", stage="PICKING", probe=False, reason=step.aside, credential=credential)
        return told._replace(sets_aside=True)

    def _report(self, attempt: int, outcome: str, **more: Any) -> Report:
        self._told.add(attempt)
        body: dict[str, Any] = {
            "option": self._chain.attempts[attempt],
            "outcome": outcome,
            "streaming": self._is_streaming,
            "attempt": attempt + 1,
            "task": self._task,
        }
        return Report(attempt, {name: value for name, value in (body | more).items() if value is not None})

    @staticmethod
    def _latency_s(outcome: str, measured: Measured) -> float:
        return measured.took_s if measured.headers_s is None or outcome in _WAITED else measured.headers_s
