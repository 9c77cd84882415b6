"""Hostile tenants on a real server: what one workspace says reaches another only where the operator has opened it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from sporewright.wire import CellEntry, Ping, Pong
from tests.server.conftest import Device, Running, cell, opening, seed

Make = Callable[..., Running]
QUALITY = -1e9


@asynccontextmanager
async def joined(running: Running, workspace: str, *holders: str) -> AsyncIterator[list[Device]]:
    """A device of each holder in that workspace."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(running.device(f"{workspace}-{at}", workspace, holder))
            for at, holder in enumerate(holders)
        ]


async def say(devices: list[Device], option: str, dimension: str, value: float, *, count: float | None = None) -> None:
    """All of them say it; with a count as measured."""
    for device in devices:
        name = device.welcome.device
        more = [] if count is None else [cell(name, option, f"count:{dimension}", count)]
        assert (await device.push(cell(name, option, dimension, value), *more)).accepted == 1 + len(more)


async def settled(running: Running, *devices: Device) -> None:
    """A tick has published what was committed, and the devices have read it."""
    await running.app.state.hub.tick()
    for at, device in enumerate(devices):
        head = running.app.state.hub.publication(device.welcome.workspace).head
        while (device.session.revision or 0) < head:
            await device.say(Ping(at))
            await device.hear(Pong)


def foreign(device: Device) -> list[tuple[str, str, str, str]]:
    """The cells that a device was sent and no operator declared, when no device in its workspace has reported any."""
    return [at for at, entry in device.shared.items() if entry.get("v") != 0.0]


HOSTILE = {
    "stated": lambda name: [cell(name, "openai", "quality", QUALITY)],
    "with a forged count": lambda name: [
        cell(name, "openai", "quality", QUALITY),
        cell(name, "openai", "count:quality", 1e9),
    ],
    "with a forged support": lambda name: [
        cell(name, "openai", "quality", QUALITY),
        cell(name, "openai", "support:quality", 1e9),
    ],
    "as a capability": lambda name: [cell(name, "openai", "can:vision", 1.0)],
    "of options nobody declared": lambda name: [cell(name, f"own-{at}", "quality", QUALITY) for at in range(50)],
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("config", ["none", "closed", "opened"])
async def test_a_hostile_workspace_moves_nobody_elses_order(server: Make, kind: str, config: str) -> None:
    """Two hostile tenants, ten devices of two holders: without a config, without the key, or opened but unsupported."""
    declared = {"none": None, "closed": opening(options=("openai",)), "opened": None}[config]
    if config == "opened":
        declared = opening("quality", "can:vision", options=("openai",))
    if declared is not None and config == "closed":
        del declared["global"]
    async with (
        server(declared, quorum=3).serving() as running,
        joined(running, "acme", "ann") as (victim,),
        joined(running, "evil", *["mallory"] * 5) as one,
        joined(running, "wicked", *["mallory", "trudy"] * 2) as two,
    ):
        for device in (*one, *two):
            await device.push(*HOSTILE[kind](device.welcome.device))
        await settled(running, victim, one[0])
        assert foreign(victim) == []
        assert [at for at in one[0].shared if at[0] == "workspace"] or kind == "as a capability"


async def test_twenty_thousand_invented_options_go_to_nobody_else(server: Make) -> None:
    """Three devices of one holder say 20,000 invented names: an idle device elsewhere is sent none of them."""
    config = opening("latency", options=("openai",), support=1)
    async with (
        server(config, database="memory://", tick_s=60).serving() as running,
        joined(running, "acme", "ann") as (idle,),
        joined(running, "evil", *["mallory"] * 3) as flood,
    ):
        await settled(running, idle)
        before = dict(idle.shared)
        for at in range(20):
            device = flood[at % len(flood)]
            name = device.welcome.device
            cells = [cell(name, f"invented-{at}-{each}", "latency", 1.0) for each in range(1_000)]
            assert (await device.push(*cells)).accepted == 1_000
        await running.app.state.hub.tick()
        await idle.say(Ping(1))
        await idle.hear(Pong)
        assert idle.shared == before
        assert running.app.state.hub.publication("acme").head == idle.session.revision


@pytest.mark.parametrize("count", [None, 3.0])
async def test_what_is_opened_becomes_global_with_enough_behind_it(server: Make, count: float | None) -> None:
    """Stated or measured: with four holders nothing crosses, with the fifth the value, its support and its count do."""
    config = opening("latency", options=("openai",))
    async with (
        server(config).serving() as running,
        joined(running, "reader", "rob") as (reader,),
        joined(running, "acme", "ann", "bob", "cy", "cy") as acme,
        joined(running, "umbrella", "ann", "dan") as umbrella,
    ):
        await say([*acme, *umbrella[:1]], "openai", "latency", 1.0, count=count)
        await say(acme, "invented", "latency", 1.0, count=count)
        await say(acme, "openai", "quality", 1.0, count=count)
        await settled(running, reader)
        assert foreign(reader) == []
        await say(umbrella[1:], "openai", "latency", 5.0, count=count)
        await settled(running, reader)
        assert foreign(reader) == []
        async with joined(running, "third", "eve") as third:
            await say(third, "openai", "latency", 1.0, count=count)
            await settled(running, reader)
            said = {at: entry["v"] for at, entry in reader.shared.items() if entry.get("v") != 0.0}
            measured = {} if count is None else {("global", "", "openai", "count:latency"): count}
            assert said == {
                ("global", "", "openai", "latency"): 1.0,
                ("global", "", "openai", "support:latency"): 5.0,
                **measured,
            }


async def test_one_holder_everywhere_outvotes_nobody(server: Make) -> None:
    """Mallory in seven workspaces is one of six voices at global, and in a workspace one of six with six devices."""
    async with server(opening("latency", options=("openai",))).serving() as running, AsyncExitStack() as stack:
        honest = await stack.enter_async_context(joined(running, "acme", *(f"h{at}" for at in range(5))))
        await say(honest, "openai", "latency", 1.0)
        for at in range(7):
            evil = await stack.enter_async_context(joined(running, f"evil{at}", "mallory"))
            await say(evil, "openai", "latency", 99.0)
        await settled(running, honest[0])
        assert honest[0].value("global", "", "openai", "latency") == 1.0
        assert honest[0].value("global", "", "openai", "support:latency") == 6.0


async def test_tokens_that_name_nobody_are_one_voice(server: Make) -> None:
    """Six tokens minted without a holder against five honest holders in one workspace: the honest value stands."""
    async with server().serving() as running, AsyncExitStack() as stack:
        honest = await stack.enter_async_context(joined(running, "acme", *(f"h{at}" for at in range(5))))
        await say(honest, "openai", "latency", 1.0, count=3.0)
        for at in range(6):
            unnamed = await stack.enter_async_context(running.device(f"m{at}", holder=f"acme/m{at}"))
            await say([unnamed], "openai", "latency", 99.0, count=1e9)
        await settled(running, honest[0])
        assert honest[0].value("workspace", "acme", "openai", "latency") == 1.0
        assert honest[0].value("workspace", "acme", "openai", "support:latency") == 6.0


async def test_closing_takes_it_back(server: Make) -> None:
    """A server started with a config that opens no more withdraws what was global, from a returning device, too."""
    seeds = [seed("global", "", "openai", "latency", "value", 0.5)]
    async with (
        server(opening("latency", support=1, seeds=seeds)).serving() as running,
        joined(running, "acme", "ann") as acme,
        joined(running, "umbrella", "bob") as (reader,),
    ):
        await say(acme, "openai", "latency", 9.0)
        await settled(running, reader)
        assert reader.value("global", "", "openai", "latency") == 9.0
        shared, resume = dict(reader.shared), reader.resume
    async with (
        server(opening(support=1, seeds=seeds)).serving() as again,
        again.device("umbrella-0", "umbrella", "bob", resume=resume) as reader,
    ):
        reader.shared = shared
        await settled(again, reader)
        assert {at: entry["v"] for at, entry in reader.shared.items()} == {
            ("global", "", "openai", "latency"): 0.5,
        }


async def test_a_value_with_too_little_behind_it_hides_no_operators_word(server: Make) -> None:
    """A value of four holders does not cover what the operator declared at the same coordinate; the fifth covers it."""
    seeds = [seed("workspace", "acme", "openai", "financial", "value", 2.0)]
    async with (
        server(opening(seeds=seeds)).serving() as running,
        joined(running, "acme", *(f"h{at}" for at in range(5))) as acme,
    ):
        await say(acme[:4], "openai", "financial", -1e9)
        await settled(running, acme[0])
        assert {at[3]: entry["v"] for at, entry in acme[0].shared.items()} == {"financial": 2.0}
        await say(acme[4:], "openai", "financial", -1e9)
        await settled(running, acme[0])
        assert acme[0].value("workspace", "acme", "openai", "financial") == -1e9
        gone: CellEntry = {"level": "device", "inst": "acme-4", "option": "openai", "dim": "financial"}
        await acme[4].push(gone)
        await settled(running, acme[0])
        assert {at[3]: entry["v"] for at, entry in acme[0].shared.items()} == {"financial": 2.0}
