"""Receipts decided again: order and attempts come out the same, and what does not fit is named."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sporewright.core.tensor import Tensor
from sporewright.errors import DecodeError
from sporewright.policy.receipt import receipt_of_queue
from sporewright.routing.replay import replay

AT = 1_700_000_000.25


def receipt() -> dict[str, Any]:
    """A call that found one option open, one cooling down, lost one to a 500 and was answered by the last."""
    tensor = Tensor(["global", "device"])
    config = tensor.writer("global")
    for option, latency in {"alpha": 0.1, "beta": 0.2, "gamma": 0.3, "delta": 0.4}.items():
        config.set_value("global", "", option, "latency", latency)
    config.set_weight("global", "", "latency", 1.5)
    resolution = tensor.explain({})
    queue = ["alpha", "beta", "gamma", "delta"]
    health = {
        "alpha": {"breaker": {"state": "open", "until": AT + 4, "since": 0.0}},
        "beta": {"cooling_until": AT + 9},
    }
    return {
        "version": 1, "call": 7, "at": AT, "plan": 5, "end": "answered", "option": "delta", "queue": queue,
        "attempts": [{"option": "gamma", "outcome": "server_error"}, {"option": "delta", "outcome": "ok"}],
        "skipped": [{"option": "alpha", "reason": "open"}, {"option": "beta", "reason": "cooling-down"}],
        "upstreams": queue, "facts": {}, "limits": {"deadline_s": 20},
        "traits": {"repeatable": True, "streaming": False, "restart": "error", "hedge": True},
        "known": json.loads(receipt_of_queue(resolution, {}, "3", queue).to_json()),
        "log": [
            {"do": "pick", "at": AT, "chance": 0.3, "health": health},
            {"do": "ended", "at": AT + 0.1, "attempt": 0, "chance": 0.5, "ending": {"kind": "status", "status": 503}},
            {"do": "pick", "at": AT + 0.1, "chance": 0.3, "health": health},
            {"do": "opened", "at": AT + 0.2, "attempt": 1, "body": "whole"},
            {"do": "ended", "at": AT + 0.3, "attempt": 1, "chance": 0.5, "ending": {"kind": "complete"}},
        ],
    }  # fmt: skip


def preferring(**changes: Any) -> dict[str, Any]:
    """The same call, which would not have alpha and wanted delta before gamma."""
    found = receipt()
    found["preferences"] = {"asked": {"ignore": ["alpha"], "order": ["beta"]}, "from": found["queue"]}
    found["queue"] = ["beta", "gamma", "delta"]
    found["skipped"][0] = {"option": "alpha", "reason": "ignored"}
    found["preferences"] |= changes
    return found


def test_caps_are_applied_again() -> None:
    """To the figures that were expected then."""
    asked = {"max_cost": 0.01, "max_latency": 2}
    figures = {"alpha": {"cost": 0.02, "latency": 1}, "beta": {"latency": 1.5}}
    found = preferring(asked=asked, figures=figures)
    found["skipped"][0]["reason"] = "max-cost"

    assert replay(found).skipped == {"alpha": "max-cost", "beta": "cooling-down"}


def test_preferences_are_applied_again() -> None:
    """To the learned order, whose terms are added up; who was passed over for them is in the account."""
    found = replay(preferring())

    assert (found.order, found.is_scored) == (("beta", "gamma", "delta"), True)
    assert found.attempts == ("gamma", "delta")
    assert found.skipped == {"alpha": "ignored", "beta": "cooling-down"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"asked": {"order": ["delta"]}}, r"receipt.preferences: delta, alpha, beta, gamma; the queue was beta, gamma"),
        ({"asked": {"only": []}}, "receipt.preferences.asked: only: an empty list"),
        ({"asked": {"needs": {"region": "eu"}}}, "receipt.preferences: ; the queue was beta"),
        ({"properties": {"alpha": 3}}, "receipt.preferences.properties: alpha: 3 is not an object"),
        ({"figures": {"alpha": 3}}, r"receipt.preferences.figures\['alpha'\]: 3 is not an object"),
        ({"figures": {"gamma": {"cost": "x"}}}, r"figures\['gamma'\].cost: 'x'"),
        ({"asked": {"max_cost": 1}, "figures": {"beta": {"cost": 2}}}, "receipt.preferences: alpha, gamma, delta"),
        ({"asked": 3}, "receipt.preferences.asked: 3 is not an object"),
        ({"from": None}, "receipt.preferences.from: None is not a list"),
        ({"from": [1]}, r"receipt.preferences.from\[0\]: 1 is not a string"),
        ({"from": ["beta", "gamma", "delta", "alpha"]}, "receipt.known: its terms give"),
    ],
)
def test_preferences_that_give_another_queue(changes: dict[str, Any], error: str) -> None:
    """They are refused, and so is what no page writes."""
    with pytest.raises(DecodeError, match=error):
        replay(preferring(**changes))


def test_the_same_order_and_the_same_attempts() -> None:
    """An option that was open or cooling down then is passed over again; the order is that of the terms."""
    found = replay(receipt())

    assert found.to_dict() == {
        "order": ["alpha", "beta", "gamma", "delta"],
        "scored": True,
        "attempts": ["gamma", "delta"],
        "skipped": {"alpha": "open", "beta": "cooling-down"},
        "end": "DELIVERED",
    }


def test_without_terms_the_order_is_the_one_that_was_walked() -> None:
    """A page whose engine was not up has an order and no reasons."""
    found = replay(receipt() | {"known": None})
    assert (found.order, found.is_scored) == (("alpha", "beta", "gamma", "delta"), False)


def test_what_was_asked_hedged_and_aborted_is_decided_again() -> None:
    """A probe that was refused, a hedge that was granted and the caller's abort lead where they led."""
    body = receipt() | {"end": "aborted", "option": "", "known": None}
    half_open = {"alpha": {"breaker": {"state": "open", "until": AT - 1, "since": 0.0}}}
    body["log"] = [
        {"do": "pick", "at": AT, "chance": 0.3, "health": half_open},
        {"do": "answered", "at": AT, "chance": 0.3, "granted": False, "health": half_open},
        {"do": "hedge", "at": AT + 0.3, "chance": 0.3, "health": half_open},
        {"do": "answered", "at": AT + 0.3, "chance": 0.3, "granted": True, "health": half_open},
        {"do": "opened", "at": AT + 2, "attempt": 1, "body": "events"},
        {"do": "token", "at": AT + 3, "attempt": 1, "finished": False},
        {"do": "abort"},
    ]
    body["attempts"] = [{"option": "beta"}, {"option": "gamma"}]
    body["skipped"] = [{"option": "alpha", "reason": "probing"}]

    found = replay(body)

    assert found.attempts == ("beta", "gamma")
    assert found.end == "ABORTED"


def test_a_race_is_decided_again() -> None:
    """The one that was silent is asked beside nobody; its rival is, and answers."""
    body = receipt() | {"known": None, "queue": ["gamma", "delta"], "skipped": []}
    body["attempts"] = [{"option": "gamma", "outcome": "timed_out"}, {"option": "delta", "outcome": "ok"}]
    body["log"][1:3] = [{"do": "race", "at": AT + 14, "chance": 0.3, "health": {}}]
    body["log"][2]["at"], body["log"][3]["at"] = AT + 15, AT + 16

    found = replay(body)

    assert (found.attempts, found.end) == (("gamma", "delta"), "DELIVERED")


def _changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(receipt())
    here: Any = body
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return body


def _unfinished(end: str) -> dict[str, Any]:
    """The log stops after the first failure: no option has been picked after it."""
    return _changed(("log",), receipt()["log"][:2]) | {"end": end, "attempts": [{"option": "gamma"}]}


@pytest.mark.parametrize("end", ["open", "failed"])
def test_a_call_that_nobody_answered_has_failed(end: str) -> None:
    """Two options, two faults: the chain is exhausted, and so says the receipt."""
    body = receipt() | {"known": None, "queue": ["gamma", "delta"], "skipped": [], "end": end}
    body["limits"] = {"retries": 0}
    body["log"] = body["log"][:3]
    body["log"] += [
        {"do": "ended", "at": AT + 0.2, "attempt": 1, "chance": 0.5, "ending": {"kind": "status", "status": 503}},
        {"do": "pick", "at": AT + 0.2, "chance": 0.3, "health": {}},
    ]

    assert replay(body).end == "EXHAUSTED"
    with pytest.raises(DecodeError, match=r"receipt\.end: 'answered'; here the chain is EXHAUSTED: failed"):
        replay(body | {"end": "answered"})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "receipt: [] is not an object"),
        (_changed(("version",), 9), "receipt.version: 9 is not 1"),
        (_changed(("plan",), 1), "receipt.plan: 1 is not 5"),
        (_changed(("queue",), "x"), "receipt.queue: 'x' is not a list"),
        (_changed(("queue", 1), 5), "receipt.queue[1]: 5 is not a string"),
        (_changed(("queue",), ["beta", "alpha", "gamma", "delta"]), "its terms give alpha, beta"),
        (_changed(("known", "ranked", 0, "score"), 9.0), "receipt.known.ranked[0].score: 9.0"),
        (_changed(("known", "ranked", 0, "option"), 9), "receipt.known.ranked[0].option: 9"),
        (_changed(("known", "ranked", 0, "terms"), 9), "receipt.known.ranked[0].terms: 9"),
        (_changed(("known", "ranked", 0, "terms", 0, "value"), "x"), "receipt.known.ranked[0].terms[0].value"),
        (_changed(("known",), 9), "expected an object"),
        (_changed(("limits",), {"patience": 1}), "patience"),
        (_changed(("traits",), {"mood": 1}), "receipt: TypeError"),
        (_changed(("at",), None), "receipt.at"),
        (_changed(("log",), None), "receipt.log: None is not a list"),
        (_changed(("log", 0, "do"), "sing"), "receipt.log[0].do: 'sing'"),
        (_changed(("log", 0, "chance"), "x"), "receipt.log[0].chance"),
        (_changed(("log", 0, "health"), {"alpha": 5}), "not what a page writes"),
        (_changed(("log", 1, "attempt"), 5), "receipt"),
        (_changed(("log", 0, "health"), {}), "receipt"),
        (_changed(("attempts", 0, "option"), "beta"), "receipt.attempts: beta, delta; replayed: gamma, delta"),
        (_changed(("skipped", 0, "reason"), "probing"), "receipt.skipped"),
        (_changed(("end",), "failed"), "receipt.end: 'failed'; here the chain is DELIVERED: answered"),
        (_changed(("end",), "aborted"), "receipt.end: 'aborted'; here the chain is DELIVERED: answered"),
        (_changed(("end",), "over"), "receipt.end: 'over'; here the chain is DELIVERED: answered"),
        (_unfinished("failed"), "receipt.end: 'failed'; here the chain is PICKING: open"),
        (_unfinished("answered"), "receipt.end: 'answered'; here the chain is PICKING: open"),
    ],
)
def test_what_does_not_fit_is_named(body: Any, said: str) -> None:
    """A receipt that is none, or whose decision comes out otherwise, is a DecodeError that says where."""
    with pytest.raises(DecodeError) as told:
        replay(body)
    assert said in str(told.value)


def test_an_answer_that_a_critic_rejected_leads_to_the_next_one_of_the_same_call() -> None:
    """The rest of the queue is walked on, within what is left of the call; the receipt holds it all."""
    body = receipt() | {"known": None, "queue": ["alpha", "gamma", "delta", "beta"]}
    health = body["log"][0]["health"]
    body["log"] += [
        {"do": "rejected", "attempt": 1},
        {"do": "pick", "at": AT + 0.4, "chance": 0.3, "health": health},
        {"do": "pick", "at": AT + 9.5, "chance": 0.3, "health": {}},
        {"do": "ended", "at": AT + 9.6, "attempt": 2, "chance": 0.5, "ending": {"kind": "status", "status": 200}},
    ]
    body["attempts"].append({"option": "alpha"})
    body["skipped"] = [{"option": "beta", "reason": "cooling-down"}, {"option": "delta", "reason": "rejected"}]

    found = replay(body)

    assert found.attempts == ("gamma", "delta", "alpha")
    assert found.end == "DELIVERED"


def test_the_best_of_rejected_answers_is_the_caller_s() -> None:
    """The chain is exhausted, and the call was answered all the same, or failed if the caller wanted that."""
    body = receipt() | {"known": None, "queue": ["gamma", "delta"]}
    body["skipped"] = [{"option": "delta", "reason": "rejected"}]
    body["limits"] = {"retries": 0}
    body["log"] += [{"do": "rejected", "attempt": 1}, {"do": "pick", "at": AT + 0.4, "chance": 0.3, "health": {}}]

    for end in ("answered", "failed"):
        assert replay(body | {"end": end}).end == "EXHAUSTED"


def test_how_the_engine_stood_is_kept() -> None:
    """The reason why nothing was learned of the call is part of it; a field that is no such reason is named."""
    engine = {"state": "failed", "stage": "worker", "reason": "stage worker: runtime/worker-0.js: HTTP 404, text/plain"}

    assert replay(receipt() | {"engine": engine}).to_dict()["engine"] == engine
    assert "engine" not in replay(receipt()).to_dict()
    with pytest.raises(DecodeError, match=r"receipt\.engine\.stage: 5 is not a string"):
        replay(receipt() | {"engine": {"state": "failed", "stage": 5}})
    with pytest.raises(DecodeError, match=r"receipt\.engine: None is not an object"):
        replay(receipt() | {"engine": None})
