"""The two large tables of the plan: the outcome of each end, and what each outcome leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Unpack

from sporewright.routing.terms import (
    Action,
    Aside,
    Outcome,
    Rule,
    Sign,
    Signal,
    State,
    Transition,
    When,
)

__all__ = ["CLASSES", "TEACHES", "TIMED", "TRANSITIONS", "UNSAFE"]


def _to(state: State, *do: Action) -> Transition:
    return {"to": state, "do": do}


def _callers(first: int, last: int, **more: Unpack[When]) -> list[Rule]:
    """A refusal of the caller's own key is the caller's; of a fallback's it must not hide why that was asked."""
    of: When = {"status": (first, last), **more, "brought": True}
    return [{"when": {**of, "fallback": True}, "outcome": "unsuited"}, {"when": of, "outcome": "refused"}]


def _users(first: int, last: int, reason: Aside | None = None, **more: Unpack[When]) -> list[Rule]:
    """A refusal that may be of a user of the service: the option's own fault once another one has answered."""
    of: When = {"status": (first, last), **more, "judged": False}
    row: Rule = {"when": of, "outcome": "unexplained"}
    return [
        {"when": {**of, "fallback": True}, "outcome": "unsuited"},
        row if reason is None else {**row, "reason": reason},
    ]


def _declined(first: int, last: int, reason: Aside, **more: Unpack[When]) -> Rule:
    return {"when": {"status": (first, last), **more}, "outcome": "declined", "reason": reason}


def _said(reason: Aside) -> list[Rule]:
    """A text on this; where nothing is inferred it may be of a user: his card, his session, his plan."""
    return [
        _declined(400, 499, reason, says=[reason], judged=True),
        _declined(400, 499, reason, says=[reason, "account"]),
    ]


_LOGIN: When = {"status": (400, 499), "says": ["login"], "judged": False, "keyed": False}

_DECLINED: Sequence[Rule] = [
    *_callers(400, 499, says=["credit"]),
    *_callers(400, 499, says=["key"]),
    *_callers(401, 402),
    # The password of a user of his, where we prove nothing ourselves: the caller's, and no option's fault.
    {"when": {**_LOGIN, "fallback": True}, "outcome": "unsuited"},
    {"when": _LOGIN, "outcome": "refused"},
    # A 413 that speaks of tokens per minute is a rate, not a size.
    {"when": {"status": (413, 413), "says": ["rate"]}, "outcome": "rate_limited"},
    # Google's older interfaces limit rates by 403.
    {"when": {"status": (403, 403), "says": ["rate"]}, "outcome": "rate_limited"},
    *_said("credit"),
    *_said("key"),
    *_said("region"),
    # Which models a key may use is a matter of whose it is.
    {"when": {"status": (400, 499), "says": ["model"], "judged": True, "brought": True}, "outcome": "unsuited"},
    _declined(400, 499, "model", says=["model"], judged=True),
    # A refusal that gives a time, or speaks of a rate, is of a quota that fills again by itself, and soon.
    {"when": {"status": (429, 429), "retry_after": True}, "outcome": "rate_limited"},
    {"when": {"status": (429, 429), "says": ["rate"]}, "outcome": "rate_limited"},
    *_callers(400, 499, says=["quota"]),
    *_said("quota"),
]
"""Refusals for a reason of the option's own: no other request would fare better there until its owner mends it."""

_SAID_OF_USERS: Sequence[Sign] = ["credit", "key", "region", "quota"]

_REFUSALS: Sequence[Rule] = [
    _declined(401, 401, "key", judged=True),
    _declined(402, 402, "credit", judged=True),
    # A key that is declared is what a 401 is about, unless it speaks of somebody's session, card or password.
    *_users(401, 402, says=["login"]),
    *_users(401, 402, says=["person"]),
    _declined(401, 401, "key", keyed=True),
    *_users(401, 401, "key"),
    *_users(402, 402, "credit"),
    # It lacks a feature, or what a request names (a file, an earlier answer): another may have it.
    {"when": {"status": (403, 404), "says": ["unsupported"]}, "outcome": "unsuited"},
    {"when": {"status": (404, 404), "says": ["malformed"]}, "outcome": "unsuited"},
    *_callers(403, 403, judged=True),
    _declined(403, 403, "key", judged=True),
    {"when": {"status": (404, 404), "judged": True, "brought": True}, "outcome": "unsuited"},
    _declined(404, 404, "model", judged=True),
    _declined(410, 410, "model", judged=True),
    _declined(451, 451, "region", judged=True),
    # DeepL's own status of a quota that is used up.
    _declined(456, 456, "quota"),
    _declined(498, 498, "key", judged=True),
    # What one option does not hold, or does not let in, another one may.
    {"when": {"status": (404, 404)}, "outcome": "unsuited"},
    *(row for sign in _SAID_OF_USERS for row in _users(400, 499, says=[sign])),
    {"when": {"status": (403, 403)}, "outcome": "unsuited"},
    {"when": {"status": (451, 451)}, "outcome": "unsuited"},
    {"when": {"status": (413, 413)}, "outcome": "unsuited"},
    {"when": {"status": (400, 400), "says": ["unsupported"]}, "outcome": "unsuited"},
    {"when": {"status": (422, 422), "says": ["unsupported"]}, "outcome": "unsuited"},
    # How the body is labelled is the caller's doing.
    {"when": {"status": (415, 415), "fallback": False}, "outcome": "refused"},
    # What a fallback thinks of the request or an assistant prefill must not hide why it was asked at all.
    {"when": {"status": (400, 400), "fallback": True}, "outcome": "unsuited"},
    {"when": {"status": (422, 422), "fallback": True}, "outcome": "unsuited"},
    {"when": {"status": (400, 499), "judged": True, "fallback": True}, "outcome": "unsuited"},
    {"when": {"status": (400, 499), "says": ["malformed"]}, "outcome": "refused"},
    # Inference is refused in many words: what none of the tables knows may be this option's alone.
    {"when": {"status": (400, 499), "judged": True}, "outcome": "unexplained"},
    {"when": {"status": (400, 499)}, "outcome": "refused"},
]
"""The other refusals: by their status alone, or the caller's own mistake."""

CLASSES: Sequence[Rule] = [
    {"when": {"event": "aborted"}, "outcome": "aborted"},
    {"when": {"event": "lost"}, "outcome": "lost"},
    {"when": {"event": "prepare"}, "outcome": "unusable"},
    {"when": {"event": "complete"}, "outcome": "ok"},
    {"when": {"event": "timeout", "stage": ["CALLING"]}, "outcome": "timed_out"},
    {"when": {"event": "timeout", "stage": ["OPENED"]}, "outcome": "slow_start"},
    {"when": {"event": "timeout"}, "outcome": "stalled"},
    {"when": {"event": "truncated"}, "outcome": "truncated"},
    {"when": {"event": "malformed"}, "outcome": "malformed"},
    {"when": {"event": "invalid"}, "outcome": "invalid_answer"},
    {"when": {"event": "too_large"}, "outcome": "too_large"},
    # An error told inside a stream that had begun with 200.
    {"when": {"event": "failed"}, "outcome": "server_error"},
    # What a page found out about a failure that says nothing by itself (docs/reference/failure-diagnosis.md).
    {"when": {"event": "offline"}, "outcome": "offline"},
    {"when": {"event": "slept"}, "outcome": "slept"},
    # The call's time was over, the attempt's own was not.
    {"when": {"event": "deadline"}, "outcome": "deadline"},
    # The caller's own time-out, shorter than what says anything of the option.
    {"when": {"event": "impatient"}, "outcome": "deadline"},
    {"when": {"event": "blocked"}, "outcome": "blocked"},
    {"when": {"event": "unreadable"}, "outcome": "unreadable"},
    {"when": {"event": "masked"}, "outcome": "masked"},
    {"when": {"event": "connect"}, "outcome": "unreachable"},
    {"when": {"event": "network"}, "outcome": "network_error"},
    {"when": {"status": (400, 422), "says": ["content_filter"]}, "outcome": "content_filter"},
    {"when": {"status": (400, 422), "says": ["context_length"]}, "outcome": "context_length"},
    *_DECLINED,
    {"when": {"status": (429, 429)}, "outcome": "rate_limited"},
    # A 5xx that names the time of its return is a queue that is full, not a fault; but only of 503 (RFC 9110) and 529
    # (Anthropic's) does it follow that the request was not carried out.
    {"when": {"status": (503, 503), "retry_after": True}, "outcome": "rate_limited"},
    {"when": {"status": (529, 529), "retry_after": True}, "outcome": "rate_limited"},
    {"when": {"status": (500, 999), "retry_after": True}, "outcome": "rate_limited", "unsafe": True},
    # 500 is a fault of this one call, as a rule: the same server is asked once more.
    {"when": {"status": (500, 500)}, "outcome": "server_error", "retries": 1},
    {"when": {"status": (501, 999)}, "outcome": "server_error"},
    {"when": {"status": (408, 408)}, "outcome": "server_error"},
    *_REFUSALS,
    # 0 is a browser's opaque response: its text cannot be read, so it is the caller's, and no evidence of anything.
    {"when": {"status": (0, 0)}, "outcome": "opaque"},
    # No content, or another address, where an answer was expected.
    {"when": {"status": (204, 205), "judged": True}, "outcome": "invalid_answer"},
    {"when": {"status": (300, 399), "judged": True}, "outcome": "invalid_answer"},
    {"when": {"status": (1, 399)}, "outcome": "ok"},
]

UNSAFE: Sequence[Outcome] = [
    "server_error", "network_error", "timed_out", "slow_start", "stalled", "truncated", "malformed",
    "invalid_answer", "unreadable", "masked", "offline", "slept", "deadline",
]  # fmt: skip
"""After these the request may have been carried out."""

TIMED: Sequence[Action] = ["learn_latency", "pace"]
"""The actions that an attempt does not cause if the clock had a gap in it."""

TEACHES: Sequence[Action] = [
    "learn_latency", "learn_ok", "learn_failure", "cool_down", "mend", "trip", "pace", "gate", "set_aside",
]  # fmt: skip
"""The learner is told of a step that asks for any of these."""

_FAULTS: Sequence[Outcome] = ["server_error", "network_error", "truncated", "malformed", "invalid_answer"]
_LOST = _to("LOST")
# Neither is the option's doing: it is as if it had not been asked.
_NOBODYS: Sequence[Outcome] = ["offline", "slept"]
_AS_BEFORE = _to("PICKING", "put_back", "next")
_CUT = _to("BROKEN", "break")
_ABORTED = _to("ABORTED")


def _every(outcomes: Sequence[Outcome], step: Transition) -> dict[Signal, Transition]:
    return dict.fromkeys(outcomes, step)


TRANSITIONS: Mapping[State, Mapping[Signal, Transition]] = {
    "PICKING": {
        "picked": _to("CALLING"),
        "nothing_left": _to("EXHAUSTED", "give_up"),
        "kept": _to("DELIVERED", "deliver"),
        # Said of an attempt that has ended so, once another option has answered the same request; the second, where its
        # status gave the reason.
        "unexplained": _to("PICKING", "learn_failure"),
        "declined": _to("PICKING", "set_aside"),
        "aborted": _ABORTED,
    },
    "CALLING": {
        "events": _to("OPENED"),
        "whole": _to("HOLDING"),
        "bytes": _to("BODY", "learn_latency", "learn_ok", "mend", "pace", "win", "deliver"),
        "ok": _to("DELIVERED", "learn_latency", "learn_ok", "mend", "pace", "win", "deliver"),
        "opaque": _to("DELIVERED", "win", "deliver"),
        "refused": _to("DELIVERED", "mend", "win", "deliver"),
        "content_filter": _to("DELIVERED", "mend", "win", "deliver"),
        "context_length": _to("PICKING", "mend", "keep", "larger", "next"),
        "unsuited": _to("PICKING", "mend", "keep_first", "next"),
        "declined": _to("PICKING", "mend", "keep_first", "set_aside", "next"),
        "unexplained": _to("PICKING", "mend", "keep_first", "next"),
        "invalid_answer": _to("PICKING", "learn_failure", "trip", "again", "next"),
        "rate_limited": _to("PICKING", "learn_failure", "cool_down", "again", "next"),
        # A refusal that this page may not read, from an option whose answers it could read before.
        "masked": _to("PICKING", "learn_failure", "cool_down", "again", "next"),
        **_every(["blocked", "unreadable"], _to("PICKING", "gate", "next")),
        **_every(_NOBODYS, _AS_BEFORE),
        "server_error": _to("PICKING", "learn_failure", "trip", "retry", "again", "next"),
        "unreachable": _to("PICKING", "learn_failure", "trip", "again", "next"),
        "network_error": _to("PICKING", "learn_failure", "trip", "again", "next"),
        # Silence is not asked again: it would cost as much time once more.
        "timed_out": _to("PICKING", "learn_latency", "learn_failure", "trip", "next"),
        # Silence so far is a lower bound, however short it was; it is no failure.
        "deadline": _to("PICKING", "learn_latency", "next"),
        "unusable": _to("PICKING", "next"),
        "lost": _LOST,
        "aborted": _ABORTED,
    },
    "OPENED": {
        "stream": _to("STREAMING", "win", "deliver"),
        "restartable": _to("RESTARTABLE", "win", "deliver"),
        "hold": _to("HOLDING"),
        # Anything is its answer, and nothing has come so far: it is the caller's as it comes.
        "bytes": _to("BODY", "learn_latency", "learn_ok", "mend", "win", "deliver"),
        "ok": _to("DELIVERED", "learn_latency", "learn_ok", "mend", "pace", "win", "deliver"),
        **_every(_FAULTS, _to("PICKING", "learn_failure", "trip", "again", "next")),
        **_every(_NOBODYS, _AS_BEFORE),
        "slow_start": _to("PICKING", "learn_failure", "trip", "next"),
        "deadline": _to("PICKING", "next"),
        "lost": _LOST,
        "aborted": _ABORTED,
    },
    "HOLDING": {
        # Not before: what is held back may still turn out to be no answer, and the others are to go on until then.
        "bytes": _to("BODY", "learn_latency", "learn_ok", "mend", "pace", "win", "deliver"),
        "ok": _to("DELIVERED", "learn_latency", "learn_ok", "mend", "pace", "win", "deliver"),
        **_every(_FAULTS, _to("PICKING", "learn_failure", "trip", "again", "next")),
        **_every(_NOBODYS, _AS_BEFORE),
        "stalled": _to("PICKING", "learn_failure", "trip", "next"),
        "deadline": _to("PICKING", "next"),
        # More than the caller lets be held back: the next option's would be as long.
        "too_large": _CUT,
        "aborted": _ABORTED,
    },
    "STREAMING": {
        "ok": _to("DELIVERED", "learn_latency", "learn_ok", "mend", "pace"),
        **_every([*_FAULTS, "stalled"], _to("BROKEN", "learn_failure", "trip", "break")),
        **_every([*_NOBODYS, "deadline"], _CUT),
        "aborted": _ABORTED,
    },
    "RESTARTABLE": {
        "ok": _to("DELIVERED", "learn_latency", "learn_ok", "mend", "pace"),
        **_every(_FAULTS, _to("PICKING", "learn_failure", "trip", "restart", "again", "next")),
        **_every(_NOBODYS, _to("PICKING", "restart", "put_back", "next")),
        "stalled": _to("PICKING", "learn_failure", "trip", "restart", "next"),
        "deadline": _to("PICKING", "restart", "next"),
        "aborted": _ABORTED,
    },
    "BODY": {
        "ok": _to("DELIVERED"),
        **_every([*_FAULTS, "stalled"], _to("BROKEN", "learn_failure", "trip", "break")),
        **_every([*_NOBODYS, "deadline"], _CUT),
        "aborted": _ABORTED,
    },
}
