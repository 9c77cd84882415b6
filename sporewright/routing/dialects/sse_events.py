"""The events in the bytes of a stream (server-sent events, WHATWG HTML §9.2), by the rows of whichever dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sporewright.jsontext import nests_deep
from sporewright.routing.dialects.chat_terms import DialectRow
from sporewright.routing.dialects.providers import DIALECTS, SUFFICES
from sporewright.routing.dialects.readings import ANY
from sporewright.routing.dialects.rows import Saying, choices_in, is_of, life_in, sayings, says_at
from sporewright.routing.dialects.sse_frames import Frame, Frames
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Plan

__all__ = ["BLANK", "EVERY", "Events", "Heard", "Kind", "Listening", "json_of", "looks_like_json", "read_json"]


@dataclass(slots=True)
class Heard:
    """The news in a piece of a stream; `error` and `usage` are the last ones told."""

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


Kind = Literal["complete", "truncated", "malformed", "failed", "invalid"]
"""The kind of end of an answer, by its content."""


class Listening(Protocol):
    """A listener that follows an answer while it comes."""

    def feed(self, piece: bytes) -> Heard:
        """The news in these bytes."""

    def ends(self) -> tuple[Kind, Any]:
        """The kind of its end, now that nothing follows; and its usage, None if only its events said it."""

    @property
    def has_said_anything(self) -> bool:
        """True if there is an answer in it, or a reason why there is none."""

    def counts(self) -> Mapping[str, int]:
        """Tokens `in` and `out`, once it has ended, where its dialect says how they are counted."""


DEEPEST = 100
"""Levels of an event; what providers send has about ten."""
EVERY = tuple(DIALECTS.values())
BLANK = " \t\r\n"
"""The characters that may stand around JSON (RFC 8259 §2)."""
_MOST_DIGITS = 400


class Events:
    """Fed with the bytes of one stream in any pieces; the same bytes mean the same, however they are cut.

    Each event is read by the rows of the dialect it is of, among `dialects`. Of none of them it may be anything, but no
    error; where `fields` are given it counts only if something is said at one of them. What is `beside` the words of a
    dialect counts in its own events, too.
    """

    def __init__(
        self,
        plan: Plan = PLAN,
        *,
        dialects: Sequence[DialectRow] = EVERY,
        fields: Sequence[Sequence[str]] | None = None,
        beside: Sequence[Sequence[str]] | None = None,
    ) -> None:
        self._done, self._dialects, self._fields = plan["done"], dialects, fields
        self._beside = plan["answers"]["beside"] if beside is None else beside
        self._frames = Frames(plan["limits"]["event_bytes"])
        self._tokens = self._others = 0
        self.is_done = False
        self._is_known = self._is_open = False
        # The choices that have begun, and why those ended that have said so.
        self._parts: set[int] = set()
        self._finish: dict[int, str] = {}
        self._usage: dict[str, Any] = {}

    def feed(self, piece: bytes) -> Heard:
        """The news in these bytes."""
        heard = Heard()
        for frame in self._frames.feed(piece):
            self._event(frame, heard)
        heard.is_malformed = heard.is_malformed or self._frames.is_too_long
        heard.is_finished, heard.is_done = self.is_finished, self.is_done
        self._tokens, self._others = self._tokens + heard.tokens, self._others + heard.others
        return heard

    def ends(self) -> tuple[Kind, Any]:
        """The kind of its end, now that nothing follows."""
        return ("complete" if self.is_whole else "truncated"), None

    def counts(self) -> Mapping[str, int]:
        """None: a usage is handed on as it is, whosever it was."""
        return {}

    @property
    def is_finished(self) -> bool:
        """Every choice that has begun has said why it ended."""
        return bool(self._finish) and self._parts <= self._finish.keys()

    @property
    def is_whole(self) -> bool:
        """True if a stream that ends here is a whole answer: it said so, or it is of an unknown dialect.

        The end mark says so where the answer speaks of no finish reasons; of one that does, only a finish reason. By
        itself the end mark is no answer.
        """
        if self.is_done and not self._is_open and self._tokens + self._others > 0:
            return True
        return self.is_finished or (self._others > 0 and not self._is_known)

    @property
    def has_said_anything(self) -> bool:
        """True if there is an answer in it: a part, an event of an unknown dialect, or a reason why there is none."""
        return self._tokens + self._others > 0 or any(why in SUFFICES for why in self._finish.values())

    def _event(self, frame: Frame, heard: Heard) -> None:
        if frame.data.strip(BLANK) == self._done:
            self.is_done = True
            return
        is_error = frame.name == "error" and (self._is_known or self._others + heard.others == 0)
        try:
            body = json_of(frame)
        except ValueError:
            if is_error:
                heard.error = frame.data
                return
            # Plain text is some other service's; amid an answer it is a fault.
            heard.is_malformed = heard.is_malformed or self._is_known or looks_like_json(frame.data)
            heard.others += self._fields is None
            return
        dialect = next((row for row in self._dialects if is_of(row, body)), None)
        rows = ANY if dialect is None else dialect["readings"]
        # All rows of a dialect that speak of choices find them in one place.
        self._parts.update(choice for choice, _ in choices_in(body, rows[0].get("each", ("",))))
        said = sayings(body, rows)
        for one in said:
            self._take(one, dialect, heard)
        if is_error:
            heard.error = body if heard.error is None else heard.error
        elif dialect is not None:
            self._is_known = True
            heard.tokens += life_in(said) or int(says_at(body, self._beside))
        elif self._fields is None:
            heard.others += not said
        else:
            heard.others += says_at(body, self._fields)

    def _take(self, one: Saying, dialect: DialectRow | None, heard: Heard) -> None:
        says, found = one.row["says"], one.found
        if says in ("text", "reasoning", "tool"):
            self._finish.pop(one.choice, None)  # a finish reason before it was not the last word
        elif says == "open":
            self._is_open = True
        elif says == "finish" and dialect is not None:
            self._finish[one.choice] = dialect["finish"].get(found, found)
        elif says == "done":
            self.is_done = True
        elif says == "usage":
            self._usage.update(found)
            heard.usage = dict(self._usage)
        elif says == "error":
            heard.error = found


def looks_like_json(text: str) -> bool:
    """True if it begins as an object or a list does."""
    return text.lstrip(BLANK).startswith(("{", "["))


def json_of(frame: Frame) -> Any:
    """An event's data as JSON, which is UTF-8 (RFC 8259 §8.1); ValueError if it is none."""
    if not frame.is_text:
        raise ValueError("no UTF-8")
    return read_json(frame.data)


def read_json(data: str) -> Any:
    """The event as JSON; ValueError if it is none, or so deep that the reader's stack would end before it does."""
    if nests_deep(data, DEEPEST):
        raise ValueError("nested too deep")
    return _READER.decode(data)


def _int(digits: str) -> float:
    """Python refuses to read integers of thousands of digits; to JSON's other readers they are beyond all numbers."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_READER = json.JSONDecoder(parse_constant=_refuse, parse_int=_int)
