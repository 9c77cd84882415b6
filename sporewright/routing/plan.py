"""The plan: what each end of an attempt leads to, as one table for Python and the page (docs/reference/plan.md).

`python -m sporewright.routing.plan` prints it as JSON. A new fault, a provider's dialect or another limit is a new row
here, never a branch in an interpreter.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from sporewright.errors import ConfigError
from sporewright.routing.dialects.conventions import ALLOWANCE_HEADERS, ANSWERS, DONE, PACE_HEADERS, REPEATABLE
from sporewright.routing.dialects.phrases import PHRASES
from sporewright.routing.dialects.wordings import ERROR_ECHOES, ERROR_FIELDS, ERROR_SIGNS
from sporewright.routing.terms import (
    ACTIONS,
    OUTCOMES,
    STATES,
    Action,
    Ended,
    Facts,
    Limits,
    Outcome,
    Plan,
    Restart,
    Signal,
    State,
)
from sporewright.routing.transitions import CLASSES, TEACHES, TIMED, TRANSITIONS, UNSAFE

__all__ = [
    "ACTIONS",
    "OUTCOMES",
    "PLAN",
    "STATES",
    "Action",
    "Ended",
    "Facts",
    "Limits",
    "Outcome",
    "Plan",
    "Restart",
    "Signal",
    "State",
    "plan_with",
    "to_json",
]

# What a browser's timer holds: 31 bits of milliseconds. The same limits are to be good everywhere.
LONGEST_S = (2**31 - 1) / 1000

PLAN: Plan = {
    "version": 5,
    "limits": {
        # Three silent options fit the deadline; published failover benches let a silent route cost 100 s at most.
        "attempt_timeout_s": 30.0,
        "deadline_s": 90.0,
        "max_attempts": 10,
        # A streamed answer begins within twice its option's own p95, learned, and bounded by the last two.
        "first_token_s": 10.0,
        "first_token_min_s": 5.0,
        "first_token_max_s": 15.0,
        "inter_token_s": 10.0,
        # How long a connection may take to end by itself after the end mark, so that it serves another call.
        "finish_s": 1.0,
        "hold_bytes": 1 << 20,
        # What `restart: "buffer"` holds back before it gives up: hours of tokens, and the memory of one large picture.
        "buffer_bytes": 1 << 24,
        # Of a refusal's text; waited for as long as two lost packets take (RFC 6298: 1 s, then 2 s).
        "error_bytes": 1 << 16,
        "error_s": 3.0,
        # Of one event of a stream: room for a picture; what is longer has no end.
        "event_bytes": 1 << 24,
        # One retry loop: two retries a call, of 20 % of the calls and one in five seconds besides (Finagle's budget,
        # scaled to a page), after a full jitter.
        "retries": 2,
        "backoff_s": 0.5,
        "backoff_cap_s": 8.0,
        "wait_spread_s": 0.25,
        "retry_share": 0.2,
        "retry_per_s": 0.2,
        "retry_cap": 10.0,
        # A second copy after the option's p95 costs 5 % at most (Dean and Barroso, CACM 2013).
        "hedge_share": 0.05,
        "hedge_cap": 5.0,
        "history": 64,
        "history_min": 20,
        # The peers' usual trip: 5 s, doubled per incident, at most 5 min; a fifth of jitter.
        "cooldown_s": 5.0,
        "cooldown_cap_s": 300.0,
        "retry_after_cap_s": 3600.0,
        "jitter": 0.2,
        # Five in a row, or more than half of at least five within a minute. Open, probes and ramp together end within
        # 30 s of a recovery: 12 s · 1.2 until a probe, three successes, three steps of 4 s.
        "breaker_failures": 5,
        "breaker_calls": 5,
        "breaker_share": 0.5,
        "breaker_window_s": 60.0,
        "breaker_open_s": 4.0,
        "breaker_cap_s": 12.0,
        "breaker_successes": 3,
        "probe_s": 30.0,
        "ramp_step_s": 4.0,
        # A failure that says nothing is looked into at most so long, and at each option at most once in so long.
        "look_s": 1.0,
        "look_again_s": 60.0,
        # What this page may not reach is gated for so long, doubled each time it is found so again.
        "block_s": 15.0,
        "block_cap_s": 900.0,
        # An option that declines by its own reason is asked again after 5 minutes, doubled each time, at most
        # 4 hours: a key or a credit is mended by its owner, not by waiting.
        "aside_s": 300.0,
        "aside_cap_s": 14400.0,
        # The clock is looked at this often while a call waits; a look that is later than this was a gap. Browsers let
        # the timers of hidden pages go off once a minute (Chrome 88), and yet hand over what comes from the network.
        "tick_s": 1.0,
        "gap_s": 5.0,
        "gap_hidden_s": 65.0,
    },
    "classes": CLASSES,
    "transitions": TRANSITIONS,
    "restarts": {"error": "stream", "buffer": "hold", "notify": "restartable"},
    "unsafe": UNSAFE,
    "timed": TIMED,
    "teaches": TEACHES,
    "repeatable": REPEATABLE,
    "answers": ANSWERS,
    "error_signs": ERROR_SIGNS,
    "error_fields": ERROR_FIELDS,
    "error_echoes": ERROR_ECHOES,
    "phrases": PHRASES,
    "pace_headers": PACE_HEADERS,
    "allowance_headers": ALLOWANCE_HEADERS,
    "done": DONE,
    "ramp": [0.1, 0.25, 0.5],
}


def plan_with(limits: Mapping[str, float], plan: Plan = PLAN) -> Plan:
    """The plan with some of its limits replaced; ConfigError names the one that is none, or cannot be."""
    known = plan["limits"]
    for name, value in limits.items():
        if name not in known:
            raise ConfigError(f"limits: {name!r} is none of {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise ConfigError(f"limits.{name}: {value!r} is not a finite number, at least 0")
        if name.endswith("_s") and name != "retry_per_s" and value > LONGEST_S:
            raise ConfigError(f"limits.{name}: {value!r} is not a number of seconds, at most {LONGEST_S}")
        if name == "tick_s" and value == 0:
            raise ConfigError("limits.tick_s: 0 is not a number of seconds above 0")
    return {**plan, "limits": {**known, **limits}}  # type: ignore[typeddict-item]


def to_json(indent: int | None = 2) -> str:
    """The plan as JSON text."""
    return json.dumps(PLAN, indent=indent)


if __name__ == "__main__":
    print(to_json())
