"""`router.chat` over providers that fail on purpose: whole, or an error; left is left upstream, too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from e2e.faulty import TOOLS, WHOLE, FaultServers
from e2e.harness import DIST, LEVELS, open_bare, seed
from sporewright.server.demo.completion import usage
from sporewright.server.demo.faults import Step
from tests.serving import Orchestrator

OK = Step()
RESPONSES = "https://responses.invalid"
LIMITS = {"attempt_timeout_s": 5, "first_token_s": 8, "first_token_min_s": 5, "inter_token_s": 1.5, "deadline_s": 20}
SCRIPTS: dict[str, list[Step]] = {
    "whole": [OK], "next": [OK],
    # Slowly: what a reset overtakes in the browser's own buffers was never there.
    "cut": [Step("cut", after=40, token_s=0.005)], "end": [Step("end", after=40, token_s=0.005)],
    "stall": [Step("stall")], "fail": [Step("fail", token_s=0.005)], "no_done": [Step("no_done")],
    "half": [Step("cut")],
    "left": [Step(token_s=0.05)], "early": [OK], "slow": [Step(token_s=0.05)],
    "filter": [Step("status", status=400, code="content_filter", message="the prompt was filtered")],
}  # fmt: skip
ASK = """
window.read = async (names, { stream = true, init = {}, leave = 0 } = {}) => {
  const router = await window.routerOf(names);
  const answer = router.chat({ messages: [{ role: "user", content: "count" }], stream }, init);
  const seen = { kinds: [], words: "", error: null };
  try {
    for await (const event of answer) {
      if (seen.kinds.at(-1) !== event.type) seen.kinds.push(event.type);
      if (event.type === "restart") seen.words = "";
      if (event.type === "text") seen.words += event.text;
      if (event.type === "usage") seen.usage = event.usage;
      if (event.type === "done") seen.done = event;
      if (leave && seen.words.length >= leave) break;
    }
  } catch (error) {
    seen.error = { code: error.code ?? error.name, message: error.message, status: error.status };
  }
  const text = await answer.text().catch((error) => `${error.name}: ${error.message}`);
  const { option, finishReason, receipt: { end, attempts } = {} } = answer;
  return { ...seen, text, option, finishReason, end, attempts: attempts?.map((one) => one.option) };
};
undefined;
"""


class Chats:
    """Reads chats in one page, and knows what reached each server."""

    def __init__(self, page: Any, servers: FaultServers) -> None:
        self._page, self._servers = page, servers

    def read(self, *names: str, **more: Any) -> dict[str, Any]:
        """The events that a reader saw, and the text."""
        result: dict[str, Any] = self._page.evaluate("([names, more]) => read(names, more)", [list(names), more])
        return result

    def answers(self, url: str, *events: dict[str, Any]) -> list[Any]:
        """Whatever is sent there is answered with these events; what was sent, as it comes."""
        asked: list[Any] = []
        body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        headers = {"access-control-allow-origin": "*", "access-control-allow-headers": "*"}

        def answer(route: Route) -> None:
            if route.request.method == "POST":
                asked.append(
                    [route.request.url, route.request.headers.get("authorization"), route.request.post_data_json]
                )
            route.fulfill(body=body, content_type="text/event-stream", headers=headers)

        self._page.route(f"{url}/**", answer)
        return asked

    def run(self, source: str) -> Any:
        """Whatever this comes to in the page."""
        return self._page.evaluate(source)

    def log(self, name: str) -> list[dict[str, Any]]:
        """Each attempt that reached this server."""
        return self._servers.log(name)


@pytest.fixture(scope="module")
def chats(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chats]:
    """One page with an engine, and the servers."""
    page_server = Orchestrator(Path(tmp_path_factory.mktemp("chats")), None, DIST).start()
    servers = FaultServers(SCRIPTS)
    context = browser.new_context()
    try:
        page = open_bare(context, page_server.origin)
        page.evaluate(TOOLS + ASK)
        fleet = {name: {"url": server.url, "model": name, "key": "k"} for name, server in servers.servers.items()}
        # A declared order that no failure changes: what is tested is the chat, not what is learned.
        fleet["responses"] = {"url": RESPONSES, "dialect": "openai-responses", "model": "gpt", "key": "k"}
        names = sorted(fleet, key="next".__eq__)
        config = {"levels": LEVELS, "seeds": [seed(name, "rank", 1.0 + at) for at, name in enumerate(names)]}
        config["seeds"] += [seed("", "rank", 1.0, kind="weight"), seed("", "financial", 1e-9, kind="weight")]
        config["seeds"] += [seed("whole", "price:out", 5.0)]
        options = {"config": config, "cursor": {"workspace": "acme"}, "limits": LIMITS}
        page.evaluate("(given) => { Object.assign(window, given); }", {"fleet": fleet, "options": options})
        yield Chats(page, servers)
    finally:
        context.close()
        servers.close()
        page_server.stop()


def left(chats: Chats, name: str) -> dict[str, Any]:
    """The server's note of its last attempt, once it knows that its reader is gone."""
    for _ in range(100):
        if "left" in chats.log(name)[-1]:
            break
        time.sleep(0.05)
    return chats.log(name)[-1]


@pytest.mark.parametrize("stream", [True, False])
def test_a_chat_is_whole_with_usage_and_name(chats: Chats, stream: bool) -> None:
    """Text, then usage, then done, with who answered; `text()` gives the same."""
    seen = chats.read("whole", stream=stream)

    counted = usage()
    assert [kind for kind in seen["kinds"] if kind != "other"] == ["text", "usage", "done"]
    assert (seen["words"], seen["text"], seen["error"]) == (WHOLE, WHOLE, None)
    assert seen["usage"] == {
        "input": counted["prompt_tokens"], "output": counted["completion_tokens"], "total": counted["total_tokens"],
    }  # fmt: skip
    assert seen["done"] == {"type": "done", "option": "whole", "finishReason": "stop", "finishReasons": ["stop"]}
    assert (seen["option"], seen["end"]) == ("whole", "answered")


def test_what_a_chat_cost_is_learned_once(chats: Chats) -> None:
    """Its tokens reach the engine with its outcome and are charged at its price; a report adds nothing."""
    cost = chats.run("""(async () => {
      const router = await routerOf(["whole"]);
      await router.ready;
      const cost = async () => (await router.explain()).ranked.find(({ option }) => option === "whole")
        .terms.find(({ dimension }) => dimension === "financial").value;
      const answer = router.chat({ messages: [{ role: "user", content: "count" }] });
      await answer.text();
      const learned = await cost();
      await router.report(answer.receipt, { quality: 1, cost: 100 });
      return { learned, reported: await cost(), tokens: answer.receipt.attempts.at(-1).tokens };
    })()""")

    assert cost["tokens"] == {"in": usage()["prompt_tokens"], "out": usage()["completion_tokens"]}
    assert cost["learned"] == pytest.approx(usage()["completion_tokens"] * 5.0 / 1e6, rel=0.5)
    assert cost["reported"] == pytest.approx(cost["learned"], rel=0.01)


@pytest.mark.parametrize("is_whole", [True, False])
def test_openai_s_responses_are_a_dialect(chats: Chats, is_whole: bool) -> None:
    """Asked at `/v1/responses` in its own words; whole by its completion, and without one the next option answers."""
    said = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hi"}
    counts = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    end = {"type": "response.completed", "response": {"status": "completed", "output": [], "usage": counts}}
    asked = chats.answers(RESPONSES, said, *([end] if is_whole else []))
    seen = chats.read("responses", "next")

    text = [{"type": "input_text", "text": "count"}]
    body = {"model": "gpt", "stream": True, "store": False, "input": [{"role": "user", "content": text}]}
    assert asked == [[f"{RESPONSES}/v1/responses", "Bearer k", body]]
    assert (seen["option"], seen["text"]) == (("responses", "Hi") if is_whole else ("next", WHOLE))
    if is_whole:
        assert seen["usage"] == {"input": 3, "output": 2, "total": 5}


@pytest.mark.parametrize("name", ["cut", "end", "stall", "fail"])
def test_a_broken_stream_begins_anew_elsewhere(chats: Chats, name: str) -> None:
    """A restart event, and all words once from the next option; nothing of the first where it is held back."""
    seen, held = chats.read(name, "next"), chats.read(name, "next", init={"restart": "buffer"})

    assert [kind for kind in seen["kinds"] if kind != "other"] == ["text", "restart", "text", "usage", "done"]
    assert "restart" not in held["kinds"]
    for one in (seen, held):
        assert (one["words"], one["text"], one["error"]) == (WHOLE, WHOLE, None)
        assert (one["option"], one["attempts"]) == ("next", [name, "next"])


def test_a_broken_stream_is_an_error_where_it_shall_be(chats: Chats) -> None:
    """Never a truncated success: neither by events nor by `text()`, alone or with `restart: "error"`."""
    seen, alone = chats.read("cut", "next", init={"restart": "error"}), chats.read("end")

    assert (seen["error"]["code"], alone["error"]["code"]) == ("broken", "exhausted")
    assert all("done" not in one["kinds"] and one["text"].startswith("SporewrightError") for one in (seen, alone))
    assert seen["end"] == alone["end"] == "failed"


def test_half_a_whole_answer_goes_on(chats: Chats) -> None:
    """Without a stream a broken answer is another option's, unseen."""
    seen = chats.read("half", "next", stream=False)

    assert (seen["words"], seen["option"], seen["error"]) == (WHOLE, "next", None)
    assert "restart" not in seen["kinds"]


def test_no_end_mark_is_whole_at_once(chats: Chats) -> None:
    """The finish reason says that it is whole; the end mark is not waited for."""
    seen = chats.read("no_done")

    assert (seen["words"], seen["finishReason"], seen["error"]) == (WHOLE, "stop", None)


def test_leaving_the_loop_aborts_upstream(chats: Chats) -> None:
    """A break ends the call on the server's side, with most of it unsent, and no other option is asked."""
    seen = chats.read("left", "next", leave=8)

    attempt = left(chats, "left")
    assert "left" in attempt
    assert attempt["tokens"] < 30
    assert (seen["end"], seen["attempts"]) == ("aborted", ["left"])
    assert seen["text"].startswith("AbortError")


def test_the_caller_s_signal_is_heeded(chats: Chats) -> None:
    """Aborted before, nothing is sent; aborted in the middle, the server is let go and the caller gets the reason."""
    early = chats.run("""async () => {
      const router = await routerOf(["early"]);
      const answer = router.chat({ messages: [] }, { signal: AbortSignal.abort(new Error("before")) });
      return answer.text().catch((error) => error.message);
    }""")
    late = chats.run("""async () => {
      const router = await routerOf(["slow"]);
      const control = new AbortController();
      const answer = router.chat({ messages: [] }, { signal: control.signal });
      const reading = (async () => {
        for await (const event of answer) if (event.type === "text") control.abort(new Error("during"));
      })();
      return reading.catch((error) => error.message);
    }""")

    assert (early, late) == ("before", "during")
    assert chats.log("early") == []
    assert "left" in left(chats, "slow")


def test_the_provider_s_refusal_reaches_the_caller(chats: Chats) -> None:
    """Its reason and its status, from the one option that was asked."""
    seen = chats.read("filter", "next")

    assert (seen["error"]["code"], seen["error"]["status"], seen["option"]) == ("refused", 400, "filter")
    assert "the prompt was filtered" in seen["error"]["message"]
    assert seen["attempts"] == ["filter"]
