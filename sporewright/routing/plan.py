"""What to do when an attempt ends, as data: one table that Python and the page both interpret (docs/contracts.md §4).

`python -m sporewright.routing.plan` prints it as JSON. A new fault, a breaker or a hedge is a new row here, never a
branch in an interpreter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict, get_args

__all__ = [
    "ACTIONS",
    "OUTCOMES",
    "PLAN",
    "STATES",
    "Action",
    "Ended",
    "Limits",
    "Outcome",
    "Plan",
    "Signal",
    "State",
    "to_json",
]

State = Literal["PICKING", "CALLING", "DELIVERED", "ABORTED", "EXHAUSTED"]
Outcome = Literal[
    "ok", "opaque", "refused", "rate_limited", "server_error", "network_error", "timed_out", "aborted", "unusable"
]
Signal = Literal[
    "ok",
    "opaque",
    "refused",
    "rate_limited",
    "server_error",
    "network_error",
    "timed_out",
    "aborted",
    "unusable",
    "picked",
    "nothing_left",
]
"""What moves a chain: how an attempt ended, or what looking for the next option gave."""
Action = Literal["deliver", "next", "learn_latency", "learn_ok", "learn_failure", "cool_down", "give_up"]
Ended = Literal["network", "timeout", "aborted", "prepare"]

STATES: tuple[State, ...] = get_args(State)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
ACTIONS: tuple[Action, ...] = get_args(Action)


class Limits(TypedDict):
    """Seconds and counts of one routed call and of its cooldowns."""

    attempt_timeout_s: float
    deadline_s: float
    max_attempts: int
    cooldown_s: float
    cooldown_cap_s: float
    retry_after_cap_s: float


class When(TypedDict):
    """What an attempt's end is compared with; every field there must hold, both ends of `status` belong to it."""

    status: NotRequired[tuple[int, int]]
    event: NotRequired[Ended]
    retry_after: NotRequired[bool]


class Rule(TypedDict):
    """A row of the classification: the first one whose `when` holds names the outcome."""

    when: When
    outcome: Outcome


class Transition(TypedDict):
    """Where a signal leads, and what is done on the way, in this order."""

    to: State
    do: Sequence[Action]


class Plan(TypedDict):
    """The whole of it; a state without a row is an end."""

    version: int
    limits: Limits
    classes: Sequence[Rule]
    transitions: Mapping[State, Mapping[Signal, Transition]]


def _to(state: State, *do: Action) -> Transition:
    return {"to": state, "do": do}


PLAN: Plan = {
    "version": 1,
    "limits": {
        # Three silent options fit the deadline; published failover benches let a silent route cost 100 s at most.
        "attempt_timeout_s": 30.0,
        "deadline_s": 90.0,
        "max_attempts": 10,
        # The peers' usual trip: 5 s, doubled per incident, at most 5 min.
        "cooldown_s": 5.0,
        "cooldown_cap_s": 300.0,
        "retry_after_cap_s": 3600.0,
    },
    "classes": [
        {"when": {"event": "aborted"}, "outcome": "aborted"},
        {"when": {"event": "prepare"}, "outcome": "unusable"},
        {"when": {"event": "timeout"}, "outcome": "timed_out"},
        {"when": {"event": "network"}, "outcome": "network_error"},
        {"when": {"status": (429, 429)}, "outcome": "rate_limited"},
        # A 5xx that names the time of its return is a queue that is full, not a fault.
        {"when": {"status": (500, 999), "retry_after": True}, "outcome": "rate_limited"},
        {"when": {"status": (500, 999)}, "outcome": "server_error"},
        {"when": {"status": (400, 499)}, "outcome": "refused"},
        # 0 is a browser's opaque response: nobody may look inside, so it is the caller's, and no evidence of anything.
        {"when": {"status": (0, 0)}, "outcome": "opaque"},
        {"when": {"status": (1, 399)}, "outcome": "ok"},
    ],
    "transitions": {
        "PICKING": {
            "picked": _to("CALLING"),
            "nothing_left": _to("EXHAUSTED", "give_up"),
            "aborted": _to("ABORTED"),
        },
        "CALLING": {
            "ok": _to("DELIVERED", "learn_latency", "learn_ok", "deliver"),
            "opaque": _to("DELIVERED", "deliver"),
            # The request was at fault: the answer is the caller's and teaches nothing (a quick 401 is not speed).
            "refused": _to("DELIVERED", "deliver"),
            "rate_limited": _to("PICKING", "learn_failure", "cool_down", "next"),
            "server_error": _to("PICKING", "learn_failure", "next"),
            "network_error": _to("PICKING", "learn_failure", "next"),
            "timed_out": _to("PICKING", "learn_latency", "learn_failure", "next"),
            "unusable": _to("PICKING", "next"),
            "aborted": _to("ABORTED"),
        },
    },
}


def to_json(indent: int | None = 2) -> str:
    """The plan as JSON text."""
    return json.dumps(PLAN, indent=indent)


if __name__ == "__main__":
    print(to_json())
