"""One request on its way through its options: its chain, and what each option is sent for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx

from sporewright.device.allowances import Allowances, Draws
from sporewright.device.asked_for import asked_for
from sporewright.device.call_options import Arrangement, place_of, plan_of
from sporewright.device.call_receipt import Receipt
from sporewright.device.expectations import Expectations
from sporewright.device.failure import redacted
from sporewright.device.function_upstream import answer_of
from sporewright.device.order_source import TASK, Source
from sporewright.device.outgoing import (
    CREDENTIAL_NAMES,
    CREDENTIALS,
    Attention,
    Retry,
    Speech,
    Upstream,
    below,
    is_keyed,
    keys_of,
    own_headers,
    request_for,
)
from sporewright.device.raw_body import received
from sporewright.device.redirects import Redirected, follow
from sporewright.device.reused import exchanged
from sporewright.device.routed_call import RoutedCall
from sporewright.routing.affinity import Affinity, turn_of
from sporewright.routing.attempt_chain import AttemptChain
from sporewright.routing.classify import is_repeatable
from sporewright.routing.dialects.judge import expects_of
from sporewright.routing.dialects.sse_events import Listening
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Facts

__all__ = ["RoutedRequest", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that all requests of a transport share; `bases`: the options' addresses."""

    source: Source
    upstreams: Mapping[str, Upstream]
    bases: Mapping[str, httpx.URL]
    inner: httpx.AsyncBaseTransport
    retry: Retry
    hedge: bool
    on_attention: Callable[[Attention], None] | None
    chance: Callable[[], float]
    allowances: Allowances | None = None
    affinity: Affinity = field(default_factory=Affinity)
    addresses: dict[str, tuple[str, httpx.URL]] = field(default_factory=dict)
    """Option → the path that it was called with last, and its address: most programs call one again and again."""

    def address(self, option: str, path: str) -> httpx.URL:
        """Path and query below the option's address."""
        known = self.addresses.get(option)
        if known is not None and known[0] == path:
            return known[1]
        address = below(self.bases[option], path)
        self.addresses[option] = path, address
        return address


class RoutedRequest:
    """One request on its way: what each option is sent for it."""

    def __init__(
        self,
        settings: Settings,
        request: httpx.Request,
        body: bytes,
        owner: str | None,
        path: str,
        asked: Mapping[str, Any],
        order: Arrangement,
        redirected: Redirected | None,
        sent: float = 0.0,
    ) -> None:
        self._settings, self._request, self._body, self._owner, self._path = settings, request, body, owner, path
        self._asked, self._order, self._redirected, self._sent = asked, order, redirected, sent
        self._speech: Speech | None = asked.get("speech")
        self._place = place_of(asked)
        self._plan = plan_of(asked, settings.source.plan)
        own: Retry | None = "always" if asked.get("idempotent") else asked.get("retry")
        streams, self._model, infers = asked_for(request, body, self._plan["repeatable"]["fields"])
        # What is no inference has no path of inference, whatever it ends in.
        self._inference = path.split("?")[0] if infers or self._speech is not None else ""
        self._is_streaming = bool(streams)
        self._rules: dict[Retry, bool] = {}
        self._is_repeatable = self._may_repeat(own or settings.retry)
        self._expectations = Expectations(
            settings.source,
            settings.upstreams,
            path,
            said=asked.get("expects"),
            task=self._place.get(TASK),
            inferred=expects_of(request.method, self._inference, self._plan),
            is_streaming=streams,
            listen=None if self._speech is None else self._listen,
            on_attention=settings.on_attention,
        )
        self._brings = any(name.lower() in CREDENTIAL_NAMES for name, _ in request.headers.raw)
        self._facts = {option: self._facts_of(option, upstream, own) for option, upstream in settings.upstreams.items()}
        self.sent: dict[str, httpx.Request] = {}
        """The request that each option was sent last."""

    def call(self) -> RoutedCall:
        """The routed call, not yet begun."""
        settings, asked, request = self._settings, self._asked, self._request
        restart = asked.get("restart", "error")
        self._expectations.look()
        chain = AttemptChain(
            self._order.queue,
            settings.upstreams,
            health=settings.source.health,
            now=time.time(),
            plan=self._plan,
            repeatable=self._is_repeatable,
            streaming=self._is_streaming,
            restart="buffer" if self._is_held else restart,
            model=self._model,
            hedge=asked.get("hedge", settings.hedge),
            facts=self._facts,
        )
        return RoutedCall(
            settings.source,
            chain,
            self._receipt(),
            send=self._send,
            redacts=lambda option, text: redacted(text, self.sent.get(option)),
            expectations=self._expectations,
            draws=Draws(settings.allowances, self._sent_to, self._plan),
            what=f"{request.method} {self._path.split('?')[0]}",
            chance=settings.chance,
            is_streaming=self._is_streaming,
            is_held=self._is_held,
            on_restart=asked.get("on_restart"),
            stays=None if asked.get("affinity") is None else self._stays,
        )

    def _stays(self, option: str, usage: Any, first_s: float | None) -> None:
        """It has answered: the prompt is warm there."""
        turn = turn_of(usage, self._sent, first_s)
        self._settings.affinity.heard(self._asked["affinity"], option, time.time(), turn)

    def _receipt(self) -> Receipt:
        order = self._order
        return Receipt(
            order.queue,
            skipped=dict(order.skipped),
            task=self._place.get(TASK),
            cursor=self._place or None,
            preferences=order.to_dict(),
        )

    @cached_property
    def _is_held(self) -> bool:
        """True if the whole answer is held back: by the caller's wish, or because a function judges it."""
        return self._asked.get("restart") == "buffer" or any(map(self._expectations.asks, self._settings.upstreams))

    def _listen(self, option: str) -> Listening:
        assert self._speech is not None, "only a speech is listened to in its own way"
        most = self._plan["limits"]["event_bytes"]
        return self._speech.listener(option, self._settings.upstreams[option], most)

    def _sent_to(self, option: str) -> bytes:
        """The body that the option is sent."""
        if self._speech is None:
            return self._body
        return self._speech.spoken(self._settings.upstreams[option], self._settings.bases[option].path)[1]

    async def _send(self, option: str, key: int) -> httpx.Response:
        upstream, base = self._settings.upstreams[option], self._settings.bases[option]
        path, body = self._path, self._body
        if self._speech is not None and self._redirected is None:
            path, body = self._speech.spoken(upstream, base.path)
        url = self._settings.address(option, path) if self._redirected is None else self._redirected.url
        # The caller wrote this option's own address, or the option is declared to be trusted with his credentials.
        is_trusted = self._owner == option or upstream.get("caller_credentials", False)
        own = own_headers(upstream, key)
        request = request_for(self._request, body, url, own, is_trusted=is_trusted)
        if self._facts[option].get("judged", False) and "run" not in upstream:
            return await follow(request, lambda each: self._exchange(option, each), [*CREDENTIALS, *own])
        return await self._exchange(option, request)

    async def _exchange(self, option: str, request: httpx.Request) -> httpx.Response:
        self.sent[option] = request
        if self._speech is not None:
            self._speech.sent(option, request)
        run = self._settings.upstreams[option].get("run")
        if run is None:
            may_repeat = self._facts[option].get("repeatable", self._is_repeatable)
            response = await exchanged(self._settings.inner, request, may_repeat=may_repeat)
        else:
            response = await answer_of(run, request)
        return received(response, request, is_raw=self._asked.get("restart") != "notify")

    def _may_repeat(self, rule: Retry) -> bool:
        if rule not in self._rules:
            self._rules[rule] = self._is_repeatable_by(rule)
        return self._rules[rule]

    def _is_repeatable_by(self, rule: Retry) -> bool:
        bare = "" if rule == "safe" else self._inference
        names = [name.decode("latin-1").lower() for name, _ in self._request.headers.raw]
        return rule == "always" or is_repeatable(self._request.method, bare, names, self._plan)

    def _facts_of(self, option: str, upstream: Upstream, own: Retry | None) -> Facts:
        facts = Facts()
        if "model" in upstream:
            facts["model"] = upstream["model"]
        if "window" in upstream:
            facts["window"] = upstream["window"]
        rule = own or upstream.get("retry")
        if rule is not None:
            facts["repeatable"] = self._may_repeat(rule)
        keys = len(keys_of(upstream)) if "keys" in upstream else 0
        if keys > 1:
            facts["keys"] = keys
        if is_keyed(upstream):
            facts["keyed"] = True
        elif self._brings and (self._owner == option or upstream.get("caller_credentials", False)):
            facts["brought"] = True
        if self._expectations.is_inference(option):
            facts["judged"] = True
        if self._is_plain and self._expectations.of(option) == "any":
            facts["any"] = True
        if self._settings.allowances is not None and self._settings.allowances.covers(option):
            facts["pooled"] = True
        return facts

    @cached_property
    def _is_plain(self) -> bool:
        """True if a plain client waits for any answer however slowly it comes, and no limit was set to that."""
        is_limited = self._plan["limits"]["inter_token_s"] != PLAN["limits"]["inter_token_s"]
        return self._asked.get("restart", "error") == "error" and not self._is_held and not is_limited
