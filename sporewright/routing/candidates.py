"""The options that a call has left, and which of them is next: in place, in order, or the first to return."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sporewright.routing.decisions import Rationed
from sporewright.routing.health import Admits, Health
from sporewright.routing.terms import Action, Facts, Limits

__all__ = ["Candidate", "Candidates"]

NO_UPSTREAM = "no-upstream"
OFFLINE = "offline"
REJECTED = "rejected"
NO_ALLOWANCE = "no-allowance"
ASK_AGAIN_S = 0.001
"""The least pause after a permit was refused, where `backoff_s` is less."""
REASONS: dict[Admits, str] = {
    "blocked": "blocked",
    "cooling-down": "cooling-down",
    "open": "open",
    "ask": "probing",
    "ramping": "ramping",
    "set-aside": "set-aside",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An option, when it may be called, and what has to be asked for first."""

    option: str
    until: float
    permit: Rationed | None = None


class Candidates:
    """Walks the queue for one call; an option is called once, and again only as the plan's actions allow."""

    def __init__(
        self,
        queue: Sequence[str],
        upstreams: Collection[str],
        facts: Mapping[str, Facts],
        health: Health,
        limits: Limits,
        model: str | None = None,
    ) -> None:
        self._model = model
        self._facts, self._health, self._limits = facts, health, limits
        self._known = frozenset(upstreams)
        self._queue = tuple(dict.fromkeys(queue))
        self._untried = list(self._queue)
        self._again: dict[str, float] = {}
        """Tried before and may be asked again, not before this time."""
        self._in_place: tuple[str, float] | None = None
        self._tries: dict[str, int] = {}
        self._busy: dict[str, float] = {}
        """Options whose probe is out: not asked about again before this time."""
        self._unfunded: dict[str, float] = {}
        """Options whose pools do not cover a draw before this time."""
        self._funded: set[str] = set()
        """Options whose draw was granted, and not used yet."""
        self._retries = limits["retries"]
        self.skipped: dict[str, str] = {}
        self.has_failed = False
        self.is_offline = False
        """Only options on this machine can be reached."""
        self._stranded: set[str] = set()
        """Of those, the ones that turned out not to be."""

    def facts(self, option: str) -> Facts:
        """The facts declared about an option."""
        return self._facts.get(option, {})

    def next(self, now: float, chance: float) -> Candidate | None:
        """The retry in place, else the first in order that admits a call, else the first to return, if any."""
        return self._paid(self._next(now, chance))

    def _paid(self, found: Candidate | None) -> Candidate | None:
        """An option that draws on pools is asked for its draw first (P3)."""
        if found is None or found.option in self._funded or not self.facts(found.option).get("pooled", False):
            return found
        return replace(found, permit="draw")

    def _lacks(self, option: str, now: float) -> bool:
        return self._unfunded.get(option, -math.inf) > now

    def _next(self, now: float, chance: float) -> Candidate | None:
        if self._in_place is not None:
            option, until = self._in_place
            may = self._is_near(option) and not self._lacks(option, until)
            if may and self._admits(option, now, 0.0) == "yes":
                return Candidate(option, until, "retry")
            self._in_place = None
        turned_away = None
        for option in self._untried:
            if option not in self._known:
                self.skipped.setdefault(option, NO_UPSTREAM)
                continue
            if not self._is_near(option):
                self.skipped.setdefault(option, OFFLINE)
                continue
            if self._lacks(option, now):
                self.skipped.setdefault(option, NO_ALLOWANCE)
                continue
            admits = self._admits(option, now, chance)
            if admits == "yes":
                return Candidate(option, now)
            if admits == "ask" and self._busy.get(option, -math.inf) <= now:
                return Candidate(option, now, "probe")
            self.skipped.setdefault(option, REASONS[admits])
            if turned_away is None and admits == "ramping":
                turned_away = option
        return Candidate(turned_away, now) if turned_away is not None else self._first_to_return(now, chance)

    def _first_to_return(self, now: float, chance: float) -> Candidate | None:
        waiting = {option: self._returns(option, now) for option in self._untried if option in self._known}
        if self._retries > 0:
            waiting |= {option: max(at, self._returns(option, now)) for option, at in self._again.items()}
        # No call waits for a gate or a key: what keeps a call from an option so rarely goes away while the call lasts.
        waiting = {
            option: at
            for option, at in waiting.items()
            if at < math.inf and self._is_near(option)
            if self._admits(option, now, 0.0) not in ("blocked", "set-aside")
        }
        if not waiting:
            return None
        option = min(waiting, key=waiting.__getitem__)
        if waiting[option] > now:
            return Candidate(option, waiting[option] + chance * self._limits["wait_spread_s"])
        if self._admits(option, now, 0.0) == "ask":
            return Candidate(option, now, "probe")
        return Candidate(option, now, "retry" if option in self._again else None)

    def last_resort(self, now: float) -> Candidate | None:
        """The first option that is set aside: where no other is left, its refusal tells more than silence would."""
        for option in self._untried:
            may = option in self._known and self._is_near(option) and not self._lacks(option, now)
            if may and self._admits(option, now, 0.0) == "set-aside":
                return self._paid(Candidate(option, now))
        return None

    def is_another_ready(self, at: float) -> bool:
        """True if an option that has not been asked could be asked at that time, as far as is known now."""
        return any(
            self._health.is_ready(option, at, self.model_of(option))
            for option in self._untried
            if option in self._known and self._is_near(option) and not self._lacks(option, at)
        )

    def free_from(self, at: float) -> float:
        """The time, from `at` on, at which `next` has an option to be asked, as far as is known now; ∞ if none."""
        if self._in_place is not None:
            option, until = self._in_place[0], max(at, self._in_place[1])
            may = self._is_near(option) and not self._lacks(option, until)
            if may and self._health.is_ready(option, until, self.model_of(option)):
                return until
        again = self._again if self._retries > 0 else {}
        options = [option for option in (*self._untried, *again) if option in self._known and self._is_near(option)]
        free = [self._health.free_from(option, at, self.model_of(option)) for option in options]
        times = zip(options, free, strict=True)
        own = {one: max(self._busy.get(one, at), self._unfunded.get(one, at)) for one in options}
        return min((max(again.get(one, at), own[one], time) for one, time in times), default=math.inf)

    def model_of(self, option: str) -> str | None:
        """The model that a call asks of this option: its own, else the request's."""
        return self.facts(option).get("model", self._model)

    def _admits(self, option: str, now: float, chance: float) -> Admits:
        return self._health.admits(option, now, chance, self.model_of(option))

    @property
    def wants_network(self) -> bool:
        """True if an option could be asked if there were a network."""
        return self.is_offline and (
            any(option in self._known for option in self._untried) or (self._retries > 0 and bool(self._again))
        )

    def network(self, *, is_offline: bool) -> None:
        """The device has lost its network, or has it again."""
        self.is_offline = is_offline
        self._stranded.clear()

    def next_key(self, option: str) -> None:
        """Another key of this one may be used: it has its place in line again."""
        untried = {option, *self._untried}
        self._untried = [each for each in self._queue if each in untried]

    def put_back(self, option: str, outcome: str) -> None:
        """It is as if this one had not been asked: it has its place in line again."""
        self.next_key(option)
        self._tries[option] -= 1
        if outcome == OFFLINE:
            self._stranded.add(option)

    def rejected(self, option: str) -> None:
        """Its answer will not do: it is passed over, and the next one is a fallback."""
        self.skipped[option], self.has_failed = REJECTED, True

    def _is_near(self, option: str) -> bool:
        return not self.is_offline or (self.facts(option).get("local", False) and option not in self._stranded)

    def _returns(self, option: str, now: float) -> float:
        own = max(self._busy.get(option, -math.inf), self._unfunded.get(option, -math.inf))
        return max(self._health.returns(option, now), own)

    def take(self, option: str) -> None:
        """This one is called now."""
        if option in self._untried:
            self._untried.remove(option)
        else:
            self._retries -= 1
        self._in_place = None
        self._funded.discard(option)
        self._again.pop(option, None)
        self.skipped.pop(option, None)
        self._tries[option] = self._tries.get(option, 0) + 1

    def answered(self, option: str, permit: Rationed, now: float, until: float, *, granted: bool) -> None:
        """Its draw is granted: it may be called. Refused: no retries in this call, another call has the probe, or no
        pool covers a draw before `until`.
        """
        if granted:
            self._funded.add(option)
        elif permit == "draw":
            self.skipped.setdefault(option, NO_ALLOWANCE)
            self._unfunded[option] = max(until, now + ASK_AGAIN_S)
        elif permit == "probe":
            self.skipped.setdefault(option, REASONS["ask"])
            # Without a pause it would be asked for again at this very moment, without end.
            self._busy[option] = now + max(self._limits["backoff_s"], ASK_AGAIN_S)
        else:
            self._retries, self._in_place = 0, None

    def failed(self, option: str, actions: Sequence[Action], retries: int, now: float, chance: float) -> None:
        """An attempt there has failed; what its transition allows from here on."""
        self.has_failed = True
        tries = self._tries[option]
        limits = self._limits
        backoff = chance * min(limits["backoff_s"] * 2.0 ** min(tries, 60), limits["backoff_cap_s"])
        if "retry" in actions and tries <= retries and self._retries > 0:
            self._in_place = (option, now + backoff)
        if "again" in actions:
            self._again[option] = now + backoff
        if "larger" in actions:
            self._keep_larger_than(option)

    def _keep_larger_than(self, option: str) -> None:
        """Only options with a declared window above this one's, and another model, can take this request."""
        mine = self.facts(option)
        self._again.clear()
        self._untried = [
            other
            for other in self._untried
            if (facts := self.facts(other)).get("window", 0) > mine.get("window", 0)
            and ("model" not in mine or facts.get("model") != mine["model"])
        ]

    def close(self, reason: str) -> None:
        """Close the queue: no other option may be asked."""
        for option in self._untried:
            self.skipped.setdefault(option, reason)
        self._untried, self._again, self._in_place = [], {}, None
