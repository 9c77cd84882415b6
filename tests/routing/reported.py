"""The reports on a trace's attempts, measured as a driver measures: by the trace's clock, from the call on.

`web/tests/routing/reported.ts` is its twin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sporewright.routing.attempt_chain import AttemptChain, Ended
from sporewright.routing.attempt_reports import AttemptReports, Measured, Report
from sporewright.routing.health import Health
from sporewright.routing.plan import Plan

MEASURED = ("tokens", "credential")
"""Fields of an event that are for the reports alone."""
STEPS = ("opened", "token", "due")
"""Events that are no endings with a reason of their own."""


class Reported:
    """The reports of a trace; `all`: attempt, body of the `outcome`, and whether the option is set aside with it."""

    def __init__(self, health: Health, plan: Plan, task: str | None) -> None:
        self.all: list[list[Any]] = []
        self._health, self._plan, self._task, self._noted = health, plan, task, 0

    def starts(self, chain: AttemptChain, *, is_streaming: bool) -> None:
        """Another call, from here on."""
        self._reports = AttemptReports(chain, self._health, self._plan, is_streaming=is_streaming, task=self._task)
        self._began: dict[int, float] = {}
        self._headers: dict[int, float] = {}

    def calls(self, now: float, attempt: int) -> None:
        """An attempt begins."""
        self._began[attempt] = now

    def step(self, now: float, attempt: int, ended: Ended, event: Mapping[str, Any], running: Sequence[int]) -> None:
        """A step of one attempt, by this event; of those that were `running` the others may have lost by it."""
        if event["kind"] == "opened":
            self._headers.setdefault(attempt, now - self._began[attempt])
        ending: Any = None if event["kind"] in STEPS else event
        self._keep(self._reports.step(now, attempt, ended, self._measured(now, attempt, event), ending))
        for each in running if "win" in ended.actions else ():
            if each != attempt:
                self._keep(self._reports.left(now, each, "lost", self._measured(now, each, {})))

    def gives_up(self, now: float, running: Sequence[int]) -> None:
        """These are given up."""
        for each in running:
            self._keep(self._reports.left(now, each, "aborted", self._measured(now, each, {})))

    def fresh(self) -> list[list[Any]]:
        """Those that came since this was asked last."""
        found, self._noted = self.all[self._noted :], len(self.all)
        return found

    def written(self) -> list[dict[str, Any]]:
        """All of them in the form of a case's `reports`."""
        return [{**body, **({"sets_aside": True} if is_aside else {})} for _, body, is_aside in self.all]

    def _measured(self, now: float, attempt: int, event: Mapping[str, Any]) -> Measured:
        headers_s = self._headers.get(attempt)
        status = event.get("status", None if headers_s is None else 200)
        took_s = now - self._began[attempt]
        return Measured(took_s, headers_s, status, event.get("tokens", {}), event.get("credential"))

    def _keep(self, reports: Sequence[Report]) -> None:
        self.all += [list(each) for each in reports]
