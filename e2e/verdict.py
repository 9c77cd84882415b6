"""Explanations of a routed call's outcome: by its receipt, by the servers' logs, by when each was well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from e2e.flapping import NAMES, Flapping
from sporewright.errors import DecodeError
from sporewright.routing.replay import replay

__all__ = ["LIMITS", "Log", "wrong"]

Log = Mapping[str, Sequence[Mapping[str, Any]]]
LIMITS = {
    "attempt_timeout_s": 1.5, "first_token_s": 1.5, "first_token_min_s": 1.0, "first_token_max_s": 1.5,
    "inter_token_s": 1.0, "finish_s": 0.2, "deadline_s": 1.2, "cooldown_s": 0.15, "cooldown_cap_s": 0.6,
    "backoff_s": 0.05, "breaker_open_s": 0.15, "breaker_cap_s": 0.6, "ramp_step_s": 0.1, "probe_s": 2.0,
    "wait_spread_s": 0.05,
}  # fmt: skip
"""Seconds where the router's own are tens of them: what is tested is what follows them, ten times as often."""
MAY = {
    "json": {"exhausted"},
    "buffer": {"exhausted"},
    "stream": {"exhausted", "broken"},
    "chat": {"exhausted"},
    "chat-json": {"exhausted"},
}
"""Codes that a call of this kind may end with; `broken` only where bytes were handed over that cannot be taken back."""
UNSEEN = {"timed_out", "slow_start", "stalled", "deadline", "lost", "aborted"}
"""Ends by the page's own doing: the server may have begun its answer, or never have seen the request."""
REFUSALS = {429: "rate_limited", 500: "server_error", 503: "server_error"}
BROKEN = {
    "reset": {"network_error"},
    "cut": {"network_error", "truncated"},
    "end": {"truncated", "network_error"},
    "fail": {"server_error"},
    "malformed": {"malformed"},
}
ONLY_STREAMS = {"fail", "malformed"}
"""Faults of an event; in one piece the same answer is whole."""


def wrong(result: Mapping[str, Any], receipt: Mapping[str, Any] | None, log: Log, servers: Flapping) -> Iterator[str]:
    """Whatever is not as it has to be, in words; nothing where all is explained. `log`: this request's, by option."""
    if result.get("fault"):
        yield f"an answer that is not whole was handed over as one: {result['fault']}"
    for option, entries in log.items():
        for entry in entries:
            if "ended" not in entry and "left" not in entry and entry["kind"] != "reset":
                yield f"{option} is still answering: {entry}"
    code = result.get("code")
    if code == "cancelled":
        if not (result["cancels"] or result["leaves"]):
            yield "nobody cancelled it"
        return
    if receipt is None:
        yield f"there is no receipt; {code}: {result.get('message')}"
        return
    yield from _attempts(result, receipt, log)
    yield from _answer(result, receipt, log) if code is None else _error(result, receipt, servers)
    try:
        replay(receipt)
    except DecodeError as why:
        yield f"its receipt is decided otherwise: {why}"


def _answer(result: Mapping[str, Any], receipt: Mapping[str, Any], log: Log) -> Iterator[str]:
    """The answer is what this provider sent for this request, to its end."""
    option, tokens = result["option"], result["tokens"]
    sent = [entry for entry in log.get(option, []) if entry["status"] == 200 and entry["tokens"] == tokens]
    if not sent:
        yield f"{option} never sent {tokens} tokens whole"
    if (receipt["end"], receipt["option"]) != ("answered", option):
        yield f"the receipt ends {receipt['end']} by {receipt['option']}, the answer is of {option}"


def _attempts(result: Mapping[str, Any], receipt: Mapping[str, Any], log: Log) -> Iterator[str]:
    """Each attempt has its reason and its entry at the server; each entry its attempt."""
    for attempt in receipt["attempts"]:
        if not attempt["reason"]:
            yield f"an attempt without a reason: {attempt}"
    for option in NAMES:
        rest = [attempt for attempt in receipt["attempts"] if attempt["option"] == option]
        entries = list(log.get(option, []))
        for entry in entries:
            # Of an attempt that was given up the last entry tells, if any: a reset before it was the browser's to mend.
            is_last = entry is entries[-1] or entry["kind"] != "reset"
            may = rest and (is_last or rest[0]["outcome"] not in UNSEEN)
            if may and _explains(entry, rest[0], receipt, stream=result["stream"]):
                rest.pop(0)
            elif entry["kind"] != "reset":
                # A browser sends a request anew by itself where the connection it had kept is reset: that alone.
                yield f"{option} got {entry}, which is none of {_told(receipt)}"
        for attempt in rest:
            if attempt["outcome"] not in UNSEEN:
                yield f"{option} never got this attempt: {attempt}; its log has {entries}"


def _explains(
    entry: Mapping[str, Any], attempt: Mapping[str, Any], receipt: Mapping[str, Any], *, stream: bool
) -> bool:
    """True if what the server did can have been what the page saw."""
    outcome, kind = attempt["outcome"], entry["kind"]
    if outcome in UNSEEN:
        patience = min(LIMITS["inter_token_s"], _share_of(attempt, receipt))
        is_late = attempt["duration"] >= 0.9 * patience or _met_the_deadline(receipt)
        return outcome in ("lost", "aborted") or is_late
    if kind == "status":
        return bool(outcome == REFUSALS[entry["status"]])
    if kind in BROKEN and (stream or kind not in ONLY_STREAMS):
        return outcome in BROKEN[kind]
    return bool(outcome == "ok")


def _share_of(attempt: Mapping[str, Any], receipt: Mapping[str, Any]) -> float:
    """The time of an answer held back while another option is ready: two thirds of what was left of the call."""
    attempts = receipt["attempts"]
    before = sum(each["duration"] for each in attempts[: attempts.index(attempt)])
    return float(max(0.0, LIMITS["deadline_s"] - before) * 2 / 3)


def _met_the_deadline(receipt: Mapping[str, Any]) -> bool:
    """True if an attempt of this call was given up because the call's own time was over."""
    over = receipt["at"] + LIMITS["deadline_s"] - 0.005
    return any(
        each["do"] == "ended" and each["ending"]["kind"] in ("timeout", "deadline") and each["at"] >= over
        for each in receipt["log"]
    )


def _error(result: Mapping[str, Any], receipt: Mapping[str, Any], servers: Flapping) -> Iterator[str]:
    code = result["code"]
    if code not in MAY[result["kind"]]:
        yield f"{code}: {result['message']}"
        return
    if (receipt["end"], receipt.get("error")) != ("failed", code):
        yield f"the receipt ends {receipt['end']} with {receipt.get('error')}, the call with {code}"
    if code == "broken":
        last = receipt["attempts"][-1]
        if not result.get("handed") or last["outcome"] == "ok":
            yield f"broken, and by its receipt it is not: {_told(receipt)}"
        return
    named, tried = set(result["named"]), {attempt["option"] for attempt in receipt["attempts"]}
    if named != set(NAMES):
        yield f"its error names {sorted(named)} only: {result['message']}"
    for option in set(NAMES) - tried:
        if servers.was_well(option, result["began"], result["ended"]) and _was_open(option, receipt):
            yield f"{option} was well and could be asked the whole time, and was not: {_told(receipt)}"


def _was_open(option: str, receipt: Mapping[str, Any]) -> bool:
    """True if nothing stood between the call and this option at any of its decisions."""
    decisions = [each for each in receipt["log"] if "health" in each]
    return all(
        each["at"] >= seen.get("cooling_until", 0) and "breaker" not in seen
        for each in decisions
        for seen in [each["health"].get(option, {})]
    )


def _told(receipt: Mapping[str, Any]) -> str:
    return "; ".join(f"{one['option']}: {one['outcome']} ({one['reason']})" for one in receipt["attempts"]) or "nothing"
