"""A script of steps on a ledger, run here and in the page (`web/tests/pools/script.ts`): both must say the same."""

from __future__ import annotations

import math
from typing import Any

from sporewright.errors import SporewrightError
from sporewright.pools import Asked, Ledger, Refused, Used, Word, declined, hear, pools_from

__all__ = ["run"]


def run(script: dict[str, Any]) -> list[Any]:
    """The result of each step, and the whole ledger after it."""
    now = script.get("at", 0.0)
    pools = pools_from(script["pools"])
    zones = {name: [tuple(row) for row in rows] for name, rows in script.get("zones", {}).items()}
    ledger = Ledger(pools, zones, now)
    seen = []
    for step in script["steps"]:
        now = step.get("at", now)
        if step["do"] == "reload":
            kept, ledger = ledger.data(), Ledger(pools, zones, now)
            ledger.restore(step.get("data", kept))
            said = None
        else:
            said = _said(ledger, step, now)
        state = {name: [each.left, each.price, each.until] for name, each in ledger.state(now).items()}
        seen.append([said, ledger.data(), state, ledger.draws()])
    return seen


def _said(ledger: Ledger, step: dict[str, Any], now: float) -> Any:
    try:
        found = _do(ledger, step, now)
    except SporewrightError as why:
        return {"code": why.code}
    if isinstance(found, Refused):
        return [found.pool, "never" if found.until == math.inf else found.until]
    return found


def _do(ledger: Ledger, step: dict[str, Any], now: float) -> Any:
    what, key, option = step["do"], step.get("key", ""), step.get("option", "")
    if what in ("reserve", "admits"):
        needs = step["needs"] if "needs" in step else ledger.estimate(option, Asked(**step["asked"]))
        if what == "admits":
            return ledger.admits(option, needs, now)
        return ledger.reserve(key, option, needs, now, step.get("lasts", 30.0), step.get("holder", ""))
    if what == "settle":
        used = step["used"]
        return ledger.settle(key, used if step.get("counted", True) else Used(**used), now)
    if what in ("release", "renew", "give_back"):
        return getattr(ledger, what)(key, now)
    if what == "lease":
        return ledger.lease(key, step["pool"], step["amount"], now, step.get("lasts", 30.0), step.get("holder", ""))
    if what == "spend":
        return ledger.spend(key, step["amount"], now)
    if what == "learn":
        return ledger.learn(option, step.get("tokens_out"), step.get("seconds"))
    if what == "hear":
        return hear(ledger, option, [Word(**word) for word in step["words"]], now)
    if what == "declined":
        return declined(ledger, option, step["status"], step.get("wait_s"), now)
    assert what == "tick", what
    return ledger.tick(now)
