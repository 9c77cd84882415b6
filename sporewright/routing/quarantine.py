"""Options that this page may not reach, with the reason: gated for a time, longer each time it is found so again."""

from __future__ import annotations

import math
from typing import TypedDict

from sporewright.routing.cooldown import EVEN, Cooldowns
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Block, Limits

__all__ = ["BlockData", "Quarantine"]


class BlockData(TypedDict):
    """The reason for which an option is gated here, and the end of the gate."""

    reason: Block
    until: float


class Quarantine:
    """Times are seconds of one clock; a gate ends by time, or at once by an answer."""

    def __init__(self, limits: Limits = PLAN["limits"]) -> None:
        self._limits: Limits = {**limits, "cooldown_s": limits["block_s"], "cooldown_cap_s": limits["block_cap_s"]}
        self._until = Cooldowns(self._limits)
        self._reasons: dict[str, Block] = {}

    def is_blocked(self, option: str, now: float) -> bool:
        """True if it is gated at `now`; at `until` itself it may be tried again."""
        return option in self._reasons and self._until.is_cooling(option, now)

    def block(self, option: str, now: float, reason: Block, chance: float = EVEN) -> None:
        """This page may not reach it: found once more."""
        self._until.cool_down(option, now, None, chance)
        self._reasons[option] = reason

    def lift(self, option: str) -> None:
        """It answered: the gate is gone, and the next one is the first again."""
        if self._reasons.pop(option, None) is not None:
            self._until.forget(option)

    def data(self, option: str) -> BlockData | None:
        """The gate as other tabs receive it; one that is over is told until it is lifted or renewed."""
        reason = self._reasons.get(option)
        return None if reason is None else {"reason": reason, "until": self._until.until(option)}

    def told(self, option: str, data: BlockData | None) -> None:
        """Take over what the engine of this profile knows."""
        self.lift(option)
        if data is not None:
            self._until.extend(option, data["until"])
            self._reasons[option] = data["reason"]

    def active(self, now: float) -> dict[str, BlockData]:
        """Those gated now, in code-point order."""
        found = {option: self.data(option) for option in sorted(self._reasons) if self.is_blocked(option, now)}
        return {option: data for option, data in found.items() if data is not None}

    def due(self, now: float) -> float:
        """The time at which the next gate is over; ∞ if there is none."""
        return min((data["until"] for data in self.active(now).values()), default=math.inf)
