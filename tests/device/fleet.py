"""A device and the server's end of its session, joined by hand: every effect is carried out, time is a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sporewright.device.engine import Engine
from sporewright.sync import Role, Session
from sporewright.wire import Ack, Delta, Limits, Message, Ping, Pong, Push, Refusal, Snapshot, Welcome

LEVELS = ("global", "workspace", "device")
URL = "ws://fleet.test/v1/sync"


def seed(option: str, dimension: str, value: Any, kind: str = "value") -> dict[str, Any]:
    """One config seed at the global level."""
    return {
        "floor": "global",
        "level": "global",
        "inst": "",
        "option": option,
        "dim": dimension,
        "kind": kind,
        "value": value,
    }


CONFIG: dict[str, Any] = {
    "levels": list(LEVELS),
    "seeds": [
        seed("alpha", "latency", 0.1),
        seed("beta", "latency", 0.2),
        seed("gamma", "latency", 0.3),
        seed("", "latency", 1.0, "weight"),
        seed("", "failure", 10.0, "weight"),
    ],
    "priors": {"failure": 0.0},
}


def entry(level: str, inst: str, option: str, dim: str, **layers: Any) -> dict[str, Any]:
    """A cell entry of the wire."""
    return {"level": level, "inst": inst, "option": option, "dim": dim, **layers}


class Page:
    """The host of one engine: storage, one socket, one timer, the pushes it saw."""

    def __init__(self, storage: dict[str, str] | None = None, now: float = 1000.0) -> None:
        self.engine = Engine()
        self.now = now
        self.storage: dict[str, str] = {} if storage is None else storage
        self.pushes: list[tuple[str, Any]] = []
        self.sent: list[str] = []
        self.socket: str | None = None
        self.wake_at: float | None = None
        for key, text in self.storage.items():
            self.step({"type": "stored", "key": key, "text": text})

    def step(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Step the engine, carry the effects out, and give back the reply, if there is one."""
        reply = None
        for effect in self.engine.step(self.now, event):
            match effect["type"]:
                case "reply":
                    reply = effect
                case "save":
                    self._save(effect["key"], effect["text"])
                case "connect":
                    self.socket = effect["url"]
                case "disconnect":
                    self.socket = None
                case "send":
                    self.sent.append(effect["text"])
                case "wake":
                    self.wake_at = effect["at"]
                case "push":
                    self.pushes.append((effect["push"], effect["body"]))
        return reply

    def _save(self, key: str, text: str | None) -> None:
        if text is None:
            self.storage.pop(key, None)
        else:
            self.storage[key] = text

    def call(self, call: str, **body: Any) -> Any:
        """The body of a call's answer."""
        reply = self.step({"type": "call", "call": call, "body": body})
        assert reply is not None
        assert "body" in reply, reply
        return reply["body"]

    def fails(self, call: str, **body: Any) -> dict[str, str]:
        """The error a call is answered by."""
        reply = self.step({"type": "call", "call": call, "body": body})
        assert reply is not None
        error: dict[str, str] = reply["error"]
        return error

    def start(self, **over: Any) -> Any:
        """Start with the common config."""
        return self.call("start", **{**start_body(), **over})

    def wake(self) -> None:
        """Let the timer go off."""
        assert self.wake_at is not None
        self.now, self.wake_at = max(self.now, self.wake_at), None
        self.step({"type": "woken"})

    def seen(self, push: str) -> list[Any]:
        """The bodies of one kind of push."""
        return [body for name, body in self.pushes if name == push]

    @property
    def sync(self) -> Any:
        """The last state of the connection that was pushed."""
        return self.seen("sync")[-1]


def start_body() -> dict[str, Any]:
    """A start without an orchestrator."""
    return {"config": CONFIG, "cursor": {"workspace": "acme"}, "limit": 64, "fresh_id": "fresh"}


class Server:
    """The server's end of one connection: the real session, and what was pushed to it."""

    def __init__(self, page: Page, *, device: str = "A", seq: int = 0, epoch: str = "db-1", revision: int = 0) -> None:
        self.page = page
        self.session = Session(Role.SERVER)
        self.pushed: list[Push] = []
        self.welcome = Welcome(
            session="s", epoch=epoch, workspace="acme", device=device, levels=LEVELS, revision=revision, seq=seq,
            lease_s=30.0, limits=Limits(message_bytes=2000, cells=4),
        )  # fmt: skip

    def accept(self) -> Message:
        """Take the connection up to `welcome`; gives the hello."""
        self.page.step({"type": "opened"})
        (hello,) = self.read()
        self.say(self.welcome)
        return hello

    def read(self) -> list[Message]:
        """The messages that the device sent since the last call."""
        texts, self.page.sent = self.page.sent, []
        return [self.session.receive(text) for text in texts]

    def say(self, message: Message) -> None:
        """Send a message to the device."""
        self.page.step({"type": "message", "text": self.session.send(message)})

    def serve(self, refuse: dict[str, tuple[str, str]] | None = None) -> Iterator[Push]:
        """Acknowledge pushes until there are none; `refuse`: option → (code, message). Answers pings."""
        while messages := self.read():
            for message in messages:
                if isinstance(message, Ping):
                    self.say(Pong(message.n))
                if isinstance(message, Push):
                    yield message
                    self.say(self.ack(message, refuse or {}))

    def ack(self, push: Push, refuse: dict[str, tuple[str, str]]) -> Ack:
        """The acknowledgement of a push."""
        refused = tuple(
            Refusal(at, *refuse[cell["option"]]) for at, cell in enumerate(push.cells) if cell["option"] in refuse
        )
        return Ack(push.seq, len(push.cells) - len(refused), refused)

    def snapshot(self, revision: int, *cells: Any) -> None:
        """Publish everything in one part."""
        self.say(Snapshot(revision, 1, 1, cells))

    def delta(self, base: int, revision: int, *cells: Any) -> None:
        """Publish a change."""
        self.say(Delta(base, revision, cells))


def online(page: Page, **server: Any) -> Server:
    """A page that is connected and live."""
    page.start(orchestrator=URL, token="t", device=server.get("device", "A"))
    end = Server(page, **server)
    end.accept()
    return end
