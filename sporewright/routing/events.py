"""What the bytes of an event stream mean (server-sent events, WHATWG HTML §9.2), by the plan's marks, without I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sporewright.jsontext import nests_deep
from sporewright.routing.frames import Frames
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Mark, Plan

__all__ = ["Events", "Heard", "Kind", "Listening", "reach", "reach_all", "read_json", "says_something"]


@dataclass(slots=True)
class Heard:
    """What a piece of a stream brought; `error` and `usage` are the last ones told."""

    tokens: int = 0
    others: int = 0
    """Events of no dialect that the plan knows."""
    is_malformed: bool = False
    """An event is no JSON amid an answer, or longer than the plan allows."""
    is_finished: bool = False
    """The answer said that it is whole: a finish reason came, now or before."""
    is_done: bool = False
    """Nothing follows: the end mark came, now or before."""
    error: Any = None
    usage: Any = field(default=None)


Kind = Literal["complete", "truncated", "malformed", "failed"]
"""How an answer ended by what is in it."""


class Listening(Protocol):
    """Whoever follows an answer while it comes."""

    def feed(self, piece: bytes) -> Heard:
        """What these bytes brought."""

    def ends(self) -> tuple[Kind, Any]:
        """How the answer ended, now that nothing follows; and its usage, None if only its events said it."""

    def counts(self) -> Mapping[str, int]:
        """Tokens `in` and `out`, once it has ended, where its dialect says how they are counted."""


DEEPEST = 100
"""Levels of an event; what providers send has about ten."""


class Events:
    """Fed with the bytes of one stream in any pieces; the same bytes mean the same, however they are cut."""

    def __init__(self, plan: Plan = PLAN) -> None:
        self._marks, self._done = plan["marks"], plan["done"]
        self._frames = Frames(plan["limits"]["event_bytes"])
        self.events = 0
        self.is_done = False
        self._is_known = self._is_open = False
        # The choices that have begun, and those that have said why they ended; the one that the event is about.
        self._parts: set[int] = set()
        self._finished: set[int] = set()
        self._part = 0

    def feed(self, piece: bytes) -> Heard:
        """What these bytes brought."""
        heard = Heard()
        for data in self._frames.feed(piece):
            self._event(data, heard)
        heard.is_malformed = heard.is_malformed or self._frames.is_too_long
        heard.is_finished, heard.is_done = self.is_finished, self.is_done
        return heard

    def ends(self) -> tuple[Kind, Any]:
        """How the stream ended, now that nothing follows."""
        return ("complete" if self.is_whole else "truncated"), None

    def counts(self) -> Mapping[str, int]:
        """None: a usage is handed on as it is, whosever it was."""
        return {}

    @property
    def is_finished(self) -> bool:
        """Every choice that has begun has said why it ended."""
        return bool(self._finished) and self._parts <= self._finished

    @property
    def is_whole(self) -> bool:
        """Whether a stream that ends here is a whole answer: it said so, or it is of nobody's known dialect.

        The end mark says so where the answer speaks of no finish reasons; of one that does, only a finish reason.
        """
        if self.is_done and not self._is_open:
            return True
        return self.is_finished or (self.events > 0 and not self._is_known)

    def _event(self, data: str, heard: Heard) -> None:
        self.events += 1
        if data.strip() == self._done:
            self.is_done = True
            return
        try:
            body = read_json(data)
        except ValueError:
            # Plain text is some other service's; amid an answer it is a fault.
            heard.is_malformed = heard.is_malformed or self._is_known or data.lstrip().startswith(("{", "["))
            heard.others += 1
            return
        self._part = 0
        found = [(row["mark"], at) for row in self._marks if _means(at := reach(body, row["path"]), row)]
        for mark, at in found:
            self._mark(mark, at, heard)
        heard.others += not found
        self._is_known = self._is_known or bool(found)

    def _mark(self, mark: str, found: Any, heard: Heard) -> None:
        if mark == "token":
            heard.tokens += 1
            self._finished.discard(self._part)  # a finish reason before it was not the last word
        elif mark == "part":
            self._part = found if isinstance(found, int) else 0
            self._parts.add(self._part)
        elif mark == "open":
            self._is_open = True
        elif mark == "finish":
            self._finished.add(self._part)
        elif mark == "done":
            self.is_done = True
        elif mark == "usage":
            heard.usage = found
        elif mark == "error":
            heard.error = found


def reach(body: Any, path: Sequence[str]) -> Any:
    """What is at this path of JSON data, list positions as digits; None if nothing is."""
    for step in path:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return body


def reach_all(body: Any, path: Sequence[str]) -> list[Any]:
    """What is at this path, of a list each item; `*` stands for each item of a list."""
    if "*" not in path:
        found = reach(body, path)
        return found if isinstance(found, list) else [found]
    at = path.index("*")
    found = reach(body, path[:at])
    return [inner for item in (found if isinstance(found, list) else []) for inner in reach_all(item, path[at + 1 :])]


def _means(found: Any, row: Mark) -> bool:
    if "has" in row:
        return isinstance(found, dict) and row["has"] in found
    if "equals" in row:
        return bool(found == row["equals"])
    return says_something(found)


def says_something(found: Any) -> bool:
    """Neither absent nor empty."""
    return found is not None and found not in ("", [], {})


def read_json(data: str) -> Any:
    """The event as JSON; ValueError if it is none, or so deep that the reader's stack would end before it does."""
    if nests_deep(data, DEEPEST):
        raise ValueError("nested too deep")
    return json.loads(data, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
