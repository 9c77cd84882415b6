"""The keys of options that have several: which one is used now, and which are left alone until when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NotRequired, TypedDict

from sporewright.routing.cooldown import EVEN, Cooldowns
from sporewright.routing.declined import AsideData, DeclinedOptions
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Action, Aside, Limits

__all__ = ["KEY_REASONS", "KeyData", "Keys"]

KEY_REASONS: Sequence[Aside] = ("key", "credit", "quota", "model")
"""The reasons that may hold for one key of an option and not for another."""


class KeyData(TypedDict):
    """One key that is left alone, by its number; `reason` where it was declined, else its rate was used up.

    `model`: the one that it may not use.
    """

    key: int
    until: float
    reason: NotRequired[Aside]
    model: NotRequired[str]


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
        model: str | None = None,
    ) -> bool:
        """True if another of the option's `keys` is used instead of this one, which was refused and now cools down."""
        if keys < 2 or not self.concerns(actions, reason):
            return False
        self._seen.setdefault(option, set()).add(key)
        if reason is None:
            self._cooldowns.cool_down(_slot(option, key), now, retry_after_s, chance)
        else:
            self._asides.set_aside(_slot(option, key), now, reason, retry_after_s=retry_after_s, model=model)
        return self.is_free(option, keys, now, model)

    @staticmethod
    def spared(actions: Sequence[Action]) -> list[Action]:
        """The actions that remain for an option whose next key is used: none that counts against the option."""
        return [action for action in actions if action in ("mend", "keep_first", "next")]

    def answered(self, option: str, key: int, now: float) -> None:
        """This key served a call; of a model that it may not use now, that says nothing: the call was for another."""
        slot = _slot(option, key)
        self._cooldowns.answered(slot)
        data = self._asides.data(slot)
        if data is not None and (data["reason"] != "model" or data["until"] <= now):
            self._asides.lift(slot)

    def until(self, option: str, key: int, model: str | None = None) -> float:
        """The time from which this key may be used again for this model; −∞ if it may now, as far as is known."""
        data = self._asides.data(_slot(option, key))
        is_of_another = data is not None and data["reason"] == "model" and data.get("model") != model
        aside = -math.inf if data is None or is_of_another else data["until"]
        return max(self._cooldowns.until(_slot(option, key)), aside)

    def first(self, option: str, count: int, now: float, model: str | None = None) -> int:
        """The key to use for this model: the first that is not left alone, else the first to return."""
        times = [self.until(option, key, model) for key in range(max(1, count))]
        return next((key for key, until in enumerate(times) if until <= now), times.index(min(times)))

    def is_free(self, option: str, count: int, now: float, model: str | None = None) -> bool:
        """True if one of the option's `count` keys may be used now for this model."""
        return self.until(option, self.first(option, count, now, model), model) <= now

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
                of: AsideData = {"reason": one["reason"], "until": one["until"]}
                self._asides.told(slot, {**of, "model": one["model"]} if "model" in one else of)
            else:
                self._cooldowns.extend(slot, one["until"])

    def _told_of(self, option: str, key: int) -> KeyData:
        data = self._asides.data(_slot(option, key))
        until = self.until(option, key, None if data is None else data.get("model"))
        told: KeyData = {"key": key, "until": until if until > -math.inf else 0.0}
        if data is None:
            return told
        told = {**told, "reason": data["reason"]}
        return {**told, "model": data["model"]} if "model" in data else told


def _slot(option: str, key: int) -> str:
    return f"{key} {option}"
