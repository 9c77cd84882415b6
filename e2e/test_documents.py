"""The examples of the documents in a real browser: each prints and shows what it says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from e2e.documents import FILES, Example, examples, printed
from e2e.harness import DIST, config_of, trusting
from sporewright.server.demo.completion import chunk, event, usage
from tests.serving import Orchestrator

CORS = {"access-control-allow-origin": "*", "access-control-allow-headers": "*", "access-control-expose-headers": "*"}
EXAMPLES = examples()
PATIENCE_S = 30.0
# A page that a test answers for is of no network: Chromium asks before it may call this machine.
LOCAL = ["local-network-access"]


def completion(text: str, *, streamed: bool, whole: bool = True) -> tuple[str, bytes]:
    """Content type and body of a chat completion that says this; one that is not whole ends without a reason."""
    if not streamed:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return "application/json", json.dumps(
            {"object": "chat.completion", "choices": [choice], "usage": usage()}
        ).encode()
    events = [chunk("any", {"content": piece}) for piece in printed(text)]
    if whole:
        events += [chunk("any", {}, "stop"), {**chunk("any", {}), "choices": [], "usage": usage()}]
    return "text/event-stream", b"".join(map(event, [*events, *(["[DONE]"] if whole else [])]))


def behaviour(does: Any) -> Callable[[Route], None]:
    """A provider: a number is a status, a text an answer, `{"cut": text}` a stream that breaks off after it."""

    def answer(route: Route) -> None:
        body = route.request.post_data_json if route.request.method == "POST" else {}
        streamed = bool(body and body.get("stream"))
        if isinstance(does, int):
            error = {"error": {"message": "the service is overloaded", "type": "overloaded_error"}}
            route.fulfill(status=does, json=error, headers=CORS)
        elif isinstance(does, dict) and "cut" in does:
            kind, said = completion(does["cut"], streamed=True, whole=False)
            route.fulfill(body=said, content_type=kind, headers=CORS)
        elif isinstance(does, dict):
            route.fulfill(json=does, headers=CORS)
        else:
            kind, said = completion(does, streamed=streamed)
            route.fulfill(body=said, content_type=kind, headers=CORS)

    return answer


def surround(page: Page, example: Example, site: Orchestrator) -> None:
    """Give the example its world: providers by host, texts of the page's own server by path."""

    def text_of(content: Any) -> Callable[[Route], None]:
        body = content if isinstance(content, str) else json.dumps(content)
        return lambda route: route.fulfill(body=body)

    def script_of(text: str) -> Callable[[Route], None]:
        return lambda route: route.fulfill(body=text, content_type="text/javascript")

    for place, does in example.world.items():
        if place == "/token":
            page.route(f"{site.origin}/token", text_of(site.token(does)))
        elif place == "before":
            page.add_init_script("\n".join(does))
        elif place.endswith(".js"):
            page.route(f"{site.origin}{place}", script_of("\n".join(does)))
        elif place.startswith("/"):
            page.route(f"{site.origin}{place}", text_of(does))
        elif place != "shows":
            page.route(lambda url, host=place: urlsplit(url).hostname == host, behaviour(does))
    page.route(
        f"{site.origin}/example.html",
        lambda route: route.fulfill(body=example.page, content_type="text/html; charset=utf-8"),
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """The server of the build, which is the orchestrator of examples that name one."""
    config = trusting(config_of({"alpha": 0.1}))
    server = Orchestrator(tmp_path_factory.mktemp("site"), config, DIST).start()
    yield server
    server.stop()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example(example: Example, device: Callable[..., BrowserContext], site: Orchestrator) -> None:
    """It runs in an empty browser, throws nothing, prints what it says it prints, and shows what its page shows."""
    page = device(permissions=LOCAL).new_page()
    lines, thrown = list[str](), list[str]()
    page.on("console", lambda said: lines.append(said.text) if said.type == "log" else None)
    page.on("pageerror", lambda error: thrown.append(str(error)))
    surround(page, example, site)
    page.goto(f"{site.origin}/example.html")

    until = time.monotonic() + PATIENCE_S
    while len(lines) < len(example.expected) and not thrown and time.monotonic() < until:
        page.wait_for_timeout(50)
    for text in example.world.get("shows", []):
        page.get_by_text(text).wait_for()

    assert thrown == []
    assert lines == example.expected


def test_every_document_with_a_page_has_an_example() -> None:
    """None is left out because its comment is misspelled: all JavaScript and HTML of the documents is run."""
    texts = [file.read_text(encoding="utf-8") for file in FILES]
    fences = sum(text.count(fence) for text in texts for fence in ("\n```js\n", "\n```html\n"))

    assert fences == len(EXAMPLES)
