"""The sixteen faults of a provider through `router.fetch`, in one page at once: rescued, and nobody is hammered.

Limits are shortened by the router's own option where real seconds would cost minutes; sockets and browser are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from e2e.faulty import TOOLS, WHOLE, FaultServers
from e2e.harness import DIST, LEVELS, open_bare, seed
from sporewright.server.demo.completion import usage
from sporewright.server.demo.faults import Step
from tests.serving import Orchestrator

OK = Step()
CONTEXT = Step("status", status=400, code="context_length_exceeded", message="maximum context length is 8192 tokens")
FILTER = Step("status", status=400, code="content_filter", message="the prompt was filtered")
LIMITS = {
    "attempt_timeout_s": 2, "first_token_s": 4, "first_token_min_s": 1, "first_token_max_s": 3, "inter_token_s": 2,
    "finish_s": 0.5, "deadline_s": 20, "cooldown_s": 1, "breaker_open_s": 0.4, "breaker_cap_s": 1.2, "ramp_step_s": 0.4,
}  # fmt: skip
SCRIPTS: dict[str, list[Step]] = {
    "01a": [Step("status", status=429, headers={"retry-after": "2"})], "01b": [OK],
    "01": [Step("status", 1, status=429, headers={"retry-after": "2"}), OK],
    "02": [Step("status", status=429)],
    "03a": [Step("status", 1), OK], "03b": [OK],
    "04a": [Step("status", status=503)], "04b": [OK],
    "05a": [Step("reset")], "05b": [OK],
    "06a": [Step("silent")], "06b": [OK],
    "07a": [Step("ok", 20, tokens=3, first_token_s=0.05), Step("ok", first_token_s=20)], "07b": [OK],
    "08a": [Step("cut", after=40)], "08b": [OK],
    "08c": [Step("end", after=40)], "08d": [OK],
    "09a": [Step("stall")], "09b": [OK],
    "10a": [Step("malformed")], "10b": [OK],
    "11a": [Step("no_done")], "11b": [OK],
    "12a": [CONTEXT], "12b": [OK], "12c": [OK],
    "13a": [FILTER], "13b": [OK],
    "14a": [Step("cut", after=40)], "14b": [Step("prefill")],
    "14c": [Step("status", status=503)], "14d": [Step("prefill")],
    "15a": [Step("status", status=503, seconds=6), OK], "15b": [OK],
    "16a": [Step("cut", after=40)], "16b": [OK],
}  # fmt: skip
FACTS = {
    "12a": {"model": "m", "window": 8192},
    "12b": {"model": "m", "window": 32768},
    "12c": {"model": "n", "window": 131072},
}  # fmt: skip
PREFILL = '[{ role: "user", content: "count" }, { role: "assistant", content: "w01" }]'
HELD_AND_HANDED = (
    'const r = await routerOf(["%s", "%s"]); return [await chat(r, { init: { restart: "buffer" } }), await chat(r)];'
)
# Each answers with a list of what `chat` saw.
SCENES = {
    "01a": 'const r = await routerOf(["01a", "01b"]); return [await chat(r), await chat(r), await chat(r)];',
    "01": 'return [await chat(await routerOf(["01"]))];',
    "02": 'return [await chat(await routerOf(["02"]))];',
    "03": 'return [await chat(await routerOf(["03a", "03b"]))];',
    "04": 'const r = await routerOf(["04a", "04b"]); const seen = [];'
    " for (let n = 0; n < 10; n += 1) seen.push(await chat(r)); return seen;",
    "05": 'return [await chat(await routerOf(["05a", "05b"]))];',
    "06": 'const r = await routerOf(["06a", "06b"]); return [await chat(r, { stream: false })];',
    "07": 'const r = await routerOf(["07a", "07b"]); const quick = { init: { hedge: false } };'
    " await Promise.all(Array.from({ length: 20 }, () => chat(r, quick))); return [await chat(r, quick)];",
    "08": HELD_AND_HANDED % ("08a", "08b"),
    "08c": HELD_AND_HANDED % ("08c", "08d"),
    "09": HELD_AND_HANDED % ("09a", "09b"),
    "10": HELD_AND_HANDED % ("10a", "10b"),
    "11": 'return [await chat(await routerOf(["11a", "11b"]))];',
    "12": 'return [await chat(await routerOf(["12a", "12b", "12c"])), await chat(await routerOf(["12a"]))];',
    "13": 'return [await chat(await routerOf(["13a", "13b"]))];',
    "14": 'return [await chat(await routerOf(["14a", "14b"]), { init: { restart: "buffer" } }),'
    f' await chat(await routerOf(["14c", "14d"]), {{ messages: {PREFILL} }})];',
    "15": 'const r = await routerOf(["15a", "15b"]); const began = performance.now(); const seen = [];'
    " while (performance.now() - began < 13000) {"
    " const one = await chat(r, { stream: false }); seen.push({ ...one, at: performance.now() - began });"
    " await new Promise((next) => setTimeout(next, 60)); } return seen;",
    "16": 'return [await chat(await routerOf(["16a", "16b"]), { init: { restart: "buffer" } })];',
}
ALL_AT_ONCE = """async (scenes) => {
  const run = async (source) => new (Object.getPrototypeOf(async () => {}).constructor)(source)();
  const entries = Object.entries(scenes).map(async ([name, source]) => [name, await run(source)]);
  return Object.fromEntries(await Promise.all(entries));
}"""


class Ran:
    """The outcomes of every scene, and the attempts that reached each server."""

    def __init__(self, seen: dict[str, list[dict[str, Any]]], logs: dict[str, list[dict[str, Any]]]) -> None:
        self.seen, self.logs = seen, logs

    def attempts(self, *names: str) -> list[int]:
        """The number of attempts that reached each of these."""
        return [len(self.logs[name]) for name in names]


@pytest.fixture(scope="module")
def ran(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """All scenes, run at the same time in one page with its engine up."""
    page_server = Orchestrator(Path(tmp_path_factory.mktemp("faults")), None, DIST).start()
    servers = FaultServers(SCRIPTS)
    context = browser.new_context()
    try:
        page = open_bare(context, page_server.origin)
        page.evaluate(TOOLS)
        fleet = {name: {"url": server.url, **FACTS.get(name, {})} for name, server in servers.servers.items()}
        # A declared order that no failure changes: what is tested is the chain, not what is learned.
        seeds = [seed(name, "latency", number / 100) for number, name in enumerate(sorted(SCRIPTS))]
        config = {"levels": LEVELS, "seeds": [*seeds, seed("", "rank", 1.0, kind="weight")]}
        config["seeds"] += [seed(name, "rank", float(number)) for number, name in enumerate(sorted(SCRIPTS))]
        options = {"config": config, "cursor": {"workspace": "acme"}, "limits": LIMITS}
        page.evaluate("(given) => { Object.assign(window, given); }", {"fleet": fleet, "options": options})
        page.evaluate("async () => { await (await routerOf([])).ready; }")
        seen = page.evaluate(ALL_AT_ONCE, SCENES)
        yield Ran(seen, {name: servers.log(name) for name in SCRIPTS})
    finally:
        context.close()
        servers.close()
        page_server.stop()


def served(seen: dict[str, Any]) -> bool:
    """A whole answer, all words once and in order."""
    return seen["error"] is None and seen["words"] == WHOLE


def test_01_429_with_retry_after(ran: Ran) -> None:
    """Elsewhere at once and left alone by the next calls; waited for at least the two seconds if it is alone."""
    assert all(served(seen) for seen in ran.seen["01a"] + ran.seen["01"])
    assert ran.attempts("01a", "01b", "01") == [1, 3, 2]
    first, second = (attempt["at"] for attempt in ran.logs["01"])
    assert second - first >= 1.8


def test_02_429_for_ever(ran: Ran) -> None:
    """Three attempts, each wait longer than the one before, and an error that names each."""
    (seen,) = ran.seen["02"]
    assert seen["error"]["code"] == "exhausted"
    assert "02: rate_limited (HTTP 429)" in seen["error"]["message"]
    first, second = (after["at"] - before["at"] for before, after in pairwise(ran.logs["02"]))
    assert first >= 0.7
    assert second >= 1.5


def test_03_one_500(ran: Ran) -> None:
    """One retry in place answers."""
    assert served(ran.seen["03"][0])
    assert ran.attempts("03a", "03b") == [2, 0]


def test_04_503_for_ever(ran: Ran) -> None:
    """Every call is served elsewhere; the breaker stops the attempts at five, but for probes."""
    assert all(served(seen) for seen in ran.seen["04"])
    assert ran.attempts("04b") == [10]
    assert ran.attempts("04a")[0] <= 6


def test_05_reset_before_the_headers(ran: Ran) -> None:
    """One attempt, then elsewhere."""
    assert served(ran.seen["05"][0])
    assert ran.attempts("05a", "05b") == [1, 1]


def test_06_silence(ran: Ran) -> None:
    """Not retried on the same route; the whole call inside its budget; let go of upstream."""
    assert served(ran.seen["06"][0])
    assert ran.attempts("06a", "06b") == [1, 1]
    assert ran.seen["06"][0]["ms"] < 20_000
    assert "left" in ran.logs["06a"][0]


def test_07_first_token_after_20_s(ran: Ran) -> None:
    """The limit learned from the option's own history moves on long before."""
    (seen,) = ran.seen["07"]
    assert served(seen)
    assert seen["receipt"]["option"] == "07b"
    assert [attempt["outcome"] for attempt in seen["receipt"]["attempts"]] == ["slow_start", "ok"]
    # The limit of 1 s runs from where the attempt was picked, its duration from where the request left.
    assert 0.95 <= seen["receipt"]["attempts"][0]["duration"] < 6
    assert "left" in ran.logs["07a"][20]


@pytest.mark.parametrize(("scene", "first", "second"), [("08", "08a", "08b"), ("08c", "08c", "08d")])
def test_08_cut_after_40_of_60_tokens(ran: Ran, scene: str, first: str, second: str) -> None:
    """By a reset or a clean end: held, it is whole from the next option; handed over, the body errors."""
    held, handed = ran.seen[scene]
    assert served(held)
    assert (held["receipt"]["option"], handed["words"]) == (second, None)
    assert (handed["error"]["code"], handed["error"]["late"]) == ("broken", True)
    assert ran.attempts(first, second) == [2, 1]


def test_09_stalls_after_20_tokens(ran: Ran) -> None:
    """The limit between tokens ends it."""
    held, handed = ran.seen["09"]
    assert served(held)
    assert handed["error"]["code"] == "broken"
    assert ran.attempts("09a", "09b") == [2, 1]


def test_10_one_malformed_event(ran: Ran) -> None:
    """It may have been a word: whole from the next option, or an error where its beginning was handed over by then."""
    held, handed = ran.seen["10"]
    assert served(held)
    assert served(handed) or handed["error"]["code"] == "broken"
    assert handed["receipt"]["attempts"][0]["outcome"] == "malformed"


def test_11_no_end_mark(ran: Ran) -> None:
    """Whole by its finish reason, soon, with its usage, and no other option is asked."""
    (seen,) = ran.seen["11"]
    assert served(seen)
    assert seen["ms"] < 10_000
    assert seen["receipt"]["attempts"][0]["usage"] == usage()
    assert ran.attempts("11a", "11b") == [1, 0]


def test_12_context_length(ran: Ran) -> None:
    """Not to the same model elsewhere, but to a larger window; without one the provider's words are the caller's."""
    larger, alone = ran.seen["12"]
    assert served(larger)
    assert larger["receipt"]["option"] == "12c"
    assert (alone["status"], alone["refusal"]["code"]) == (400, "context_length_exceeded")
    assert ran.attempts("12a", "12b", "12c") == [2, 0, 1]


def test_13_content_filter(ran: Ran) -> None:
    """The provider's reason reaches the caller; no retry, and not routed around."""
    (seen,) = ran.seen["13"]
    assert (seen["status"], seen["refusal"]["message"]) == (400, "the prompt was filtered")
    assert ran.attempts("13a", "13b") == [1, 0]


def test_14_a_fallback_that_rejects_a_prefill(ran: Ran) -> None:
    """A cut answer begins anew without a prefill; where the caller sent one, the first error is not hidden."""
    anew, both = ran.seen["14"]
    assert served(anew)
    assert [attempt["prefill"] for attempt in ran.logs["14b"]] == [False]
    assert "14c: server_error (HTTP 503)" in both["error"]["message"]
    assert "14d: unsuited (HTTP 400: prefill)" in both["error"]["message"]


def test_15_down_then_healthy(ran: Ran) -> None:
    """Ten times as fast: served throughout, few probes, back on the primary within three seconds of its recovery."""
    seen = ran.seen["15"]
    assert all(served(one) for one in seen)
    down = [attempt for attempt in ran.logs["15a"] if attempt["status"] == 503]
    back = min(one["at"] for one in seen if one["receipt"]["option"] == "15a") / 1000
    assert len(down) <= 5 + 8
    assert 6 <= back <= 9.5
    assert {one["receipt"]["option"] for one in seen if one["at"] > 12_500} == {"15a"}


def test_16_accounting(ran: Ran) -> None:
    """The receipt names the option that answered and the usage it told; prompt and answer are not in it."""
    (seen,) = ran.seen["16"]
    receipt = seen["receipt"]
    assert receipt["option"] == "16b"
    assert [(each["option"], each["outcome"]) for each in receipt["attempts"]] == [
        ("16a", "network_error"),
        ("16b", "ok"),
    ]
    assert receipt["attempts"][1]["usage"] == usage()
    assert not any(word in str(receipt) for word in ("count", "w01"))
