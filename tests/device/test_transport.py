"""More promises of the transport: hedges from a budget, cancelling, headers to the right option, devices that learn."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from sporewright.core.config import TensorConfig
from sporewright.device.native import NativeDevice
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import ConfigError, ExhaustedError
from sporewright.server.demo.faults import FaultServer, Step
from tests.device.faulty import REQUEST, Stopwatch, fleet_of, is_whole

OK = Step()
SEEDS = [
    {"floor": "global", "level": "global", "inst": "", "option": option, "dim": "latency", "kind": "value", "value": x}
    for option, x in (("a", 0.01), ("b", 0.02))
]
WEIGHTS = [
    {"floor": "global", "level": "global", "inst": "", "option": "", "dim": dim, "kind": "weight", "value": 1.0}
    for dim in ("latency", "failure")
]
CONFIG = {"levels": ["global", "workspace", "device"], "seeds": SEEDS + WEIGHTS, "priors": {"failure": 0.0}}


async def until(condition: Any, seconds: float = 5.0) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_hedge_answers_and_the_loser_is_let_go_of() -> None:
    """After twenty calls a late one is hedged at the p95; the loser is aborted upstream and is no failure."""
    script = [Step("ok", 20, tokens=3), Step("ok", first_token_s=10)]
    async with fleet_of({"a": script, "b": [OK]}) as fleet:
        for _ in range(20):
            await fleet.chat()
        took = Stopwatch()
        response = await fleet.chat()
        receipt = response.extensions["sporewright"]

        assert is_whole(response)
        assert took() < 5
        assert [(each.option, each.outcome) for each in receipt.attempts] == [("a", "lost"), ("b", "ok")]
        await until(lambda: "left" in fleet.attempts("a")[20])
        assert fleet.transport.source.health.breaker("a").data()["state"] == "closed"


async def test_a_hedge_waits_for_the_p95_as_it_is_by_then() -> None:
    """The latencies that other calls teach meanwhile move the hedge of a late option, and never cancel it."""
    async with fleet_of({"a": [Step("silent")], "b": [OK]}) as fleet:
        source = fleet.transport.source
        source.permit = lambda *_: True  # type: ignore[method-assign]
        history = source.health.history("a", streaming=True)
        history.told(0.1)
        took, call = Stopwatch(), asyncio.create_task(fleet.chat())
        await until(lambda: fleet.attempts("a"))
        history.told(0.4)

        assert is_whole(await call)
        assert 0.4 <= took() < 4


async def test_a_probe_that_loses_a_race_leaves_its_place() -> None:
    """The engine that rations probes is told that it is over, and nothing else; it has neither answered nor failed."""
    async with fleet_of({"a": [Step("silent")], "b": [OK]}) as fleet:
        source = fleet.transport.source
        source.health.breaker("a").told({"state": "open", "until": 1.0, "since": 0.0})
        source.health.history("a", streaming=True).told(0.05)
        told: list[dict[str, Any]] = []
        source.outcome = told.append  # type: ignore[method-assign]
        source.permit = lambda *_: True  # type: ignore[method-assign]
        assert is_whole(await fleet.chat())

        assert [(each["option"], each["outcome"], each["probe"]) for each in told] == [
            ("a", "lost", True),
            ("b", "ok", False),
        ]


async def test_hedges_cost_five_percent_at_most() -> None:
    """Of sixty calls, forty of them late, three are hedged."""
    script = [Step("ok", 20, tokens=1), Step("ok", tokens=1, first_token_s=0.3)]
    async with fleet_of({"a": script, "b": [Step(tokens=1)]}) as fleet:
        for _ in range(20):
            await fleet.chat()
        for _ in range(4):
            await asyncio.gather(*(fleet.chat() for _ in range(10)))

        assert len(fleet.attempts("b")) <= 3


@pytest.mark.parametrize("kind", ["silent", "stall"])
async def test_cancelling_ends_every_attempt_upstream_and_teaches_nothing(kind: str) -> None:
    """A cancelled call is gone from the server at once, before and within its answer; no other option is asked."""
    async with fleet_of({"a": [Step(kind)], "b": [OK]}) as fleet:
        call = asyncio.create_task(fleet.chat())
        await until(lambda: fleet.attempts("a"))
        await asyncio.sleep(0.2)
        call.cancel()
        took = Stopwatch()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: "left" in fleet.attempts("a")[0])

        assert took() < 2
        assert fleet.attempts("b") == []
        assert fleet.transport.source.health.all() in ([], [fleet.transport.source.health.told_of("a")])
        assert fleet.transport.source.health.breaker("a").data()["state"] == "closed"


async def test_a_reader_who_leaves_is_no_failure() -> None:
    """Closing a stream half-read aborts it upstream and counts for nothing."""
    async with fleet_of({"a": [Step("ok", token_s=0.05)]}) as fleet:
        sent = {**REQUEST, "stream": True}
        async with fleet.client.stream("POST", "/v1/chat/completions", json=sent) as response:
            async for _ in response.aiter_raw():
                break
        await until(lambda: "left" in fleet.attempts("a")[0])

        assert [each.outcome for each in response.extensions["sporewright"].attempts] == ["aborted"]


async def test_all_open_says_when() -> None:
    """With every breaker open beyond the deadline the error says when the first returns."""
    limits = {"deadline_s": 0.5, "breaker_open_s": 60, "breaker_cap_s": 60, "retries": 0}
    async with fleet_of({"a": [Step("status", status=503)]}, limits) as fleet:
        for _ in range(5):
            with pytest.raises(ExhaustedError):
                await fleet.chat()
        with pytest.raises(ExhaustedError, match=r"a: skipped \(open\); the first returns at 2\d\d\d-"):
            await fleet.chat()
        assert len(fleet.attempts("a")) == 5


async def test_all_open_is_waited_for_within_the_deadline() -> None:
    """The first to return is waited for, probed, and answers."""
    limits = {"breaker_open_s": 0.5, "breaker_cap_s": 0.5, "retries": 0}
    async with fleet_of({"a": [Step("status", 5, status=503), OK]}, limits) as fleet:
        for _ in range(5):
            with pytest.raises(ExhaustedError):
                await fleet.chat()
        told: list[dict[str, Any]] = []
        fleet.transport.source.outcome = told.append  # type: ignore[method-assign]
        assert is_whole(await fleet.chat())

        # A probe's word is its end: that its headers were good is none yet.
        assert [(each["outcome"], each["stage"], each["probe"]) for each in told] == [("ok", "STREAMING", True)]


async def test_a_key_is_kept_and_what_may_have_been_carried_out_is_not_repeated() -> None:
    """POST /hello is no inference: a reset ends it, unless it has a key (which is kept) or its caller says so."""
    async with fleet_of({"a": [Step("reset")], "b": [OK]}) as fleet:
        with pytest.raises(ExhaustedError, match="not-repeatable"):
            await fleet.client.post("/hello", json={})
        await fleet.client.post("/hello", json={}, headers={"idempotency-key": "k1"})
        await fleet.client.post("/hello", json={}, extensions={"sporewright": {"idempotent": True}})

        assert [each["key"] for each in fleet.attempts("a")] == [None, "k1", None]
        assert [each["key"] for each in fleet.attempts("b")] == ["k1", None]


async def test_a_device_learns_from_every_call_and_rations_for_all() -> None:
    """A failing option loses its place in the device's own order, and its breaker is the engine's."""
    a, b = FaultServer("a", [Step("status", status=503)]), FaultServer("b")
    await a.start()
    await b.start()
    async with NativeDevice(CONFIG, {"workspace": "acme"}) as device:
        upstreams = {"a": {"url": a.url}, "b": {"url": b.url}}
        async with httpx.AsyncClient(transport=RoutingTransport(device, upstreams), base_url=NOWHERE) as client:
            assert device.queue == ["a", "b"]
            response = await client.post("/v1/chat/completions", json=REQUEST)

            assert response.json()["model"] == "b"
            await device.until(lambda now: now.queue[0] == "b")
    await a.stop()
    await b.stop()


async def test_a_task_belongs_to_a_call() -> None:
    """Order, receipt and what answers were worth are of that kind of work; the config has no level for it."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"model": request.url.host})

    def judge(response: httpx.Response) -> float:
        """Each option is good at one kind of work."""
        return 1.0 if (response.json()["model"], judging) in {("a.test", "words"), ("b.test", "sums")} else 0.1

    weight = {**WEIGHTS[0], "dim": "quality", "value": 10.0}
    config = {**CONFIG, "seeds": [*SEEDS, *WEIGHTS, weight], "learning": {"temperature": 0}}
    config["priors"] = {"failure": 0.0, "quality": 0.2}
    async with NativeDevice(config, {"workspace": "acme"}) as device:
        upstreams = {name: {"url": f"http://{name}.test"} for name in "ab"}
        transport = RoutingTransport(device, upstreams, transport=httpx.MockTransport(answer))
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            for judging in ("words", "sums") * 8:
                how = {"task": judging, "expects": judge}
                response = await client.post("/score", json={}, extensions={"sporewright": how})
                assert response.extensions["sporewright"].task == judging
            assert response.json()["model"] == "b.test"
            assert device.resolve({"task": "sums"})[0] == "b"
            assert device.resolve({"task": "words"})[0] == "a"


async def test_credentials_go_where_they_belong() -> None:
    """A key for one provider is not shown to another; an upstream's own headers win."""
    seen: list[tuple[str, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, request.headers.get("authorization")))
        return httpx.Response(503 if request.url.host == "a.test" else 200, json={})

    upstreams = {
        "a": {"url": "http://a.test/v1"},
        "b": {"url": "http://b.test", "headers": {"authorization": "Bearer b"}},
        "c": {"url": "http://c.test"},
    }
    transport = RoutingTransport(
        ["a", "c", "b"], upstreams, transport=httpx.MockTransport(answer), limits={"retries": 0}
    )
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get("http://a.test/v1/x", headers={"authorization": "Bearer a"})
        await client.get(f"{NOWHERE}/x", headers={"authorization": "Bearer a"})
        elsewhere = await client.get("http://d.test/x", headers={"authorization": "Bearer d"})

    assert seen == [
        ("a.test", "Bearer a"),
        ("c.test", None),
        ("a.test", None),
        ("c.test", None),
        ("d.test", "Bearer d"),
    ]
    assert "sporewright" not in elsewhere.extensions


@pytest.mark.parametrize("asked", ["/x", "/x?n=1&m=a%20b"])
async def test_an_upstream_keeps_the_query_of_its_own_address(asked: str) -> None:
    """As in a page: the base's own query comes first, then the call's, each as it was written."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={})

    upstreams = {"a": {"url": "http://a.test/v1?api-version=2024-10-21"}, "b": {"url": "http://b.test"}}
    for order in (["a", "b"], ["b", "a"]):
        transport = RoutingTransport(order, upstreams, transport=httpx.MockTransport(answer))
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get(f"{NOWHERE}{asked}")

    more = asked.partition("?")[2]
    assert seen[0] == "http://a.test/v1/x?api-version=2024-10-21" + (f"&{more}" if more else "")
    assert seen[1] == f"http://b.test{asked}"


async def test_a_key_that_may_not_be_sent_is_quoted_nowhere() -> None:
    """The protocol's own error quotes the header, the call's error and its receipt do not; no option is to blame."""
    keys = ["Bearer sk-canary\n", "Bearer a"]
    facts = {"a": {"headers": lambda: {"authorization": keys.pop(0)}}}
    async with fleet_of({"a": [OK]}, {"retries": 0, "breaker_failures": 1}, facts) as fleet:
        with pytest.raises(ExhaustedError, match=r"a: unusable \(LocalProtocolError\)") as error:
            await fleet.chat()
        assert "canary" not in str(error.value)
        assert fleet.attempts("a") == []
        assert is_whole(await fleet.chat())


async def test_what_a_caller_may_not_send_is_no_fault_of_any_option() -> None:
    """His own header breaks the protocol: every option is unusable for this call, and for no other."""
    limits = {"retries": 0, "breaker_failures": 1}
    async with fleet_of({"a": [OK], "b": [OK]}, limits) as fleet:
        with pytest.raises(ExhaustedError, match=r"a: unusable \(LocalProtocolError\); b: unusable \(LocalProtocolErr"):
            await fleet.client.post("/v1/chat/completions", json={}, headers={"x-mine": "two\nlines"})
        assert is_whole(await fleet.chat())
        assert (len(fleet.attempts("a")), len(fleet.attempts("b"))) == (1, 0)


async def test_of_what_was_thrown_a_receipt_has_the_name_alone() -> None:
    """The error of the call says besides where it was raised; neither quotes it."""

    def headers() -> dict[str, str]:
        raise LookupError("no key like sk-canary")

    async with fleet_of({"a": [OK], "b": [OK]}, facts={"a": {"headers": headers}}) as fleet:
        receipt = (await fleet.chat()).extensions["sporewright"]
        assert next((each.outcome, each.reason) for each in receipt.attempts) == ("unusable", "LookupError")
        assert "canary" not in json.dumps(receipt.to_dict())
        fleet.transport.source.order = lambda *_: ["a"]  # type: ignore[method-assign]
        with pytest.raises(ExhaustedError, match=r"LookupError at test_transport.py:\d+") as error:
            await fleet.chat()
        assert "canary" not in str(error.value)


async def test_a_tensor_or_a_function_may_say_the_order() -> None:
    """A tensor is asked at its cursor, a function each time."""
    tensor = TensorConfig.from_dict(CONFIG).build()
    inner = httpx.MockTransport(lambda request: httpx.Response(200, text=request.url.host))
    upstreams = {"a": {"url": "http://a.test"}, "b": {"url": "http://b.test"}}
    for order, first in ((tensor, "a.test"), (lambda: ["b"], "b.test")):
        transport = RoutingTransport(order, upstreams, cursor={"workspace": "acme"}, transport=inner)
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            assert (await client.get("/x")).text == first


@pytest.mark.parametrize("upstream", [{"key": "sk-canary"}, {"url": "ftp://a"}, {"url": 3}])
def test_an_upstream_without_an_address_is_named(upstream: Any) -> None:
    """An option that cannot be called is a ConfigError with its name."""
    with pytest.raises(ConfigError, match="upstream a") as error:
        RoutingTransport(["a"], {"a": upstream})
    assert "canary" not in str(error.value)


SAID = {"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}


async def test_a_key_is_what_stands_between_white_space() -> None:
    """White space around a key is not sent; an empty key is none; one that no header takes is refused, unseen."""
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200 if seen[-1] == "Bearer sk-two" else 401, json=SAID)

    upstreams: dict[str, Any] = {"a": {"url": "https://a.example", "keys": ["", " sk-one", lambda: "sk-two\n"]}}
    transport = RoutingTransport(["a"], upstreams, transport=httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        response = await client.post("/v1/chat/completions", json={"model": "m", "messages": []})
    assert (response.status_code, seen) == (200, [None, "Bearer sk-one", "Bearer sk-two"])
    for keys, named in (("sk-SECRET", "keys is a str"), (["sk-good", "sk-SECRET\nx"], "key 1 holds characters")):
        with pytest.raises(ConfigError, match=named) as why:
            RoutingTransport(["a"], {"a": {"url": "https://a.example", "keys": keys}})
        assert "SECRET" not in str(why.value)
