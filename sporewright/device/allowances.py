"""The pools of a transport: a call's draw is reserved before it is sent, and corrected when it is over (P2, P3)."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import httpx

from sporewright.device.answer import is_json
from sporewright.device.attempt_io import Running
from sporewright.device.pool_file import PoolFile, SharedPools
from sporewright.errors import StorageError
from sporewright.pools import Asked, Ledger, PoolState, Refused, Used, declined, hear, pools_from
from sporewright.routing.allowance_headers import words_of
from sporewright.routing.call_size import tokens_of
from sporewright.routing.classify import Ending
from sporewright.routing.dialects.sse_events import read_json
from sporewright.routing.terms import Plan
from sporewright.zones import is_zone, zone_tables

__all__ = ["Allowances", "Draws"]

LASTS_S, RENEW_S = 30.0, 10.0
"""A reservation ends so long after its process has said last that the call goes on, which it does so often."""
AGAIN_S = 1.0
"""A ledger that cannot be read is asked again after so long."""
UNSENT = ("prepare", "connect", "offline")
"""Ends of attempts that have not reached the option."""
COUNTS = (
    ("prompt_tokens", "completion_tokens"),
    ("input_tokens", "output_tokens"),
    ("promptTokenCount", "candidatesTokenCount"),
)
"""The names by which providers count the tokens of a request and of its answer."""

T = TypeVar("T")
Prices = Mapping[str, float]
Expected = Mapping[str, Mapping[str, float]]


class Allowances:
    """Reserves and settles for one transport. `priced` is told of prices and expected draws whenever a price moves."""

    def __init__(
        self,
        pools: Mapping[str, Any] | SharedPools,
        options: Mapping[str, Any] | None,
        *,
        price: Callable[[str], tuple[float, float]],
        priced: Callable[[Prices, Expected], None],
    ) -> None:
        declared = pools.pools if isinstance(pools, SharedPools) else pools
        self._pools = pools_from(declared, options, is_zone=is_zone, place="pools")
        self._zones = zone_tables({pool.tz for pool in self._pools.values() if pool.tz != "UTC"}, time.time())
        self._ledger = self._fresh()
        self._file = PoolFile(pools.path) if isinstance(pools, SharedPools) else None
        self._price, self._priced = price, priced
        self._open: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._told: Prices = {}

    def covers(self, option: str) -> bool:
        """True if calls of the option draw on pools."""
        return bool(self._ledger.pools_of(option))

    def state(self) -> dict[str, PoolState]:
        """Each pool as it stands."""
        return self._with(lambda ledger, now: ledger.state(now))

    def tick(self) -> None:
        """Time passes: prices that are due move."""
        self._with(Ledger.tick)

    def reserve(self, option: str, asked: Asked) -> str | Refused:
        """The name of the reservation, or the pool that does not cover the draw, and when it does.

        A hard pool whose ledger cannot be read covers nothing; of the others this process's own count decides.
        """
        key, (price_in, price_out) = str(uuid.uuid4()), self._price(option)
        priced = replace(asked, price_in=price_in, price_out=price_out)
        hard = next((name for name in self._ledger.pools_of(option) if self._pools[name].hard), None)
        try:
            refused = self._with(
                lambda ledger, now: ledger.reserve(key, option, ledger.estimate(option, priced), now, LASTS_S),
                is_strict=hard is not None,
            )
        except StorageError:
            return Refused(hard or "", time.time() + AGAIN_S)
        if refused is not None:
            return refused
        self._open.add(key)
        self._renew_later()
        return key

    def release(self, key: str) -> None:
        """The call was never sent."""
        self._open.discard(key)
        self._with(lambda ledger, now: ledger.release(key, now))

    def ends(self, key: str, one: Running, ending: Ending | None) -> None:
        """An attempt is over; None: its caller gave it up, or it lost a race."""
        if ending is not None and ending["kind"] in UNSENT:
            self.release(key)
            return
        self._open.discard(key)
        took = time.monotonic() - one.began
        is_whole = ending is not None and ending["kind"] == "complete"

        tokens = _tokens(one)

        def settle(ledger: Ledger, now: float) -> None:
            ledger.settle(key, self._used(one, tokens, took), now)
            if is_whole:
                ledger.learn(one.option, None if tokens is None else tokens[1], took)
            if ending is not None:
                declined(ledger, one.option, ending.get("status", 0), ending.get("retry_after_s"), now)

        self._with(settle)

    def _used(self, one: Running, tokens: tuple[float, float] | None, took: float) -> Used:
        if one.response is not None and one.response.status_code >= 400:
            return Used(seconds=took, refused=True)
        if tokens is None:
            return Used(seconds=took)
        price_in, price_out = self._price(one.option)
        return Used(sum(tokens), (tokens[0] * price_in + tokens[1] * price_out) / 1e6, took)

    def hear(self, option: str, response: httpx.Response, plan: Plan) -> None:
        """Take over what the response says of the option's limits (P6)."""
        if self.covers(option) and (words := words_of(response.headers.get, plan)):
            self._with(lambda ledger, now: hear(ledger, option, words, now))

    def close(self) -> None:
        """Let go of the timer and the file."""
        if self._timer is not None:
            self._timer.cancel()
        if self._file is not None:
            self._file.close()

    def _renew_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RENEW_S, self._renew)

    def _renew(self) -> None:
        """The calls that go on hold what they hold."""
        self._timer = None
        if self._open:
            self._with(self._renew_all)
            self._renew_later()

    def _renew_all(self, ledger: Ledger, now: float) -> None:
        for key in self._open:
            ledger.renew(key, now)

    def _fresh(self) -> Ledger:
        return Ledger(self._pools, self._zones, time.time())

    def _with(self, work: Callable[[Ledger, float], T], *, is_strict: bool = False) -> T:
        """Change the ledger; one that cannot be read or kept is counted by this process alone, unless `is_strict`."""
        ledger, now = self._ledger, time.time()
        try:
            if self._file is None:
                found = work(ledger, now)
                ledger.tick(now)
            else:
                with self._file.opened(self._fresh()) as ledger:
                    found = work(ledger, now)
                    ledger.tick(now)
        except StorageError:
            if is_strict:
                raise
            ledger = self._ledger
            found = work(ledger, now)
        self._tell(ledger)
        return found

    def _tell(self, ledger: Ledger) -> None:
        prices = ledger.prices()
        if prices != self._told:
            self._told = prices
            self._priced(prices, ledger.draws())


class Draws:
    """The draws of one call: asked for by option, used by its attempts; `body_of(option)` is what it is sent."""

    def __init__(self, allowances: Allowances | None, body_of: Callable[[str], bytes], plan: Plan) -> None:
        self._allowances, self._body_of, self._plan = allowances, body_of, plan
        self._granted: dict[str, str] = {}
        self.refused: dict[str, Refused] = {}
        """The options that were passed over for want of an allowance."""

    def ask(self, option: str) -> Refused | None:
        """None if the draw is reserved, or the option draws on nothing."""
        if self._allowances is None or option in self._granted or not self._allowances.covers(option):
            return None
        found = self._allowances.reserve(option, _asked(self._body_of(option)))
        if isinstance(found, Refused):
            self.refused[option] = found
            return found
        self._granted[option] = found
        return None

    def use(self, option: str) -> str | None:
        """The reservation, for the attempt that begins now."""
        return self._granted.pop(option, None)

    def hear(self, option: str, response: httpx.Response) -> None:
        """An answer of the option has come."""
        if self._allowances is not None:
            self._allowances.hear(option, response, self._plan)

    def ends(self, one: Running, ending: Ending | None) -> None:
        """The attempt is over; it counts once."""
        key, one.draw = one.draw, None
        if self._allowances is not None and key is not None:
            self._allowances.ends(key, one, ending)

    def drop(self) -> None:
        """The call is over: what it has not used it has not drawn."""
        while self._allowances is not None and self._granted:
            self._allowances.release(self._granted.popitem()[1])


def _tokens(one: Running) -> tuple[float, float] | None:
    """The tokens in and out that the answer counts, as its events or its whole JSON say; None where they do not."""
    if one.tokens:
        return one.tokens.get("in", 0), one.tokens.get("out", 0)
    usage = one.usage or _usage(one)
    for pair in COUNTS if isinstance(usage, dict) else ():
        found = [usage.get(name) for name in pair]
        if all(type(count) is int and count >= 0 for count in found):
            return found[0], found[1]
    return None


def _usage(one: Running) -> Any:
    """The usage in a whole answer of JSON that is held; it may be compressed as it was received."""
    if one.response is None or not one.held or not is_json(one.response):
        return None
    encoding = one.response.headers.get("content-encoding") if one.raw is not None else None
    headers = {} if encoding is None else {"content-encoding": encoding}
    try:
        said = read_json(httpx.Response(200, headers=headers, content=b"".join(one.held)).content.decode())
    except (ValueError, httpx.DecodingError):
        return None
    return (said.get("usage") or said.get("usageMetadata")) if isinstance(said, dict) else None


def _asked(body: bytes) -> Asked:
    """The size of a request (P2); of what is no JSON object a quarter of its bytes."""
    try:
        said = read_json(body.decode("utf-8", "replace"))
    except ValueError:
        said = None
    return Asked(*tokens_of(said)) if isinstance(said, dict) else Asked(len(body) / 4)
