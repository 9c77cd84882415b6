"""The same engine under asyncio, for shells, containers and servers: one socket, one timer, records in any mapping."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from sporewright.core.display import first
from sporewright.device.calls import Effect, Event
from sporewright.device.chains import Slot
from sporewright.device.cursor_queues import CursorQueues
from sporewright.device.device_state import own_level
from sporewright.device.engine import Engine
from sporewright.errors import ClosedError, StorageError, TimedOutError, error_from_code
from sporewright.routing.health import Health
from sporewright.routing.plan import plan_with
from sporewright.routing.preferences import PREFERENCES, checked, properties_from, refuse_unknown_words

__all__ = ["NativeDevice"]

Token = str | Callable[[], Awaitable[str]]

OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
TOKEN_TIMEOUT_S = 10.0
LONGEST_WAIT_S = 3600.0


class NativeDevice:
    """A device under asyncio, with its own engine: `async with NativeDevice(config, cursor, …) as device`.

    `records` keeps what must survive a restart, as `records.SqliteRecords` does; by default nothing survives. `token`
    may be a coroutine function, called again when a token is refused, and after a backoff when it fails. `limits` are
    laid over the plan's. The calls are those of the page (docs/reference/bridge.md); their errors are raised. Needs the
    package `websockets` once there is an orchestrator.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        cursor: Mapping[str, str],
        *,
        orchestrator: str | None = None,
        token: Token | None = None,
        device: str | None = None,
        records: MutableMapping[str, str] | None = None,
        limit: int = 64,
        limits: Mapping[str, float] | None = None,
    ) -> None:
        self.queue: list[str] = []
        """The head of the order, current after every call and push."""
        self.cursor: dict[str, str] = dict(cursor)
        """The bound cursor, with the device's own instance once it has started."""
        self.sync: dict[str, Any] = {"state": "off", "pending": 0, "revision": None, "lease": None}
        self.refused: list[dict[str, Any]] = []
        """Own cells that the orchestrator did not take, oldest first."""
        self.cooldowns: dict[str, float] = {}
        self.orders = CursorQueues(self.call)
        """The orders at the cursors of calls."""
        self.plan = plan_with(limits or {})
        self.health = Health(self.plan)
        """The options' health as the engine told it, for the transport that calls them."""
        self.config = config
        self._engine = Engine()
        self._records: MutableMapping[str, str] = {} if records is None else records
        self._token = token
        self._no_token: dict[str, str] | None = None
        """The reason for which the last question gave no token; None if it did."""
        self.level = own_level(config.get("levels", ()))
        """The level of the device itself."""
        self._body = {"config": dict(config), "cursor": dict(cursor), "limit": limit, "fresh_id": str(uuid.uuid4())}
        if orchestrator is not None:
            self._body["orchestrator"] = orchestrator
        if device is not None:
            self._body["device"] = device
        if limits:
            self._body["limits"] = dict(limits)
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._socket: _Socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        cursor, queue = self._body["cursor"], first(self.queue)
        return f"<NativeDevice at {cursor}, sync {self.sync['state']}: {queue}>"

    async def __aenter__(self) -> NativeDevice:
        for key, text in sorted(self._records.items()):
            self._step({"type": "stored", "key": key, "text": text})
        if "orchestrator" in self._body and self._token is not None:
            token = await self._ask_token(self._token)
            self._body |= {} if token is None else {"token": token}
        reply = self.call("start", **self._body)
        self.queue, self.cooldowns, self.cursor = reply["queue"], reply["cooldowns"], reply["cursor"]
        self.sync = self._with_cause(reply["sync"])
        for option in reply["health"]:
            self.health.told(option)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call("close")
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def call(self, call: str, **body: Any) -> dict[str, Any]:
        """Make any call of docs/reference/bridge.md; an error is raised with its code."""
        reply = self._step({"type": "call", "call": call, "body": body})
        assert reply is not None, "the engine answers every call"
        if "error" in reply:
            raise error_from_code(reply["error"]["code"], reply["error"]["message"])
        answer: dict[str, Any] = reply["body"]
        return answer

    def observe(self, option: str, dimension: str, value: float) -> None:
        """Record a measurement (A1)."""
        self.call("observe", option=option, dimension=dimension, value=value)

    def resolve(self, cursor: Mapping[str, str] | None = None, **preferences: Any) -> list[str]:
        """The whole order at the cursor laid over the bound one; `only=["a"]` …: as a call with these preferences.

        Where they need something, `properties` is what each option has.
        """
        queue: list[str] = self.call("resolve", **_asked(cursor, preferences))["queue"]
        return queue

    def explain(self, cursor: Mapping[str, str] | None = None, **preferences: Any) -> dict[str, Any]:
        """The same with its reasons: `ranked`, `dropped`, and `skipped` by preferences (docs/reference/bridge.md)."""
        return self.call("explain", **_asked(cursor, preferences))

    def chain(
        self,
        stage: str,
        consumer: str,
        capability: str,
        *,
        instance: str | None = None,
        override: Sequence[Slot] = (),
    ) -> list[Slot]:
        """The providers and models to try for this work, in order, by the config's `chains` (K1)."""
        own = {} if instance is None else {"instance": instance}
        asked = {"stage": stage, "consumer": consumer, "capability": capability, **own, "override": list(override)}
        slots: list[Slot] = self.call("chain", **asked)["slots"]
        return slots

    async def until(self, condition: Callable[[NativeDevice], bool], timeout_s: float = 10.0) -> None:
        """Wait until the condition holds, asked again after every change; TimedOutError says where things stand."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition(self):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimedOutError(f"still waiting after {timeout_s} s: sync {self.sync}, queue {self.queue}") from None

    def _step(self, event: Event) -> Effect | None:
        reply: Effect | None = None
        saved: list[str] = []
        failed: dict[str, str] = {}
        for effect in self._engine.step(time.time(), event):
            if effect["type"] == "reply":
                reply = effect
            elif effect["type"] == "save":
                why = self._save(effect["key"], effect["text"])
                saved += [effect["key"]] if why is None else []
                failed |= {} if why is None else {effect["key"]: why}
            else:
                self._carry_out(effect)
        if saved:
            self._step({"type": "saved", "keys": saved})
        if failed:
            self._step({"type": "save_failed", "keys": list(failed), "message": next(iter(failed.values()))})
        self._changed.set()
        return reply

    def _save(self, key: str, text: str | None) -> str | None:
        """The reason for which it could not be saved; None if it was."""
        try:
            if text is None:
                self._records.pop(key, None)
            else:
                self._records[key] = text
        except (StorageError, OSError) as why:
            return str(why)
        return None

    def _carry_out(self, effect: Effect) -> None:
        match effect["type"]:
            case "connect":
                self._socket = _Socket(effect["url"], self._heard)
                self._spawn(self._socket.run())
            case "send" if self._socket is not None:
                self._socket.send(effect["text"])
            case "disconnect" if self._socket is not None:
                self._socket.send(None)
                self._socket = None
            case "wake":
                self._wake(effect["at"])
            case "push":
                self._push(effect["push"], effect["body"])

    def _heard(self, socket: _Socket, event: Event) -> None:
        if socket is self._socket:
            self._step(event)

    def _wake(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # The loop's clock may stand still while a machine sleeps; woken early the engine asks to be woken again.
        delay = min(max(0.0, at - time.time()), LONGEST_WAIT_S)
        self._timer = asyncio.get_running_loop().call_later(delay, self._step, {"type": "woken"})

    def _push(self, push: str, body: dict[str, Any]) -> None:
        if push == "queue":
            if body["watch"] == "":
                self.queue = body["queue"]
            self.orders.told(body["watch"], body["queue"])
        elif push == "sync":
            self.sync = self._with_cause(body)
        elif push == "refused":
            self.refused.extend(body["cells"])
        elif push == "cooldown":
            self.cooldowns[body["option"]] = body["until"]
        elif push == "health":
            self.health.told(body)  # type: ignore[arg-type]
        elif push == "token" and self._token is not None and not isinstance(self._token, str):
            self._spawn(self._renew(self._token))

    async def _renew(self, token: Callable[[], Awaitable[str]]) -> None:
        found = await self._ask_token(token)
        with suppress(ClosedError):
            self.call("token", token=found)

    async def _ask_token(self, token: Token) -> str | None:
        """The token now; None where the caller's function fails, is too late or gives none: it is asked again."""
        if isinstance(token, str):
            return token
        try:
            async with asyncio.timeout(TOKEN_TIMEOUT_S):
                found = await token()
        except Exception as why:
            said = str(why) or type(why).__name__
        else:
            if isinstance(found, str):
                self._no_token = None
                return found
            said = f"gave {type(found).__name__}, not a text"
        self._no_token = {"code": "token", "message": f"the token function: {said}"}
        return None

    def _with_cause(self, sync: dict[str, Any]) -> dict[str, Any]:
        """The state of the connection, with the cause where the engine knows only that there is no token."""
        if self._no_token is not None and sync.get("error", {}).get("code") == "token":
            return {**sync, "error": self._no_token}
        return sync

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _asked(cursor: Mapping[str, str] | None, preferences: Mapping[str, Any]) -> dict[str, Any]:
    refuse_unknown_words(preferences, (*PREFERENCES, "properties"), "preferences")
    said = preferences.get("properties", {}).items()
    properties = {option: properties_from(each, f"properties: {option}") for option, each in said}
    return {"cursor": dict(cursor or {}), "preferences": checked(preferences), "properties": properties}


class _Socket:
    """One connection attempt: tells what happens to it, sends in order, and says everything before it closes."""

    def __init__(self, url: str, tell: Callable[[_Socket, Event], None]) -> None:
        self._url, self._tell = url, tell
        self._outgoing: asyncio.Queue[str | None] = asyncio.Queue()

    def send(self, text: str | None) -> None:
        """Send a text; None closes after what was said before."""
        self._outgoing.put_nowait(text)

    async def run(self) -> None:
        """From connecting to closed."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        reason = "closed"
        try:
            async with connect(self._url, open_timeout=OPEN_TIMEOUT_S, ping_interval=None, max_size=None) as socket:
                sender = asyncio.create_task(self._send_all(socket))
                try:
                    self._tell(self, {"type": "opened"})
                    async for text in socket:
                        plain = text if isinstance(text, str) else text.decode("utf-8", "replace")
                        self._tell(self, {"type": "message", "text": plain})
                finally:
                    sender.cancel()
        except (OSError, TimeoutError, ValueError, WebSocketException) as why:
            reason = f"{type(why).__name__}: {why}"
        self._tell(self, {"type": "closed", "reason": reason})

    async def _send_all(self, socket: Any) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):  # the receiving side hears of it as well, and reports it
            while (text := await self._outgoing.get()) is not None:
                await socket.send(text)
            await socket.close()
