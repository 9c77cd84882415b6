"""One routed call under asyncio: carries out what its chain decides, over an httpx transport and the loop's clock."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal

import httpx

from sporewright.device.allowances import Draws
from sporewright.device.answer import body_of, ending_of, is_json, pieces_of, refusal
from sporewright.device.attempt_io import Running
from sporewright.device.attempt_timers import AttemptTimers
from sporewright.device.call_errors import broken, of_httpx
from sporewright.device.call_receipt import Receipt
from sporewright.device.call_report import CallReporter, Stays
from sporewright.device.delivery import Delivery
from sporewright.device.expectations import Expectations
from sporewright.device.failure import defect_of, error_of, told
from sporewright.device.order_source import Source
from sporewright.device.raw_body import RawBody
from sporewright.device.sleep_detector import Awake
from sporewright.errors import InternalError, SporewrightError
from sporewright.routing.answer_reader import HANDED, WHY, AnswerReader, Effect, Keep, Over
from sporewright.routing.attempt_chain import Ask, AttemptChain, Call, Decision, Ended, Wait
from sporewright.routing.classify import Ending

__all__ = ["RoutedCall"]


class RoutedCall:
    """`send(option, key)` makes the attempt's response; `redacts(option, text)` hides whose call it was."""

    def __init__(
        self,
        source: Source,
        chain: AttemptChain,
        receipt: Receipt,
        *,
        send: Callable[[str, int], Coroutine[Any, Any, httpx.Response]],
        redacts: Callable[[str, str], str],
        expectations: Expectations,
        draws: Draws,
        what: str,
        chance: Callable[[], float],
        is_streaming: bool,
        is_held: bool,
        on_restart: Callable[[str], None] | None = None,
        stays: Stays | None = None,
    ) -> None:
        self._source, self._chain, self.receipt, self._send, self._what = source, chain, receipt, send, what
        self._chance, self._is_held, self._redacts, self._expectations = chance, is_held, redacts, expectations
        self._draws = draws
        self._account = CallReporter(source, chain, receipt, expectations, is_streaming=is_streaming, stays=stays)
        self._running, self._over = dict[int, Running](), dict[int, Running]()
        self._tasks: set[asyncio.Task[None]] = set()
        self._delivery = Delivery(receipt, self._stop, on_restart)
        self._awake = Awake(source.plan["limits"], self._slept)

        def telling_s(option: str) -> float:
            return source.health.history(option, streaming=is_streaming).telling_s

        self._timers = AttemptTimers(chain, self._awake.now, self._running, self._another, self._hands_over, telling_s)

    async def run(self) -> httpx.Response:
        """The answer, its body streaming where it may; ExhaustedError if no option answered. Cancelled, all ends."""
        try:
            self._advance()
        except Exception as why:
            self._breaks(why)
        try:
            return await self._delivery.answer
        except asyncio.CancelledError:
            self._stop()
            raise

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self._awake.start()
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        """A defect in this package ends the call: the caller must not wait for ever for a task that is gone."""
        self._tasks.discard(task)
        if not self._tasks:
            self._awake.stop()
        if (why := defect_of(task)) is not None:
            self._breaks(why)

    def _breaks(self, why: BaseException) -> None:
        self._delivery.give_up(of_httpx(InternalError, httpx.TransportError, f"{self._what}: {told(why)}"))
        self._stop()

    def _advance(self) -> None:
        try:
            self._follow(self._chain.pick(self._awake.now(), self._chance()))
        except SporewrightError as why:
            self._delivery.give_up(of_httpx(type(why), httpx.TransportError, str(why)))
        if self._chain.state == "EXHAUSTED":
            self._draws.drop()
            self._delivery.give_up(self._account.exhausted(self._what, self._draws.refused))
        elif self._chain.state == "DELIVERED":
            self._deliver_kept()

    def _follow(self, decision: Decision) -> None:
        """Ask until there is an option to call, or nothing left to decide, at once where nothing is waited for."""
        while isinstance(decision, Ask):
            decision = self._ask(decision)
        if isinstance(decision, Wait):
            self._spawn(self._later(decision.until))
            return
        if decision is not None:
            self._call(decision)
        self._timers.watch()

    async def _later(self, at: float = -math.inf) -> None:
        await self._until(at)
        self._advance()

    async def _beside(self, decision: Decision) -> None:
        self._follow(decision)

    def _another(self) -> None:
        self._spawn(self._beside(self._chain.another(self._awake.now(), self._chance())))

    def _hands_over(self, one: Running) -> None:
        if one.reader is not None:
            self._carries_out(one, one.reader.hands_over(self._awake.now()))

    async def _until(self, at: float) -> None:
        """Until then on the clock, which may be set, and runs on while the loop's own stands still."""
        tick_s = self._source.plan["limits"]["tick_s"]
        while (left := at - self._awake.now()) > 0:
            await asyncio.sleep(min(left, tick_s))

    def _slept(self, gap_s: float) -> None:
        """Nothing ran for so long: nothing that waits has waited then, and silence was none."""
        self._chain.slept(gap_s)
        for one in self._running.values():
            if one.is_awaited:
                self._timers.arm(one)
        self._timers.watch()

    def _ask(self, ask: Ask) -> Decision:
        refused = self._draws.ask(ask.option) if ask.permit in ("draw", "hedge") else None
        granted = refused is None and (ask.permit == "draw" or self._source.permit(ask.permit, ask.option))
        until = -math.inf if refused is None else refused.until
        return self._chain.answered(self._awake.now(), granted, self._chance(), until)

    def _call(self, call: Call) -> None:
        one = self._running[call.attempt] = Running(call.attempt, call.option, time.monotonic())
        one.draw = self._draws.use(call.option)
        self._timers.arm(one)
        one.task = self._spawn(self._attempt(one))

    async def _attempt(self, one: Running) -> None:
        try:
            await self._exchange(one)
        except asyncio.CancelledError:
            if one.late is None or one.number not in self._running:
                raise
            kind, why = one.late
            self._ends(one, {"kind": kind}, why)
        except Exception as why:
            if one.number not in self._running and not isinstance(why, httpx.HTTPError):
                raise  # no echo of its end: carrying that out has failed
            one.threw, one.error = type(why).__name__, type(why)
            self._ends(one, {"kind": self._timers.fault(one, why)}, self._redacts(one.option, told(why)))

    async def _exchange(self, one: Running) -> None:
        response = await self._send(one.option, self._chain.keys_of(one.number)[0])
        one.is_called, one.response, one.latency = True, response, time.monotonic() - one.began
        self._draws.hear(one.option, response)
        one.raw = response.stream if isinstance(response.stream, RawBody) else None
        try:
            asks = self._expectations.asks(one.option)
            body = body_of(response, self._source.plan, judged=self._chain.is_judged(one.option) and not asks)
            if body is None:
                text = await self._refusal(one, response)
                if text:
                    self._keep(one, Keep(text, is_handed=False))
                reason = f"HTTP {response.status_code}"
                if asks and response.status_code < 400:
                    await self._shows(one, response, reason)
                else:
                    self._ends(one, ending_of(response, text, self._awake.now(), self._source.plan), reason)
            else:
                one.reader = reader = AnswerReader(
                    self._chain,
                    one.number,
                    self._source.plan,
                    body=body,
                    is_json=is_json(response),
                    judge=self._expectations.judge(one.option, response),
                    listen=partial(self._expectations.listener, one.option),
                    asks=asks,
                    is_held=self._is_held,
                )
                if not self._carries_out(one, reader.begins(self._awake.now())):
                    await self._read(one, reader, response)
        finally:
            with suppress(httpx.TransportError, RuntimeError):
                await response.aclose()

    async def _refusal(self, one: Running, response: httpx.Response) -> bytes:
        patience_s = self._chain.due(one.number) - (now := self._awake.now())
        self._timers.disarm(one)
        if not self._chain.wants_text(response.status_code, one.number):
            return b""
        self._chain.token(now, one.number, is_blank=True)  # it is not silent: nobody is asked beside it
        return await refusal(response, self._source.plan["limits"], patience_s)

    async def _read(self, one: Running, reader: AnswerReader, response: httpx.Response) -> None:
        pieces, is_over = pieces_of(response), False
        while not is_over:
            if self._delivery.pipe is not None and self._chain.state_of(one.number) in HANDED:
                # A reader who takes his time is no stall: only a wish that is not served is.
                self._timers.disarm(one)
                since = self._awake.now()
                await self._delivery.pipe.wanted()
                self._chain.paused(since, self._awake.now(), one.number)
            self._timers.arm(one)
            piece = await anext(pieces, None)
            now = self._awake.now()
            if piece == b"":
                continue
            if piece is None:
                # An encoding's own end says nothing more.
                self._keep(one, Keep(b"", self._chain.state_of(one.number) in HANDED))
                is_over = True
            effects = reader.ends(now) if piece is None else reader.feed(now, piece)
            is_over = self._carries_out(one, effects) or is_over
            last = effects[-1] if effects else None
            if isinstance(last, Over) and last.is_shown and one.number in self._running:
                await self._shows(one, response, last.reason)

    def _carries_out(self, one: Running, effects: Sequence[Effect]) -> bool:
        """Do these in their order; True if the attempt ends by them, or has ended meanwhile."""
        for effect in effects:
            if one.number not in self._running:
                return True
            if isinstance(effect, Keep):
                self._keep(one, effect)
            elif isinstance(effect, Ended):
                self._steps(one, effect)
            elif isinstance(effect, Over):
                return effect.is_shown or self._ends(one, effect.ending, effect.reason)
            else:
                one.latency = time.monotonic() - one.began
        return False

    def _keep(self, one: Running, keep: Keep) -> None:
        """The bytes that the caller gets for this decoded piece: those that were received for it, where that may be."""
        piece = keep.piece if one.raw is None else one.raw.take()
        if not piece:
            return
        if self._delivery.pipe is not None and keep.is_handed:
            self._delivery.pipe.push(piece)
        else:
            one.held.append(piece)

    async def _shows(self, one: Running, response: httpx.Response, reason: str) -> None:
        """Ask the caller's own function about this whole answer; the time that it takes is no silence of the option."""
        self._timers.disarm(one)
        within_s = self._chain.verdict_s(self._awake.now(), one.number)
        verdict = await self._expectations.verdict(one.option, response, b"".join(one.held), within_s)
        if verdict.accepts:
            self._ends(one, {"kind": "complete"}, reason + verdict.says)
        else:
            self._ends(one, {"kind": "invalid"}, WHY["invalid"])

    def _steps(self, one: Running, step: Ended) -> None:
        self._account.reports(one, step, None)
        if "win" in step.actions:
            self._drop_others(one)
        if "deliver" in step.actions:
            self._deliver(one)

    def _ends(self, one: Running, ending: Ending, reason: str) -> bool:
        """The attempt is over; always True. What comes after its end is only an echo."""
        if self._running.pop(one.number, None) is None:
            return True
        self._timers.end(one)
        self._draws.ends(one, ending)
        one.error = one.error or error_of(ending)
        step = self._chain.ended(self._awake.now(), ending, one.number, self._chance())
        self._over[one.number] = one
        self._account.notes(one, step.outcome, reason, ending.get("retry_after_s"))
        self._account.reports(one, step, ending)
        if "win" in step.actions:
            self._drop_others(one)
        if "deliver" in step.actions:
            self._deliver(one)
        elif "break" in step.actions:
            self._delivery.give_up(broken(one, step.outcome, reason))
        elif self._chain.state_of(one.number) == "DELIVERED":
            self._delivery.end()
        if self._chain.kept != one.number:
            one.held.clear()  # it will not be handed over
        if self._chain.state == "PICKING":
            self._spawn(self._later())
        self._timers.watch()
        return True

    def _drop_others(self, winner: Running) -> None:
        """Another one has won: the rest are aborted."""
        for one in [one for one in self._running.values() if one is not winner]:
            self._drops(one, "lost", "another option was faster")

    def _drops(self, one: Running, outcome: Literal["aborted", "lost"], reason: str) -> None:
        del self._running[one.number]
        self._timers.end(one)
        self._draws.ends(one, None)
        self._account.leaves(one, outcome, reason)
        if one.task is not None:
            one.task.cancel()

    def _deliver(self, one: Running) -> None:
        response = one.response
        if response is None:
            return
        self._account.names(one)
        if one.entry is None:
            self._account.notes(one, "ok", f"HTTP {response.status_code}", None)
        is_whole = self._chain.state_of(one.number) == "DELIVERED"
        self._delivery.begin(response, one.option, one.held, is_whole=is_whole)

    def _deliver_kept(self) -> None:
        kept = self._over.get(-1 if self._chain.kept is None else self._chain.kept)
        if kept is not None and kept.response is not None and self._delivery.pipe is None:
            self._account.names(kept)
            self._delivery.begin(kept.response, kept.option, kept.held, is_whole=True)
        else:
            self._delivery.give_up(self._account.exhausted(self._what, self._draws.refused))

    def _stop(self) -> None:
        """The caller does not want it any more: every attempt ends at once, upstream as well, and teaches nothing."""
        self._timers.stop()
        self._chain.abort()
        for one in list(self._running.values()):
            self._drops(one, "aborted", "aborted by the caller")
        self._draws.drop()
        for task in list(self._tasks):
            # One that is being cancelled closes its connection: cancelled again, it would leave it open for ever.
            if not task.cancelling():
                task.cancel()
