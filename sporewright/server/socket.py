"""One device's connection: bytes ↔ session ↔ orchestrator, its time-outs and its end (`WS /v1/sync`)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from sporewright.errors import (
    ClosedError,
    InternalError,
    ProtocolError,
    SporewrightError,
    StorageError,
    TimedOutError,
    TokenError,
    VersionError,
)
from sporewright.server.auth import READER, Grant, Tokens
from sporewright.server.clock import Clock
from sporewright.server.log import told
from sporewright.server.members import Member
from sporewright.server.metrics import Metrics
from sporewright.server.orchestrator import Orchestrator
from sporewright.server.rate import Paces
from sporewright.server.settings import Settings
from sporewright.server.store import ClientKey, LostClaimError
from sporewright.server.websocket import HELLO_BYTES
from sporewright.sync import Role, Session
from sporewright.wire import Bye, ErrorMessage, Hello, Limits, Message, Ping, Pong, Push, Snapshot, Welcome

__all__ = ["Connection"]

# RFC 6455 §7.4.1: the peer broke the protocol (1002), a policy (1008), or we met a condition of our own (1011).
CLOSE_PROTOCOL, CLOSE_POLICY, CLOSE_INTERNAL = 1002, 1008, 1011
# A client id is random and short; a database keeps it in a key.
CLIENT_BYTES = 200
_log = structlog.get_logger("sporewright.socket")


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Do them side by side until one ends, and end as it did; the others are cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for task, end in zip(tasks, ends, strict=True):
        if task in done and isinstance(end, BaseException):
            raise end


class Connection:
    """Serves one WebSocket until it ends; never raises."""

    def __init__(
        self,
        socket: WebSocket,
        hub: Orchestrator,
        tokens: Tokens,
        paces: Paces,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._socket, self._hub, self._tokens, self._paces = socket, hub, tokens, paces
        self._settings, self._clock, self._metrics = settings, clock, metrics
        # Until it has greeted, a device has nothing long to say.
        self._session = Session(Role.SERVER, limits=Limits(min(HELLO_BYTES, settings.message_bytes)))
        self._received = 0
        # Nothing where another server than `serve` holds the connection; that one takes text alone, too.
        self._greeted_there: Callable[[], None] | None = socket.scope.get("state", {}).get("greeted")
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        """Greet, then read and publish side by side."""
        if not self._is_welcome_from(self._socket.headers.get("origin")):
            await self._socket.close(CLOSE_POLICY)
            return
        await self._socket.accept()
        try:
            await self._live()
        except (WebSocketDisconnect, WebSocketDisconnected, ClosedError):
            pass
        except SporewrightError as why:
            await self._refuse(why)
        except Exception:
            _log.exception("connection failed")
            await self._refuse(InternalError("internal error of the server; its log says more"))

    def _is_welcome_from(self, origin: str | None) -> bool:
        """True for the pages that the operator names, and for whatever is no page: programs send no origin."""
        allowed = self._settings.allowed_origins
        return origin is None or not allowed or origin.lower() in allowed

    async def _live(self) -> None:
        grant, hello = await self._greeted()
        member = Member(ClientKey(grant.workspace, grant.device, hello.client), grant.holder)
        try:
            await self._hub.join(member)
            await self._say(self._welcome(member.key))
            member.news.set()
            ends = self._replaced(member), self._lost()
            await _first_of(self._read(member, grant), self._publish(member, grant), *ends)
        finally:
            self._hub.leave(member)

    async def _greeted(self) -> tuple[Grant, Hello]:
        try:
            async with asyncio.timeout(self._settings.hello_timeout_s):
                hello = await self._receive()
        except TimeoutError:
            raise TimedOutError(f"no hello within {self._settings.hello_timeout_s:g} s") from None
        if not isinstance(hello, Hello):
            raise ClosedError("the device closed the session before its hello")
        if len(hello.client.encode()) > CLIENT_BYTES:
            raise ProtocolError(f"hello.client: {len(hello.client.encode())} bytes, the limit is {CLIENT_BYTES}")
        grant = self._tokens.verify(hello.token)
        if self._greeted_there is not None:
            self._greeted_there()
        return grant, hello

    def _welcome(self, key: ClientKey) -> Welcome:
        return Welcome(
            session=secrets.token_hex(8),
            epoch=self._hub.epoch,
            workspace=key.workspace,
            device=key.device,
            levels=self._hub.levels,
            revision=self._hub.publication(key.workspace).head,
            seq=self._hub.committed(key),
            lease_s=self._settings.lease_s,
            limits=self._settings.limits,
        )

    async def _read(self, member: Member, grant: Grant) -> None:
        pace = self._paces.of(member.key.workspace, member.key.device, member.holder)
        while True:
            message = await self._receive()
            wait = pace.take(self._received, self._clock.monotonic())
            self._tokens.check(grant)
            self._hub.heard(member)
            match message:
                case Push() if grant.role == READER:
                    raise TokenError("token: a reader writes nothing")
                case Push():
                    await self._say(await self._hub.push(member, message))
                case Ping():
                    await self._say(Pong(message.n))
                case Bye():
                    raise ClosedError("the device closed the session")
                case _:
                    pass
            if wait > 0:
                self._metrics.throttled.inc()
                await asyncio.sleep(wait)

    async def _publish(self, member: Member, grant: Grant) -> None:
        """Bring the device up to date whenever the bell rings; several rings meanwhile are one."""
        while True:
            await member.news.wait()
            member.news.clear()
            self._tokens.check(grant)
            for frame in await self._hub.updates(member.key.workspace, self._session.revision):
                if isinstance(frame.message, Snapshot) and frame.message.part == 1:
                    self._metrics.snapshots.inc()
                async with self._sending:
                    self._session.sent(frame.message)
                    await self._send(
                        {"type": "websocket.send", "text": frame.data if self._greeted_there else frame.data.decode()}
                    )

    async def _replaced(self, member: Member) -> None:
        await member.replaced.wait()
        await self._say(Bye("a later session of this client took its place"))
        with contextlib.suppress(Exception):
            await self._socket.close(CLOSE_POLICY, "replaced")

    async def _lost(self) -> None:
        await self._hub.lost.wait()
        raise LostClaimError("another server has the database")

    async def _receive(self) -> Message:
        frame = await self._socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1006))
        text = frame.get("text")
        data = text if text is not None else frame["bytes"]
        self._received = len(data)
        return self._session.receive(data)

    async def _say(self, message: Message) -> None:
        async with self._sending:
            await self._send({"type": "websocket.send", "text": self._session.send(message)})

    async def _send(self, event: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._settings.send_timeout_s):
                await self._socket.send(event)
        except TimeoutError:
            raise ClosedError(f"the device took nothing for {self._settings.send_timeout_s:g} s") from None

    async def _refuse(self, why: SporewrightError) -> None:
        self._metrics.refused.labels(why.code).inc()
        _log.info("session refused", code=why.code, reason=str(why))
        ours = isinstance(why, InternalError | StorageError)
        policy = isinstance(why, TokenError | TimedOutError | VersionError)
        code = CLOSE_INTERNAL if ours else CLOSE_POLICY if policy else CLOSE_PROTOCOL
        with contextlib.suppress(Exception):
            await self._say(ErrorMessage(why.code, told(why), fatal=True))
        with contextlib.suppress(Exception):
            await self._socket.close(code, why.code)
