"""A real server with real devices: what is accepted, rolled up, published, refused, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sporewright.sync import Role, Session
from sporewright.wire import Ack, Bye, CellEntry, Delta, ErrorMessage, Hello, Ping, Pong, Push, Snapshot
from tests.server.conftest import Device, Running, cell, opening, seed

Make = Callable[..., Running]


DECLARED = opening(
    "latency",
    support=1,
    seeds=[
        seed("global", "", "groq", "latency", "value", 0.5),
        seed("global", "", "", "latency", "weight", 1.0),
        seed("workspace", "acme", "groq", "financial", "value", 2.0),
    ],
)


async def test_device_to_workspace_to_global(server: Make) -> None:
    """U7: judgement rolls up as medians, attestations by quorum; gates, budgets and curiosity stay where they are."""
    declared = opening("latency", "can:chat", options=("groq",), support=1)
    async with server(declared).serving() as running, running.device("A") as a, running.device("B") as b:
        await a.push(
            cell("A", "groq", "latency", 1.0), cell("A", "groq", "can:chat", 1.0), cell("A", "groq", "reach", 1.0)
        )
        await a.push(*(cell("A", "groq", name, 1.0) for name in ("priv:eu", "budget:x", "explore")))
        await b.push(cell("B", "groq", "latency", 3.0), cell("B", "groq", "can:chat", 1.0))
        async with running.device("A", workspace="umbrella") as c:
            await c.push(cell("A", "groq", "latency", 8.0))
            await c.until(lambda d: d.value("global", "", "groq", "latency") == 5.0)

            assert c.value("workspace", "umbrella", "groq", "latency") == 8.0
            assert not [at for at in c.shared if at[1] == "acme" or at[3] == "can:chat"]
        await a.until(lambda d: d.value("workspace", "acme", "groq", "latency") == 2.0)
        assert a.value("workspace", "acme", "groq", "can:chat") == 1.0
        rolled = {at[3] for at in a.shared}
        assert rolled == {"latency", "support:latency", "can:chat", "financial"}


async def test_derived_lies_over_declared_and_gives_way(server: Make) -> None:
    """U7: a derived value covers the declared one; when its last reporter's lease is over the declared one is back."""
    async with server(DECLARED, lease_s=100).serving() as running:
        async with running.device("A") as a:
            await a.until(lambda d: d.value("global", "", "groq", "latency") == 0.5)
            await a.push(cell("A", "groq", "latency", 9.0))
            await a.until(lambda d: d.value("global", "", "groq", "latency") == 9.0)
            assert a.shared["global", "", "", "latency"]["w"] == 1.0
        running.clock.time += 101
        async with running.device("B") as b:
            await b.until(lambda d: d.value("global", "", "groq", "latency") == 0.5)
            assert b.value("workspace", "acme", "groq", "latency") is None
            assert b.value("workspace", "acme", "groq", "financial") == 2.0


async def test_only_the_own_slice_is_accepted(server: Make) -> None:
    """W1–W3: cells outside the slice are refused one by one and named; the good ones of the same push are committed."""
    foreign = [
        cell("acme", "groq", "latency", 1.0, level="workspace"),
        cell("B", "groq", "latency", 1.0),
        cell("", "groq", "latency", 1.0, level="global"),
        cell("A", "groq", "latency", 1.0, level="galaxy"),
        cell("AB", "groq", "latency", 1.0),
    ]
    async with server().serving() as running, running.device("A") as a:
        ack = await a.push(cell("A", "groq", "latency", 4.0), *foreign)

        assert ack.accepted == 1
        codes = [(refusal.index, refusal.code) for refusal in ack.refused]
        assert codes == [(1, "write-up"), (2, "write-up"), (3, "write-up"), (4, "unknown-level"), (5, "write-up")]
        await a.until(lambda d: d.value("workspace", "acme", "groq", "latency") == 4.0)


async def test_a_resume_gets_the_delta_alone(server: Make) -> None:
    """A device that knows a revision of this database gets the changes since, tombstones included."""
    async with server().serving() as running:
        async with running.device("A") as a, running.device("B") as b:
            await a.push(cell("A", "groq", "latency", 1.0), cell("A", "groq", "financial", 1.0))
            await b.until(lambda d: d.value("workspace", "acme", "groq", "financial") == 1.0)
            shared, resume = b.shared, b.resume
            await a.push(
                cell("A", "groq", "latency", 2.0),
                {"level": "device", "inst": "A", "option": "groq", "dim": "financial"},
            )
            await a.until(lambda d: d.value("workspace", "acme", "groq", "financial") is None)
        async with running.device("B", resume=resume) as again:
            again.shared = dict(shared)
            delta = await again.hear(Delta)

            assert {entry["dim"] for entry in delta.cells} == {"latency", "financial", "support:financial"}
            assert again.value("workspace", "acme", "groq", "latency") == 2.0
            assert again.value("workspace", "acme", "groq", "financial") is None


async def test_beyond_the_horizon_is_a_snapshot(server: Make) -> None:
    """A device further behind than the tombstones are kept gets everything anew."""
    async with server(horizon=2).serving() as running, running.device("A") as a:
        async with running.device("B") as b:
            await b.hear(Snapshot)
            resume = b.resume
        for at in range(8):
            await a.push(cell("A", "groq", "latency", float(at)))
            await a.until(lambda d, at=at: d.value("workspace", "acme", "groq", "latency") == float(at))  # type: ignore[misc]
        async with running.device("B", resume=resume) as again:
            snapshot = await again.hear(Snapshot)

            assert snapshot.part == 1
            assert again.value("workspace", "acme", "groq", "latency") == 7.0


async def test_another_database_is_a_snapshot(server: Make) -> None:
    """A revision of some other database says nothing here."""
    async with server().serving() as running:
        async with running.device("A") as a:
            await a.hear(Snapshot)
            revision = a.resume.revision
        foreign = type(a.resume)("some-other-epoch", revision)
        async with running.device("A", resume=foreign) as again:
            await again.hear(Snapshot)


async def test_large_shared_levels_come_in_parts(server: Make) -> None:
    """A snapshot over the message limit is cut into parts that each keep it."""
    async with server(message_bytes=8192, message_cells=64).serving() as running, running.device("A") as a:
        for chunk in range(4):
            await a.push(*(cell("A", f"option-{chunk}-{at}", "latency", 1.0) for at in range(50)))
        published = 2 * 200  # each with its support
        await a.until(lambda d: len([at for at in d.shared if at[0] == "workspace"]) == published)
        async with running.device("B") as b:
            first = await b.hear(Snapshot)
            assert first.parts > 1
            await b.until(lambda d: len(d.shared) == published)


async def test_a_push_said_twice_is_one(server: Make) -> None:
    """The same `seq` again gets the same ack again, refusals included, and changes nothing."""
    async with server().serving() as running:
        async with running.device("A") as a:
            first = await a.push(cell("A", "groq", "latency", 1.0), cell("B", "groq", "latency", 1.0))
            await a.say(Push(1, (cell("A", "groq", "latency", 99.0),)))
            assert await a.hear(Ack) == first
        async with running.device("A") as again:
            assert again.welcome.seq == 1
            await again.until(lambda d: d.value("workspace", "acme", "groq", "latency") == 1.0)


async def ended(device: Device) -> tuple[ErrorMessage | None, int]:
    """The fatal error and the close code."""
    error = None
    try:
        while True:
            message = device.session.receive(await asyncio.wait_for(device.socket.recv(), 10))
            error = message if isinstance(message, ErrorMessage) else error
    except ConnectionClosed as why:
        return error, why.rcvd.code if why.rcvd else 1006


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("not json", "decode"),
        ("[]", "decode"),
        ('{"t":"hello","v":1,"token":"x"', "decode"),
        ('{"t":"hello","v":2,"token":"x","client":"c","resume":null}', "version"),
        ('{"t":"hello","v":1,"token":"","client":"c","resume":null}', "token"),
        ('{"t":"hello","v":1,"token":"a.b.c","client":"c","resume":null}', "token"),
        ('{"t":"ping","n":1}', "protocol"),
        (b"\xff\xfe\x00", "decode"),
        ('{"t":"nonsense"}', "decode"),
    ],
)
async def test_a_bad_first_message(server: Make, first: str | bytes, code: str) -> None:
    """Whatever a stranger says first is answered by an error with its code and a close; the server goes on."""
    async with server().serving() as running:
        async with connect(running.url) as socket:
            await socket.send(first)
            error, _ = await ended(Device(socket))
            assert error is not None
            assert (error.code, error.fatal) == (code, True)
        async with running.device("A") as a:
            await a.say(Ping(7))
            assert (await a.hear(Pong)).n == 7


async def test_ten_megabytes_are_cut_off(server: Make) -> None:
    """A message of 10 MB ends the connection as too large before anything is read of it."""
    async with server().serving() as running, connect(running.url) as socket:
        sending = asyncio.create_task(socket.send("x" * 10_000_000))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        await asyncio.gather(sending, return_exceptions=True)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009


async def test_silence_before_hello_is_ended(server: Make) -> None:
    """A socket that says nothing is closed after the hello time-out."""
    async with server(hello_timeout_s=0.2).serving() as running, connect(running.url) as socket:
        error, _ = await ended(Device(socket))
        assert error is not None
        assert error.code == "timeout"


async def test_a_token_that_expires_meanwhile(server: Make) -> None:
    """The first message after the token's end is answered by a token error."""
    async with server().serving() as running, running.device("A") as a:
        running.clock.time += 3601
        await a.say(Ping(1))
        error, _ = await ended(a)
        assert error is not None
        assert error.code == "token"


async def test_a_gap_in_the_pushes_is_refused(server: Make) -> None:
    """A `seq` that leaves a gap is a protocol error."""
    async with server().serving() as running, running.device("A") as a:
        session = Session(Role.DEVICE)
        session.__dict__.update(a.session.__dict__ | {"pushed": 4})
        await a.socket.send(session.send(Push(5, ())))
        error, _ = await ended(a)
        assert error is not None
        assert error.code == "protocol"


async def test_a_second_hello_is_refused(server: Make) -> None:
    """A device greets once."""
    async with server().serving() as running, running.device("A") as a:
        await a.socket.send(Session(Role.DEVICE).send(Hello("t", "c")))
        error, _ = await ended(a)
        assert error is not None
        assert error.code == "protocol"


async def test_what_was_committed_is_there_after_a_restart(server: Make) -> None:
    """Reports, acks and what is published survive a restart on the same database."""
    first = server()
    async with first.serving(), first.device("A") as a:
        await a.push(cell("A", "groq", "latency", 6.0))
        await a.until(lambda d: d.value("workspace", "acme", "groq", "latency") == 6.0)
        resume = a.resume
    second = server()
    async with second.serving(), second.device("A", resume=resume) as again:
        assert again.welcome.seq == 1
        assert again.welcome.epoch == resume.epoch
        assert again.welcome.revision >= resume.revision


async def test_a_later_session_of_a_client_ends_the_earlier(server: Make) -> None:
    """A line that died unnoticed keeps no session: the client's next one takes its place, others stay."""
    async with (
        server().serving() as running,
        running.device("A") as first,
        running.device("B") as other,
        running.device("A") as second,
    ):
        goodbye = await first.hear(Bye)
        assert "took its place" in goodbye.reason
        assert (await second.push(cell("A", "x", "latency", 1.0))).accepted == 1
        assert (await other.push(cell("B", "x", "latency", 1.0))).accepted == 1
        assert b"sporewright_connections 2.0" in running.app.state.metrics.text()


async def test_forget_me_reaches_the_database_and_what_is_shown(server: Make, tmp_path: Path) -> None:
    """Tombstones of a whole slice leave, after the next tick, no value of it: in reports, shown cells or file bytes."""
    mine, theirs = 0.73914826501, 2.5
    declared = opening("failure", support=1, seeds=[seed("global", "", "own", "failure", "option-weight", 1.0)])
    running = server(declared)
    async with running.serving(), running.device("A") as a, running.device("B") as b:
        await b.push(cell("B", "groq", "latency", theirs))
        await a.push(
            cell("A", "groq", "latency", mine),
            cell("A", "groq", "count:latency", 3.0),
            cell("A", "own", "failure", mine),
        )
        await b.until(lambda d: d.value("workspace", "acme", "groq", "latency") == (mine + theirs) / 2)
        await b.until(lambda d: d.value("global", "", "own", "failure") == mine)
        gone = [("groq", "latency"), ("groq", "count:latency"), ("own", "failure")]
        await a.push(*(CellEntry(level="device", inst="A", option=at[0], dim=at[1]) for at in gone))
        await b.until(lambda d: d.value("workspace", "acme", "groq", "latency") == theirs)
        await b.until(lambda d: d.value("global", "", "own", "failure") is None)

        assert {at: cell_["v"] for at, cell_ in b.shared.items() if at[2] == "own" and "v" in cell_} == {}
        assert b.value("workspace", "acme", "groq", "support:latency") == 1.0
        assert b.value("workspace", "acme", "groq", "count:latency") is None
        kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
        assert repr(mine).encode() not in kept
        assert repr((mine + theirs) / 2).encode() not in kept
    async with server(declared).serving() as again, again.device("B") as b:
        await b.until(lambda d: d.value("workspace", "acme", "groq", "latency") == theirs)
        assert not [at for at, cell_ in b.shared.items() if at[2] == "own" and "v" in cell_]


async def test_five_holders_stand_behind_what_counts(server: Make) -> None:
    """Measured by four holders, one of them with many devices, a value is shown with four voices and with its count."""
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(server().serving())
        for at in range(12):
            name = f"d{at}"
            holder = f"h{min(at, 3)}"
            device = await stack.enter_async_context(running.device(name, holder=holder))
            await device.push(
                cell(name, "x", "latency", 9.0 if at >= 3 else 1.0), cell(name, "x", "count:latency", 4.0)
            )
        await device.until(lambda d: d.value("workspace", "acme", "x", "support:latency") == 4.0)

        assert device.value("workspace", "acme", "x", "latency") == 1.0
        assert device.value("workspace", "acme", "x", "count:latency") == 4.0
