"""Gaps in the clock of a process, stopped or blocked: its calls go on as if no time had passed, and teach no time."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from typing import Any

import httpx

from sporewright.core.tensor import Tensor
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.server.demo.faults import Step
from tests.device.faulty import fleet_of, is_whole

LIMITS = {"tick_s": 0.1, "gap_s": 0.3, "attempt_timeout_s": 0.8, "first_token_s": 0.8, "deadline_s": 2.0}
SLOW = Step(first_token_s=0.6)
OK = Step()
CALL = """
import asyncio, json, sys
from tests.device.test_slept import called
print(json.dumps(asyncio.run(called(*json.loads(sys.argv[1])))))
"""


async def called(urls: dict[str, str], limits: dict[str, float]) -> dict[str, Any]:
    """A whole answer routed by a tensor: how its attempts ended, and what its device learned."""
    tensor = Tensor(["global", "device"])
    for rank, option in enumerate(urls):
        tensor.writer("global").set_value("global", "", option, "rank", float(rank))
    tensor.writer("global").set_weight("global", "", "rank", 1.0)
    upstreams = {option: {"url": url} for option, url in urls.items()}
    transport = RoutingTransport(tensor, upstreams, cursor={"device": "me"}, limits=limits)
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        print("calling", flush=True)
        response = await client.post("/v1/chat/completions", json={"messages": [], "stream": True}, timeout=None)
    attempts = [[each.option, each.outcome] for each in response.extensions["sporewright"].attempts]
    learned = [f"{cell.option} {cell.dimension}" for cell in tensor.cells() if cell.level == "device"]
    return {"attempts": attempts, "learned": learned}


async def test_a_process_that_was_stopped_learns_no_latency_and_goes_nowhere_else() -> None:
    """SIGSTOP in the middle of a call, for longer than its limit: what came in meanwhile is the answer."""
    async with fleet_of({"a": [SLOW], "b": [OK]}) as fleet:
        urls = {name: server.url for name, server in fleet.servers.items()}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CALL, json.dumps([urls, LIMITS]), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        while not fleet.attempts("a"):
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(1.5)
        process.send_signal(signal.SIGCONT)
        out, _ = await process.communicate()

        told = json.loads(out.splitlines()[-1])
        assert told["attempts"] == [["a", "ok"]]
        assert "a latency" not in told["learned"]
        assert fleet.attempts("b") == []


async def test_a_loop_that_was_blocked_is_no_slowness_of_the_option() -> None:
    """The limit passed while nothing could be heard: the attempt has the patience it had left, and answers."""
    async with fleet_of({"a": [SLOW], "b": [OK]}) as fleet:
        call = asyncio.create_task(called({name: server.url for name, server in fleet.servers.items()}, LIMITS))
        while not fleet.attempts("a"):
            await asyncio.sleep(0.02)
        time.sleep(1.2)

        told = await call

        assert told["attempts"] == [["a", "ok"]]
        assert "a latency" not in told["learned"]


async def test_what_runs_all_the_time_learns_as_ever() -> None:
    """The same call without a gap teaches its latency."""
    async with fleet_of({"a": [SLOW], "b": [OK]}) as fleet:
        told = await called({name: server.url for name, server in fleet.servers.items()}, LIMITS)

        assert told["attempts"] == [["a", "ok"]]
        assert "a latency" in told["learned"]


async def test_a_connection_that_broke_meanwhile_is_asked_anew() -> None:
    """The echo of a sleep is no failure: the same option is asked again and answers, and its breaker knows nothing."""
    async with fleet_of({"a": [Step("stall", 1, after=0), OK], "b": [OK]}, {**LIMITS, "retries": 0}) as fleet:
        call = asyncio.create_task(fleet.chat())
        while not fleet.attempts("a"):
            await asyncio.sleep(0.02)
        time.sleep(1.2)

        response = await call

        assert is_whole(response)
        assert [each.outcome for each in response.extensions["sporewright"].attempts] == ["slept", "ok"]
        assert fleet.attempts("b") == []


async def test_a_reader_who_takes_his_time_is_no_stall_after_a_gap_either() -> None:
    """Nothing is waited for while he does not read: the gap arms no limit, and he gets the whole answer."""
    async with fleet_of({"a": [Step(token_s=0.005)]}, {**LIMITS, "inter_token_s": 0.3}) as fleet:
        sent = {"messages": [], "stream": True}
        async with fleet.client.stream("POST", "/v1/chat/completions", json=sent) as response:
            pieces = response.aiter_bytes()
            read = [await anext(pieces)]
            await asyncio.sleep(0.2)
            time.sleep(1.2)
            await asyncio.sleep(0.6)
            read += [piece async for piece in pieces]

        assert b"".join(read).endswith(b"data: [DONE]\n\n")
        assert [each.outcome for each in response.extensions["sporewright"].attempts] == ["ok"]
