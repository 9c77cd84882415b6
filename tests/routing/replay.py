"""One recorded trace through Python's interpreter of the plan: what it does, in the shape of the trace's `expect`."""

from __future__ import annotations

from typing import Any

from sporewright.routing.attempt import Ask, AttemptChain, Call, Decision, Ended, Wait
from sporewright.routing.cooldown import EVEN
from sporewright.routing.health import Health
from sporewright.routing.plan import PLAN, Plan


class Replay:
    """Health as the trace says it was, one chain over it, and the trace's events in their order."""

    def __init__(self, trace: dict[str, Any]) -> None:
        self.trace = trace
        self.plan: Plan = {**PLAN, "limits": {**PLAN["limits"], **trace.get("limits", {})}}
        self.health = Health(self.plan)
        for option, until in trace.get("cooldowns", {}).items():
            self.health.cooldowns.extend(option, until)
        for past in trace.get("before", []):
            self._past(**past)
        self.now: float = trace.get("at", 0)
        self.actions: list[list[str]] = []
        self.waits: list[float] = []
        self.asks: list[list[Any]] = []

    def _past(self, at: float, option: str, outcome: str, times: int = 1, stage: str = "CALLING", **more: Any) -> None:
        """An attempt of an earlier call, as often as it says, each at that time."""
        for _ in range(times):
            self.health.called()
            self.health.apply(option, self.plan["transitions"][stage][outcome]["do"], at, **more)  # type: ignore[index]

    def run(self) -> dict[str, Any]:
        """Feed every event; between two, do what the chain decides at once."""
        trace = self.trace
        chain = AttemptChain(
            trace["queue"],
            trace["upstreams"],
            health=self.health,
            now=self.now,
            plan=self.plan,
            **trace.get("call", {}),
        )
        self._left = [dict(event) for event in trace["events"]]
        if trace.get("offline", False):
            chain.network(is_offline=True)
        self._walk(chain, chain.pick(self.now, trace.get("chance", EVEN)), EVEN)
        while self._left:
            self._feed(chain, self._left.pop(0))
        if chain.state == "EXHAUSTED":
            self.actions.append(["", "give_up"])
        return self._seen(chain)

    def _feed(self, chain: AttemptChain, event: dict[str, Any]) -> None:
        assert chain.state not in ("BROKEN", "ABORTED", "EXHAUSTED"), "the trace goes on after the end"
        assert chain.state != "DELIVERED" or event["kind"] == "rejected", "the trace goes on after the answer"
        self.now, kind, chance = event.pop("at"), event["kind"], event.pop("chance", EVEN)
        attempt = event.pop("attempt", -1)
        ended: Ended | None = None
        if kind == "opened":
            ended = chain.opened(self.now, event["body"], attempt)
        elif kind == "token":
            ended = chain.token(self.now, attempt, is_finished=event.get("finished", False))
        elif kind == "network" and "offline" in event:
            chain.network(is_offline=event["offline"])
        elif kind == "slept":
            chain.slept(event["gap"])
        elif kind == "rejected":
            chain.rejected(attempt if attempt >= 0 else len(chain.attempts) - 1)
        elif kind == "hedge":
            self._walk(chain, chain.hedge(self.now, chance), chance)
        elif kind == "due":
            assert chain.due(attempt) == self.now, f"it is due at {chain.due(attempt)}"
            cut = chain.is_cut(self.now, attempt)
            ended = chain.ended(self.now, {"kind": "deadline" if cut else "timeout"}, attempt, chance)
        else:
            ended = chain.ended(self.now, event, attempt, chance)  # type: ignore[arg-type]
        if ended is not None:
            self.actions += [[ended.option, action] for action in ended.actions]
        if chain.state == "PICKING":
            self._walk(chain, chain.pick(self.now, chance), chance)

    def _walk(self, chain: AttemptChain, decision: Decision, chance: float) -> None:
        """Wait and ask until a call is under way or nothing is left."""
        while decision is not None and not isinstance(decision, Call):
            if isinstance(decision, Wait):
                if self._left and "offline" in self._left[0] and self._left[0]["at"] <= decision.until:
                    self.waits.append(decision.until)
                    return  # woken by it
                self.now = decision.until
                self.waits.append(self.now)
                decision = chain.pick(self.now, chance)
            else:
                decision = self._ask(chain, decision, chance)

    def _ask(self, chain: AttemptChain, ask: Ask, chance: float) -> Decision:
        granted = self.health.permit(ask.permit, ask.option, self.now)
        self.asks.append([ask.permit, ask.option, granted])
        return chain.answered(self.now, granted, chance)

    def _seen(self, chain: AttemptChain) -> dict[str, Any]:
        options = sorted({*self.trace["queue"]})
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
            "blocked": {option: data["reason"] for option, data in self.health.blocks.active(self.now).items()},
        }
        return seen | {name: value for name, value in rare.items() if value not in (None, [], {})}
