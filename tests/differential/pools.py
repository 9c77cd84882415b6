"""Random scripts on a ledger through both, compared after every step to the last bit."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.differential.dice import Dice
from tests.differential.page import Page
from tests.pools.script import run

__all__ = ["SCRIPTS", "compare"]

VIENNA = [[1_382_835_600, 3600], [1_396_141_200, 7200], [1_414_281_600, 3600]]
LORD_HOWE = [[1_382_835_600, 39_600], [1_396_706_400, 37_800], [1_412_436_600, 39_600]]
BEGINS = (1_396_051_200.0, 1_396_141_199.25, 1_414_281_600.0, 1_396_706_000.0, 7.0)
CAPS: dict[str, tuple[float, ...]] = {
    "requests": (3, 30, 10**15),
    "tokens": (1000, 7, 2**50 - 1),
    "usd": (5, 0.25, 1e6, 0.000000003),
    "seconds": (10, 0.5, 1e9),
    "concurrent": (2, 9),
}
WINDOWS: tuple[float | str, ...] = (60, "day", "hour", "week", "month", 0.001, 86_400.5, 3600)
ZONES = ("UTC", "Vienna", "Lord_Howe")
STEPS = (0.0, 0.000001, 0.37, 5.0, 31.0, 61.5, 3600.0, 90_000.0, 2_700_000.0, -0.5, -61.0, -86_400.0, -9_000_000.0)
AMOUNTS = (1, 0, 2, 7, 10**6, 10**9, 2 * 10**9, 2**50 - 1, 2**50)
KEYS = ("k0", "k1", "k2", "7")
OPTIONS = ("a", "b", "nobody")
DOES = (
    *("reserve",) * 6, *("settle",) * 4, "release", "renew", "lease", "lease", "spend", "give_back", "tick", "tick",
    "admits", "learn", "hear", "declined", "reload", "ends",
)  # fmt: skip


def _pool(dice: Dice) -> dict[str, Any]:
    unit = dice.one(tuple(CAPS))
    body: dict[str, Any] = {"unit": unit, "cap": dice.one(CAPS[unit]), "options": dice.some(("a", "b"), 1)}
    if unit != "concurrent":
        body["window"] = dice.one(WINDOWS)
        if isinstance(body["window"], str):
            body["tz"] = dice.one(ZONES)
    return body | ({"hard": True} if dice.byte() & 1 else {})


def _step(dice: Dice, pools: tuple[str, ...]) -> dict[str, Any]:
    what = dice.one(DOES)
    step: dict[str, Any] = {"do": "settle" if what == "ends" else what, "key": dice.one(KEYS)}
    amounts = {pool: dice.one(AMOUNTS) for pool in dice.some(pools)}
    if what in ("reserve", "admits"):
        step |= {"option": dice.one(OPTIONS), "lasts": dice.one((30.0, 0.5, 4000.0))}
        asked = {"tokens_in": dice.one((12.0, 0.25, 1e7)), "price_in": 0.15, "price_out": dice.one((0.6, 0.0, 75.0))}
        asked |= {"max_tokens": dice.one((100.0, 0.0, 1e12))} if dice.byte() & 1 else {}
        step |= {"needs": amounts} if dice.byte() & 1 else {"asked": asked}
    elif what == "settle":
        step["used"] = amounts
    elif what == "ends":
        used = {"tokens": dice.one((0.0, 30.0, 1e20)), "usd": dice.one((0.0, 0.00123)), "seconds": 1.7, "refused": True}
        step |= {"counted": False, "used": {name: used[name] for name in dice.some(tuple(used))}}
    elif what in ("lease", "spend"):
        step |= {"pool": dice.one(pools), "amount": dice.one(AMOUNTS), "lasts": dice.one((60.0, 0.1, 7200.0))}
    elif what == "learn":
        step |= {"option": dice.one(OPTIONS), "tokens_out": dice.one((3.0, 1e9, -1.0)), "seconds": dice.one((0.3, 9.0))}
    elif what == "hear":
        word = {"unit": dice.one(("requests", "tokens")), "left": dice.one((0.0, 1.0, 2.5, 1e18))}
        step |= {"option": dice.one(OPTIONS), "words": [word | ({"limit": 30.0} if dice.byte() & 1 else {})]}
    elif what == "declined":
        step |= {"option": dice.one(OPTIONS), "status": dice.one((429, 402, 500))}
        step |= {"wait_s": dice.one((7.0, 0.0, 1e9))} if dice.byte() & 1 else {}
    return step


def _cut(data: bytes) -> dict[str, Any]:
    dice = Dice(data)
    pools = {f"p{number}": _pool(dice) for number in range(1 + dice.below(4))}
    now = dice.one(BEGINS)
    script: dict[str, Any] = {"at": now, "zones": {"Vienna": VIENNA, "Lord_Howe": LORD_HOWE}, "pools": pools}
    steps = []
    for _ in range(1 + dice.below(16)):
        now = max(0.0, now + dice.one(STEPS))
        steps.append({"at": now, **_step(dice, tuple(pools))})
    return {**script, "steps": steps}


SCRIPTS: st.SearchStrategy[dict[str, Any]] = st.binary(min_size=240, max_size=240).map(_cut)


def compare(page: Page, script: dict[str, Any]) -> None:
    """AssertionError with the script, the first step that differs, and what each of them says there."""
    here, there = json.loads(json.dumps(run(script))), page.ask("pools", script)
    assert "threw" not in there, (script, there)
    for number, (one, other) in enumerate(zip(here, there, strict=True)):
        assert one == other, f"{script}\nstep {number}:\n  Python {one}\n  page   {other}"
