"""One attempt under way: its task, timer, response and reader."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from sporewright.device.call_receipt import Attempt
from sporewright.device.raw_body import RawBody
from sporewright.routing.answer_reader import AnswerReader

__all__ = ["Running"]


@dataclass(eq=False)
class Running:
    """An attempt under way; `late` says by what it was too late, once it is; `held` is what was not handed over yet."""

    number: int
    option: str
    began: float
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    wakes: float = math.inf
    """The time for which its timer is set; ∞: for none."""
    is_awaited: bool = False
    """Its time runs."""
    is_called: bool = False
    late: tuple[Literal["timeout", "deadline"], str] | None = None
    threw: str | None = None
    """Name of the exception whose text is the reason of its end."""
    error: type[Exception] | None = None
    """The exception that a plain client would have raised."""
    response: httpx.Response | None = None
    raw: RawBody | None = None
    """Its body as it is received."""
    latency: float | None = None
    reader: AnswerReader | None = None
    """The reader of its answer, once good headers are in."""
    held: list[bytes] = field(default_factory=list)
    entry: Attempt | None = None
    draw: str | None = None
    """The name of its reservation on pools."""

    @property
    def length(self) -> int:
        """Bytes of its answer so far."""
        return 0 if self.reader is None else self.reader.length

    @property
    def usage(self) -> Any:
        """The usage that its answer told, if any."""
        return None if self.reader is None else self.reader.usage

    @property
    def tokens(self) -> Mapping[str, int]:
        """The tokens that its answer counted, once it has ended."""
        return {} if self.reader is None else self.reader.tokens
