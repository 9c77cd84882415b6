"""The reports of a device on an orchestrator that it cannot reach, or rejects."""

from __future__ import annotations

from dataclasses import replace

from tests.device.fleet import URL, Page, Server, entry


def test_an_address_that_never_opens_is_named() -> None:
    """A socket that closes before it opened is an address that cannot be reached; later it is only closed."""
    page = Page()
    page.start(orchestrator=URL, token="t", device="A")
    page.step({"type": "closed", "reason": "closed with code 1006"})
    message = f"{URL} cannot be reached: closed with code 1006"
    assert page.sync["error"] == {"code": "closed", "message": message}

    page.wake()
    Server(page).accept()
    page.step({"type": "closed", "reason": "closed with code 1006"})

    assert page.sync["error"] == {"code": "closed", "message": "closed with code 1006"}


def test_the_token_of_another_workspace_is_refused_before_anything_crosses() -> None:
    """A token for `other` under a cursor of `acme` ends the session: no push, and another token is asked for."""
    page = Page()
    page.start(orchestrator=URL, token="t", device="A")
    page.call("observe", option="alpha", dimension="latency", value=9.0)
    server = Server(page)
    server.welcome = replace(server.welcome, workspace="other", device="B")

    server.accept()

    assert server.read() == []
    assert page.socket is None
    assert page.sync["state"] == "refused"
    assert page.sync["pending"] == 1
    message = "the token is for workspace 'other', the cursor names 'acme'"
    assert page.sync["error"] == {"code": "token", "message": message}
    assert page.seen("token") == [{}]
    assert page.call("explain")["ranked"][-1]["terms"][-1]["value_source"] == ["device", "A"]

    page.call("token", token="another")
    right = Server(page)
    right.accept()
    (push,) = right.serve()
    assert push.cells == (entry("device", "A", "alpha", "latency", v=9.0),)
    assert page.sync["state"] == "live"


def test_a_cursor_without_a_workspace_takes_any() -> None:
    """A cursor that names no workspace reads the shared instance of that level without a complaint."""
    page = Page()
    page.start(orchestrator=URL, token="t", device="A", cursor={})
    server = Server(page)
    server.welcome = replace(server.welcome, workspace="other")

    server.accept()

    assert page.sync["state"] == "live"
