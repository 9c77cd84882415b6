"""The result of a routed call for its caller: one response, its body fed as it comes, or the error in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx

from sporewright.device.call_receipt import Receipt
from sporewright.device.expectations import reported
from sporewright.device.outgoing import from_caller
from sporewright.device.pipe import Pipe
from sporewright.device.raw_body import RawBody

__all__ = ["Delivery"]

# Of an answer that may begin anew, from an option with another encoding, what was decoded is handed on.
_OF_THE_WIRE = (b"content-encoding", b"content-length", b"transfer-encoding")


class Delivery:
    """`left` is called if the reader leaves before the end, `on_restart` where another answer begins in its place."""

    def __init__(self, receipt: Receipt, left: Callable[[], None], on_restart: Callable[[str], None] | None) -> None:
        self._receipt, self._left, self._on_restart = receipt, left, on_restart
        self.answer: asyncio.Future[httpx.Response] = asyncio.get_running_loop().create_future()
        self.pipe: Pipe | None = None
        """The body; None before anything was delivered."""

    def begin(self, response: httpx.Response, option: str, held: list[bytes], *, is_whole: bool) -> None:
        """Hand over this option's response, and what was held of its body; `is_whole`: that is all of it."""
        if self.pipe is None:
            self.pipe = Pipe(self._left)
            self._resolve(response)
        elif self._on_restart is not None:
            # Everything handed over so far has been read: this is where the new answer begins.
            try:
                from_caller(self._on_restart, option)
            except Exception as why:  # a defect in the caller's function loses no answer, and is no option's fault
                reported("on_restart raised", why)
        for piece in held:
            self.pipe.push(piece)
        held.clear()
        if is_whole:
            self.pipe.close()

    def _resolve(self, received: httpx.Response) -> None:
        if self.answer.done():
            return
        headers = received.headers
        if not isinstance(received.stream, RawBody):
            headers = httpx.Headers([(name, value) for name, value in headers.raw if name.lower() not in _OF_THE_WIRE])
        extensions = {**received.extensions, "sporewright": self._receipt}
        extensions.pop("network_stream", None)
        self.answer.set_result(
            httpx.Response(received.status_code, headers=headers, stream=self.pipe, extensions=extensions)
        )

    def end(self) -> None:
        """The body is whole."""
        if self.pipe is not None:
            self.pipe.close()

    def give_up(self, error: Exception) -> None:
        """Raised where the caller waits: for the response, or for more of its body."""
        if not self.answer.done():
            self.answer.set_exception(error)
        if self.pipe is not None:
            self.pipe.close(error)
