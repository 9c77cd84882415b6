"""The sixteen faults of a provider, over real sockets through `RoutingTransport`: rescued, and nobody is hammered.

Where the text's seconds would cost minutes, limits are shortened by configuration; the sockets are real throughout. The
full-length limits are the recorded traces' (tests/routing/traces).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import BrokenError, ExhaustedError, TooLargeError
from sporewright.server.demo.completion import usage
from sporewright.server.demo.faults import Step
from tests.device.faulty import WHOLE, Stopwatch, fleet_of, gaps, is_whole, text_of

OK = Step()


def status(number: int, times: int = 0, **more: object) -> Step:
    """A step that answers with a status."""
    return Step("status", times, status=number, **more)  # type: ignore[arg-type]


async def test_01_429_with_retry_after_goes_elsewhere() -> None:
    """A fallback answers at once, and the one that asked for two seconds is left alone by the next calls, too."""
    async with fleet_of({"a": [status(429, headers={"retry-after": "2"})], "b": [OK]}) as fleet:
        for _ in range(4):
            assert is_whole(await fleet.chat())

        assert (len(fleet.attempts("a")), len(fleet.attempts("b"))) == (1, 4)


async def test_01_429_with_retry_after_is_waited_for_where_there_is_nobody_else() -> None:
    """The wait is at least the two seconds asked for, then the same option answers."""
    script = [status(429, 1, headers={"retry-after": "2"}), OK]
    async with fleet_of({"a": script}, {"cooldown_s": 1}) as fleet:
        assert is_whole(await fleet.chat())

        (gap,) = gaps(fleet.attempts("a"))
        assert 1.8 <= gap < 4


async def test_02_429_for_ever() -> None:
    """Three attempts in all, further and further apart, then an error that names each."""
    async with fleet_of({"a": [status(429)]}, {"cooldown_s": 0.5}) as fleet:
        with pytest.raises(ExhaustedError, match=r"a: rate_limited \(HTTP 429\)"):
            await fleet.chat()

        first, second = gaps(fleet.attempts("a"))
        assert first >= 0.5
        assert second >= 1.0


async def test_json_that_ends_cleanly_in_the_middle_is_no_answer() -> None:
    """Its length was never said and its end is an end: what it left open says that it is half."""
    async with fleet_of({"a": [Step("end")], "b": [OK]}) as fleet:
        response = await fleet.chat(stream=False)

        assert response.json()["choices"][0]["message"]["content"] == WHOLE
        assert [each.outcome for each in response.extensions["sporewright"].attempts] == ["truncated", "ok"]


async def test_json_too_long_to_be_held_that_ends_cleanly_in_the_middle_is_an_error() -> None:
    """An answer handed over as it came is judged by all of it, not by the part that was held."""
    async with fleet_of({"a": [Step("end", 1), OK]}, {"hold_bytes": 20}) as fleet:
        with pytest.raises(BrokenError, match="ended in the middle"):
            await fleet.chat(stream=False)

        response = await fleet.chat(stream=False)
        assert response.json()["choices"][0]["message"]["content"] == WHOLE


@pytest.mark.parametrize("beat", [b": still here\n\n", b'data: {"type": "ping"}\n\n'])
async def test_a_stream_that_stalls_and_says_that_it_is_alive_has_stalled(beat: bytes) -> None:
    """Comments and pings are no tokens, though a reader takes each of them at once."""

    async def body() -> AsyncIterator[bytes]:
        yield b'data: {"choices": [{"index": 0, "delta": {"content": "w01 "}}]}\n\n'
        while True:
            await asyncio.sleep(0.05)
            yield beat

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body())

    inner, limits = httpx.MockTransport(answer), {"inter_token_s": 0.3}
    transport = RoutingTransport(["a"], {"a": {"url": "http://a.test"}}, transport=inner, limits=limits)
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client, asyncio.timeout(5):
        with pytest.raises(BrokenError, match=r"the answer of a broke off .*nothing for [3-9]\d\d ms"):
            await client.post("/v1/chat/completions", json={"stream": True})


async def test_03_one_500_is_retried_in_place() -> None:
    """The second attempt at the same option answers; the fallback is not asked."""
    async with fleet_of({"a": [status(500, 1), OK], "b": [OK]}) as fleet:
        assert is_whole(await fleet.chat())

        assert (len(fleet.attempts("a")), len(fleet.attempts("b"))) == (2, 0)


async def test_04_503_for_ever() -> None:
    """Every call is served elsewhere; the breaker opens at the fifth failure, and there is no sixth attempt."""
    async with fleet_of({"a": [status(503)], "b": [OK]}) as fleet:
        for _ in range(10):
            assert is_whole(await fleet.chat())

        assert (len(fleet.attempts("a")), len(fleet.attempts("b"))) == (5, 10)


async def test_05_reset_before_the_headers() -> None:
    """A connection that is reset costs one attempt."""
    async with fleet_of({"a": [Step("reset")], "b": [OK]}) as fleet:
        assert is_whole(await fleet.chat())

        assert (len(fleet.attempts("a")), len(fleet.attempts("b"))) == (1, 1)


async def test_06_silence_is_not_retried_on_the_same_route() -> None:
    """One attempt of the silent option within its limit, then the next; alone it is an error within the deadline."""
    limits = {"attempt_timeout_s": 0.4, "first_token_s": 0.4, "deadline_s": 3}
    async with fleet_of({"a": [Step("silent")], "b": [OK]}, limits) as fleet:
        took = Stopwatch()
        assert (await fleet.chat(stream=False)).json()["model"] == "b"
        assert 0.4 <= took() < 3
        assert len(fleet.attempts("a")) == 1
    async with fleet_of({"a": [Step("silent")]}, limits) as fleet:
        took = Stopwatch()
        with pytest.raises(ExhaustedError, match="a: timed_out"):
            await fleet.chat()
        assert took() < 3
        assert len(fleet.attempts("a")) == 1


async def test_06_whom_the_call_s_deadline_cuts_is_not_to_blame() -> None:
    """The second silent option's own time was not over: no time-out, no breaker, and the error says why."""
    limits = {"attempt_timeout_s": 0.4, "first_token_s": 0.4, "deadline_s": 0.6, "breaker_failures": 1}
    async with fleet_of({"a": [Step("silent")], "b": [Step("silent", 1), OK]}, limits) as fleet:
        with pytest.raises(
            ExhaustedError, match=r"a: timed_out .*b: deadline \(the call's deadline passed [12]\d\d ms"
        ):
            await fleet.chat(stream=False)
        assert (await fleet.chat(stream=False)).json()["model"] == "b"
        assert len(fleet.attempts("a")) == 1


async def test_07_a_late_first_token_moves_on_by_a_limit_that_was_learned() -> None:
    """After twenty answers of 50 ms the limit is the lower bound, not the default; twenty seconds are not waited."""
    limits = {"first_token_s": 60, "first_token_min_s": 0.5, "first_token_max_s": 1.5}
    script = [Step("ok", 20, tokens=3, first_token_s=0.05), Step("ok", first_token_s=20)]
    async with fleet_of({"a": script, "b": [OK]}, limits, hedge=False) as fleet:
        await asyncio.gather(*(fleet.chat() for _ in range(20)))
        took = Stopwatch()
        response = await fleet.chat()

        assert is_whole(response)
        assert response.extensions["sporewright"].option == "b"
        assert 0.5 <= took() < 4
        assert [attempt.outcome for attempt in response.extensions["sporewright"].attempts] == ["slow_start", "ok"]


@pytest.mark.parametrize("kind", ["cut", "end"])
async def test_08_a_stream_cut_after_40_of_60_tokens(kind: str) -> None:
    """By a reset or a clean end: whole from the next option where it is held, an error where part was handed over."""
    async with fleet_of({"a": [Step(kind, after=40)], "b": [OK]}) as fleet:
        assert is_whole(await fleet.chat(restart="buffer"))
        with pytest.raises(BrokenError, match="the answer of a broke off"):
            await fleet.chat()

        assert (len(fleet.attempts("a")), len(fleet.attempts("b"))) == (2, 1)


async def test_08_a_cut_stream_may_be_told_to_start_again() -> None:
    """With `notify` the reader is told where the new answer begins, and what follows is whole."""
    async with fleet_of({"a": [Step("cut", after=40)], "b": [OK]}) as fleet:
        pieces: list[bytes] = []
        begins: list[tuple[int, str]] = []
        asked = {"restart": "notify", "on_restart": lambda option: begins.append((len(pieces), option))}
        body = {"messages": [], "stream": True}
        async with fleet.client.stream(
            "POST", "/v1/chat/completions", json=body, extensions={"sporewright": asked}
        ) as response:
            async for piece in response.aiter_raw():
                pieces.append(piece)  # noqa: PERF401

        ((at, option),) = begins
        anew = b"".join(pieces[at:]).decode()
        assert option == "b"
        assert anew.count('"content": "w') == 60
        assert anew.rstrip().endswith("[DONE]")
        assert response.extensions["sporewright"].option == "b"


async def test_an_answer_too_long_to_be_held_back_is_an_error_that_says_so() -> None:
    """`restart: "buffer"` holds at most `buffer_bytes`, of a stream and of plain bytes; no option is to blame."""
    async with fleet_of({"a": [OK], "b": [OK]}, {"buffer_bytes": 2000, "breaker_failures": 1}) as fleet:
        for _ in range(2):
            with pytest.raises(
                TooLargeError, match=r"^the answer of a is too .*: 2\d\d\d bytes, .*buffer_bytes is 2000$"
            ):
                await fleet.chat(restart="buffer")
        assert is_whole(await fleet.chat())
        assert (len(fleet.attempts("a")), len(fleet.attempts("b"))) == (3, 0)
    async with fleet_of({"a": [OK]}, {"buffer_bytes": 100_000}) as fleet:
        assert is_whole(await fleet.chat(restart="buffer"))


async def test_08_plain_json_that_breaks_off_is_whole_from_the_next() -> None:
    """A body short enough to be held is never half an answer."""
    async with fleet_of({"a": [Step("cut")], "b": [OK]}) as fleet:
        answer = (await fleet.chat(stream=False)).json()

        assert (answer["model"], answer["choices"][0]["message"]["content"]) == ("b", WHOLE)


async def test_09_a_stream_that_stalls() -> None:
    """The limit between two tokens ends it: the next option where it is held, an error where part was handed over."""
    async with fleet_of({"a": [Step("stall")], "b": [OK]}, {"inter_token_s": 0.4}) as fleet:
        assert is_whole(await fleet.chat(restart="buffer"))
        with pytest.raises(BrokenError, match="nothing for 4"):
            await fleet.chat()

        assert (len(fleet.attempts("a")), len(fleet.attempts("b"))) == (2, 1)


async def test_10_one_malformed_event() -> None:
    """An event that is no JSON may have been a word: the answer comes whole from the next option, or is an error."""
    async with fleet_of({"a": [Step("malformed")], "b": [OK]}) as fleet:
        assert is_whole(await fleet.chat(restart="buffer"))
        with pytest.raises(BrokenError, match="no JSON"):
            await fleet.chat()


async def test_11_no_end_mark() -> None:
    """Silence after the finish reason is the end: usage is waited for till then, no other option is asked."""
    async with fleet_of({"a": [Step("no_done")], "b": [OK]}, {"inter_token_s": 0.3}) as fleet:
        took = Stopwatch()
        response = await fleet.chat()

        assert text_of(response) == WHOLE
        assert took() < 3
        assert response.extensions["sporewright"].attempts[0].usage == usage()
        assert fleet.attempts("b") == []


CONTEXT = status(400, code="context_length_exceeded", message="maximum context length is 8192 tokens")


async def test_12_too_long_a_context_goes_to_a_larger_window_only() -> None:
    """Not to the same model elsewhere, nor to one as small; the first with a larger declared window answers."""
    facts = {
        "a": {"model": "m", "window": 8192},
        "same": {"model": "m", "window": 32768},
        "small": {"window": 8192},
        "large": {"model": "n", "window": 131072},
    }
    async with fleet_of({"a": [CONTEXT], "same": [OK], "small": [OK], "large": [OK]}, facts=facts) as fleet:
        assert is_whole(await fleet.chat())

        assert [len(fleet.attempts(name)) for name in fleet.servers] == [1, 0, 0, 1]


async def test_12_without_a_larger_window_the_refusal_is_the_callers() -> None:
    """The provider's own text reaches the caller, and no option is asked again."""
    async with fleet_of({"a": [CONTEXT], "b": [OK]}) as fleet:
        response = await fleet.chat()

        assert response.status_code == 400
        assert response.json()["error"]["code"] == "context_length_exceeded"
        assert [len(fleet.attempts(name)) for name in "ab"] == [1, 0]


async def test_13_a_content_filter_is_the_callers() -> None:
    """The provider's reason reaches the caller; it is not routed around."""
    refusal = status(400, code="content_filter", message="the prompt was filtered")
    async with fleet_of({"a": [refusal], "b": [OK]}) as fleet:
        response = await fleet.chat()

        assert (response.status_code, response.json()["error"]["message"]) == (400, "the prompt was filtered")
        assert [len(fleet.attempts(name)) for name in "ab"] == [1, 0]


async def test_14_a_fallback_that_refuses_an_assistant_prefill() -> None:
    """A stream that is cut begins anew elsewhere, from the caller's own messages: no prefill is made up."""
    async with fleet_of({"a": [Step("cut", after=40)], "b": [Step("prefill")]}) as fleet:
        assert is_whole(await fleet.chat(restart="buffer"))
        assert [attempt["prefill"] for attempt in fleet.attempts("b")] == [False]


async def test_14_a_fallbacks_refusal_never_hides_the_first_error() -> None:
    """If the caller's own messages end with a prefill, the error names why the fallback was asked at all."""
    body = {"messages": [{"role": "user", "content": "count"}, {"role": "assistant", "content": "w01"}]}
    async with fleet_of({"a": [status(503)], "b": [Step("prefill")]}, {"retries": 0}) as fleet:
        with pytest.raises(ExhaustedError, match=r"a: server_error \(HTTP 503\); b: unsuited \(HTTP 400"):
            await fleet.chat(body=body)


async def test_15_down_for_a_while_then_healthy() -> None:
    """Served throughout; few probes while it is down; back on the primary soon after, by degrees. Ten times as fast."""
    limits = {"breaker_open_s": 0.4, "breaker_cap_s": 1.2, "ramp_step_s": 0.4, "retry_per_s": 2}
    async with fleet_of({"a": [status(503, seconds=6), OK], "b": [OK]}, limits) as fleet:
        clock = Stopwatch()
        served: list[tuple[float, str]] = []
        while clock() < 10:
            response = await fleet.chat(stream=False)
            served.append((clock(), response.json()["model"]))
            await asyncio.sleep(0.04)

        down = [attempt for attempt in fleet.attempts("a") if attempt["status"] == 503]
        back = min(at for at, name in served if name == "a")
        assert len(down) <= 5 + 8
        assert 6 <= back <= 9
        assert {name for at, name in served if at > 9.5} == {"a"}


async def test_16_accounting() -> None:
    """The receipt names who answered and what that one said it used; nothing of the prompt or the answer is in it."""
    script = {"a": [Step("cut", after=40)], "b": [Step(tokens=60)]}
    async with fleet_of(script) as fleet:
        response = await fleet.chat(restart="buffer")
        receipt = response.extensions["sporewright"]

        assert receipt.option == "b"
        assert receipt.queue == ["a", "b"]
        assert [(each.option, each.outcome) for each in receipt.attempts] == [("a", "network_error"), ("b", "ok")]
        assert receipt.attempts[1].usage == usage(60)
        assert receipt.attempts[1].bytes == len(response.content)
        assert not any(word in str(receipt.to_dict()) for word in ("count", "w01"))
