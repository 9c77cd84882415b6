"""The session as a pair: what one end may say the other may hear, and both stand at the same state."""

from __future__ import annotations

import random
from itertools import product

import pytest

from sporewright.errors import DecodeError, ProtocolError, TooLargeError, VersionError
from sporewright.sync import TRANSITIONS, Role, Session, State
from sporewright.wire import (
    TYPES,
    Ack,
    Bye,
    CellEntry,
    Delta,
    ErrorMessage,
    Hello,
    Limits,
    Message,
    Ping,
    Pong,
    Push,
    Resume,
    Snapshot,
    Welcome,
    encode,
)


def _cell(option: str, value: float | None) -> CellEntry:
    entry = CellEntry(level="device", inst="A", option=option, dim="latency")
    return entry if value is None else entry | {"v": value}


def _welcome(*, seq: int = 0, epoch: str = "e", limits: Limits | None = None) -> Welcome:
    levels = ("global", "workspace", "device")
    return Welcome("s", epoch, "acme", "A", levels, 0, seq, 60.0, limits or Limits())


class _Pair:
    """Two sessions joined by nothing but text."""

    def __init__(self) -> None:
        self.ends = {role: Session(role) for role in Role}

    def say(self, who: Role, message: Message) -> None:
        heard = self.ends[who.peer].receive(self.ends[who].send(message))
        assert heard == message
        assert self.ends[Role.DEVICE].state is self.ends[Role.SERVER].state

    def live(self, *, seq: int = 0, resume: Resume | None = None) -> _Pair:
        self.say(Role.DEVICE, Hello(token="t", client="c", resume=resume))
        self.say(Role.SERVER, _welcome(seq=seq))
        return self


EXAMPLES: dict[str, Message] = {
    "hello": Hello(token="t", client="c"),
    "welcome": _welcome(),
    "push": Push(1, (_cell("x", 1.0),)),
    "ack": Ack(1, 1),
    "snapshot": Snapshot(3, 1, 1, ()),
    "delta": Delta(3, 4, ()),
    "ping": Ping(1),
    "pong": Pong(1),
    "error": ErrorMessage("protocol", "x", False),
    "fatal": ErrorMessage("protocol", "x", True),
    "bye": Bye("x"),
}


def _at(state: State) -> _Pair:
    """A pair in that state, ready for any of the examples."""
    pair = _Pair()
    if state is not State.OPENING:
        pair.say(Role.DEVICE, Hello(token="t", client="c", resume=Resume("e", 3)))
    if state in (State.LIVE, State.CLOSED):
        pair.say(Role.SERVER, _welcome(seq=1))
    if state is State.CLOSED:
        pair.say(Role.DEVICE, Bye("done"))
    return pair


def test_the_examples_cover_every_type() -> None:
    """Every type of the wire is tried in every state."""
    assert EXAMPLES.keys() - {"fatal"} == set(TYPES)


@pytest.mark.parametrize(("state", "who", "kind"), list(product(State, Role, EXAMPLES)))
def test_the_table_is_what_both_ends_do(state: State, who: Role, kind: str) -> None:
    """Sending and receiving agree with the transition table, and a refusal changes neither end."""
    pair, message = _at(state), EXAMPLES[kind]
    after = TRANSITIONS.get((state, who, kind))
    if after is not None:
        pair.say(who, message)
        assert pair.ends[who].state is after
        return
    with pytest.raises(ProtocolError, match=message.t):
        pair.ends[who].send(message)
    with pytest.raises(ProtocolError, match=message.t):
        pair.ends[who.peer].receive(encode(message))
    assert {end.state for end in pair.ends.values()} == {state}


def test_nobody_leaves_closed() -> None:
    """CLOSED is final, and every other state has a way there for both ends."""
    assert not [key for key in TRANSITIONS if key[0] is State.CLOSED]
    for state, who in product((State.OPENING, State.GREETING, State.LIVE), Role):
        assert TRANSITIONS[state, who, "bye"] is State.CLOSED


def test_seq_may_repeat_but_not_jump() -> None:
    """A committed or pending push may be said again; one that leaves a gap is refused on both ends."""
    pair = _Pair().live(seq=4)
    for seq in (5, 5, 4, 6):
        pair.say(Role.DEVICE, Push(seq, ()))
    for attempt in (lambda: pair.ends[Role.DEVICE].send(Push(8, ())), lambda: _hear(pair, Role.SERVER, Push(8, ()))):
        with pytest.raises(ProtocolError, match=r"push\.seq: 8"):
            attempt()
    pair.say(Role.SERVER, Ack(6, 0))
    with pytest.raises(ProtocolError, match=r"ack\.seq: 7"):
        pair.ends[Role.SERVER].send(Ack(7, 0))


def _hear(pair: _Pair, who: Role, message: Message) -> Message:
    return pair.ends[who].receive(encode(message))


def test_snapshot_parts_come_in_order_and_whole() -> None:
    """Parts count from 1, belong together, and the revision counts only when the last is in."""
    pair = _Pair().live()
    pair.say(Role.SERVER, Snapshot(9, 1, 2, ()))
    assert pair.ends[Role.DEVICE].revision is None
    for wrong in (Snapshot(9, 1, 2, ()), Snapshot(8, 2, 2, ()), Snapshot(9, 2, 3, ()), Delta(9, 10, ())):
        with pytest.raises(ProtocolError):
            _hear(pair, Role.DEVICE, wrong)
    pair.say(Role.SERVER, Snapshot(9, 2, 2, ()))
    assert pair.ends[Role.DEVICE].revision == pair.ends[Role.SERVER].revision == 9
    with pytest.raises(ProtocolError):
        _hear(pair, Role.DEVICE, Snapshot(9, 2, 1, ()))


def test_a_delta_applies_to_exactly_its_base() -> None:
    """A delta on another base, or that goes nowhere, is refused."""
    pair = _Pair().live(resume=Resume("e", 3))
    for wrong in (Delta(2, 4, ()), Delta(3, 3, ()), Delta(4, 5, ())):
        with pytest.raises(ProtocolError, match="delta"):
            pair.ends[Role.SERVER].send(wrong)
    pair.say(Role.SERVER, Delta(3, 7, ()))
    assert pair.ends[Role.DEVICE].revision == 7


def test_another_epoch_forgets_the_revision() -> None:
    """A device that knew another database starts from a snapshot."""
    pair = _Pair().live(resume=Resume("another", 3))
    assert pair.ends[Role.DEVICE].revision is None
    with pytest.raises(ProtocolError, match="stands at None"):
        pair.ends[Role.SERVER].send(Delta(3, 4, ()))


def test_the_servers_limits_hold_after_welcome() -> None:
    """The device learns the limits of this server and keeps to them."""
    pair = _Pair()
    pair.say(Role.DEVICE, Hello(token="t", client="c"))
    pair.say(Role.SERVER, _welcome(limits=Limits(message_bytes=300, cells=1)))
    with pytest.raises(TooLargeError, match="2 entries"):
        pair.ends[Role.DEVICE].send(Push(1, (_cell("x", 1.0), _cell("y", 1.0))))
    with pytest.raises(TooLargeError, match="bytes"):
        pair.ends[Role.DEVICE].send(Bye("x" * 300))
    pair.say(Role.DEVICE, Push(1, (_cell("x", 1.0),)))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"t":"hello","v":2}', VersionError),
        ("x" * 2_000_000, TooLargeError),
        ("[1", DecodeError),
        ('{"t":"ping","n":1}', ProtocolError),
    ],
)
def test_a_peers_fault_is_named_and_changes_nothing(text: str, error: type[Exception]) -> None:
    """Version, size, form and order are each told apart, and the session can still be opened afterwards."""
    session = Session(Role.SERVER)
    with pytest.raises(error):
        session.receive(text)
    assert session.state is State.OPENING
    assert session.receive(encode(Hello(token="t", client="c"))) == Hello(token="t", client="c")


class _Server:
    """The smallest server that keeps the contract: cells, one seq and its ack, and a history of revisions."""

    def __init__(self) -> None:
        self.cells: dict[str, CellEntry] = {}
        self.seq, self.commits = 0, 0
        self.revision, self.shared, self.history = 0, dict[str, CellEntry](), list[tuple[int, CellEntry]]()

    def hear(self, push: Push) -> Ack:
        if push.seq > self.seq:
            self.cells |= {entry["option"]: entry for entry in push.cells}
            self.seq, self.commits = push.seq, self.commits + 1
        return Ack(push.seq, len(push.cells))

    def publish(self, entry: CellEntry) -> None:
        self.revision += 1
        self.shared[entry["option"]] = entry
        self.history.append((self.revision, entry))

    def news(self, base: int | None, horizon: int) -> Message | None:
        if base == self.revision:
            return None
        if base is None or base < self.revision - horizon:
            return Snapshot(self.revision, 1, 1, tuple(cell for cell in self.shared.values() if "v" in cell))
        return Delta(base, self.revision, tuple(entry for revision, entry in self.history if revision > base))


class _Device:
    """The smallest device that keeps the contract: an outbox that empties by acks, and what it was told."""

    def __init__(self) -> None:
        self.own: dict[str, CellEntry] = {}
        self.outbox: list[Push] = []
        self.made, self.resume = 0, None
        self.told: dict[str, CellEntry] = {}

    def observe(self, entry: CellEntry) -> None:
        self.made += 1
        self.own[entry["option"]] = entry
        self.outbox.append(Push(self.made, (entry,)))

    def hear(self, message: Message | None) -> None:
        if isinstance(message, Snapshot):
            self.told = {entry["option"]: entry for entry in message.cells}
        elif isinstance(message, Delta):
            self.told |= {entry["option"]: entry for entry in message.cells}
        if isinstance(message, (Snapshot, Delta)):
            self.resume = Resume("e", message.revision)


def _connection(rng: random.Random, device: _Device, server: _Server) -> None:
    """One connection that is cut after a random number of messages, each of which may be the lost one."""
    left = rng.randrange(1, 12)
    pair = {role: Session(role) for role in Role}

    def carry(who: Role, message: Message) -> Message:
        nonlocal left
        text = pair[who].send(message)
        left -= 1
        if left < 0:
            raise ConnectionError
        return pair[who.peer].receive(text)

    carry(Role.DEVICE, Hello(token="t", client="c", resume=device.resume))
    greeting = carry(Role.SERVER, _welcome(seq=server.seq))
    assert isinstance(greeting, Welcome)
    device.outbox = [push for push in device.outbox if push.seq > greeting.seq]
    while True:
        news = server.news(pair[Role.SERVER].revision, 5)
        if news is not None:
            device.hear(carry(Role.SERVER, news))
        if device.outbox:
            push = carry(Role.DEVICE, device.outbox[0])
            assert isinstance(push, Push)
            carry(Role.SERVER, server.hear(push))
            device.outbox.pop(0)
        elif news is None:
            return


@pytest.mark.parametrize("seed", range(60))
def test_ends_converge_whatever_is_cut(seed: int) -> None:
    """With lines cut at any message, each push is committed once and both ends end with the same cells."""
    rng = random.Random(seed)
    device, server = _Device(), _Server()
    for step in range(40):
        if rng.random() < 0.6:
            device.observe(_cell(rng.choice("abc"), rng.choice((None, float(step)))))
        if rng.random() < 0.6:
            server.publish(_cell(rng.choice("xyz"), rng.choice((None, float(step)))))
        if rng.random() < 0.4:
            try:
                _connection(rng, device, server)
            except ConnectionError:
                continue
    while device.outbox or device.resume != Resume("e", server.revision):
        try:
            _connection(rng, device, server)
        except ConnectionError:
            continue
    assert server.cells == device.own
    assert server.commits == device.made
    assert {name: entry for name, entry in device.told.items() if "v" in entry} == {
        name: entry for name, entry in server.shared.items() if "v" in entry
    }
