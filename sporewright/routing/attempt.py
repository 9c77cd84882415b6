"""One routed call as a state machine without I/O: which option next, what an end means, when to stop.

The caller owns the clock and the calls: `pick` names an option and its time-out, `ended` takes how the call ended and
says what to do about it. The plan decides; this only carries it out (docs/contracts.md §4).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sporewright.errors import ProtocolError
from sporewright.routing.classify import Ending, classify
from sporewright.routing.cooldown import Cooldowns
from sporewright.routing.plan import PLAN, Action, Outcome, Plan, Signal, State

__all__ = ["AttemptChain", "Ended", "Picked"]

NO_UPSTREAM = "no-upstream"
COOLING_DOWN = "cooling-down"


@dataclass(frozen=True, slots=True)
class Picked:
    """The option to call now, and the seconds it is given."""

    option: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Ended:
    """What an attempt's end meant: its outcome, and what is to be done about it, in order."""

    option: str
    outcome: Outcome
    actions: Sequence[Action]


class AttemptChain:
    """The attempts of one call over `queue`; options not in `upstreams` are skipped.

    `cooldowns` is shared by all calls of a process. Time is an argument, in seconds of one clock.
    """

    def __init__(
        self,
        queue: Sequence[str],
        upstreams: Collection[str],
        *,
        cooldowns: Cooldowns,
        now: float,
        plan: Plan = PLAN,
    ) -> None:
        self._plan = plan
        self._upstreams = frozenset(upstreams)
        self._cooldowns = cooldowns
        self._left = list(dict.fromkeys(queue))
        self._deadline = now + plan["limits"]["deadline_s"]
        self._last_resort = False
        self.state: State = "PICKING"
        self.attempts: list[str] = []
        self.skipped: dict[str, str] = {}
        """option → reason, in the order they were passed over."""

    def pick(self, now: float) -> Picked | None:
        """The next option and its time-out; None once nothing is left to try, and the chain is EXHAUSTED."""
        self._expect("PICKING", "pick")
        limits = self._plan["limits"]
        spent = now >= self._deadline or len(self.attempts) >= limits["max_attempts"]
        option = None if spent else self._next(now)
        if option is None:
            self._move("nothing_left")
            return None
        self._left.remove(option)
        self.skipped.pop(option, None)
        self.attempts.append(option)
        self._move("picked")
        return Picked(option, min(limits["attempt_timeout_s"], self._deadline - now))

    def ended(self, now: float, ending: Ending) -> Ended:
        """How the attempt that was picked last ended; carries out `cool_down` and `learn_ok` on the cooldowns."""
        self._expect("CALLING", "ended")
        option, outcome = self.attempts[-1], classify(ending, self._plan)
        actions = self._move(outcome)
        if "cool_down" in actions:
            self._cooldowns.cool_down(option, now, ending.get("retry_after_s"))
        if "learn_ok" in actions:
            self._cooldowns.answered(option)
        return Ended(option, outcome, actions)

    def abort(self) -> None:
        """The caller gave up, during a call or between two; a chain that has ended stays as it is."""
        if self.state in self._plan["transitions"]:
            self._move("aborted")

    def _next(self, now: float) -> str | None:
        cooling: list[str] = []
        for option in self._left:
            if option not in self._upstreams:
                self.skipped.setdefault(option, NO_UPSTREAM)
            elif not self._cooldowns.is_cooling(option, now):
                return option
            else:
                self.skipped.setdefault(option, COOLING_DOWN)
                cooling.append(option)
        if not cooling or self._last_resort:
            return None
        self._last_resort = True
        return min(cooling, key=self._cooldowns.until)

    def _move(self, signal: Signal) -> Sequence[Action]:
        step = self._plan["transitions"][self.state][signal]
        self.state = step["to"]
        return step["do"]

    def _expect(self, state: State, what: str) -> None:
        if self.state != state:
            raise ProtocolError(f"{what}: the chain is {self.state}, not {state}; tried {self.attempts!r}")
