"""Updates that many devices share: encoded once, compressed once, and the same to each as if made for it alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from sporewright.server.broadcast import KEPT_BASES, Broadcast
from sporewright.server.cells import Layers, Stated
from sporewright.server.publication import publish
from sporewright.server.store import Publication
from sporewright.wire import CellEntry, Limits, Ping, Pong, decode
from tests.server.conftest import Device, Running, cell

Make = Callable[..., Running]


def _cells(revision: int, count: int = 50) -> Stated:
    return {("workspace", "acme", f"option-{at}é", "latency"): Layers(float(revision + at)) for at in range(count)}


async def test_what_many_wait_for_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask at once, and again: one making for a revision that they stand at, and no bytes twice."""
    publication, broadcast, made = Publication(), Broadcast(Limits()), []
    publish(publication, _cells(1), 1)
    making = Broadcast.made

    def counted(self: Broadcast, publication: Publication, base: int | None) -> object:
        made.append(base)
        return making(self, publication, base)

    monkeypatch.setattr(Broadcast, "made", counted)
    found = await asyncio.gather(*(broadcast.updates(publication, None) for _ in range(100)))
    assert made == [None]
    assert len({id(each[0].data) for each in found}) == 1
    assert await broadcast.updates(publication, 1) == ()
    publish(publication, _cells(2, 1), 2)
    ahead = await asyncio.gather(*(broadcast.updates(publication, base) for base in (1, None, 1, None)))
    assert sorted(made[1:], key=str) == [1, None]
    assert ahead[0] is ahead[2]
    assert len(decode(ahead[0][0].data).cells) == 1  # type: ignore[union-attr]


async def test_many_revisions_are_not_kept_for_ever() -> None:
    """Devices that come back from anywhere: the updates of the last few revisions are kept, each is right."""
    publication, broadcast = Publication(), Broadcast(Limits())
    for revision in range(1, 3 * KEPT_BASES):
        publish(publication, _cells(revision, 3), revision)
    for base in range(3 * KEPT_BASES - 1):
        (frame,) = await broadcast.updates(publication, base)
        assert json.loads(frame.data)["base"] == base
    assert len(broadcast._frames) == KEPT_BASES


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_every_device_is_shown_the_same(server: Make, compression: str | None) -> None:
    """With compression or without, from the beginning or resumed: all end with what the server shows."""

    def shows(value: float) -> Callable[[Device], bool]:
        return lambda device: device.value("workspace", "acme", "option-299é", "latency") == value

    async with server(tick_s=0.1).serving() as running, AsyncExitStack() as stack:
        writer = await stack.enter_async_context(running.device("W"))
        others = [await stack.enter_async_context(running.device(f"D{at}", compression=compression)) for at in range(5)]
        for turn in range(3):
            said: list[CellEntry] = [cell("W", f"option-{at}é", "latency", float(turn * at)) for at in range(300)]
            await writer.push(*said)
            await writer.until(shows(turn * 299.0))
        late = await stack.enter_async_context(running.device("L", compression=compression))
        back = await stack.enter_async_context(running.device("W", client="again", resume=others[0].resume))
        back.shared = dict(others[0].shared)
        for number, device in enumerate((*others, late, back)):
            await device.say(Ping(number))
            await device.hear(Pong)
            await device.until(shows(598.0))
            assert device.shared == writer.shared
