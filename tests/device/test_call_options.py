"""The options of a native call: its preferences, its deadline, and the errors of words that cannot be meant."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sporewright.core.config import TensorConfig
from sporewright.core.tensor import Tensor
from sporewright.device.call_options import place_of
from sporewright.device.chat import chat
from sporewright.device.cursor_queues import MOST, CursorQueues
from sporewright.device.native import NativeDevice
from sporewright.device.order_source import OrderSource, TensorSource
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import ConfigError, ExcludedError, ExhaustedError, UnknownLevelError
from sporewright.server.demo.faults import Step
from tests.device.faulty import REQUEST, Stopwatch, fleet_of, served, upstreams_of
from tests.device.fleet import CONFIG

OK = Step()
TWO = {"a": [OK], "b": [OK]}


def said(**words: Any) -> dict[str, Any]:
    """A request's extension."""
    return {"extensions": {"sporewright": words}}


async def test_a_call_is_answered_by_the_options_that_it_admits() -> None:
    """The receipt holds what was asked, of which order, and who was passed over for what."""
    async with fleet_of(TWO) as fleet:
        response = await fleet.client.post("/v1/chat/completions", json=REQUEST, **said(only=["b"]))
        receipt = response.extensions["sporewright"]

    assert receipt.option == "b"
    assert receipt.queue == ["b"]
    assert receipt.preferences == {"asked": {"only": ["b"]}, "from": ["a", "b"]}
    assert receipt.skipped == {"a": "not-only"}


async def test_a_call_that_asks_for_nothing_has_no_preferences() -> None:
    """An empty list of what is ignored is no wish."""
    async with fleet_of(TWO) as fleet:
        response = await fleet.client.post("/v1/chat/completions", json=REQUEST, **said(ignore=[], prefer=None))
        assert response.extensions["sporewright"].preferences is None
        assert response.extensions["sporewright"].option == "a"


async def test_preferences_that_leave_no_option_end_the_call_at_once() -> None:
    """Nobody is asked; the error says what excluded which, and is httpx's as well."""
    async with fleet_of(TWO) as fleet:
        with pytest.raises(
            ExcludedError, match=r"leaves no option: a: skipped \(ignored\); b: skipped \(not-only\)"
        ) as e:
            await fleet.client.post("/v1/chat/completions", json=REQUEST, **said(only=["a"], ignore=["a"]))
        assert fleet.attempts("a") == fleet.attempts("b") == []
    assert isinstance(e.value, httpx.TransportError)
    assert isinstance(e.value, ExhaustedError)


async def test_a_call_has_a_deadline_of_its_own() -> None:
    """Seconds, whatever the plan's is."""
    async with fleet_of({"a": [Step("silent")]}) as fleet:
        took = Stopwatch()
        with pytest.raises(ExhaustedError):
            await fleet.client.post("/v1/chat/completions", json=REQUEST, **said(deadline=0.3))
        assert 0.2 < took() < 5


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"onyl": ["a"]}, "'onyl': did you mean 'only'\\?"),
        ({"temperature": 1}, "'temperature': is none of affinity, cursor, deadline, "),
        ({"only": []}, "only: an empty list admits no option"),
        ({"only": ["aa"]}, "only: 'aa' is no option \\(known: a, b\\)"),
        ({"deadline": 0}, "deadline: 0 is not a positive number of seconds"),
        ({"deadline": "1"}, "deadline: '1' is not a positive number of seconds"),
        ({"deadline": 10**400}, "deadline: an integer of 1329 bits is not a positive number of seconds"),
        ({"max_cost": 10**400}, "max_cost: an integer of 1329 bits is not a finite number, at least 0"),
        ({"idempotent": "no"}, "idempotent: 'no' is neither True nor False"),
        ({"hedge": 0}, "hedge: 0 is neither True nor False"),
        ({"deadline": True}, "deadline: True is not a positive number of seconds"),
    ],
)
async def test_what_cannot_be_meant(words: dict[str, Any], error: str) -> None:
    """It is named, and nobody is asked."""
    async with fleet_of(TWO) as fleet:
        with pytest.raises(ConfigError, match=f"^extension sporewright: {error}"):
            await fleet.client.post("/v1/chat/completions", json=REQUEST, **said(**words))
        assert fleet.attempts("a") == []


async def test_a_device_s_calls_have_the_whole_order() -> None:
    """An option beyond the head that the device keeps is admitted all the same."""
    async with served({"gamma": [OK]}) as servers, NativeDevice(CONFIG, {"workspace": "acme"}, limit=1) as device:
        transport = RoutingTransport(device, upstreams_of(servers))
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            response = await client.post("/v1/chat/completions", json=REQUEST, **said(prefer=["gamma"]))
    assert response.extensions["sporewright"].queue == ["gamma", "alpha", "beta"]


async def test_resolve_and_explain_think_of_a_call_with_preferences() -> None:
    """The order it would walk; the options passed over with their reasons; without preferences all is as it was."""
    async with NativeDevice(CONFIG, {"workspace": "acme"}) as device:
        assert device.resolve({}, only=["gamma", "alpha"], prefer=["gamma"]) == ["gamma", "alpha"]
        told = device.explain(only=["gamma", "alpha"], prefer=["gamma"])
        assert [each["option"] for each in told["ranked"]] == ["gamma", "alpha"]
        assert told["skipped"] == [{"option": "beta", "reason": "not-only", "why": "not-only"}]
        assert device.explain() == device.call("explain")
        assert "skipped" not in device.explain()
        with pytest.raises(ConfigError, match="preferences: 'onyl': did you mean 'only'"):
            device.resolve(onyl=["a"])
        with pytest.raises(ConfigError, match="only: 'gama' is no option: did you mean 'gamma'"):
            device.explain(only=["gama"])


LEVELS = ["global", "workspace", "site", "device"]


def seed(level: str, instance: str, option: str, dimension: str, value: Any) -> dict[str, Any]:
    """A value by the operator."""
    place = {"floor": "global", "level": level, "inst": instance}
    return {**place, "option": option, "dim": dimension, "kind": "value", "value": value}


SITES = {
    "levels": LEVELS,
    "seeds": [
        seed("global", "", "a", "rank", 0.1),
        seed("global", "", "b", "rank", 0.2),
        {**seed("global", "", "", "rank", 1.0), "kind": "weight"},
        seed("site", "ulm", "a", "priv:eu", "inf"),
        seed("site", "bonn", "a", "rank", 0.3),
    ],
}


async def asked_at(client: httpx.AsyncClient, **words: Any) -> Any:
    """The receipt of a call."""
    response = await client.post("/v1/chat/completions", json=REQUEST, **said(**words))
    return response.extensions["sporewright"]


async def test_a_call_is_made_at_its_own_cursor() -> None:
    """Laid over the device's: its order, its gates, its kind of work; it stands in the receipt."""
    async with served(TWO) as servers, NativeDevice(SITES, {"workspace": "acme"}, device="mine") as device:
        transport = RoutingTransport(device, upstreams_of(servers))
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            assert (await asked_at(client)).queue == ["a", "b"]
            assert (await asked_at(client, cursor={"site": "ulm"})).queue == ["b"]
            receipt = await asked_at(client, cursor={"site": "bonn", "device": "mine"}, task="sums", ignore=["a"])
            assert (receipt.queue, receipt.task) == (["b"], "sums")
            assert receipt.cursor == {"site": "bonn", "device": "mine", "task": "sums"}
            assert receipt.preferences["from"] == ["b", "a"]
            device.observe("b", "rank", 9.0)
            assert (await asked_at(client, cursor={"site": "bonn"})).queue == ["a", "b"]
            assert device.queue == ["a", "b"]
            with pytest.raises(UnknownLevelError, match="planet"):
                await asked_at(client, cursor={"planet": "x"})
            with pytest.raises(ConfigError, match="cursor: device: 'other': a call is made from this device"):
                await asked_at(client, cursor={"device": "other"})


async def test_orders_are_kept_current_for_a_bounded_number_of_cursors() -> None:
    """A cursor's order is asked for once; beyond 32 the one called for longest ago is followed no more."""
    async with NativeDevice(SITES, {"workspace": "acme"}) as device:
        calls: list[str] = []
        orders = CursorQueues(lambda call, **body: calls.append(call) or device.call(call, **body))  # type: ignore[func-returns-value]
        for at in range(MOST):
            assert orders.order({"site": f"s{at}"}) == ["a", "b"]
        orders.order({"site": "s0"})
        assert calls == ["watch"] * MOST
        orders.order({"site": "ulm"})
        assert calls[MOST:] == ["watch", "unwatch"]
        orders.order({"site": "s0"})
        assert len(calls) == MOST + 2
        orders.order({"site": "s1"})
        assert calls[MOST + 2 :] == ["watch", "unwatch"]


async def test_a_tensor_and_a_list_at_a_cursor() -> None:
    """A tensor's own cursor is laid under the call's; a list has no levels."""
    tensor = TensorConfig.from_dict(SITES).build()
    source = TensorSource(tensor, {"device": "mine"}, {})
    assert source.order() == ["a", "b"]
    assert source.order({"site": "ulm", "task": "sums", "device": "mine"}) == ["b"]
    with pytest.raises(ConfigError, match="a call is made from this device"):
        source.order({"device": "other"})
    assert OrderSource(["a"], {}).order({"task": "sums"}) == ["a"]
    with pytest.raises(ConfigError, match="a list, which has no levels"):
        OrderSource(["a"], {}).order({"site": "ulm"})


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"cursor": "ulm"}, "cursor: 'ulm' is no mapping of texts"),
        ({"cursor": {"site": 3}}, r"cursor\['site'\]: 3 is no text"),
        ({"cursor": {"task": "a"}, "task": "b"}, "task: 'b' and cursor.task: 'a' are two kinds of work"),
        ({"task": 3}, "task: 3 is no text"),
    ],
)
def test_a_place_that_is_none(words: dict[str, Any], error: str) -> None:
    """It is named."""
    with pytest.raises(ConfigError, match=f"^extension sporewright: {error}"):
        place_of(words)


PRICED = {
    "levels": ["global", "workspace", "device"],
    "seeds": [
        {**SITES["seeds"][0], "dim": dimension, "option": option, "value": value}  # type: ignore[index, dict-item]
        for option, dimension, value in (
            ("a", "financial", 0.02),
            ("a", "latency", 3.0),
            ("b", "price:in", 1.0),
            ("b", "latency", 5.0),
            ("c", "rank", 9.0),
        )
    ],
}


@pytest.mark.parametrize("kind", ["device", "tensor"])
async def test_caps_pass_over_what_is_known_to_be_dearer_or_slower(kind: str) -> None:
    """By what is believed of a call, the size of this one, and the errors' numbers; unknown figures exclude nobody."""
    async with served({"a": [OK], "b": [OK], "c": [OK]}) as servers, NativeDevice(PRICED, {}, device="mine") as device:
        tensor = TensorConfig.from_dict(PRICED).build()
        order: Any = device if kind == "device" else tensor
        transport = RoutingTransport(order, upstreams_of(servers))
        async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
            receipt = await asked_at(client, max_cost=0.01)
            assert receipt.queue == ["b", "c"]
            assert receipt.skipped == {"a": "max-cost"}
            assert receipt.preferences["figures"]["a"] == {"cost": 0.02, "latency": 3.0}
            large = {"messages": [{"role": "user", "content": "x" * 80_000}]}
            with pytest.raises(
                ExcludedError,
                match=r"a: skipped \(max-cost: 0.02 USD expected, 0.01 allowed\); "
                r"b: skipped \(max-cost: 0.02\d* USD expected, 0.01 allowed\); c: skipped \(not-only\)",
            ):
                await client.post("/v1/chat/completions", json=large, **said(max_cost=0.01, only=["a", "b"]))
            spoken = chat(client, {**large, "model": "m"}, max_cost=0.01, only=["a", "b"])
            with pytest.raises(ExcludedError):
                await spoken.text()
            odd = await client.post("/v1/odd", content=b"{", **said(max_cost=0.01, max_latency=4))
            assert odd.extensions["sporewright"].queue[-1] == "c"


async def test_explain_says_what_a_cap_excludes() -> None:
    """With the numbers; a list of options knows none."""
    async with NativeDevice(PRICED, {}, device="mine") as device:
        told = device.explain({}, max_cost=0.01, max_latency=4)
        assert [each["option"] for each in told["ranked"]] == ["c"]
        assert [each["why"] for each in told["skipped"]] == [
            "max-cost: 0.02 USD expected, 0.01 allowed",
            "max-latency: 5 s expected, 4 allowed",
        ]
    assert OrderSource(["a"], {}).figures({}, ["a"]) == {}


REGIONS: dict[str, Any] = {
    "a": {"properties": {"region": "us", "capabilities": ["vision"]}},
    "b": {"properties": {"region": ["eu"], "capabilities": ["tools", "vision"]}},
}


async def test_a_call_says_what_it_needs() -> None:
    """Of what is declared of the upstreams; the reason names the property, and the receipt holds what was declared."""
    async with fleet_of(TWO, facts=REGIONS) as fleet:
        receipt = await asked_at(fleet.client, needs={"region": ["eu", "ch"], "capabilities": "vision"})
        assert receipt.skipped == {"a": "needs:region"}
        assert receipt.preferences["properties"]["b"] == {"region": ["eu"], "capabilities": ["tools", "vision"]}
        with pytest.raises(ExcludedError, match=r"b: skipped \(needs:dataPolicy\)"):
            await asked_at(fleet.client, needs={"dataPolicy": "none"})
        with pytest.raises(ConfigError, match="needs: region: 3 is not a list of names"):
            await asked_at(fleet.client, needs={"region": 3})
    with pytest.raises(ConfigError, match="upstream a: properties: region: 3 is not a list of names"):
        RoutingTransport(["a"], {"a": {"url": "http://a.test", "properties": {"region": 3}}})  # type: ignore[dict-item]


async def test_resolve_and_explain_with_needs() -> None:
    """The properties are said with them."""
    async with NativeDevice(CONFIG, {"workspace": "acme"}) as device:
        properties = {"alpha": {"region": "us"}, "beta": {"region": "eu"}}
        assert device.resolve(needs={"region": "eu"}, properties=properties) == ["beta"]
        told = device.explain(needs={"region": "eu"}, properties=properties)
        assert [each["reason"] for each in told["skipped"]] == ["needs:region", "needs:region"]


async def test_calls_that_belong_together_stay_together() -> None:
    """Of two equal options each conversation has its own, and keeps it; a failover takes it along. Receipts say why."""
    tensor = Tensor(["global", "device"])
    writer = tensor.writer("global")
    writer.set_weight("global", "", "rank", 1.0)
    for option in "ab":
        writer.set_value("global", "", option, "rank", 1.0)
    async with served(TWO) as servers:
        transport = RoutingTransport(tensor, upstreams_of(servers))
        client = httpx.AsyncClient(transport=transport, base_url=NOWHERE)

        async def option_of(key: str) -> str:
            response = await client.post("/v1/chat/completions", json=REQUEST, **said(affinity=key))
            receipt = response.extensions["sporewright"]
            assert receipt.preferences["asked"]["affinity"]["option"] == receipt.queue[0]
            return str(receipt.option)

        homes = {f"talk {number}": await option_of(f"talk {number}") for number in range(12)}
        assert set(homes.values()) == {"a", "b"}
        assert {key: await option_of(key) for key in homes} == homes
        key = next(key for key, home in homes.items() if home == "a")
        servers["a"].play([Step("status", status=503)])
        assert await option_of(key) == "b"
        servers["a"].play([OK])
        transport.source.health.breaker("a").succeeded(0.0)
        assert await option_of(key) == "b"
        await client.aclose()


@pytest.mark.parametrize("key", ["", 3, "x" * 257])
async def test_an_affinity_is_a_name(key: Any) -> None:
    """Not a number, not a prompt."""
    async with fleet_of(TWO) as fleet:
        with pytest.raises(ConfigError, match=r"affinity: .* is no text of 1 to 256 letters"):
            await fleet.client.post("/v1/chat/completions", json=REQUEST, **said(affinity=key))
