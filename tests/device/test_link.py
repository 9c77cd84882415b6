"""The device's end of the connection: greeting, outbox, shared levels, and every way to lose and find each other."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sporewright.device.link import BACKOFF_CAP_S, backoff_s
from sporewright.wire import Bye, ErrorMessage, Hello, Ping, Pong, Push, Resume, Snapshot
from tests.device.fleet import URL, Page, Server, entry, online, start_body

ALPHA = ("alpha", "latency")


def jwt(**claims: Any) -> str:
    """Something that looks like a token with these claims; the signature is nobody's."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def observe(page: Page, option: str, value: float) -> None:
    """Measure a latency."""
    page.call("observe", option=option, dimension="latency", value=value)


def names(push: Push) -> list[str]:
    """The options of a push."""
    return [cell["option"] for cell in push.cells]


def test_hello_shows_the_token_and_where_the_device_stands() -> None:
    """The first message carries token, client and resume; after welcome the state is live with the lease."""
    page = Page()
    assert page.start(orchestrator=URL, token="t")["sync"]["state"] == "connecting"
    assert page.socket == URL

    hello = Server(page, device="fresh").accept()

    assert hello == Hello(token="t", client="fresh", resume=None)
    assert page.sync == {"state": "live", "pending": 0, "revision": None, "lease": 30.0}


def test_what_was_measured_offline_is_sent_in_batches() -> None:
    """Cells wait for the connection, coalesced by coordinate, and go out in pushes within the server's limits."""
    page = Page()
    page.start(orchestrator=URL, token="t", device="A")
    for n in range(6):
        observe(page, f"o{n}", 1.0)
        observe(page, f"o{n}", 2.0)
    server = Server(page)
    server.accept()

    pushes = list(server.serve())

    assert [push.seq for push in pushes] == [1, 2]
    assert [names(push) for push in pushes] == [["o0", "o1", "o2", "o3"], ["o4", "o5"]]
    assert all(cell["v"] == 2.0 for push in pushes for cell in push.cells)
    assert page.sync["pending"] == 0
    assert all(json.loads(text)["pending"] is False for key, text in page.storage.items() if key.startswith("cell/"))


def test_bytes_limit_a_push_too() -> None:
    """A push ends before the server's limit of bytes, and a cell that fits no message is refused here and dropped."""
    page = Page()
    server = online(page)
    observe(page, "big" * 1000, 1.0)
    for n in range(4):
        observe(page, f"{n}" + "x" * 800, 1.0)

    pushes = list(server.serve())

    assert [len(push.cells) for push in pushes] == [1, 2, 1]
    assert [cell["code"] for body in page.seen("refused") for cell in body["cells"]] == ["too-large"]
    assert page.sync["pending"] == 0


def test_a_lone_surrogate_never_blocks_the_queue() -> None:
    """A name that cannot be sent is refused here, the next cell goes out."""
    page = Page()
    server = online(page)
    observe(page, "\ud800", 1.0)
    observe(page, "beta", 1.0)

    (push,) = server.serve()

    assert names(push) == ["beta"]
    assert page.seen("refused")[0]["cells"][0]["code"] == "decode"


def test_a_refused_cell_is_shown_and_not_sent_again() -> None:
    """One bad cell is reported with its code; the good ones of the push are settled, and nothing is pending."""
    page = Page()
    server = online(page)
    observe(page, "alpha", 1.0)
    list(server.serve())
    observe(page, "beta", 2.0)
    observe(page, "gamma", 3.0)

    list(server.serve({"gamma": ("write-up", "not yours")}))

    assert page.seen("refused") == [
        {
            "cells": [
                {
                    **entry("device", "A", "gamma", "latency"),
                    "code": "write-up",
                    "message": "not yours",
                }
            ]
        }
    ]
    assert page.sync["pending"] == 0
    assert Page(page.storage).start(orchestrator=URL, token="t")["sync"]["pending"] == 0


def test_a_cell_written_while_it_flies_is_sent_again() -> None:
    """The acknowledgement of an older value does not settle a newer one."""
    page = Page()
    server = online(page)
    observe(page, "alpha", 1.0)
    (push,) = server.read()
    observe(page, "alpha", 2.0)
    assert isinstance(push, Push)
    server.say(server.ack(push, {}))

    (second,) = server.serve()

    assert (second.seq, second.cells[0]["v"]) == (2, 2.0)
    assert page.sync["pending"] == 0


def test_a_lost_acknowledgement_is_asked_for_again() -> None:
    """After a reconnect the push in flight is said again word for word under its number, committed or not."""
    for committed in (0, 1):
        page = Page()
        server = online(page)
        observe(page, "alpha", 1.0)
        (push,) = server.read()
        page.step({"type": "closed"})
        observe(page, "alpha", 2.0)
        page.wake()
        again = Server(page, seq=committed)
        again.accept()

        first, second = again.serve()

        assert first == push
        assert (second.seq, second.cells[0]["v"]) == (2, 2.0)


def test_a_reload_amid_a_push_sends_the_cells_under_the_next_number() -> None:
    """Cells in flight when the tab closed are sent again word for word, those changed since under the next number."""
    for committed in (0, 1):
        page = Page()
        server = online(page)
        observe(page, "alpha", 1.0)
        (push,) = server.read()

        again = Page(page.storage)
        assert again.start(orchestrator=URL, token="t")["sync"]["pending"] == 1
        observe(again, "beta", 2.0)
        late = Server(again, seq=committed)
        late.accept()

        first, second = late.serve()
        assert first == push
        assert (second.seq, names(second)) == (2, ["beta"])
        assert again.sync["pending"] == 0
        assert "flight" not in again.storage


def test_a_reload_amid_a_push_keeps_a_newer_value() -> None:
    """A cell that changed while its push was in flight goes out again after the reload, under the next number."""
    page = Page()
    server = online(page)
    observe(page, "alpha", 1.0)
    observe(page, "alpha", 2.0)
    server.read()

    again = Page(page.storage)
    again.start(orchestrator=URL, token="t")
    late = Server(again)
    late.accept()

    assert [push.cells[0].get("v") for push in late.serve()] == [1.0, 2.0]


def test_a_flight_of_another_client_is_not_taken_up() -> None:
    """Numbers belong to a client: under another one the cells are pending as any, from number 1."""
    page = Page()
    server = online(page)
    observe(page, "alpha", 1.0)
    observe(page, "beta", 1.0)
    server.read()
    page.storage["flight"] = page.storage["flight"].replace('"seq":1', '"seq":7')

    again = Page(page.storage)
    again.start(orchestrator=URL, token="t", client="another")
    late = Server(again)
    late.accept()

    assert [(push.seq, names(push)) for push in late.serve()] == [(1, ["alpha", "beta"])]


ALIEN = '{"t":"push","seq":1,"cells":[{"level":"galaxy","inst":"","option":"a","dim":"b"}]}'


@pytest.mark.parametrize("text", ["[", '{"t":"ping","n":1}', '{"t":"push","seq":9,"cells":[]}', ALIEN])
def test_a_flight_that_is_none_is_passed_over(text: str) -> None:
    """A broken record, another message, or a number that does not fit: the cells go out under the right number."""
    page = Page()
    page.start(device="A")
    observe(page, "alpha", 1.0)
    page.storage["flight"] = text

    again = Page(page.storage)
    again.start(orchestrator=URL, token="t")
    late = Server(again)
    late.accept()

    assert [(push.seq, names(push)) for push in late.serve()] == [(1, ["alpha"])]


def test_another_database_gets_everything_again() -> None:
    """A new epoch means that nothing acknowledged is there any more: all own cells go out again."""
    page = Page()
    server = online(page)
    server.snapshot(7)
    observe(page, "alpha", 1.0)
    observe(page, "beta", 1.0)
    list(server.serve())
    page.step({"type": "closed"})
    page.wake()

    other = Server(page, epoch="db-2")
    hello = other.accept()
    pushes = list(other.serve())

    assert isinstance(hello, Hello)
    assert hello.resume == Resume("db-1", 7)
    assert [names(push) for push in pushes] == [["alpha", "beta"]]
    page.step({"type": "closed"})
    page.wake()
    third = Server(page, epoch="db-2", seq=1).accept()
    assert isinstance(third, Hello)
    assert third.resume is None


def test_the_orchestrators_name_for_the_device_wins() -> None:
    """If welcome names another slice the own cells move there, in the tensor, in storage and on the wire."""
    page = Page()
    page.start(orchestrator=URL, token="t")
    observe(page, "alpha", 9.0)
    server = Server(page, device="B")
    server.accept()

    (push,) = server.serve()

    assert [(cell["inst"], cell["option"]) for cell in push.cells] == [("B", "alpha")]
    assert [key for key in page.storage if key.startswith("cell/")] == ['cell/["device","B","alpha","latency"]']
    assert page.call("resolve")["queue"] == ["beta", "gamma", "alpha"]
    assert Page(page.storage).start()["device"] == "B"


@pytest.mark.parametrize(
    ("over", "device"),
    [
        ({"device": "said", "token": jwt(device="claimed")}, "said"),
        ({"token": jwt(device="claimed")}, "claimed"),
        ({"token": jwt(sub="x")}, "remembered"),
        ({"token": "no.token"}, "remembered"),
        ({"token": "a.!.c"}, "remembered"),
        ({}, "remembered"),
    ],
)
def test_who_the_device_is(over: dict[str, Any], device: str) -> None:
    """The page's word, else the token's claim, else what is remembered; what was measured goes along."""
    first = Page()
    first.start(device="remembered")
    observe(first, "alpha", 9.0)

    page = Page(first.storage)
    reply = page.start(fresh_id="other", **over)

    assert reply["device"] == device
    assert reply["queue"] == ["beta", "gamma", "alpha"]
    assert [key for key in page.storage if key.startswith("cell/")] == [f'cell/["device","{device}","alpha","latency"]']


def test_published_levels_move_the_order_and_are_taken_back() -> None:
    """A snapshot lies over the declared cells layer by layer; a tombstone brings the declared ones back."""
    page = Page()
    server = online(page)

    server.snapshot(1, entry("workspace", "acme", "alpha", "latency", v=5), entry("global", "", "", "latency", w=2))
    assert page.seen("queue")[-1]["queue"] == ["beta", "gamma", "alpha"]
    assert page.sync["revision"] == 1

    server.delta(1, 2, entry("workspace", "acme", "alpha", "latency"), entry("global", "", "beta", "latency", v=0.05))
    assert page.seen("queue")[-1]["queue"] == ["beta", "alpha", "gamma"]

    server.delta(2, 3, entry("global", "", "beta", "latency"), entry("global", "", "", "latency"))
    assert page.call("resolve")["queue"] == ["alpha", "beta", "gamma"]
    assert page.sync["revision"] == 3


def test_a_withdrawn_measure_is_a_prior_again() -> None:
    """A global value over a declared prior is no prior; once it is withdrawn the prior is marked again (D4)."""
    page = Page()
    server = online(page)

    def failure() -> Any:
        ranked = next(each for each in page.call("explain")["ranked"] if each["option"] == "alpha")
        return next(term for term in ranked["terms"] if term["dimension"] == "failure")

    server.snapshot(1, entry("global", "", "alpha", "failure", v=0.5))
    assert (failure()["value"], failure()["prior"]) == (0.5, False)
    server.delta(1, 2, entry("global", "", "alpha", "failure"))

    assert (failure()["value"], failure()["prior"]) == (0.0, True)


def test_a_snapshot_replaces_and_in_parts_only_when_whole() -> None:
    """Parts change nothing until the last one is in; then what is not in it is gone."""
    page = Page()
    server = online(page)
    server.snapshot(1, entry("workspace", "acme", "alpha", "latency", v=5))

    server.say(Snapshot(2, 1, 2, (entry("workspace", "acme", "beta", "latency", v=6),)))
    assert page.call("resolve")["queue"] == ["beta", "gamma", "alpha"]
    server.say(Snapshot(2, 2, 2, (entry("workspace", "acme", "gamma", "latency", v=7),)))

    assert page.call("resolve")["queue"] == ["alpha", "beta", "gamma"]


def test_the_orchestrator_does_not_write_the_devices_slice() -> None:
    """Published cells at the device's own level, or at an unknown level, are passed over."""
    page = Page()
    server = online(page)
    observe(page, "alpha", 0.05)
    list(server.serve())

    server.snapshot(1, entry("device", "A", "alpha", "latency", v=99), entry("galaxy", "", "alpha", "latency", v=99))

    assert page.call("resolve")["queue"][0] == "alpha"
    assert page.sync["pending"] == 0


def test_a_returning_tab_decides_with_what_was_published() -> None:
    """The shared levels are in storage: a new engine uses them before it is connected, and resumes from there."""
    page = Page()
    server = online(page)
    server.snapshot(4, entry("workspace", "acme", "alpha", "latency", v=5))
    page.wake()

    again = Page(page.storage)
    reply = again.start(orchestrator=URL, token="t")
    hello = Server(again).accept()

    assert reply["queue"] == ["beta", "gamma", "alpha"]
    assert isinstance(hello, Hello)
    assert hello.resume == Resume("db-1", 4)


def test_a_delta_on_another_base_asks_for_a_snapshot() -> None:
    """A delta that does not fit breaks the session off; the next hello asks for everything."""
    page = Page()
    server = online(page)
    server.snapshot(4, entry("workspace", "acme", "alpha", "latency", v=5))
    server.session.revision = 8

    server.delta(8, 9, entry("workspace", "acme", "alpha", "latency", v=1))

    assert page.socket is None
    assert page.sync["state"] == "waiting"
    assert page.sync["error"]["code"] == "protocol"
    page.wake()
    hello = Server(page).accept()
    assert isinstance(hello, Hello)
    assert hello.resume is None
    assert page.call("resolve")["queue"] == ["beta", "gamma", "alpha"]


def test_a_refused_token_waits_for_another() -> None:
    """A refused token ends in `refused` with its code, the page is asked once, and only another one is tried."""
    page = Page()
    page.start(orchestrator=URL, token="old")
    page.step({"type": "opened"})
    server = Server(page)
    server.read()

    server.say(ErrorMessage("token", "expired", fatal=True))

    assert page.sync["state"] == "refused"
    assert page.sync["error"] == {"code": "token", "message": "expired"}
    assert page.seen("token") == [{}]
    assert page.socket is None
    page.step({"type": "closed"})
    page.call("token", token="old")
    assert page.socket is None
    page.call("token", token="new")
    assert page.socket == URL
    hello = Server(page).accept()
    assert isinstance(hello, Hello)
    assert hello.token == "new"
    assert page.sync["state"] == "live"
    assert "error" not in page.sync


@pytest.mark.parametrize("token", ["", "tökén"])
def test_a_token_that_cannot_be_shown(token: str) -> None:
    """Without a token, or with one that is no ASCII, the state is `refused` and the page is asked for one."""
    page = Page()
    page.start(orchestrator=URL, token=token)
    if page.socket is not None:
        page.step({"type": "opened"})

    assert page.start()["sync"]["error"]["code"] == "token"
    assert page.start()["sync"]["state"] == "refused"
    assert page.seen("token") == [{}]
    assert page.sent == []


@pytest.mark.parametrize(
    ("code", "state"),
    [("version", "refused"), ("unknown-level", "refused"), ("internal", "waiting"), ("storage", "waiting")],
)
def test_fatal_errors(code: str, state: str) -> None:
    """An error that would come again is final; one that may pass is shown, and the connection tried again."""
    page = Page()
    server = online(page)

    server.say(ErrorMessage(code, "so it is", fatal=True))

    assert page.sync["state"] == state
    assert page.sync["error"] == {"code": code, "message": "so it is"}


def test_an_error_that_is_not_fatal_is_shown() -> None:
    """A warning changes the sync state's error and nothing else."""
    page = Page()
    server = online(page)

    server.say(ErrorMessage("storage", "slow disk", fatal=False))

    assert page.sync["state"] == "live"
    assert page.sync["error"]["message"] == "slow disk"


@pytest.mark.parametrize(
    "text", ["not json", "{}", '{"t":"welcome"}', '{"t":"ack","seq":1,"accepted":0,"refused":[]}', "x" * 3_000_000]
)
def test_a_server_that_speaks_something_else(text: str) -> None:
    """Foreign words end the connection with their code; it is tried again later."""
    page = Page()
    page.start(orchestrator=URL, token="t")
    page.step({"type": "opened"})

    page.step({"type": "message", "text": text})

    assert page.sync["state"] == "waiting"
    assert page.sync["error"]["code"] in ("decode", "protocol", "too-large")
    assert page.socket is None
    page.wake()
    assert page.socket == URL


def test_a_server_of_another_version_is_final() -> None:
    """A foreign version ends in `refused`: another try would end the same."""
    page = Page()
    page.start(orchestrator=URL, token="t")
    page.step({"type": "opened"})

    page.step({"type": "message", "text": '{"t":"welcome","v":2}'})

    assert page.sync["state"] == "refused"
    assert page.sync["error"]["code"] == "version"


def test_the_link_stays_alive_by_pings() -> None:
    """A third of the lease after the last word the device pings; an answer settles it."""
    page = Page()
    server = online(page)
    page.wake()

    assert server.read() == [Ping(1)]
    assert page.now == 1010.0
    server.say(Pong(1))
    page.wake()

    assert server.read() == [Ping(2)]
    assert page.now == 1020.0


def test_nobody_there_any_more() -> None:
    """A ping without an answer ends the connection; so does a server that never says welcome."""
    page = Page()
    online(page)
    for _ in range(2):
        page.wake()
    assert page.sync["state"] == "waiting"
    assert page.sync["error"]["code"] == "timeout"
    assert page.socket is None

    page.wake()
    assert page.sync["state"] == "connecting"
    page.step({"type": "opened"})
    page.wake()
    assert page.sync["state"] == "waiting"
    assert page.sync["error"]["code"] == "timeout"


def test_backoff_grows_with_full_jitter_and_starts_anew() -> None:
    """Waits stay within the growing bound, differ between clients, and shrink after a good time."""
    for attempt in range(40):
        assert 0.05 <= backoff_s("client", attempt) <= min(BACKOFF_CAP_S, 0.5 * 2.0**attempt)
    assert len({backoff_s(f"client-{n}", 10) for n in range(100)}) > 90

    page = Page()
    page.start(orchestrator=URL, token="t")
    waits = []
    for _ in range(8):
        page.step({"type": "closed", "reason": "refused"})
        assert page.wake_at is not None
        waits.append(page.wake_at - page.now)
        page.wake()
    assert max(waits) > 2
    assert page.sync["state"] == "connecting"

    Server(page, device="fresh").accept()
    page.now += 60
    page.step({"type": "closed"})
    assert page.wake_at is not None
    assert page.wake_at - page.now <= 0.5


def test_a_clock_set_back_does_not_stop_the_link() -> None:
    """An hour lost on the clock is not an hour without a connection."""
    page = Page()
    page.start(orchestrator=URL, token="t")
    page.step({"type": "closed"})
    page.now -= 3600

    page.step({"type": "woken"})
    page.wake()

    assert page.sync["state"] == "connecting"
    assert page.now < 1000.0


def test_bye_and_close() -> None:
    """The server's goodbye is followed by another try, the page's by silence."""
    page = Page()
    server = online(page)
    server.say(Bye("restarting"))
    assert page.sync["state"] == "waiting"
    page.wake()
    again = Server(page)
    again.accept()

    page.call("close")

    assert again.read() == [Bye("closed by the page")]
    assert page.socket is None
    assert page.sync["state"] == "off"
    page.step({"type": "woken"})
    page.step({"type": "opened"})
    assert page.sent == []


def test_late_events_of_a_socket_are_ignored() -> None:
    """Words and openings that belong to no connection change nothing."""
    page = Page()
    page.start()
    page.step({"type": "opened"})
    page.step({"type": "message", "text": "{}"})
    page.step({"type": "closed"})

    assert page.pushes == []
    assert page.sent == []


def test_a_removed_cell_is_a_tombstone_until_acknowledged() -> None:
    """Lifting a gate sends a cell without layers; its record stays until the server has it (W4)."""
    page = Page()
    server = online(page)
    page.call("gate", option="alpha", reachable=False)
    list(server.serve())
    page.step({"type": "closed"})
    page.call("gate", option="alpha", reachable=True)
    key = 'cell/["device","A","alpha","reach"]'
    assert json.loads(page.storage[key]) == {"cell": entry("device", "A", "alpha", "reach"), "pending": True}

    again = Page(page.storage)
    again.start(orchestrator=URL, token="t")
    late = Server(again, seq=1)
    late.accept()
    (push,) = late.serve()

    assert push.cells == (entry("device", "A", "alpha", "reach"),)
    assert key not in again.storage


def test_a_refused_start_body_says_why() -> None:
    """A start without its id is a DecodeError and starts nothing."""
    body = start_body()
    del body["fresh_id"]

    assert Page().fails("start", **body)["code"] == "decode"


def test_a_token_that_cannot_be_had_is_asked_for_again_and_again() -> None:
    """The page's function fails at the start and whenever it is asked: it is asked again after a backoff, for ever."""
    page = Page()
    page.start(orchestrator=URL)
    page.step({"type": "woken"})
    waits = []
    for asked in range(1, 40):
        assert len(page.seen("token")) == asked
        assert page.wake_at is None
        page.call("token", token=None)
        assert page.socket is None
        assert page.wake_at is not None
        waits.append(page.wake_at - page.now)
        page.wake()

    assert all(0 < wait <= BACKOFF_CAP_S for wait in waits)
    assert max(waits[:2]) < 2.1
    assert max(waits) > BACKOFF_CAP_S / 2
    page.call("token", token="t")
    Server(page).accept()
    assert page.sync["state"] == "live"


@pytest.mark.parametrize("reason", ["online", "observe"])
def test_a_token_is_asked_for_at_once_when_there_is_a_reason(reason: str) -> None:
    """The network is back, or there is something to send: not before the backoff's first second, then at once."""
    page = Page()
    page.start(orchestrator=URL)
    for _ in range(10):
        page.call("token", token=None)
        page.wake()
    page.call("token", token=None)
    before = len(page.seen("token"))
    page.wake_at = None

    def reason_to_ask() -> None:
        if reason == "online":
            page.call("online")
        else:
            observe(page, "alpha", 1.0)

    reason_to_ask()
    reason_to_ask()
    assert len(page.seen("token")) == before  # asked a moment ago
    page.now += 1.0
    reason_to_ask()
    reason_to_ask()

    assert len(page.seen("token")) == before + 1
    page.call("token", token="t")
    Server(page).accept()
    assert page.sync["state"] == "live"


def test_tokens_that_are_all_refused_are_not_made_as_fast_as_they_can_be() -> None:
    """Each question brings a fresh token and each is refused: the second question waits."""
    page = Page()
    page.start(orchestrator=URL, token="0")
    for fresh in ("1", "2", "3"):
        page.step({"type": "opened"})
        server = Server(page)
        server.read()
        server.say(ErrorMessage("token", "unknown", fatal=True))
        if fresh != "1":
            assert page.wake_at is not None
            assert page.wake_at > page.now
            page.wake()
        assert len(page.seen("token")) == int(fresh)
        page.call("token", token=fresh)


def test_the_network_is_back() -> None:
    """A line that waits for its next try is tried at once; one that is live, or off, is left alone."""
    page = Page()
    online(page)
    page.call("online")
    assert page.sync["state"] == "live"
    page.step({"type": "closed", "reason": "gone"})
    for _ in range(8):
        page.wake()
        page.step({"type": "closed", "reason": "gone"})
    assert page.sync["state"] == "waiting"

    page.call("online")

    assert page.sync["state"] == "connecting"
    alone = Page()
    alone.start()
    alone.call("online")
    assert alone.socket is None
