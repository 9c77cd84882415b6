"""The keys of options that have several: which one is used now, and which are left alone until when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NotRequired, TypedDict

from sporewright.routing.cooldown import EVEN, Cooldowns
from sporewright.routing.declined import DeclinedOptions
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Action, Aside, Limits

__all__ = ["KEY_REASONS", "KeyData", "Keys"]

KEY_REASONS: Sequence[Aside] = ("key", "credit", "quota")
"""The reasons that may hold for one key of an option and not for another."""


class KeyData(TypedDict):
    """One key that is left alone, by its number; `reason` where it was declined, else its rate was used up."""

    key: int
    until: float
    reason: NotRequired[Aside]


class Keys:
    """A key is a number from 0; its text is nowhere in here. Times are seconds of one clock."""

    def __init__(self, limits: Limits = PLAN["limits"]) -> None:
        self._cooldowns, self._asides = Cooldowns(limits), DeclinedOptions(limits)
        self._seen: dict[str, set[int]] = {}

    def concerns(self, actions: Sequence[Action], reason: Aside | None) -> bool:
        """True if these actions are about the key that was used, and not about the whole option."""
        return "cool_down" in actions or ("set_aside" in actions and reason in KEY_REASONS)

    def spares(
        self,
        option: str,
        actions: Sequence[Action],
        now: float,
        *,
        key: int,
        keys: int,
        reason: Aside | None = None,
        retry_after_s: float | None = None,
        chance: float = EVEN,
    ) -> bool:
        """True if another of the option's `keys` is used instead of this one, which was refused and now cools down."""
        if keys < 2 or not self.concerns(actions, reason):
            return False
        self._seen.setdefault(option, set()).add(key)
        if reason is None:
            self._cooldowns.cool_down(_slot(option, key), now, retry_after_s, chance)
        else:
            self._asides.set_aside(_slot(option, key), now, reason, retry_after_s=retry_after_s)
        return self.is_free(option, keys, now)

    @staticmethod
    def spared(actions: Sequence[Action]) -> list[Action]:
        """The actions that remain for an option whose next key is used: none that counts against the option."""
        return [action for action in actions if action in ("mend", "keep_first", "next")]

    def answered(self, option: str, key: int) -> None:
        """This key served a call."""
        self._cooldowns.answered(_slot(option, key))
        self._asides.lift(_slot(option, key))

    def until(self, option: str, key: int) -> float:
        """The time from which this key may be used again; −∞ if it may now, as far as is known."""
        data = self._asides.data(_slot(option, key))
        return max(self._cooldowns.until(_slot(option, key)), -math.inf if data is None else data["until"])

    def first(self, option: str, count: int, now: float) -> int:
        """The key to use: the first that is not left alone, else the first to return."""
        times = [self.until(option, key) for key in range(max(1, count))]
        return next((key for key, until in enumerate(times) if until <= now), times.index(min(times)))

    def is_free(self, option: str, count: int, now: float) -> bool:
        """True if one of the option's `count` keys may be used now."""
        return self.until(option, self.first(option, count, now)) <= now

    def forget(self, option: str) -> None:
        """The keys were changed: nothing is known of these."""
        for key in self._seen.pop(option, ()):
            self._cooldowns.forget(_slot(option, key))
            self._asides.lift(_slot(option, key))

    def data(self, option: str) -> list[KeyData]:
        """The state of the keys as other tabs receive it, by number."""
        return [self._told_of(option, key) for key in sorted(self._seen.get(option, ()))]

    def told(self, option: str, keys: Sequence[KeyData]) -> None:
        """Take over what the engine of this profile knows."""
        self.forget(option)
        for one in keys:
            self._seen.setdefault(option, set()).add(one["key"])
            slot = _slot(option, one["key"])
            if "reason" in one:
                self._asides.told(slot, {"reason": one["reason"], "until": one["until"]})
            else:
                self._cooldowns.extend(slot, one["until"])

    def _told_of(self, option: str, key: int) -> KeyData:
        data, until = self._asides.data(_slot(option, key)), self.until(option, key)
        told: KeyData = {"key": key, "until": until if until > -math.inf else 0.0}
        return told if data is None else {**told, "reason": data["reason"]}


def _slot(option: str, key: int) -> str:
    return f"{key} {option}"
