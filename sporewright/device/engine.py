"""The device's engine, sans-I/O: `step(now, event)` gives the effects to carry out (docs/reference/bridge.md).

The same events give the same effects, in any process. Time is an argument, in seconds since the epoch; there is no
chance in here: identifiers come from the caller and the backoff is drawn from the client's id.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sporewright.core.codec import decode_number
from sporewright.device.arranged import arranged_at, explained_at
from sporewright.device.calls import CALLS, EVENTS, Effect, Event
from sporewright.device.chains import ChainReply, chain_of
from sporewright.device.device_records import Disk
from sporewright.device.device_state import DeviceState
from sporewright.device.figures import figures_at
from sporewright.device.link import Link, as_data
from sporewright.device.packages import Packages
from sporewright.device.shapes import check
from sporewright.errors import (
    ClosedError,
    ConfigError,
    DecodeError,
    EngineError,
    InternalError,
    SporewrightError,
    TokenError,
)
from sporewright.jsontext import shown
from sporewright.learning.cells import LOCAL
from sporewright.routing.health import OptionHealth
from sporewright.wire import Ack, Delta, Message, Snapshot, Welcome

__all__ = ["Engine"]

# The shared levels are remembered at most this often: an older copy is caught up by the next delta.
SAVE_SHARED_S = 5.0
_NAMES = "call opened message closed woken stored saved save_failed loaded load_failed news"
_KINDS: dict[str, type] = dict(zip(_NAMES.split(), EVENTS, strict=True))
_Answer = Callable[[float, Any], Any]


class Engine:
    """One device; `stored` events first, then the call `start`, then anything."""

    def __init__(self) -> None:
        self._disk = Disk()
        self._state: DeviceState | None = None
        self._link: Link | None = None
        self._packages: Packages | None = None
        self._closed = False
        self._now = 0.0
        self._told: dict[str, Any] = {}
        self._heard: dict[str, OptionHealth] = {}
        """The news of other engines from before the start."""
        self._wake_at = math.inf
        self._save_shared_at = math.inf
        self._calls: dict[str, _Answer] = {
            "start": self._start,
            "resolve": self._resolve,
            "explain": self._explain,
            "figures": self._figures,
            "chain": self._chain,
            "observe": self._observe,
            "gate": self._gate,
            "attest": self._attest,
            "began": self._began,
            "ended": self._ended,
            "outcome": self._outcome,
            "changed": self._changed,
            "permit": self._permit,
            "report": self._report,
            "priced": self._priced,
            "batch": self._batch,
            "forget": self._forget,
            "watch": self._watch,
            "unwatch": self._unwatch,
            "token": self._token,
            "online": self._online,
            "close": self._close,
        }

    def step(self, now: float, event: Event) -> list[Effect]:
        """Take one event; DecodeError if it is none. A call that fails is answered by an error and changes nothing."""
        kind = event.get("type") if isinstance(event, dict) else None
        if not isinstance(kind, str) or kind not in _KINDS:
            raise DecodeError(f"event.type: {shown(kind)} is none of {', '.join(_KINDS)}")
        check("event", _KINDS[kind], event)
        self._now = now
        reply: list[Effect] = []
        if kind == "call":
            reply = [self._answer(now, event["call"], event["body"])]
        elif not self._closed:
            getattr(self, f"_on_{kind}")(now, event)
        return self._settle(now, reply)

    def observe(self, option: str, dimension: str, value: float) -> None:
        """The hot path: a measurement; its effects come with the next step."""
        self._running().observe(self._now, option, dimension, value)
        self._said()

    def head(self) -> list[str]:
        """The hot path: the head of the first watch, now."""
        return self._running().watches.head()

    def _running(self) -> DeviceState:
        if self._closed:
            raise ClosedError("the engine is closed")
        if self._state is None:
            raise EngineError("the engine is not started")
        return self._state

    def _answer(self, now: float, call: str, body: Any) -> Effect:
        return {"type": "reply", **self._told_of(now, call, body)}

    def _told_of(self, now: float, call: str, body: Any) -> dict[str, Any]:
        """`{"body"}` or `{"error"}`."""
        try:
            if call not in self._calls:
                raise DecodeError(f"call: {shown(call)} is none of {', '.join(CALLS)}")
            check(call, CALLS[call][0], body)
            return {"body": self._calls[call](now, body) or {}}
        except SporewrightError as why:
            return {"error": as_data(why)}
        except Exception as why:  # a defect of ours: the page gets an answer all the same
            return {"error": as_data(InternalError(f"{call}: {type(why).__name__}: {why}"))}

    # --- calls ---------------------------------------------------------------------------------------------------

    def _start(self, now: float, body: Any) -> dict[str, Any]:
        if self._closed:
            raise ClosedError("the engine is closed")
        if self._state is None:
            self._boot(now, body)
        state, link = self._running(), self._link
        if body["config"] != state.config:
            raise ConfigError("this engine was started with another config")
        if link is not None and body.get("token"):
            link.renew(now, body["token"])
        cursor = state.at(now, body["cursor"])
        head = state.watches.add(body.get("watch", ""), cursor, body["limit"])
        told = {level: instance for level, instance in cursor.items() if level != LOCAL}
        about = {
            "device": state.identity.device,
            "cursor": told,
            "cooldowns": state.health.cooldowns.active(now),
            "health": state.health.all(),
        }
        return {**head, **about, "sync": self._sync()}

    def _boot(self, now: float, body: Any) -> None:
        if body["limit"] < 0:
            raise ConfigError(f"limit must be at least 0, not {body['limit']}")
        state = DeviceState(now, body, self._disk)
        for news in [*body.get("health", []), *self._heard.values()]:
            state.health.told(news)
        self._heard.clear()
        self._state = state
        self._link = Link(state.identity.client, body.get("orchestrator"), body.get("token"))
        self._link.start(now)
        self._packages = Packages(state.tensor)
        self._told = self._sync()

    def _resolve(self, now: float, body: Any) -> dict[str, Any]:
        state = self._running()
        cursor = state.at(now, body.get("cursor"))
        return {"queue": arranged_at(state.tensor, cursor, body.get("preferences", {}), body.get("properties")).queue}

    def _explain(self, now: float, body: Any) -> dict[str, Any]:
        state = self._running()
        cursor, asked = state.at(now, body.get("cursor")), body.get("preferences")
        if not asked:
            return state.tensor.explain(cursor).to_dict()
        return explained_at(state.tensor, cursor, asked, body.get("properties"))

    def _figures(self, now: float, body: Any) -> dict[str, Any]:
        state = self._running()
        return {"figures": figures_at(state.tensor, state.at(now, body.get("cursor")), body["options"])}

    def _chain(self, _: float, body: Any) -> ChainReply:
        return chain_of(self._running().config, body)

    def _observe(self, now: float, body: Any) -> None:
        value = decode_number(body["value"], "observe.value")
        self._running().observe(now, body["option"], body["dimension"], value)
        self._said()

    def _said(self) -> None:
        """There is something to send: a token that could not be had is asked for again."""
        if self._link is not None:
            self._link.ask_again(self._now)

    def _gate(self, now: float, body: Any) -> None:  # noqa: ARG002
        self._running().device.gate(body["option"], body["reachable"])

    def _attest(self, now: float, body: Any) -> None:  # noqa: ARG002
        self._running().device.attest(body["option"], body["capability"], body["can"])

    def _began(self, now: float, body: Any) -> None:
        state = self._running()
        state.learned.began(now, body["option"], state.kind(body), body.get("first", False))

    def _ended(self, now: float, body: Any) -> None:
        self._running().learned.ended(now, body["option"], None, "")

    def _changed(self, now: float, body: Any) -> None:
        self._running().changed(now, body["option"])

    def _outcome(self, now: float, body: Any) -> None:
        self._running().outcome(now, body)

    def _permit(self, now: float, body: Any) -> dict[str, Any]:
        return {"granted": self._running().permit(now, body["permit"], body["option"])}

    def _report(self, now: float, body: Any) -> None:
        self._running().report(now, body)

    def _priced(self, now: float, body: Any) -> None:  # noqa: ARG002
        self._running().scarce.lay(body["prices"], body["draws"])

    def _batch(self, now: float, body: Any) -> dict[str, Any]:
        return {"replies": [self._told_of(now, one["call"], one["body"]) for one in body["calls"]]}

    def _forget(self, now: float, body: Any) -> None:  # noqa: ARG002
        self._running().forget()

    def _watch(self, now: float, body: Any) -> Any:
        state = self._running()
        if "among" in body:
            state.learned.admit(now, body["among"])
        among, figures = body.get("among"), body.get("figures", False)
        cursor = state.at(now, body.get("cursor"))
        return state.watches.add(body["watch"], cursor, body["limit"], among, has_figures=figures)

    def _unwatch(self, now: float, body: Any) -> None:  # noqa: ARG002
        self._running().watches.remove(body["watch"])

    def _token(self, now: float, body: Any) -> None:
        self._running()
        if self._link is not None:
            self._link.renew(now, body["token"])

    def _online(self, now: float, body: Any) -> None:  # noqa: ARG002
        self._running()
        if self._link is not None:
            self._link.online(now)

    def _close(self, now: float, body: Any) -> None:  # noqa: ARG002
        if self._closed:
            return
        if self._state is not None and self._link is not None:
            if self._save_shared_at < math.inf:
                self._state.save_shared()
            self._state.settle()
            self._link.close(now)
            self._state.watches.clear()
        self._closed = True

    # --- events --------------------------------------------------------------------------------------------------

    def _on_stored(self, now: float, event: Event) -> None:  # noqa: ARG002
        if self._state is not None:
            raise EngineError(f"stored {shown(event['key'])}: what storage held comes before start")
        self._disk.records[event["key"]] = event["text"]

    def _on_saved(self, now: float, event: Event) -> None:  # noqa: ARG002
        self._disk.saved(event["keys"])

    def _on_save_failed(self, now: float, event: Event) -> None:  # noqa: ARG002
        self._disk.failed(event["keys"], event["message"])

    def _on_loaded(self, now: float, event: Event) -> None:  # noqa: ARG002
        if self._packages is not None:
            self._packages.loaded()

    def _on_load_failed(self, now: float, event: Event) -> None:  # noqa: ARG002
        if self._packages is not None:
            self._packages.failed(event["package"], event["message"])

    def _on_news(self, now: float, event: Event) -> None:
        news = event["news"]
        if self._state is not None:
            self._state.hear(now, news)
        elif "health" in news:
            self._heard[news["health"]["option"]] = news["health"]

    def _on_opened(self, now: float, event: Event) -> None:  # noqa: ARG002
        if self._state is None or self._link is None:
            return
        if self._link.wants_snapshot:
            self._state.shared.forget_revision()
        self._state.shared.begin()
        self._link.opened(now, self._state.shared.resume)

    def _on_closed(self, now: float, event: Event) -> None:
        if self._link is not None:
            self._link.closed(now, event.get("reason", ""))

    def _on_woken(self, now: float, event: Event) -> None:  # noqa: ARG002
        self._wake_at = math.inf  # the timer is gone, even if it went off early
        if self._link is not None:
            self._link.woken(now)

    def _on_message(self, now: float, event: Event) -> None:
        if self._link is None or self._state is None:
            return
        message = self._link.heard(now, event["text"])
        if message is not None:
            self._carry_out(now, self._state, self._link, message)

    def _carry_out(self, now: float, state: DeviceState, link: Link, message: Message) -> None:
        if isinstance(message, Welcome):
            try:
                again = state.welcomed(now, message)
            except TokenError as why:
                link.refuse(now, as_data(why))
                return
            if again is not None:
                link.say(now, again)
            self._save_shared_at = now
        elif isinstance(message, Ack):
            state.acked(message)
        elif isinstance(message, (Snapshot, Delta)) and state.published(message):
            state.learned.due = now
            link.wants_snapshot = False
            self._save_shared_at = min(self._save_shared_at, now + SAVE_SHARED_S)

    # --- effects -------------------------------------------------------------------------------------------------

    def _settle(self, now: float, reply: list[Effect]) -> list[Effect]:
        """Everything this step leads to: saves, the reply, the socket, pushes, the timer."""
        state, link = self._state, self._link
        if state is None or link is None:
            return reply
        if now >= state.learned.due:
            state.learned.refresh(now)
        if now >= state.gated.due:
            state.gated.refresh(now)
        state.settle()
        if now >= self._save_shared_at:
            self._save_shared_at = math.inf
            state.save_shared()
        if link.is_live and link.session is not None:
            push = state.next_push(link.session.pushed + 1, link.session.limits)
            if push is not None:
                link.say(now, push)
        effects = [*self._disk.drain(), *reply, *link.effects, *state.pushes, *self._pushes(state, link)]
        if self._packages is not None:
            effects += self._packages.wanted()
        link.effects, state.pushes = [], []
        return effects + self._wake(now, link)

    def _pushes(self, state: DeviceState, link: Link) -> list[Effect]:
        pushes = state.watches.pushes()
        sync = self._sync()
        if sync != self._told:
            self._told = sync
            pushes.append({"type": "push", "push": "sync", "body": sync})
        if link.wants_token:
            link.wants_token = False
            pushes.append({"type": "push", "push": "token", "body": {}})
        return pushes

    def _sync(self) -> dict[str, Any]:
        state, link = self._state, self._link
        if state is None:
            raise EngineError("the engine is not started")
        resume = state.shared.resume
        body: dict[str, Any] = {
            "state": link.state if link else "off",
            "pending": state.outbox.pending,
            "revision": resume.revision if resume else None,
            "lease": link.lease_s if link else None,
        }
        missing = self._packages.error if self._packages else None
        error = (link.error if link else None) or self._disk.error or missing
        return {**body, "error": error} if error else body

    def _wake(self, now: float, link: Link) -> list[Effect]:
        own = (self._state.learned.due, self._state.gated.due) if self._state else ()
        at = min(link.due, self._save_shared_at, *own)
        if self._closed or at >= self._wake_at:
            return []  # an earlier timer is set; woken by it, this is asked again
        self._wake_at = at
        return [{"type": "wake", "at": max(at, now)}]
