"""What the bytes of an event stream mean (server-sent events, WHATWG HTML §9.2), by the plan's marks, without I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sporewright.jsontext import nests_deep
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Mark, Plan

__all__ = ["Events", "Heard"]


@dataclass(slots=True)
class Heard:
    """What a piece of a stream brought; `error` and `usage` are the last ones told."""

    tokens: int = 0
    others: int = 0
    """Events of no dialect that the plan knows."""
    is_malformed: bool = False
    is_finished: bool = False
    """The answer said that it is whole: a finish reason came, now or before."""
    is_done: bool = False
    """Nothing follows: the end mark came, now or before."""
    error: Any = None
    usage: Any = field(default=None)


DEEPEST = 100
"""Levels of an event; what providers send has about ten."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Events:
    """Fed with the bytes of one stream in any pieces; the same bytes mean the same, however they are cut."""

    def __init__(self, plan: Plan = PLAN) -> None:
        self._marks, self._done = plan["marks"], plan["done"]
        self._line = b""
        self._has_begun = False
        self._after_cr = False
        self._data: list[str] = []
        self.events = 0
        self.is_finished = False
        self.is_done = False
        self._is_known = False

    def feed(self, piece: bytes) -> Heard:
        """What these bytes brought."""
        heard = Heard()
        for line in self._lines(piece):
            self._take(line, heard)
        heard.is_finished, heard.is_done = self.is_finished, self.is_done
        return heard

    @property
    def is_whole(self) -> bool:
        """Whether a stream that ends here is a whole answer: it said so, or it is of nobody's known dialect."""
        return self.is_done or self.is_finished or (self.events > 0 and not self._is_known)

    def _lines(self, piece: bytes) -> list[str]:
        """The lines completed by these bytes; CR, LF and CRLF end one. A character is never cut by a line's end."""
        if piece:
            is_rest = self._after_cr and piece.startswith(b"\n")
            self._after_cr = piece.endswith(b"\r")
            piece = piece[1:] if is_rest else piece
        *lines, self._line = (self._line + piece).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if lines and not self._has_begun:
            self._has_begun = True
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        return [line.decode("utf-8", "replace") for line in lines]

    def _take(self, line: str, heard: Heard) -> None:
        if line.startswith("data:"):
            self._data.append(line[5:].removeprefix(" "))
        elif line == "" and self._data:
            data, self._data = "\n".join(self._data), []
            self._event(data, heard)

    def _event(self, data: str, heard: Heard) -> None:
        self.events += 1
        if data.strip() == self._done:
            self.is_done = True
            return
        try:
            body = _read(data)
        except ValueError:
            # Plain text is some other service's; amid an answer it is a fault.
            heard.is_malformed = heard.is_malformed or self._is_known or data.lstrip().startswith(("{", "["))
            heard.others += 1
            return
        found = [(row["mark"], at) for row in self._marks if _means(at := _at(body, row["path"]), row)]
        for mark, at in found:
            self._mark(mark, at, heard)
        heard.others += not found
        self._is_known = self._is_known or bool(found)

    def _mark(self, mark: str, found: Any, heard: Heard) -> None:
        if mark == "token":
            heard.tokens += 1
        elif mark == "finish":
            self.is_finished = True
        elif mark == "done":
            self.is_done = True
        elif mark == "usage":
            heard.usage = found
        elif mark == "error":
            heard.error = found


def _at(body: Any, path: Any) -> Any:
    for step in path:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return body


def _means(found: Any, row: Mark) -> bool:
    if "equals" in row:
        return bool(found == row["equals"])
    return found is not None and found not in ("", [], {})


def _read(data: str) -> Any:
    """The event as JSON; ValueError if it is none, or so deep that the reader's stack would end before it does."""
    if nests_deep(data, DEEPEST):
        raise ValueError("nested too deep")
    return json.loads(data, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
