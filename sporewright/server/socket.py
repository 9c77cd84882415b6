"""One device's connection: bytes ↔ session ↔ orchestrator, its time-outs and its end (`WS /v1/sync`)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from sporewright.errors import ClosedError, InternalError, SporewrightError, TimedOutError, TokenError, VersionError
from sporewright.server.auth import Grant, Tokens
from sporewright.server.clock import Clock
from sporewright.server.metrics import Metrics
from sporewright.server.orchestrator import Member, Orchestrator
from sporewright.server.publish import updates
from sporewright.server.settings import Settings
from sporewright.server.store.contract import ClientKey
from sporewright.sync import Role, Session
from sporewright.wire import Bye, ErrorMessage, Hello, Message, Ping, Pong, Push, Snapshot, Welcome

__all__ = ["Connection"]

# RFC 6455 §7.4.1: the peer broke the protocol (1002), a policy (1008), or we met a condition of our own (1011).
CLOSE_PROTOCOL, CLOSE_POLICY, CLOSE_INTERNAL = 1002, 1008, 1011
_log = structlog.get_logger("sporewright.socket")


class Connection:
    """Serves one WebSocket until it ends; never raises."""

    def __init__(
        self, socket: WebSocket, hub: Orchestrator, tokens: Tokens, settings: Settings, clock: Clock, metrics: Metrics
    ) -> None:
        self._socket, self._hub, self._tokens = socket, hub, tokens
        self._settings, self._clock, self._metrics = settings, clock, metrics
        self._session = Session(Role.SERVER, limits=settings.limits)
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        """Greet, then read and publish side by side."""
        await self._socket.accept()
        try:
            await self._live()
        except (WebSocketDisconnect, ClosedError):
            pass
        except SporewrightError as why:
            await self._refuse(why)
        except Exception:
            _log.exception("connection failed")
            await self._refuse(InternalError("the server met a defect of its own; it has been logged"))

    async def _live(self) -> None:
        grant, hello = await self._greeted()
        member = Member(ClientKey(grant.workspace, grant.device, hello.client))
        await self._hub.join(member)
        publishing: asyncio.Task[None] | None = None
        try:
            await self._say(self._welcome(member.key))
            member.news.set()
            publishing = asyncio.create_task(self._publish(member))
            await self._read(member, grant, publishing)
        finally:
            self._hub.leave(member)
            if publishing is not None:
                publishing.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await publishing

    async def _greeted(self) -> tuple[Grant, Hello]:
        try:
            async with asyncio.timeout(self._settings.hello_timeout_s):
                hello = await self._receive()
        except TimeoutError:
            raise TimedOutError(f"no hello within {self._settings.hello_timeout_s:g} s") from None
        if not isinstance(hello, Hello):
            raise ClosedError("the device said goodbye before hello")
        return self._tokens.verify(hello.token), hello

    def _welcome(self, key: ClientKey) -> Welcome:
        return Welcome(
            session=secrets.token_hex(8),
            epoch=self._hub.epoch,
            workspace=key.workspace,
            device=key.device,
            levels=self._hub.levels,
            revision=self._hub.shelf(key.workspace).head,
            seq=self._hub.committed(key),
            lease_s=self._settings.lease_s,
            limits=self._settings.limits,
        )

    async def _read(self, member: Member, grant: Grant, publishing: asyncio.Task[None]) -> None:
        while True:
            message = await self._receive()
            if publishing.done():
                publishing.result()
            if self._clock.now() >= grant.expires:
                raise TokenError(f"token: expired at {grant.expires:.0f}")
            self._hub.heard(member)
            match message:
                case Push():
                    await self._say(await self._hub.push(member, message))
                case Ping():
                    await self._say(Pong(message.n))
                case Bye():
                    raise ClosedError("the device said goodbye")
                case _:
                    pass

    async def _publish(self, member: Member) -> None:
        """Bring the device up to date whenever the bell rings; several rings meanwhile are one."""
        while True:
            await member.news.wait()
            member.news.clear()
            shelf = self._hub.shelf(member.key.workspace)
            for message in list(updates(shelf, self._session.revision, self._session.limits)):
                if isinstance(message, Snapshot) and message.part == 1:
                    self._metrics.snapshots.inc()
                await self._say(message)

    async def _receive(self) -> Message:
        frame = await self._socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1006))
        text = frame.get("text")
        return self._session.receive(text if text is not None else frame["bytes"])

    async def _say(self, message: Message) -> None:
        async with self._sending:
            text = self._session.send(message)
            try:
                async with asyncio.timeout(self._settings.send_timeout_s):
                    await self._socket.send_text(text)
            except TimeoutError:
                raise ClosedError("the device takes nothing any more") from None

    async def _refuse(self, why: SporewrightError) -> None:
        self._metrics.refused.labels(why.code).inc()
        _log.info("session refused", code=why.code, reason=str(why))
        policy = isinstance(why, TokenError | TimedOutError | VersionError)
        code = CLOSE_INTERNAL if isinstance(why, InternalError) else CLOSE_POLICY if policy else CLOSE_PROTOCOL
        with contextlib.suppress(Exception):
            await self._say(ErrorMessage(why.code, str(why), fatal=True))
        with contextlib.suppress(Exception):
            await self._socket.close(code, why.code)
