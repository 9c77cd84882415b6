"""An option that takes the connection and says nothing: another is asked beside it before the call's time is over."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from sporewright.device.chat import chat
from sporewright.errors import ExhaustedError
from sporewright.server.demo.faults import Step
from tests.device.faulty import REQUEST, Fleet, Stopwatch, fleet_of

OK = Step(tokens=3)
SILENT = Step("silent")
LIMITS = {"deadline_s": 1.5}
"""Less than one attempt may take; two thirds of it are a second."""


def outcomes(receipt: Any) -> list[tuple[str, str]]:
    """Option and outcome of each attempt in the receipt."""
    return [(each.option, each.outcome) for each in receipt.attempts]


async def until_left(fleet: Fleet, name: str) -> None:
    """Wait until the last request that reached this server was let go of."""
    async with asyncio.timeout(5):
        while "left" not in fleet.attempts(name)[-1]:
            await asyncio.sleep(0.01)


def knows(fleet: Fleet, *, stream: bool) -> None:
    """An answer of the first option is known, and came quickly: its silence is no slowness."""
    fleet.transport.source.health.history("a", streaming=stream).add(0.1)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_next_option_answers_within_the_deadline(stream: bool) -> None:
    """The first time as well; the silent one is let go of, has failed, and after five such calls is left alone."""
    async with fleet_of({"a": [SILENT], "b": [OK]}, LIMITS, hedge=False) as fleet:
        knows(fleet, stream=stream)
        told: list[dict[str, Any]] = []
        source = fleet.transport.source
        tell = source.outcome
        source.outcome = lambda body: (told.append(body), tell(body))[1]  # type: ignore[method-assign]
        took = Stopwatch()
        responses = await asyncio.gather(*(fleet.chat(stream=stream) for _ in range(5)))

        assert 1 <= took() < 1.5
        for response in responses:
            receipt = response.extensions["sporewright"]
            assert (receipt.option, sorted(outcomes(receipt))) == ("b", [("a", "timed_out"), ("b", "ok")])
            silent = next(each for each in receipt.attempts if each.option == "a")
            assert silent.reason.startswith("nothing for 1")
            assert silent.reason.endswith("another option answered")
        failed = [each for each in told if each["option"] == "a"]
        assert [(each["outcome"], each["stage"]) for each in failed] == [("timed_out", "CALLING")] * 5
        assert all(1 <= each["latency_s"] < 1.5 for each in failed)
        await until_left(fleet, "a")
        assert source.health.breaker("a").data()["state"] == "open"
        took = Stopwatch()
        await fleet.chat(stream=stream)
        assert took() < 1


async def test_an_option_that_is_only_slow_is_not_blamed_and_answers_the_next_call() -> None:
    """Nothing is known of how long it takes: having lost once, five at a time, it has longer, and then it is known."""
    slow, limits = Step(first_token_s=1.9, tokens=3), {"deadline_s": 2.4}
    async with fleet_of({"a": [slow], "b": [OK]}, limits, hedge=False) as fleet:
        for response in await asyncio.gather(*(fleet.chat() for _ in range(5))):
            assert sorted(outcomes(response.extensions["sporewright"])) == [("a", "deadline"), ("b", "ok")]
        for _ in range(2):
            response = await fleet.chat()
            assert outcomes(response.extensions["sporewright"]) == [("a", "ok")]


async def test_a_get_and_a_chat_are_raced_as_well() -> None:
    """Whatever may be sent twice."""
    async with fleet_of({"a": [SILENT], "b": [OK]}, LIMITS, hedge=False) as fleet:
        response = await fleet.client.get("/hello")
        said = [event async for event in chat(fleet.client, REQUEST)]

        assert response.extensions["sporewright"].option == "b"
        assert said[-1]["type"] == "done"
        assert len(fleet.attempts("b")) == 2


async def test_what_may_not_be_sent_twice_is_not_raced() -> None:
    """It may have been carried out: the other option is never asked, unless the caller says that it may be."""
    async with fleet_of({"a": [SILENT], "b": [OK]}, LIMITS) as fleet:
        with pytest.raises(ExhaustedError, match=r"a: timed_out .*b: skipped \(not-repeatable\)"):
            await fleet.client.post("/hello", content=b"an order")
        assert fleet.attempts("b") == []
        asked = {"sporewright": {"idempotent": True}}
        response = await fleet.client.post("/hello", content=b"an order", extensions=asked)

        assert response.extensions["sporewright"].option == "b"


async def test_a_stream_whose_first_token_does_not_come_is_raced() -> None:
    """Headers and nothing after them: it is too slow to begin."""
    async with fleet_of({"a": [Step(first_token_s=20)], "b": [OK]}, LIMITS, hedge=False) as fleet:
        knows(fleet, stream=True)
        response = await fleet.chat()

        assert is_whole_of(response, 3)
        assert outcomes(response.extensions["sporewright"]) == [("a", "slow_start"), ("b", "ok")]


async def test_the_first_may_answer_after_all() -> None:
    """It was not cut: its answer is as good, and the other one is let go of without having failed."""
    late, later = Step(first_token_s=1.2, tokens=3), Step(first_token_s=20)
    async with fleet_of({"a": [late], "b": [later]}, LIMITS, hedge=False) as fleet:
        response = await fleet.chat()

        assert outcomes(response.extensions["sporewright"]) == [("b", "lost"), ("a", "ok")]
        await until_left(fleet, "b")
        assert fleet.transport.source.health.breaker("b").data()["state"] == "closed"


async def test_who_is_asked_beside_it_fails_and_a_third_answers() -> None:
    """The third is asked at once, the first goes on meanwhile."""
    scripts = {"a": [SILENT], "b": [Step("status", status=503)], "c": [OK]}
    async with fleet_of(scripts, LIMITS, hedge=False) as fleet:
        knows(fleet, stream=True)
        took = Stopwatch()
        response = await fleet.chat()

        assert took() < 1.5
        assert outcomes(response.extensions["sporewright"]) == [("b", "server_error"), ("a", "timed_out"), ("c", "ok")]


async def test_a_probe_that_is_out_is_asked_for_again() -> None:
    """Half open, and its one probe is with another call: it is asked once that is over."""
    limits = {"deadline_s": 3, "backoff_s": 0.1}
    async with fleet_of({"a": [SILENT], "b": [OK]}, limits, hedge=False) as fleet:
        source = fleet.transport.source
        source.health.breaker("b").told({"state": "open", "until": 1.0, "since": 0.0})
        answers = [False, False, True]
        source.permit = lambda *_: answers.pop(0)  # type: ignore[method-assign]
        took = Stopwatch()
        response = await fleet.chat()

        assert 2.2 <= took() < 3
        assert response.extensions["sporewright"].option == "b"


def is_whole_of(response: httpx.Response, tokens: int) -> bool:
    """True if so many words came, and the end mark."""
    return response.text.count('"content": "w') == tokens and response.text.rstrip().endswith("[DONE]")


async def test_a_caller_who_leaves_at_the_first_piece_leaves_no_connection_open() -> None:
    """The loser is being let go of in that very moment; cancelled again meanwhile, it would stay open for ever."""
    async with fleet_of({"a": [SILENT], "b": [OK]}, LIMITS, hedge=False) as fleet:
        for _ in range(3):
            body = {**REQUEST, "stream": True}
            async with fleet.client.stream("POST", "/v1/chat/completions", json=body) as response:
                assert await anext(response.aiter_bytes())
            await until_left(fleet, "a")
