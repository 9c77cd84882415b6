"""The options of a native call: its preferences, its deadline, and the errors of words that cannot be meant."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sporewright.device.native import NativeDevice
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import ConfigError, ExcludedError, ExhaustedError
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
        ({"temperature": 1}, "'temperature': is none of deadline, "),
        ({"only": []}, "only: an empty list admits no option"),
        ({"only": ["aa"]}, "only: 'aa' is no option \\(known: a, b\\)"),
        ({"deadline": 0}, "deadline: 0 is not a positive number of seconds"),
        ({"deadline": "1"}, "deadline: '1' is not a positive number of seconds"),
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
