"""Options set aside because they declined for a reason such as their key: asked last, then probed, ever later."""

from __future__ import annotations

import math
from typing import Literal, NotRequired, TypedDict

from sporewright.routing.cooldown import Cooldowns
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Aside, Limits

__all__ = ["AsideData", "DeclinedOptions"]


class AsideData(TypedDict):
    """The reason an option is set aside, and its end; `model`: the one asked for; `credential`: a digest of the key.

    The digest is short, kept in memory alone, and serves to see that the key has been changed.
    """

    reason: Aside
    until: float
    model: NotRequired[str]
    credential: NotRequired[str]


class DeclinedOptions:
    """Set aside → (its time is over) one probe at a time → lifted by an answer, or longer. Times in seconds."""

    def __init__(self, limits: Limits = PLAN["limits"]) -> None:
        # No jitter: one probe at a time goes there, and the operator who mends a key may count on the time told.
        own: Limits = {
            **limits,
            "cooldown_s": limits["aside_s"],
            "cooldown_cap_s": limits["aside_cap_s"],
            "jitter": 0.0,
        }
        self._until = Cooldowns(own)
        self._data: dict[str, AsideData] = {}
        self._probes: dict[str, float] = {}
        self._probe_s = limits["probe_s"]

    def admits(self, option: str, now: float, model: str | None = None) -> Literal["yes", "ask", "set-aside"]:
        """The answer to a call that asks for `model`; `ask`: the time is over, and it may go as the one probe."""
        data = self._data.get(option)
        if data is None or (data["reason"] == "model" and data.get("model") != model):
            return "yes"
        return "set-aside" if self._until.is_cooling(option, now) else "ask"

    def probe(self, option: str, now: float) -> bool:
        """Take the one probe of an option whose time is over; False while another one is out."""
        if now < self._probes.get(option, -math.inf):
            return False
        if option in self._data and not self._until.is_cooling(option, now):
            self._probes[option] = now + self._probe_s
        return True

    def release(self, option: str) -> None:
        """The probe has ended, with evidence or without."""
        self._probes.pop(option, None)

    def set_aside(
        self,
        option: str,
        now: float,
        reason: Aside,
        *,
        retry_after_s: float | None = None,
        model: str | None = None,
    ) -> None:
        """It declined: once more, where it was set aside before and has not answered since."""
        self._until.cool_down(option, now, retry_after_s)
        self._data[option] = {"reason": reason, "until": self._until.until(option)}
        if model is not None:
            self._data[option]["model"] = model

    def sign(self, option: str, credential: str) -> None:
        """The digest of the key that was declined, so that another key is known as another one."""
        if option in self._data:
            self._data[option] = {**self._data[option], "credential": credential}

    def lift(self, option: str) -> None:
        """It answered, or what it was set aside for has been changed: the next time is the first again."""
        if self._data.pop(option, None) is not None:
            self._until.forget(option)
            self.release(option)

    def data(self, option: str) -> AsideData | None:
        """The state as other tabs receive it; one whose time is over is told until it is lifted or renewed."""
        return self._data.get(option)

    def told(self, option: str, data: AsideData | None) -> None:
        """Take over what the engine of this profile knows."""
        if data is None:
            self.lift(option)
            return
        self._data[option] = data
        self._until.told(option, data["until"])

    def active(self, now: float) -> dict[str, AsideData]:
        """Those set aside now, in code-point order."""
        return {option: self._data[option] for option in sorted(self._data) if self._until.is_cooling(option, now)}

    def due(self, now: float) -> float:
        """The time at which the next option's time is over; ∞ if there is none."""
        return min((data["until"] for data in self.active(now).values()), default=math.inf)
