"""All that is kept of the options between calls: cooldowns, breakers, histories, and the two budgets of a profile.

One per process or, in a browser, one per profile (in the engine) with a copy in each page that is told of changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

from sporewright.routing.circuit_breaker import BreakerData, CircuitBreaker
from sporewright.routing.cooldown import EVEN, Cooldowns
from sporewright.routing.declined import AsideData, DeclinedOptions
from sporewright.routing.keys import KeyData, Keys
from sporewright.routing.latency_history import LatencyHistory
from sporewright.routing.plan import PLAN
from sporewright.routing.quarantine import BlockData, Quarantine
from sporewright.routing.retry_budget import Budget
from sporewright.routing.terms import ASIDES, Action, Aside, Block, Plan

__all__ = ["Admits", "Health", "OptionHealth", "Permit"]

Permit = Literal["probe", "retry", "hedge"]
"""The permits that must be asked for: the one probe of a half-open option; a retry or a hedge from its budget."""
Admits = Literal["yes", "ask", "open", "ramping", "cooling-down", "blocked", "set-aside"]


class OptionHealth(TypedDict):
    """One option as other tabs are told of it; a p95 is null before enough is known, of streams and of the rest."""

    option: str
    cooling_until: float
    blocked: BlockData | None
    aside: NotRequired[AsideData | None]
    keys: NotRequired[list[KeyData]]
    breaker: BreakerData
    first_token_p95_s: float | None
    headers_p95_s: float | None


class Health:
    """Time is an argument, in seconds of one clock; so is chance, a number in [0, 1) for each decision."""

    def __init__(self, plan: Plan = PLAN) -> None:
        limits = plan["limits"]
        self._plan = plan
        self.cooldowns = Cooldowns(limits)
        self.blocks = Quarantine(limits)
        self.asides = DeclinedOptions(limits)
        self.keys = Keys(limits)
        self._breakers: dict[str, CircuitBreaker] = {}
        self._histories: dict[tuple[str, bool], LatencyHistory] = {}
        self._p95_told: dict[tuple[str, bool], float] = {}
        self._retries = Budget(
            limits["retry_share"], limits["retry_per_s"], limits["retry_cap"], start=limits["retry_cap"]
        )
        self._hedges = Budget(limits["hedge_share"], 0.0, limits["hedge_cap"])

    def breaker(self, option: str) -> CircuitBreaker:
        """The option's breaker; closed before anything is known."""
        return self._breakers.setdefault(option, CircuitBreaker(self._plan))

    def history(self, option: str, *, streaming: bool) -> LatencyHistory:
        """The option's history, of streams or of everything else."""
        return self._histories.setdefault((option, streaming), LatencyHistory(self._plan["limits"]))

    def admits(self, option: str, now: float, chance: float = EVEN, model: str | None = None) -> Admits:
        """The answer to a call, for this model, that wants to go there now: yes, or the reason against it."""
        if self.blocks.is_blocked(option, now):
            return "blocked"
        if self.cooldowns.is_cooling(option, now):
            return "cooling-down"
        aside = self.asides.admits(option, now, model)
        if aside == "set-aside":
            return aside
        admits: Admits = self._breakers[option].admits(now, chance) if option in self._breakers else "yes"
        return aside if admits == "yes" else admits

    def returns(self, option: str, now: float) -> float:
        """The time at which it may be asked again; −∞ if it may now."""
        breaker = self._breakers.get(option)
        return max(self.cooldowns.until(option), -math.inf if breaker is None else breaker.returns(now))

    def is_ready(self, option: str, at: float, model: str | None = None) -> bool:
        """True if a call, for this model, may go there at that time without a permit, as far as is known now.

        `admits` cannot be asked about a time to come: it moves a ramp on.
        """
        breaker = self._breakers.get(option)
        return (
            not self.cooldowns.is_cooling(option, at)
            and not self.blocks.is_blocked(option, at)
            and self.asides.admits(option, at, model) == "yes"
            and (breaker is None or breaker.data()["state"] != "open")
        )

    def free_from(self, option: str, at: float, model: str | None = None) -> float:
        """The time, from `at` on, at which a call for this model may go there or ask to, as far as is known now.

        ∞: a gate and a refusal of its own are not waited for.
        """
        if self.blocks.is_blocked(option, at) or self.asides.admits(option, at, model) == "set-aside":
            return math.inf
        return max(at, self.returns(option, at))

    def called(self) -> None:
        """A call was made that its caller wanted: it pays its share into both budgets."""
        self._retries.called()
        self._hedges.called()

    def permit(self, kind: Permit, option: str, now: float) -> bool:
        """Ask for what is rationed; True takes it."""
        if kind == "probe":
            return self.asides.probe(option, now) and self.breaker(option).probe(now)
        return (self._retries if kind == "retry" else self._hedges).spend(now)

    def release(self, option: str) -> None:
        """The probe of this option has ended."""
        self.asides.release(option)
        if option in self._breakers:
            self._breakers[option].release()

    def apply(
        self,
        option: str,
        actions: Sequence[Action],
        now: float,
        *,
        retry_after_s: float | None = None,
        first_token_s: float | None = None,
        streaming: bool = False,
        chance: float = EVEN,
        reason: Block | Aside = "client",
        key: int = 0,
        model: str | None = None,
    ) -> None:
        """Carry out what an attempt's transition asks of this state.

        `key`: which of the option's keys was used; `model`: the model asked for.
        """
        breaker = self.breaker(option)
        aside = reason if reason in ASIDES else None
        if "cool_down" in actions:
            self.cooldowns.cool_down(option, now, retry_after_s, chance)
        if "gate" in actions and aside is None:
            self.blocks.block(option, now, reason, chance)  # type: ignore[arg-type]
        if "mend" in actions:
            self.blocks.lift(option)
        if "set_aside" in actions and aside is not None:
            self.asides.set_aside(option, now, aside, retry_after_s=retry_after_s, model=model)
        if "learn_ok" in actions:
            self.cooldowns.answered(option)
            self.asides.lift(option)
            self.keys.answered(option, key, now)
        if "trip" in actions:
            breaker.failed(now, chance)
        elif "mend" in actions:
            breaker.succeeded(now)
        if "pace" in actions and first_token_s is not None:
            self.history(option, streaming=streaming).add(first_token_s)

    def changed(self, option: str) -> None:
        """Its key or model is another one now: what it was set aside for is gone."""
        self.asides.lift(option)
        self.keys.forget(option)

    def standing(self, option: str) -> tuple[object, ...]:
        """All that is told of an option but how fast it is."""
        parts = (self.blocks, self.asides, self.keys)
        return self.cooldowns.until(option), *(part.data(option) for part in parts), self.breaker(option).data()

    def has_news(self, option: str, before: tuple[object, ...], *, streaming: bool) -> bool:
        """True if other tabs must hear of it: its standing was another before, or its p95 has moved by more than a
        tenth since they were told.
        """
        if self.standing(option) != before:
            return True
        p95, told = self._p95(option, streaming), self._p95_told.get((option, streaming))
        if p95 is None or (told is not None and abs(p95 - told) <= 0.1 * told):
            return False
        self._p95_told[option, streaming] = p95
        return True

    def _p95(self, option: str, streaming: bool) -> float | None:
        history = self._histories.get((option, streaming))
        return None if history is None else history.p95_s

    def told_of(self, option: str) -> OptionHealth:
        """The health of an option as other tabs receive it."""
        return {
            "option": option,
            "cooling_until": max(self.cooldowns.until(option), 0.0),
            "blocked": self.blocks.data(option),
            "aside": self.asides.data(option),
            "keys": self.keys.data(option),
            "breaker": self.breaker(option).data(),
            "first_token_p95_s": self._p95(option, True),
            "headers_p95_s": self._p95(option, False),
        }

    def told(self, news: OptionHealth) -> None:
        """Take over what the engine says of an option; a cooldown is extended, never shortened."""
        option = news["option"]
        if news["cooling_until"] > 0:
            self.cooldowns.extend(option, news["cooling_until"])
        self.blocks.told(option, news["blocked"])
        # An engine of an older build beside this one says nothing of these.
        self.asides.told(option, news.get("aside"))
        self.keys.told(option, news.get("keys", []))
        self.breaker(option).told(news["breaker"])
        self.history(option, streaming=True).told(news["first_token_p95_s"])
        self.history(option, streaming=False).told(news["headers_p95_s"])

    def forget(self) -> None:
        """Forget how fast the options were; cooldowns and gates stay, since they are no memory of a user."""
        self._histories.clear()
        self._p95_told.clear()

    def all(self) -> list[OptionHealth]:
        """Every option of which something is known, in code-point order."""
        return [self.told_of(option) for option in sorted({*self._breakers, *self.cooldowns.active(-math.inf)})]
