"""The recorded traces, through Python's interpreter of the plan; the page runs the same files through its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sporewright.routing.plan import ACTIONS, OUTCOMES
from tests.routing.record import record
from tests.routing.replay import Replay

TRACES = sorted((Path(__file__).parent / "traces").glob("*.json"))


@pytest.mark.parametrize("file", TRACES, ids=lambda file: file.stem)
def test_trace(file: Path) -> None:
    """The chain takes exactly the recorded attempts, waits, asks, skips, actions, cooldowns and breakers."""
    trace = json.loads(file.read_text(encoding="utf-8"))

    assert Replay(trace).run() == trace["expect"]


def test_a_trace_is_recorded(tmp_path: Path) -> None:
    """The chain's steps are written as the trace's `expect`, in the form the corpus has; once more changes nothing."""
    text = TRACES[0].read_text(encoding="utf-8")
    file = tmp_path / "new.json"
    file.write_text(json.dumps({**json.loads(text), "expect": {}}), encoding="utf-8")

    assert record(file)
    assert file.read_text(encoding="utf-8") == text
    assert not record(file)


def test_the_corpus_is_whole() -> None:
    """At least 100 traces, each with its own name and its rules; every kind of event, ask and action occurs."""
    traces = [json.loads(file.read_text(encoding="utf-8")) for file in TRACES]
    kinds = {event["kind"] for trace in traces for event in trace["events"]}
    statuses = {event["status"] for trace in traces for event in trace["events"] if "status" in event}
    actions = {action for trace in traces for _, action in trace["expect"]["actions"]}
    asks = {(ask, granted) for trace in traces for ask, _, granted in trace["expect"].get("asks", [])}

    assert len(traces) >= 100
    assert len({trace["name"] for trace in traces}) == len(traces)
    assert all(trace["rules"] for trace in traces)
    assert kinds >= {
        "status",
        "network",
        "connect",
        "timeout",
        "abort",
        "prepare",
        "complete",
        "truncated",
        "malformed",
    }
    assert kinds >= {"failed", "opened", "token", "hedge", "due"}
    assert kinds >= {"blocked", "unreadable", "masked", "offline", "slept"}
    assert {0, 200, 404, 429, 500} <= statuses
    assert actions == set(ACTIONS)
    assert asks >= {("probe", True), ("retry", True), ("retry", False), ("hedge", True), ("hedge", False)}
    assert len(OUTCOMES) == 28
