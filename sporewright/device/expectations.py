"""The answer that one request expects of each option, and the report on an option that declined."""

from __future__ import annotations

import asyncio
import inspect
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import httpx

from sporewright.device.order_source import Source
from sporewright.device.outgoing import Attention, Expected, Upstream, from_caller, key_of, keys_of
from sporewright.routing.dialects.judge import Judge
from sporewright.routing.dialects.sse_events import Listening
from sporewright.routing.terms import Aside, Expects

__all__ = ["Expectations", "reported"]


class _LateError(Exception):
    """A function of the caller's has not said anything in time."""


class Judgement(NamedTuple):
    """The verdict of a caller's function on an answer; `says`: what is to be told of the function itself."""

    accepts: bool
    says: str = ""


class Expectations:
    """`said`: what the caller expects, if he says; `inferred`: what the path says; `listen`: who reads a chat."""

    def __init__(
        self,
        source: Source,
        upstreams: Mapping[str, Upstream],
        path: str,
        *,
        said: Expected | None,
        task: str | None,
        inferred: Expects,
        is_streaming: bool | None,
        listen: Callable[[str], Listening] | None,
        on_attention: Callable[[Attention], None] | None,
    ) -> None:
        self._source, self._upstreams, self._path = source, upstreams, path
        self._task = task
        self._said, self._inferred, self._is_streaming = said, inferred, is_streaming
        self._listen, self._on_attention = listen, on_attention

    def of(self, option: str) -> Expected:
        """The answer expected of this option: by the call, else by its upstream, else by its path."""
        if self._listen is not None:
            return "answer"
        return self._said or self._upstreams[option].get("expects") or self._inferred

    def is_inference(self, option: str) -> bool:
        """True if it is asked as a provider of inference is: a refusal then is a matter of key, model, credit."""
        return self._listen is not None or (self._inferred == "answer" and self.of(option) != "any")

    def judge(self, option: str, response: httpx.Response) -> Judge | None:
        """The judge of this response's form; None: any response is an answer."""
        expects = self.of(option)
        if callable(expects) or expects == "any":
            return None
        kind = response.headers.get("content-type", "")
        is_chat = self._listen is not None
        plan = self._source.plan
        return Judge(expects, kind, self._path, streaming=self._is_streaming, any_form=is_chat, plan=plan)

    def listener(self, option: str) -> Listening | None:
        """The listener that follows a chat's answer."""
        return None if self._listen is None else self._listen(option)

    def asks(self, option: str) -> bool:
        """True if a function of the caller's has to see the whole answer first."""
        return callable(self.of(option))

    async def verdict(self, option: str, response: httpx.Response, body: bytes, within_s: float) -> Judgement:
        """The verdict of the caller's own function on this whole answer, in time; its quality is learned.

        One that raises, or says nothing in time, has said nothing of the option: the answer counts.
        """
        expects = self.of(option)
        assert callable(expects), "only a function is shown an answer"
        copy = httpx.Response(response.status_code, headers=response.headers, content=body, request=response.request)
        try:
            verdict: Any = from_caller(expects, copy)
            if inspect.isawaitable(verdict):
                verdict = await _in_time(verdict, within_s)
        except _LateError as why:
            reported("expects said nothing in time", why)
            return Judgement(True, f"; expects said nothing within {within_s * 1000:.0f} ms")
        except Exception as why:  # a defect in it loses no answer
            reported("expects raised", why)
            return Judgement(True, f"; expects raised {type(why).__name__}")
        if isinstance(verdict, Mapping):
            quality, rejects = verdict.get("quality"), bool(verdict.get("reject", False))
        else:
            quality, rejects = (None, verdict is False) if isinstance(verdict, bool) else (verdict, False)
        if isinstance(quality, int | float) and 0.0 <= quality <= 1.0:
            self._source.report(option, float(quality), self._task)
        return Judgement(not rejects)

    def digest(self, option: str) -> str | None:
        """A digest of the option's keys; None: it has none, or they cannot be had now."""
        return digest_of(self._upstreams[option])

    def set_aside(self, option: str, reason: Aside | None, digest: str | None) -> None:
        """Sign what an option was set aside for with the keys that it declined, and tell its operator."""
        asides = self._source.health.asides
        if digest is not None:
            asides.sign(option, digest)
        data = asides.data(option)
        if data is not None and reason is not None and self._on_attention is not None:
            try:
                told: Attention = {"option": option, "reason": reason, "until": data["until"]}
                from_caller(self._on_attention, told)
            except Exception as why:  # the listener's own mistake costs no call its answer
                reported("on_attention raised", why)

    def look(self) -> None:
        """Take back what was set aside for a key that is another one now."""
        asides = self._source.health.asides
        for option, upstream in self._upstreams.items():
            data = asides.data(option)
            if data is None or "credential" not in data:
                continue
            digest = digest_of(upstream)
            if digest is not None and data["credential"] != digest:
                self._source.changed(option)


def digest_of(upstream: Upstream) -> str | None:
    """A short digest of an option's keys: enough to see a change, too short to say what they are; None: none known."""
    try:
        keys = [key_of(upstream, number) for number in range(len(keys_of(upstream)))]
    except Exception as why:  # a key that cannot be had now says nothing
        reported("key raised", why)
        return None
    if not keys:
        return None
    return f"{zlib.crc32(repr(keys).encode('utf-8', 'surrogatepass')):08x}"


async def _in_time(verdict: Awaitable[Any], within_s: float) -> Any:
    """The result of `verdict`; one that is late is cancelled, its end is not waited for, and _LateError is raised."""
    task = asyncio.ensure_future(verdict)
    try:
        await asyncio.wait({task}, timeout=within_s)
        if not task.done():
            raise _LateError
    finally:
        task.cancel()
    if task.cancelled():
        raise RuntimeError("it was cancelled")
    return task.result()


def reported(message: str, why: Exception) -> None:
    """Report an exception where asyncio reports those of tasks that are not awaited."""
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": why})
