"""One session between a device and a server, without I/O: who may say what when, as a table (docs/reference/wire.md).

Both ends run the same `Session` with their role; it checks what it sends as strictly as what it receives, so a defect
shows up where it is made. It keeps the order of `seq`, of snapshot parts and of revisions, and no cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from sporewright import wire
from sporewright.errors import ProtocolError
from sporewright.wire import Ack, Delta, ErrorMessage, Hello, Limits, Message, Push, Snapshot, Welcome

__all__ = ["TRANSITIONS", "Role", "Session", "State"]


class Role(Enum):
    """The end of the session that this is."""

    DEVICE = "device"
    SERVER = "server"

    @property
    def peer(self) -> Role:
        """The other end."""
        return Role.SERVER if self is Role.DEVICE else Role.DEVICE


class State(Enum):
    """The state of a session."""

    OPENING = "opening"
    GREETING = "greeting"
    LIVE = "live"
    CLOSED = "closed"


def _table() -> dict[tuple[State, Role, str], State]:
    table = {
        (State.OPENING, Role.DEVICE, "hello"): State.GREETING,
        (State.GREETING, Role.SERVER, "welcome"): State.LIVE,
    }
    for kind in ("push", "ping"):
        table[State.LIVE, Role.DEVICE, kind] = State.LIVE
    for kind in ("ack", "snapshot", "delta", "pong"):
        table[State.LIVE, Role.SERVER, kind] = State.LIVE
    for state in (State.OPENING, State.GREETING, State.LIVE):
        table[state, Role.SERVER, "error"] = state
        table[state, Role.SERVER, "fatal"] = State.CLOSED
        table[state, Role.SERVER, "bye"] = table[state, Role.DEVICE, "bye"] = State.CLOSED
    return table


# (state, who speaks, type) -> next state; what is not here is not allowed. "fatal" is an `error` that ends the session.
TRANSITIONS: Mapping[tuple[State, Role, str], State] = MappingProxyType(_table())


class Session:
    """One connection's protocol state; a new connection is a new session.

    `limits` bounds both directions until `welcome`, which carries the server's own.
    """

    def __init__(self, role: Role, *, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        self.role = role
        self.limits = limits
        self.state = State.OPENING
        self.pushed = 0
        """The highest `seq` said so far; the next new push is this plus one."""
        self.revision: int | None = None
        """The revision the device stands at; None before its first whole snapshot."""
        self._hello: Hello | None = None
        self._part: Snapshot | None = None

    def send(self, message: Message) -> str:
        """Encode a message of this end; ProtocolError if it may not be said now, and then nothing changes."""
        after = self._allowed(self.role, message)
        text = wire.encode(message, message.limits if isinstance(message, Welcome) else self.limits)
        self._advance(after, message)
        return text

    def sent(self, message: Delta | Snapshot) -> None:
        """Advance as `send` does, for a message that was encoded once for many sessions; its cells are not read."""
        self._advance(self._allowed(self.role, message), message)

    def receive(self, text: str | bytes) -> Message:
        """Decode a message of the peer; VersionError, TooLargeError, DecodeError or ProtocolError: the peer's fault."""
        message = wire.decode(text, self.limits)
        self._advance(self._allowed(self.role.peer, message), message)
        return message

    def _allowed(self, who: Role, message: Message) -> State:
        kind = "fatal" if isinstance(message, ErrorMessage) and message.fatal else message.t
        after = TRANSITIONS.get((self.state, who, kind))
        if after is None:
            raise ProtocolError(f"{message.t}: a {who.value} may not say this while {self.state.value}")
        if isinstance(message, Push) and message.seq > self.pushed + 1:
            raise ProtocolError(f"push.seq: {message.seq} leaves a gap, expected at most {self.pushed + 1}")
        if isinstance(message, Ack) and message.seq > self.pushed:
            raise ProtocolError(f"ack.seq: {message.seq} was never pushed, the last is {self.pushed}")
        if isinstance(message, Snapshot):
            self._check_part(message)
        if isinstance(message, Delta):
            self._check_delta(message)
        return after

    def _check_part(self, message: Snapshot) -> None:
        last = self._part
        expected = 1 if last is None else last.part + 1
        if message.part != expected or message.part > message.parts:
            raise ProtocolError(f"snapshot.part: {message.part} of {message.parts}, expected part {expected}")
        if last is not None and (message.parts, message.revision) != (last.parts, last.revision):
            raise ProtocolError(f"snapshot: part {message.part} is not of revision {last.revision}")

    def _check_delta(self, message: Delta) -> None:
        if self._part is not None:
            raise ProtocolError(f"delta.base: {message.base} amid a snapshot of revision {self._part.revision}")
        if message.base != self.revision:
            raise ProtocolError(f"delta.base: {message.base}, the device stands at {self.revision}")
        if message.revision <= message.base:
            raise ProtocolError(f"delta.revision: {message.revision} is not after base {message.base}")

    def _advance(self, after: State, message: Message) -> None:
        self.state = after
        match message:
            case Hello():
                self._hello = message
            case Welcome():
                self._welcomed(message)
            case Push():
                self.pushed = max(self.pushed, message.seq)
            case Snapshot():
                done = message.part == message.parts
                self._part = None if done else message
                self.revision = message.revision if done else self.revision
            case Delta():
                self.revision = message.revision
            case _:
                pass

    def _welcomed(self, message: Welcome) -> None:
        self.limits = message.limits
        self.pushed = message.seq
        resume = self._hello.resume if self._hello else None
        self.revision = resume.revision if resume is not None and resume.epoch == message.epoch else None
