"""The recorded traces, through Python's interpreter of the plan; the page runs the same files through its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sporewright.routing.attempt import AttemptChain
from sporewright.routing.cooldown import Cooldowns
from sporewright.routing.plan import OUTCOMES, PLAN, Plan

TRACES = sorted((Path(__file__).parent / "traces").glob("*.json"))


def run(trace: dict[str, Any]) -> dict[str, Any]:
    """What the chain does with a trace, in the shape of its `expect`."""
    plan: Plan = {**PLAN, "limits": {**PLAN["limits"], **trace.get("limits", {})}}
    cooldowns = Cooldowns(plan["limits"])
    for option, until in trace.get("cooldowns", {}).items():
        cooldowns.extend(option, until)
    now = trace.get("at", 0)
    chain = AttemptChain(trace["queue"], trace["upstreams"], cooldowns=cooldowns, now=now, plan=plan)
    actions: list[list[str]] = []
    picked = chain.pick(now)
    for event in trace["events"]:
        assert picked is not None, "the trace goes on after the chain has ended"
        now = event["at"]
        ended = chain.ended(now, {name: value for name, value in event.items() if name != "at"})
        actions += [[ended.option, action] for action in ended.actions]
        picked = chain.pick(now) if chain.state == "PICKING" else None
    if chain.state == "EXHAUSTED":
        actions.append(["", "give_up"])
    return {
        "attempts": chain.attempts,
        "skipped": [list(item) for item in chain.skipped.items()],
        "end": chain.state,
        "actions": actions,
        "cooldowns": cooldowns.active(now),
    }


@pytest.mark.parametrize("file", TRACES, ids=lambda file: file.stem)
def test_trace(file: Path) -> None:
    """The chain takes exactly the recorded attempts, skips, actions and cooldowns."""
    trace = json.loads(file.read_text(encoding="utf-8"))

    assert run(trace) == trace["expect"]


def test_the_corpus_is_whole() -> None:
    """At least 25 traces, each with a name and rules of its own, and every outcome of the plan occurs."""
    traces = [json.loads(file.read_text(encoding="utf-8")) for file in TRACES]
    kinds = {event["kind"] for trace in traces for event in trace["events"]}
    statuses = {event["status"] for trace in traces for event in trace["events"] if "status" in event}

    assert len(traces) >= 25
    assert len({trace["name"] for trace in traces}) == len(traces)
    assert all(trace["rules"] for trace in traces)
    assert kinds == {"status", "network", "timeout", "abort", "prepare"}
    assert {0, 200, 404, 429, 500} <= statuses
    assert len(OUTCOMES) == 9
