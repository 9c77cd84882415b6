"""One trace through Python's interpreter of the plan: what it does, in the shape of the trace's `expect`.

`web/tests/routing/replay.ts` is its twin: the same fields under the same names, in the same order.
"""

from __future__ import annotations

import math
from typing import Any

from sporewright.errors import SporewrightError
from sporewright.routing.attempt_chain import Ask, AttemptChain, Call, Decision, Ended, Wait
from sporewright.routing.cooldown import EVEN
from sporewright.routing.health import Health
from sporewright.routing.plan import PLAN, Plan
from sporewright.routing.terms import ASIDES
from tests.routing.reported import MEASURED, Reported

OVER = ("BROKEN", "ABORTED", "EXHAUSTED")
BESIDE = ("told", "beside", "permit", "release", "changed", "slept")
"""Events that say nothing to a call that waits: it goes on waiting."""
STATUSES = (0, 200, 400, 401, 403, 404, 413, 422, 429, 500, 503)
"""The statuses of responses of which each step asks whether their text is waited for, one a step."""


class Replay:
    """Health as the trace says it was, one call after another over it, and the trace's events in their order.

    `watched`: after each event everything that can be read of the chain is written down (`steps`), and of the health of
    one option in turn, at the end of all; what the chain refuses is an entry there, not an exception.
    """

    def __init__(self, trace: dict[str, Any], *, watched: bool = False) -> None:
        self.trace, self.watched = trace, watched
        self.plan: Plan = {**PLAN, "limits": {**PLAN["limits"], **trace.get("limits", {})}}
        self.health = Health(self.plan)
        self.options = list(dict.fromkeys(trace["queue"]))
        for option, until in trace.get("cooldowns", {}).items():
            self.health.cooldowns.extend(option, until)
        for past in trace.get("before", []):
            self._past(**past)
        self.now: float = trace.get("at", 0)
        self._before = self.now
        """The time of the event before."""
        self.actions: list[list[str]] = []
        self.waits: list[float] = []
        self.asks: list[list[Any]] = []
        self.steps: list[list[Any]] = []
        self.waiting: float | None = None
        """Until when the chain waits."""
        self.asked: Ask | None = None
        """The permit it asks for, where the trace itself answers (`asks: "told"`)."""
        self.is_beside = False
        """It is for an attempt beside others, which go on meanwhile."""
        self._decided: list[Any] = []
        self.reported = Reported(self.health, self.plan, trace.get("task"))
        self.chain = self._called(trace)

    def _past(self, at: float, option: str, outcome: str, times: int = 1, stage: str = "CALLING", **more: Any) -> None:
        """An attempt of another call, as often as it says, each at that time."""
        actions = self.plan["transitions"].get(stage, {}).get(outcome, {"do": []})["do"]  # type: ignore[call-overload]
        keys, reason = more.pop("keys", 1), more.get("reason")
        used = {"key": more.get("key", 0), "keys": keys, "reason": reason if reason in ASIDES else None}
        used["model"] = more.get("model")
        waits = {name: more[name] for name in ("retry_after_s", "chance") if name in more}
        for _ in range(times):
            self.health.called()
            if self.health.keys.spares(option, actions, at, **used, **waits):
                actions = self.health.keys.spared(actions)
            self.health.apply(option, actions, at, **more)

    def _called(self, trace: dict[str, Any]) -> AttemptChain:
        traits = trace.get("call", {})
        chain = AttemptChain(
            trace["queue"], trace["upstreams"], health=self.health, now=self.now, plan=self.plan, **traits
        )
        self.reported.starts(chain, is_streaming=traits.get("streaming", False))
        return chain

    def run(self) -> dict[str, Any]:
        """Feed every event; between two, do what the chain decides at once."""
        self.begin()
        for event in self.trace["events"]:
            self.feed(event)
        return self.end()

    def begin(self) -> None:
        """The first decision."""
        self._first(self.trace)
        self._note(["begin"], None)

    def _first(self, trace: dict[str, Any]) -> None:
        if trace.get("offline", False):
            self.chain.network(is_offline=True)
        self._walk(self.chain.pick(self.now, trace.get("chance", EVEN)))

    def end(self) -> dict[str, Any]:
        """Wait for whatever is still waited for; what was seen."""
        if self.asked is None:
            self._wait_out()
        if self.chain.state == "EXHAUSTED":
            self.actions.append(["", "give_up"])
        if self.watched:
            self._note(["end"], None)
            self.steps.append([self._known(option) for option in self.options])
        return self._seen()

    def feed(self, event: dict[str, Any]) -> None:
        """One event; a chain that waits has waited until then, unless it is woken by it."""
        at, kind = event["at"], event["kind"]
        wakes = kind == "stop" or (kind == "network" and "offline" in event) or kind in BESIDE
        if self.waiting is not None and not (wakes and at <= self.waiting):
            self._wait_out()
        if not self.watched:
            assert self.chain.state not in OVER or kind == "call", "the trace goes on after the end"
            assert self.chain.state != "DELIVERED" or kind in ("rejected", "call"), "it goes on after the answer"
        self._before, self.now = self.now, at
        ended: Ended | None = None
        chain, outrun, running = self.chain, len(self.chain.outrun), self.chain.running
        try:
            told = {name: said for name, said in event.items() if name not in ("at", "kind", *MEASURED)}
            ended = self._tell(kind, **told)
            if ended is not None:
                attempt = event.get("attempt", len(chain.attempts) - 1)
                self.reported.step(self.now, attempt, ended, event, running)
                for each in (ended, *[*chain.outrun.values()][outrun:]):
                    self.actions += [[each.option, action] for action in each.actions]
            waits = self.waiting is not None and kind in BESIDE
            still = waits or (self.asked is not None and not self.is_beside)
            if self.chain.state == "PICKING" and not still:
                self.waiting = None
                self._walk(self.chain.pick(self.now, event.get("chance", EVEN)), event.get("chance", EVEN))
        except SporewrightError as refused:
            if not self.watched:
                raise
            self._decided.append(["refused", refused.code])
        if self.chain.state != "PICKING":
            self.waiting = None
        self._note([kind], ended)

    def _tell(self, kind: str, *, attempt: int = -1, chance: float = EVEN, **event: Any) -> Ended | None:
        chain = self.chain
        if kind == "opened":
            return chain.opened(self.now, event["body"], attempt)
        if kind == "token":
            said = {"is_finished": event.get("finished", False), "is_blank": event.get("blank", False)}
            return chain.token(self.now, attempt, **said)
        if kind == "due":
            assert chain.due(attempt) == self.now or self.watched, f"it is due at {chain.due(attempt)}"
            if chain.hands_over(attempt):
                return chain.opened(self.now, "bytes", attempt)
            cut = chain.is_cut(self.now, attempt)
            return self._ended({"kind": "deadline" if cut else "timeout"}, attempt, chance)
        if kind == "hedge":
            self._walk(chain.hedge(self.now, chance), chance)
        elif kind == "race":
            at = max(chain.race_at(), self._before)
            assert at == self.now or self.watched, f"it is raced at {at}"
            self._walk(chain.race(self.now, chance), chance)
        elif kind == "answered":
            ask, self.asked = self.asked, None
            if ask is not None and chain.asks(ask):
                until = float(event.get("until", -math.inf))
                self._walk(chain.answered(self.now, event["granted"], chance, until), chance)
        elif kind == "rejected":
            running = chain.running
            chain.rejected(attempt if attempt >= 0 else len(chain.attempts) - 1)
            self.reported.gives_up(self.now, running)
        elif kind == "queued":
            chain.queued(event["gap"], attempt)
        elif kind == "paused":
            chain.paused(event["since"], self.now, attempt)
        elif kind == "stop":
            self.asked = None
            self._abort()
        elif not self._happens(kind, chance, **event):
            return self._ended({"kind": kind, **event}, attempt, chance)
        return None

    def _happens(self, kind: str, chance: float, **event: Any) -> bool:
        """An event that is not of one attempt; False if it is."""
        if kind == "network" and "offline" in event:
            self.chain.network(is_offline=event["offline"])
        elif kind == "slept" and "gap" in event:
            self.chain.slept(event["gap"])
        elif kind == "told":
            self.health.told(event["health"])
        elif kind == "beside":
            self._past(self.now, chance=chance, **event)
        elif kind == "permit":
            self._decided.append(["permit", self.health.permit(event["permit"], event["option"], self.now)])
        elif kind == "release":
            self.health.release(event["option"])
        elif kind == "changed":
            self.health.changed(event["option"])
        elif kind == "call":
            self._abort()
            self.asked, self.waiting = None, None
            self.chain = self._called(event)
            self._first({**event, "chance": chance})
        else:
            return False
        return True

    def _abort(self) -> None:
        running = self.chain.running
        self.chain.abort()
        self.reported.gives_up(self.now, running)

    def _ended(self, ending: dict[str, Any], attempt: int, chance: float) -> Ended:
        return self.chain.ended(self.now, ending, attempt, chance)  # type: ignore[arg-type]

    def _wait_out(self) -> None:
        """Nothing wakes it: the time is over, and what is next is decided by an even chance."""
        while self.waiting is not None:
            self.now, self.waiting = self.waiting, None
            self._walk(self.chain.pick(self.now, self._chance), self._chance)

    _chance = EVEN

    def _walk(self, decision: Decision, chance: float = EVEN) -> None:
        """Ask until a call is under way, the chain waits or nothing is left."""
        self._chance = chance
        while isinstance(decision, Ask):
            if self.trace.get("asks") == "told":
                self.asked, self.is_beside = decision, self.chain.state != "PICKING"
                self._decided.append(["ask", decision.permit, decision.option])
                return
            granted, until = self._granted(decision)
            self.asks.append([decision.permit, decision.option, granted])
            decision = self.chain.answered(self.now, granted, chance, until)
        if isinstance(decision, Wait):
            self.waiting = decision.until
            self.waits.append(decision.until)
            self._decided.append(["wait", decision.until])
        elif isinstance(decision, Call):
            self.reported.calls(self.now, decision.attempt)
            self._decided.append(["call", decision.option, decision.attempt])

    def _granted(self, ask: Ask) -> tuple[bool, float]:
        """Health's permits; a draw is covered from the time in the trace's `allowances`, or at once."""
        if ask.permit != "draw":
            return self.health.permit(ask.permit, ask.option, self.now), -math.inf
        until = float(self.trace.get("allowances", {}).get(ask.option, -math.inf))
        return until <= self.now, until

    def _note(self, kind: list[str], ended: Ended | None) -> None:
        """One step: what was decided, what an end meant, and all there is to read now."""
        decided, self._decided = self._decided, []
        if not self.watched:
            return
        told = None
        if ended is not None:
            told = [ended.option, ended.outcome, ended.stage, list(ended.actions), number(ended.first_token_s)]
            told += [ended.aside, ended.model, ended.is_spared]
        chain, now = self.chain, self.now
        attempts = [
            [
                attempt,
                chain.state_of(attempt),
                number(chain.due(attempt)),
                chain.is_past(now, attempt),
                chain.is_cut(now, attempt),
                chain.hands_over(attempt),
                chain.outstays(now, attempt),
                chain.verdict_s(now, attempt),
                chain.is_probe(attempt),
                chain.is_untimed(attempt),
                list(chain.keys_of(attempt)),
                chain.wants_text(STATUSES[len(self.steps) % len(STATUSES)], attempt),
            ]
            for attempt in chain.running
        ]
        self.steps.append(
            [
                kind,
                now,
                decided,
                told,
                chain.state,
                chain.attempts,
                attempts,
                number(chain.hedge_at()),
                number(chain.race_at()),
                [[attempt, one.outcome, one.stage, list(one.actions)] for attempt, one in chain.outrun.items()],
                [list(item) for item in chain.skipped.items()],
                chain.kept,
                number(chain.waits_for),
                chain.is_offline,
                self.reported.fresh(),
                self._known(self.options[len(self.steps) % len(self.options)] if self.options else ""),
            ]
        )

    def _known(self, option: str) -> list[Any]:
        health, now = self.health, self.now
        told = health.told_of(option)
        breaker, aside = told["breaker"], told["aside"]
        return [
            number(health.cooldowns.until(option)),
            None if told["blocked"] is None else [told["blocked"]["reason"], told["blocked"]["until"]],
            [breaker["state"], breaker["until"], breaker["since"]],
            None if aside is None else [aside["reason"], aside["until"], aside.get("model")],
            [[one["key"], one["until"], one.get("reason")] for one in told["keys"]],
            told["first_token_p95_s"],
            told["headers_p95_s"],
            health.history(option, streaming=True).first_token_s,
            health.admits(option, now, 0.2, "m"),
            number(health.returns(option, now)),
        ]

    def budgets(self) -> list[int]:
        """The numbers of retries and hedges that are to be had, now and a while later; takes them."""
        counts = []
        for at in (self.now, self.now + 7.5):
            for kind in ("retry", "hedge"):
                counts.append(0)
                while counts[-1] < 40 and self.health.permit(kind, "", at):  # type: ignore[arg-type]
                    counts[-1] += 1
        return counts

    def _seen(self) -> dict[str, Any]:
        chain = self.chain
        options = sorted(self.options)
        breakers = {option: self.health.breaker(option).data()["state"] for option in options}
        seen: dict[str, Any] = {
            "attempts": chain.attempts,
            "skipped": [list(item) for item in chain.skipped.items()],
            "end": chain.state,
            "actions": self.actions,
            "cooldowns": self.health.cooldowns.active(self.now),
        }
        rare = {
            "waits": self.waits,
            "asks": self.asks,
            "breakers": {option: state for option, state in breakers.items() if state != "closed"},
            "kept": chain.kept,
            "returns": chain.waits_for,
            "running": chain.running,
            "aside": {option: data["reason"] for option, data in self.health.asides.active(self.now).items()},
            "keys": {option: keys for option in options if (keys := self.health.keys.data(option))},
            "blocked": {option: data["reason"] for option, data in self.health.blocks.active(self.now).items()},
        }
        return seen | {name: value for name, value in rare.items() if value not in (None, [], {})}


def number(x: float | None) -> float | str | None:
    """A number as JSON can say it."""
    return x if x is None or abs(x) < float("inf") else "Infinity" if x > 0 else "-Infinity"
