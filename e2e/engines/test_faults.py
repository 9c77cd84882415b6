"""`router.fetch` and chats over broken transports in each engine: the second option answers, whole and once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.engines.driver import Engine, Tab
from e2e.engines.raw import HEAD, Answer, RawServer
from e2e.faulty import TOOLS, WHOLE, FaultServers
from e2e.harness import LEVELS, seed
from e2e.link import Link
from sporewright.server.demo.faults import Step
from tests.serving import Orchestrator, free_port

JSON = b'{"from": "broken", "words": ["one", "two", "three"]}'
CHUNK = b"14\r\n" + JSON[:20] + b"\r\n"
# Before any header, or in it: no engine has anything to hand over.
RAW = {
    "reset": Answer(reset=True),
    "closed": Answer(),
    "half a header": Answer(HEAD, reset=True),
    "no http": Answer(b"\x15\x03\x01\x00\x02\x02\x50"),
    "length cut": Answer(HEAD + b"content-length: %d\r\n\r\n" % len(JSON) + JSON[:20]),
    "length reset": Answer(HEAD + b"content-length: %d\r\n\r\n" % len(JSON) + JSON[:20], reset=True, wait_s=0.1),
    "chunks cut": Answer(HEAD + b"transfer-encoding: chunked\r\n\r\n" + CHUNK),
    "chunk malformed": Answer(HEAD + b"transfer-encoding: chunked\r\n\r\n" + CHUNK + b"zz\r\n"),
    "no length": Answer(HEAD + b"\r\n" + JSON[:20]),
}
CHATS: dict[str, list[Step]] = {
    "500": [Step("status", status=500)],
    "503": [Step("status", status=503)],
    "reset before headers": [Step("reset")],
    "silence": [Step("silent")],
    "stream cut": [Step("cut", after=20, token_s=0.005)],
    "stream ended early": [Step("end", after=20, token_s=0.005)],
    "stream stalled": [Step("stall", after=20)],
    "event malformed": [Step("malformed", after=20)],
    "error event": [Step("fail", after=20, token_s=0.005)],
}
LIMITS = {"attempt_timeout_s": 3, "first_token_s": 3, "first_token_min_s": 3, "inter_token_s": 2, "deadline_s": 25}
GET = """async (name) => {
  const router = await routerOf([name, "whole"]);
  const response = await router.fetch("/hello");
  const { option, attempts } = router.receipt(response);
  return { body: await response.text(), option, outcomes: attempts.map(({ outcome }) => outcome) };
}"""
CHAT = """async (name) => {
  const { words, error, receipt } = await chat(await routerOf([name, "whole"]), { init: { restart: "buffer" } });
  return { words, error, option: receipt?.option, outcomes: receipt?.attempts.map(({ outcome }) => outcome) };
}"""
EVENTS = """async (name) => {
  const router = await routerOf([name, "whole"]);
  const answer = router.chat({ messages: [{ role: "user", content: "count" }] });
  const seen = { text: "", pieces: 0, restarts: 0, first: 0, last: 0 };
  for await (const event of answer) {
    if (event.type === "restart") Object.assign(seen, { text: "", restarts: seen.restarts + 1 });
    if (event.type !== "text") continue;
    seen.text += event.text;
    seen.pieces += 1;
    seen.first ||= performance.now();
    seen.last = performance.now();
  }
  return { ...seen, option: answer.option, took: seen.last - seen.first };
}"""
RACED = """async (name) => {
  const { Router } = await import("/sporewright.js");
  const limits = { ...options.limits, attempt_timeout_s: 30, first_token_s: 15, deadline_s: 3 };
  const router = await Router.start({ ...options, limits, upstreams: { [name]: fleet[name], whole: fleet.whole } });
  const began = performance.now();
  const [response, { words, error }] = await Promise.all([router.fetch("/hello"), chat(router)]);
  const { option, attempts } = router.receipt(response);
  const outcomes = Object.fromEntries(attempts.map(({ option, outcome }) => [option, outcome]));
  return { words, error, option, outcomes, took: performance.now() - began };
}"""
ALL = """async ({{ names }}) => {{
  const one = {one};
  const each = async (name) => [name, await one(name).catch(({{ name, message }}) => `${{name}}: ${{message}}`)];
  return Object.fromEntries(await Promise.all(names.map(each)));
}}"""


class Bench:
    """A tab that calls; every broken provider, and one that works."""

    def __init__(self, tab: Tab, raw: dict[str, RawServer], chats: FaultServers) -> None:
        self.tab, self.raw, self.chats = tab, raw, chats

    def all(self, one: str, names: list[str]) -> dict[str, Any]:
        """The outcome of a call to each of these and then to the one that works, all at once."""
        seen: dict[str, Any] = self.tab.run(ALL.format(one=one), {"names": names}, timeout=60)
        return seen


@pytest.fixture(scope="module")
def bench(running: Engine, orchestrator_of_all: Orchestrator) -> Iterator[Bench]:
    """Real sockets, one tab for all tests; the router's limits are shortened by its own option."""
    with Link(orchestrator_of_all.port) as link:
        yield from _bench(running, link)


def _bench(engine: Engine, link: Link) -> Iterator[Bench]:
    raw = {name: RawServer(answer) for name, answer in RAW.items()}
    chats = FaultServers({**CHATS, "whole": [Step()], "slow": [Step(token_s=0.02)]})
    fleet = {name: server.url for name, server in raw.items()}
    fleet |= {name: server.url for name, server in chats.servers.items()}
    fleet["refused"] = f"http://127.0.0.1:{free_port()}"
    ranks = [seed(name, "rank", float(number)) for number, name in enumerate(n for n in fleet if n != "whole")]
    seeds = [*ranks, seed("whole", "rank", 1000.0), seed("", "rank", 1.0, kind="weight")]
    options = {
        "config": {"levels": LEVELS, "seeds": seeds, "learning": {"temperature": 0}},
        "cursor": {"workspace": "acme"},
        "limits": LIMITS,
    }
    tab = engine.open(f"{link.origin}/blank.html")
    tab.run(f"() => {{ {TOOLS} }}")
    given = {"fleet": {name: {"url": url} for name, url in fleet.items()}, "options": options}
    tab.run("(given) => { Object.assign(window, given); }", given)
    tab.run("async () => { await (await routerOf([])).ready; }")
    yield Bench(tab, raw, chats)
    tab.close()
    chats.close()
    for server in raw.values():
        server.close()


def test_a_broken_transport_is_failed_over(bench: Bench) -> None:
    """Refused, reset, closed, malformed or cut: the caller gets the next option's answer, whole, and no word twice."""
    seen = bench.all(GET, [*RAW, "refused"])

    assert {name: one["option"] for name, one in seen.items()} == dict.fromkeys([*RAW, "refused"], "whole")
    for name, one in seen.items():
        assert one["outcomes"][-1] == "ok", name
        assert "broken" not in one["body"], name


def test_a_broken_chat_is_failed_over(bench: Bench) -> None:
    """A status, silence or a stream that ends in the middle, by whatever means: all words once, in order."""
    seen = bench.all(CHAT, [*CHATS])

    for name, one in seen.items():
        assert (one["words"], one["error"], one["option"]) == (WHOLE, None, "whole"), name


def test_a_silent_option_is_raced(bench: Bench) -> None:
    """The deadline is shorter than the time of an attempt: the next option answers all the same.

    Nothing is known of the silent one yet: it may only be slow, and is not blamed.
    """
    seen = bench.all(RACED, ["silence"])["silence"]

    assert (seen["words"], seen["error"], seen["option"]) == (WHOLE, None, "whole")
    assert seen["outcomes"] == {"silence": "deadline", "whole": "ok"}
    assert seen["took"] > 1900


def test_a_chat_is_a_stream(bench: Bench) -> None:
    """Words come as they are sent; what breaks in the middle begins anew with the next option, and says so."""
    seen = bench.all(EVENTS, ["slow", "stream cut"])

    slow, cut = seen["slow"], seen["stream cut"]
    assert (slow["text"], slow["option"], slow["restarts"]) == (WHOLE, "slow", 0)
    assert slow["pieces"] > 10
    assert slow["took"] > 500
    assert (cut["text"], cut["option"]) == (WHOLE, "whole")


def test_an_abort_ends_it_upstream(bench: Bench) -> None:
    """A silent call, and a stream that its reader leaves: both are gone from the server, no other option is asked."""
    asked = len(bench.chats.log("whole"))
    said = bench.tab.run("""async () => {
      const control = new AbortController();
      setTimeout(() => control.abort(), 300);
      const silent = await chat(await routerOf(["silence", "whole"]), { init: { signal: control.signal } });
      const answer = (await routerOf(["slow", "whole"])).chat({ messages: [] });
      for await (const event of answer) if (event.type === "text") break;
      return silent.error.code;
    }""")
    bench.tab.value("new Promise((go) => setTimeout(go, 1000))")

    assert said == "AbortError"
    assert ["left" in bench.chats.log(name)[-1] for name in ("silence", "slow")] == [True, True]
    assert len(bench.chats.log("whole")) == asked
