"""Random traces: each event drawn where Python's chain stands, by the plan's own tables, so that most of them fit.

What comes out is a trace as those of the corpus are (`tests/routing/traces`), with what Python did in each step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from sporewright.errors import ConfigError
from sporewright.routing.keys import KEY_REASONS
from sporewright.routing.plan import PLAN, plan_with
from sporewright.routing.terms import ASIDES, ENDS, STATES, Block, Restart, Rule, Sign, State
from tests.differential.dice import Dice
from tests.routing.replay import OVER, Replay

__all__ = ["Made", "made"]

NAMES = ("a", "b", "c", "d", "1", "__proto__", "constructor", "é", "")
SECONDS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 9.75, 12.0, 30.0, 61.0, 90.0, 300.0, 3600.0, 0.1, 1e-7)
COUNTS = (0, 1, 2, 3, 5, 8, 20, 64)
SHARES = (0.0, 0.05, 0.2, 0.5, 1.0)
MODELS = ("m", "n")
KINDS = ("in", "out")
"""The kinds of tokens that are counted."""
BODIES = ("events", "whole", "bytes")
SIGNS: tuple[Sign, ...] = get_args(Sign)
BLOCKS: tuple[Block, ...] = get_args(Block)
RESTARTS: tuple[Restart, ...] = get_args(Restart)
LIMITS = tuple(PLAN["limits"])
OPEN: tuple[State, ...] = tuple(state for state in STATES if state in PLAN["transitions"])


@dataclass(frozen=True)
class Made:
    """A trace, and what Python made of it."""

    trace: dict[str, Any]
    seen: dict[str, Any]
    steps: list[Any]
    budgets: list[int]


def made(setting: bytes, past: Sequence[bytes], events: Sequence[bytes]) -> Made:
    """The trace that these bytes say; an event of nothing but zeros is none."""
    trace = _setting(Dice(setting))
    trace["before"] = [_past(Dice(each), trace["queue"], trace["at"]) for each in past]
    trace["events"] = []
    replay = Replay(trace, watched=True)
    replay.begin()
    for each in events:
        event = Drawn(Dice(each), replay).event() if any(each) else None
        if event is not None:
            trace["events"].append(event)
            replay.feed(event)
    seen = replay.end()
    return Made(trace, seen, replay.steps, replay.budgets())


def _setting(dice: Dice) -> dict[str, Any]:
    trace = _call(dice, [dice.one(NAMES) for _ in range(1 + dice.below(5))])
    trace["at"] = dice.one((0, 0, 100.25, 1.7e9))
    if dice.byte() & 1:
        trace["asks"] = "told"
    if dice.byte() & 1:
        trace["allowances"] = {option: trace["at"] + dice.one(SECONDS) for option in dice.some(trace["queue"])}
    trace["limits"] = dict(_limit(dice, dice.one(LIMITS)) for _ in range(dice.below(6)))
    if dice.byte() & 1:
        trace["cooldowns"] = {option: trace["at"] + dice.one(SECONDS) for option in dice.some(trace["queue"])}
    if dice.byte() & 1:
        trace["task"] = "summary"
    return trace


def _limit(dice: Dice, name: str) -> tuple[str, float]:
    usual = PLAN["limits"][name]  # type: ignore[literal-required]
    shares = isinstance(usual, float) and usual <= 1
    limit = dice.one(SECONDS if name.endswith("_s") else SHARES if shares else COUNTS)
    try:
        plan_with({name: limit})
    except ConfigError:
        return name, usual
    return name, limit


def _call(dice: Dice, queue: list[str]) -> dict[str, Any]:
    known = [option for option in queue if not dice.rarely(24)]
    call: dict[str, Any] = {}
    for name, choices in (
        ("repeatable", (True, True, False)),
        ("streaming", (False, True)),
        ("restart", (*RESTARTS, "notify")),
        ("hedge", (True, True, True, False)),
        ("judged", (False, True)),
        ("model", MODELS),
    ):
        if dice.byte() & 1:
            call[name] = dice.one(choices)
    if dice.byte() & 1:
        call["facts"] = {option: _facts(dice) for option in dice.some([*queue, "elsewhere"])}
    chance = {"chance": dice.chance()} if dice.byte() & 1 else {}
    return {"queue": queue, "upstreams": known, "call": call, **chance, "offline": dice.rarely(32)}


def _facts(dice: Dice) -> dict[str, Any]:
    facts = {
        "model": dice.one(MODELS),
        "window": dice.one((1000, 0, 2000)),
        "repeatable": dice.one((True, False)),
        "local": dice.one((True, True, False)),
        "keys": dice.one((1, 2, 3)),
        "brought": dice.one((False, True)),
        "keyed": dice.one((False, True)),
        "any": dice.one((False, True)),
        "pooled": dice.one((True, True, False)),
    }
    names = dice.some(tuple(facts))
    return {name: facts[name] for name in names}


def _past(dice: Dice, options: Sequence[str], at: float) -> dict[str, Any]:
    """An attempt of an earlier call, or many: what it takes to trip a breaker, to fill a history or a budget."""
    past = _beside(dice, options)
    return {"at": max(0.0, at - dice.one(SECONDS)), "times": dice.one((1, 2, 3, 5, 2, 5, 20, 25)), **past}


def _beside(dice: Dice, options: Sequence[str]) -> dict[str, Any]:
    stage = dice.one(OPEN[1:])
    outcome = dice.one(tuple(PLAN["transitions"][stage]))
    past: dict[str, Any] = {"option": dice.one(options), "stage": stage, "outcome": outcome}
    if dice.byte() & 1:
        past["chance"] = dice.chance()
    if dice.byte() & 1:
        past |= {"first_token_s": dice.one(SECONDS), "streaming": dice.one((False, True))}
    if dice.rarely(64):
        past["retry_after_s"] = dice.one(SECONDS)
    do = PLAN["transitions"][stage][outcome]["do"]
    if "set_aside" in do:
        past |= {"reason": dice.one(ASIDES), "model": dice.one(MODELS)}
    elif "gate" in do:
        past["reason"] = dice.one(BLOCKS)
    if dice.rarely(64):
        past |= {"key": dice.below(3), "keys": 1 + dice.below(3)}
    return past


class Drawn:
    """The next event of a trace, as its chain stands."""

    def __init__(self, dice: Dice, replay: Replay) -> None:
        self._dice, self._replay, self._chain = dice, replay, replay.chain

    def event(self) -> dict[str, Any] | None:
        """One that this chain can be told, now and then one that it refuses; None: nothing fits."""
        dice, chain = self._dice, self._chain
        draw = dice.byte()
        over = chain.state in OVER or (chain.state == "DELIVERED")
        if over and draw < 200:
            said = self._after()
        elif draw < 160 and (chain.running or self._replay.asked is not None):
            said = self._of_call()
        else:
            said = self._around(160 + draw % 96)
        if said is None:
            return None
        if dice.byte() & 1:
            said["chance"] = dice.chance()
        return {"at": self._when(said), **said}

    def _of_call(self) -> dict[str, Any] | None:
        """An event for which the call itself waits: the answer to its question, or something of one of its attempts."""
        dice, chain, asked = self._dice, self._chain, self._replay.asked
        if asked is not None and (not self._replay.is_beside or dice.byte() & 1):
            answer = {"kind": "answered", "granted": dice.one((True, True, False))}
            return answer | ({"until": self._replay.now + dice.one(SECONDS)} if dice.rarely(64) else {})
        running = chain.running
        if not running:
            return None
        attempt = dice.one(running[::-1]) if not dice.rarely(3) else dice.below(len(chain.attempts))
        state = chain.state_of(attempt)
        said = self._progress(state) if dice.byte() < 120 else self._end(state, attempt)
        if attempt != len(chain.attempts) - 1 or dice.byte() & 1:
            said["attempt"] = attempt
        return said

    def _progress(self, state: State) -> dict[str, Any]:
        dice = self._dice
        if state == "CALLING":
            return {"kind": "opened", "body": dice.one(BODIES)}
        if state == "HOLDING" and dice.rarely(48):
            return {"kind": "opened", "body": "bytes"}
        return {"kind": "token", "finished": dice.rarely(64), "blank": dice.rarely(32)}

    def _end(self, state: State, attempt: int) -> dict[str, Any]:
        """An end by a row of the classes: most often one whose outcome leads somewhere from here."""
        dice = self._dice
        if dice.byte() < 40 and attempt in self._chain.running:
            return {"kind": "due"}
        fits = PLAN["transitions"].get(state, {})
        rows = [row for row in PLAN["classes"] if row["outcome"] in fits]
        said = self._ending(dice.one(rows if rows and not dice.rarely(8) else PLAN["classes"]))
        if dice.byte() & 1:
            said |= {"credential": dice.one(("x", "y")), "tokens": {each: dice.below(9) for each in dice.some(KINDS)}}
        return said

    def _ending(self, row: Rule) -> dict[str, Any]:
        dice, when = self._dice, row["when"]
        said: dict[str, Any]
        if "status" in when:
            low, high = when["status"]
            said = {"kind": "status", "status": dice.one((low, high, low + dice.below(high - low + 1)))}
        else:
            kind = when.get("event", dice.one(ENDS))
            said = {"kind": "abort" if kind == "aborted" else kind}
        if when.get("retry_after", dice.rarely(24)):
            said["retry_after_s"] = dice.one(SECONDS)
        if "says" in when or dice.rarely(24):
            said["says"] = list(dict.fromkeys([*when.get("says", SIGNS[:1]), *dice.some(SIGNS)]))
        if said["kind"] in ("blocked", "unreadable") or dice.rarely(4):
            said["reason"] = dice.one(BLOCKS)
        return said

    def _after(self) -> dict[str, Any] | None:
        """The answer will not do, or another call over the same health."""
        dice, chain = self._dice, self._chain
        if chain.state == "DELIVERED" and chain.attempts and dice.byte() & 1:
            return {"kind": "rejected", "attempt": dice.one(range(len(chain.attempts))[::-1])}
        queue = [dice.one(self._replay.options) for _ in range(1 + dice.below(4))]
        return {"kind": "call", **_call(dice, queue)}

    def _around(self, draw: int) -> dict[str, Any] | None:
        """An event around the call: the network, the clock, other calls, the engine of the profile, its caller."""
        dice, chain, options = self._dice, self._chain, self._replay.options
        if draw < 176:
            return {"kind": "network", "offline": not chain.is_offline if not dice.rarely(24) else chain.is_offline}
        if draw < 182:
            return {"kind": "slept", "gap": dice.one((4.5, 30.0, 600.0, -10.0))}
        if draw < 206 and chain.running:
            return {"kind": dice.one(("hedge", "race"))}
        if draw < 212 and chain.running:
            attempt, gap = dice.one(chain.running), dice.one(SECONDS)
            if draw & 1:
                return {"kind": "queued", "gap": gap, "attempt": attempt}
            return {"kind": "paused", "since": self._replay.now - gap, "attempt": attempt}
        if draw < 226:
            return {"kind": "beside", **_beside(dice, options)}
        if draw < 232:
            return {"kind": "permit", "permit": dice.one(("probe", "retry", "hedge")), "option": dice.one(options)}
        if draw < 236:
            return {"kind": dice.one(("release", "changed")), "option": dice.one(options)}
        if draw < 248:
            return {"kind": "told", "health": self._told(dice.one(options))}
        if draw < 251 and chain.state == "BODY":
            return {"kind": "rejected", "attempt": dice.one(range(len(chain.attempts))[::-1])}
        return {"kind": "stop"} if draw > 253 else None

    def _told(self, option: str) -> dict[str, Any]:
        """An option's health as the engine tells it."""
        dice, now = self._dice, self._replay.now
        blocked = {"reason": dice.one(BLOCKS), "until": now + dice.one(SECONDS)} if dice.rarely(64) else None
        state = dice.one(("closed", "open", "ramping"))
        until, since = (now + dice.one(SECONDS), now - dice.one(SECONDS)) if state != "closed" else (0.0, 0.0)
        aside = {"reason": dice.one(ASIDES), "until": now + dice.one(SECONDS)} if dice.rarely(64) else None
        if aside is not None and dice.byte() & 1:
            aside |= {"model": dice.one(MODELS), "credential": "x"}
        return {
            "option": option,
            "aside": aside,
            "keys": [self._key(number) for number in dice.some((0, 1, 2))] if dice.rarely(64) else [],
            "cooling_until": now + dice.one(SECONDS) if dice.rarely(64) else 0.0,
            "blocked": blocked,
            "breaker": {"state": state, "until": until, "since": since},
            "first_token_p95_s": dice.one((None, *SECONDS)),
            "headers_p95_s": dice.one((None, *SECONDS)),
        }

    def _key(self, number: int) -> dict[str, Any]:
        dice = self._dice
        reason = {"reason": dice.one(KEY_REASONS)} if dice.byte() & 1 else {}
        if "reason" in reason and dice.byte() & 1:
            reason["model"] = dice.one(MODELS)
        return {"key": number, "until": self._replay.now + dice.one(SECONDS), **reason}

    def _when(self, said: dict[str, Any]) -> float:
        """A little later, much later, or at the very instant that something here is due."""
        dice, replay, chain = self._dice, self._replay, self._chain
        now = replay.now
        if said["kind"] == "race" and now < (at := chain.race_at()) < math.inf and not dice.rarely(32):
            return at
        if said["kind"] == "due":
            attempt = said.get("attempt", chain.running[-1])
            due = chain.due(attempt)
            return max(now, due if due < math.inf else now) + (dice.one(SECONDS) if dice.rarely(32) else 0.0)
        draw = dice.byte()
        if draw < 140:
            return now + dice.byte() / 64
        if draw < 180:
            return now + dice.one(SECONDS)
        if draw > 252:
            return now - dice.one(SECONDS)  # the clock was set
        return dice.one([now, *self._instants(now)])

    def _instants(self, now: float) -> list[float]:
        replay, chain = self._replay, self._chain
        health = replay.health
        found = [] if replay.waiting is None else [replay.waiting, now + (replay.waiting - now) / 2]
        found += [chain.hedge_at(), chain.race_at(), *(chain.due(attempt) for attempt in chain.running)]
        for option in replay.options:
            blocked, aside = health.blocks.data(option), health.asides.data(option)
            found += [] if aside is None else [aside["until"]]
            found += [health.returns(option, now), health.breaker(option).data()["until"]]
            found += [] if blocked is None else [blocked["until"]]
        return [at for at in found if now < at < math.inf]
