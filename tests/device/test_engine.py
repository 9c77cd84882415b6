"""The engine's calls and events, without a connection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sporewright.errors import DecodeError, EngineError
from tests.device.fleet import CONFIG, Page, start_body


def test_start_gives_the_declared_order() -> None:
    """The reply of start is the head of the order, the whole cursor and who this device is."""
    page = Page()

    reply = page.start(limit=2)

    assert reply["queue"] == ["alpha", "beta"]
    assert reply["total"] == 3
    assert reply["device"] == "fresh"
    assert reply["cursor"] == {"workspace": "acme", "device": "fresh"}
    assert reply["sync"] == {"state": "off", "pending": 0, "revision": None, "lease": None}
    assert page.sent == []
    assert page.socket is None


def test_observe_moves_the_order_and_is_saved_before_the_answer() -> None:
    """A measurement is the device's own cell, handed to storage before the call is answered, and the head is pushed."""
    page = Page()
    page.start()

    body = {"option": "alpha", "dimension": "latency", "value": 9}
    effects = page.engine.step(page.now, {"type": "call", "call": "observe", "body": body})

    kinds = [effect["type"] for effect in effects]
    assert kinds == ["save", "reply", "push", "push"]
    assert effects[0]["key"] == 'cell/["device","fresh","alpha","latency"]'
    assert effects[2] == {
        "type": "push",
        "push": "queue",
        "body": {"watch": "", "queue": ["beta", "gamma", "alpha"], "total": 3, "revision": 1},
    }
    assert effects[3]["body"]["pending"] == 1
    assert page.call("resolve")["queue"] == ["beta", "gamma", "alpha"]


def test_a_chain_is_what_the_config_says_of_the_work() -> None:
    """K1: by stage, consumer and instance, an override before all; a config whose chain cannot be read is refused."""
    slots = [{"provider": name, "model": name} for name in "abc"]
    chains = {"draft": {"chat": slots[:2]}, "draft:mail:vip": {"chat": slots[2:]}}
    page = Page()
    page.start(config={**CONFIG, "chains": chains, "aliases": {"first": "draft"}})
    work = {"stage": "first", "consumer": "mail", "capability": "chat"}

    assert page.call("chain", **work) == {"slots": slots[:2]}
    assert page.call("chain", **work, instance="vip")["slots"] == [slots[2], *slots[:2]]
    assert page.call("chain", **work, override=slots[1:2])["slots"] == [slots[1], slots[0]]
    error = Page().fails("start", **{**start_body(), "config": {**CONFIG, "chains": {"draft": 3}}})
    assert error["message"] == "config.chains['draft']: 3 is not an object"


def test_a_head_that_does_not_change_is_not_pushed() -> None:
    """A write below the watched head, or one that changes no order, pushes no queue."""
    page = Page()
    page.start(limit=1)

    page.call("observe", option="gamma", dimension="latency", value=9)
    page.call("observe", option="alpha", dimension="latency", value=0.15)

    assert page.seen("queue") == []


def test_a_watch_among_some_options_is_their_order_alone() -> None:
    """A routed fetch walks the options that can be called, whatever the limit of the head cuts."""
    page = Page()
    page.start(limit=1)

    head = page.call("watch", watch="routes", limit=2, among=["gamma", "beta"])
    assert head == {"queue": ["beta", "gamma"], "total": 2}
    page.call("observe", option="beta", dimension="latency", value=9)

    told = [push for push in page.seen("queue") if push["watch"] == "routes"]
    assert [push["queue"] for push in told] == [["gamma", "beta"]]


def test_explain_says_where_a_value_came_from() -> None:
    """The own measurement is explained by the device's level, an untouched prior as a prior (R8, D4)."""
    page = Page()
    page.start()
    page.call("observe", option="alpha", dimension="latency", value=0.15)

    ranked = page.call("explain")["ranked"][0]

    assert ranked["option"] == "alpha"
    terms = {term["dimension"]: term for term in ranked["terms"]}
    assert terms["latency"]["value_source"] == ["device", "fresh"]
    assert terms["failure"]["prior"] is True


def test_gate_drops_and_lifts() -> None:
    """An option this device cannot reach leaves the order and comes back (A1, R2)."""
    page = Page()
    page.start()

    page.call("gate", option="alpha", reachable=False)
    assert page.call("resolve")["queue"] == ["beta", "gamma"]
    page.call("gate", option="alpha", reachable=True)

    assert page.call("resolve")["queue"] == ["alpha", "beta", "gamma"]
    assert [body["queue"][0] for body in page.seen("queue")] == ["beta", "alpha"]


def test_attest_writes_the_devices_word() -> None:
    """An attestation is a value on `can:<capability>` of the own slice (A1)."""
    page = Page()
    page.start()

    page.call("attest", option="alpha", capability="vision", can=True)

    assert 'cell/["device","fresh","alpha","can:vision"]' in page.storage


@pytest.mark.parametrize("dimension", ["reach", "priv:vision", "budget:gpu"])
def test_an_operators_gate_is_not_observed_away(dimension: str) -> None:
    """A device may not write reserved dimensions; nothing changes (A1)."""
    page = Page()
    page.start()
    before = dict(page.storage)

    assert page.fails("observe", option="alpha", dimension=dimension, value=0)["code"] == "write-up"

    assert page.storage == before


def test_a_failure_changes_the_order_and_a_429_cools_down() -> None:
    """An outcome is learned by the plan, and the cooldown is told to every page."""
    page = Page()
    page.start()

    page.call("outcome", option="alpha", outcome="network_error", latency_s=0.2)
    page.call("outcome", option="beta", outcome="rate_limited", retry_after_s=30)

    assert page.call("resolve")["queue"] == ["gamma", "alpha", "beta"]
    assert page.seen("cooldown") == [{"option": "beta", "until": 1030.0}]
    assert page.start(watch="second")["cooldowns"] == {"beta": 1030.0}


@pytest.mark.parametrize("outcome", ["aborted", "refused", "unusable"])
def test_nothing_is_learned_from_an_abort(outcome: str) -> None:
    """An abort, a refused request and an unusable option leave every cell as it was."""
    page = Page()
    page.start()
    before = page.call("explain")

    page.call("outcome", option="alpha", outcome=outcome, latency_s=3.0)

    assert page.call("explain") == before


def test_watches_are_pushed_one_each_and_end() -> None:
    """Every watch has its own cursor, limit and pushes; an ended one is silent."""
    page = Page()
    page.start()
    assert page.call("watch", watch="w", limit=1, cursor={"device": "other"}) == {"queue": ["alpha"], "total": 3}

    page.call("observe", option="alpha", dimension="latency", value=9)
    assert [body["watch"] for body in page.seen("queue")] == [""]

    page.call("unwatch", watch="")
    page.call("observe", option="alpha", dimension="latency", value=0.1)
    assert len(page.seen("queue")) == 1


def test_a_second_start_gets_a_queue_of_its_own() -> None:
    """A second tab shares the engine: what the first one learned is in its first queue, with its own limit."""
    page = Page()
    page.start()
    page.call("observe", option="alpha", dimension="latency", value=9)

    reply = page.start(limit=1, watch="tab-2", fresh_id="another")

    assert reply["queue"] == ["beta"]
    assert reply["device"] == "fresh"
    assert page.fails("start", **{**start_body(), "config": {"levels": ["x"], "seeds": []}})["code"] == "config"


def test_the_first_page_says_what_the_engine_before_had_found() -> None:
    """Cooldowns and breakers outlive the engine that another tab ran: an option that is left alone stays so."""
    page = Page()
    closed = {"state": "closed", "until": 0.0, "since": 0.0}
    news = {"blocked": None, "breaker": closed, "first_token_p95_s": None, "headers_p95_s": 0.5}
    opened = {"state": "open", "until": page.now + 60, "since": 0.0}

    reply = page.start(
        health=[
            {"option": "alpha", "cooling_until": page.now + 5, **news},
            {"option": "beta", "cooling_until": 0.0, **news, "breaker": opened},
        ]
    )

    told = {each["option"]: each for each in reply["health"]}
    assert told["alpha"]["cooling_until"] == page.now + 5
    assert told["beta"]["breaker"] == opened
    assert told["beta"]["headers_p95_s"] == 0.5
    assert page.call("permit", permit="probe", option="beta") == {"granted": False}


def test_a_hedge_is_paid_by_twenty_calls_however_often_they_are_told_of() -> None:
    """A body that is handed over and then breaks is told of twice, and is one call."""
    page = Page()
    page.start()
    asked = []
    for _ in range(20):
        asked.append(page.call("permit", permit="hedge", option="beta")["granted"])
        page.call("outcome", option="alpha", outcome="ok", latency_s=0.1)
        page.call("outcome", option="alpha", outcome="truncated", stage="BODY", latency_s=0.1)

    assert asked == [False] * 20
    assert page.call("permit", permit="hedge", option="beta") == {"granted": True}


def test_state_survives_a_reload() -> None:
    """A new engine on the same storage has the same identity, order and outbox."""
    page = Page()
    page.start()
    page.call("observe", option="alpha", dimension="latency", value=9)
    page.call("gate", option="beta", reachable=False)

    again = Page(page.storage)
    reply = again.start(fresh_id="never used")

    assert reply["device"] == "fresh"
    assert reply["queue"] == ["gamma", "alpha"]
    assert reply["sync"]["pending"] == 2


def test_broken_records_are_passed_over() -> None:
    """Whatever lies in storage, the engine starts with what is whole."""
    page = Page()
    page.start()
    page.call("observe", option="alpha", dimension="latency", value=9)
    junk = {"identity": '{"device":3}', "shared": "[", "cell/x": "{", 'cell/["a"]': '{"cell":{"level":"device"}}'}
    junk['cell/["galaxy","fresh","a","b"]'] = '{"cell":{"level":"galaxy","inst":"fresh","option":"a","dim":"b","v":1}}'

    reply = Page({**page.storage, **junk}).start()

    assert reply["queue"] == ["beta", "gamma", "alpha"]
    assert reply["sync"]["pending"] == 1


def test_storage_that_refuses_is_said_and_tried_again() -> None:
    """A failed save shows in the sync state and goes out again with the next write."""
    page = Page()
    page.start()
    page.call("observe", option="alpha", dimension="latency", value=9)
    key = 'cell/["device","fresh","alpha","latency"]'
    page.storage.clear()

    page.step({"type": "save_failed", "keys": [key], "message": "quota"})
    assert page.sync["error"] == {"code": "storage", "message": "quota"}
    page.call("observe", option="beta", dimension="latency", value=9)

    assert key in page.storage
    page.step({"type": "saved", "keys": list(page.storage)})
    assert "error" not in page.sync


def test_names_that_look_like_slices_stay_where_they_are() -> None:
    """Finer levels belong to a device by its name and a slash; a longer name is another device (W2)."""
    levels = {"levels": ["global", "workspace", "device", "task"], "seeds": []}
    page = Page()
    page.start(config=levels, device="A")
    cell = {"level": "task", "inst": "A/x", "option": "o", "dim": "d", "v": 1.0}
    page.storage["cell/mine"] = json.dumps({"cell": cell, "pending": True})
    page.storage["cell/theirs"] = json.dumps({"cell": {**cell, "inst": "AB/x"}, "pending": True})

    again = Page(page.storage)
    reply = again.start(config=levels, device="B")

    assert reply["sync"]["pending"] == 1
    assert again.call("resolve", cursor={"task": "B/x"})["queue"] == ["o"]
    assert again.call("resolve", cursor={"task": "AB/x"})["queue"] == []


def test_calls_out_of_turn() -> None:
    """Before the start and after the close a call is answered by an error, never by silence."""
    page = Page()
    assert page.fails("resolve")["code"] == "engine"
    page.start()
    page.call("close")
    assert page.fails("resolve")["code"] == "closed"
    assert page.fails("start", **start_body())["code"] == "closed"
    assert page.call("close") == {}


@pytest.mark.parametrize(
    ("call", "body", "code"),
    [
        ("fly", {}, "decode"),
        ("observe", {"option": "a", "dimension": "b"}, "decode"),
        ("observe", {"option": "a", "dimension": "b", "value": True}, "decode"),
        ("observe", {"option": "a", "dimension": "b", "value": "NaN"}, "decode"),
        ("observe", {"option": "a", "dimension": "b", "value": 10**400}, "decode"),
        ("outcome", {"option": "a", "outcome": "fine"}, "decode"),
        ("resolve", {"cursor": {"galaxy": "x"}}, "unknown-level"),
        ("resolve", {"cursor": {"workspace": 3}}, "decode"),
        ("watch", {"watch": "w", "limit": -1}, "config"),
    ],
)
def test_a_bad_call_is_answered_with_its_code(call: str, body: dict[str, Any], code: str) -> None:
    """A fault in a call comes back as data and changes nothing."""
    page = Page()
    page.start()
    before = page.call("explain")

    assert page.fails(call, **body)["code"] == code

    assert page.call("explain") == before


def test_a_bad_config_names_its_seed_and_may_be_corrected() -> None:
    """A config that cannot be built leaves the engine unstarted; a good one still starts it (C2)."""
    page = Page()
    bad = {**CONFIG, "seeds": [*CONFIG["seeds"], {**CONFIG["seeds"][0], "level": "galaxy"}]}

    error = page.fails("start", **{**start_body(), "config": bad})

    assert error["code"] == "unknown-level"
    assert "galaxy" in error["message"]
    assert "5" in error["message"]
    assert page.start()["queue"] == ["alpha", "beta", "gamma"]


@pytest.mark.parametrize(
    "event", [None, {}, {"type": "fly"}, {"type": ["call"]}, {"type": "stored", "key": 1, "text": ""}]
)
def test_what_is_no_event_is_refused(event: Any) -> None:
    """An event of no known shape is a DecodeError."""
    with pytest.raises(DecodeError):
        Page().engine.step(0.0, event)


def test_storage_comes_before_the_start() -> None:
    """A record that arrives too late is refused: the order has been told already."""
    page = Page()
    page.start()

    with pytest.raises(EngineError, match="before start"):
        page.step({"type": "stored", "key": "identity", "text": "{}"})


def test_the_own_level_is_the_finest_where_there_is_no_device() -> None:
    """A tensor with levels of other names gives the device its finest one."""
    page = Page()

    reply = page.start(config={"levels": ["all", "mine"], "seeds": []}, cursor={})

    assert reply["cursor"] == {"mine": "fresh"}


def test_a_batch_is_carried_out_in_its_order_and_saved_once() -> None:
    """Each call has its own answer, as of one time; what they change is one save and one push."""
    page = Page()
    page.start()
    outcome = {"option": "alpha", "outcome": "ok", "latency_s": 9.0, "first_token_s": 9.0}
    calls = [
        {"call": "explain", "body": {}},
        {"call": "began", "body": {"option": "alpha", "first": True}},
        {"call": "outcome", "body": outcome},
        {"call": "outcome", "body": outcome},
        {"call": "explain", "body": {}},
    ]

    effects = page.engine.step(page.now, {"type": "call", "call": "batch", "body": {"calls": calls}})

    (replies,) = [effect["body"]["replies"] for effect in effects if effect["type"] == "reply"]
    before, *nothing, after = [reply["body"] for reply in replies]
    assert nothing == [{}, {}, {}]
    assert [each["option"] for each in before["ranked"]] == ["alpha", "beta", "gamma"]
    assert [each["option"] for each in after["ranked"]][-1] == "alpha"
    saved = [effect["key"] for effect in effects if effect["type"] == "save"]
    assert len(saved) == len(set(saved))
    assert len([effect for effect in effects if effect.get("push") == "queue"]) == 1


def test_a_batch_is_of_calls_that_nobody_waits_for() -> None:
    """Anything else refuses the whole batch, naming the place; a call that fails is no matter of the others."""
    page = Page()
    page.start()
    began = {"call": "began", "body": {"option": "alpha"}}

    refused = page.step({"type": "call", "call": "batch", "body": {"calls": [began, {"call": "close", "body": {}}]}})
    replies = page.call("batch", calls=[{"call": "began", "body": {}}, began])["replies"]

    assert refused is not None
    assert refused["error"]["message"].startswith("batch.calls[1].call: expected one of explain, began")
    assert replies[0]["error"]["message"] == "began.option: missing"
    assert replies[1] == {"body": {}}
