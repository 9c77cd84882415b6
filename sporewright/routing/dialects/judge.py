"""The judge of whether a response is an answer: by its media type, its beginning, and its content once it is whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sporewright.routing.dialects.chat_terms import DialectRow
from sporewright.routing.dialects.providers import DIALECTS, SUFFICES
from sporewright.routing.dialects.rows import is_error, reach, sayings, says_at
from sporewright.routing.dialects.sse_events import EVERY, Events, Heard, Kind, Listening, read_json
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Expects, Plan

__all__ = ["Form", "Judge", "expects_of"]

Form = Literal["events", "lines", "json"]
"""A stream of events, a stream of lines of JSON, JSON in one piece."""
_BLANK = b"\xef\xbb\xbf \t\r\n"
_FIELD = re.compile(rb"(data|event|id|retry)?:")
_LONGEST_FIELD = 6
_LINES = (
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/jsonlines",
    "application/stream+json",
)
_PARTS = ("text", "reasoning", "tool", "life")


class _Words(NamedTuple):
    """In which an answer is: of these dialects, or something at one of these fields."""

    dialects: Sequence[DialectRow]
    fields: Sequence[Sequence[str]]
    beside: Sequence[Sequence[str]] = ()
    lists: Sequence[Sequence[str]] = ()
    """Places of a list that is an answer, empty or not."""


def expects_of(method: str, path: str, plan: Plan = PLAN) -> Expects:
    """The answer expected of a call that does not say: of inference, by the end of its path, one; else anything."""
    return "answer" if method.upper() == "POST" and _ends(path, plan["repeatable"]["paths"]) else "any"


def _ends(path: str, ends: Sequence[str]) -> bool:
    """True if the path ends as one of these, whatever its query is."""
    return path.partition("?")[0].rstrip("/").endswith(tuple(ends))


def _words_of(path: str, plan: Plan) -> _Words:
    for row in plan["answers"]["paths"]:
        if _ends(path, [row["end"]]):
            dialects = [DIALECTS[name] for name in row["dialects"]]
            return _Words(dialects, row["fields"], row.get("beside", ()), row.get("lists", ()))
    return _Words(EVERY, plan["answers"]["fields"], plan["answers"]["beside"])


class Judge:
    """Fed with the bytes of one response of good status, until its `form` is known; `invalid` says why it is no answer.

    `streaming`: whether a stream was asked for, None if that is not known; `any_form`: its reader takes streams of
    events and whole answers alike, whatever was asked for.
    """

    def __init__(
        self,
        expects: Expects,
        media_type: str,
        path: str,
        *,
        streaming: bool | None,
        any_form: bool = False,
        plan: Plan = PLAN,
    ) -> None:
        self._expects, self._plan, self._words = expects, plan, _words_of(path, plan)
        lines, lists = _ends(path, plan["answers"]["lines"]), _ends(path, plan["answers"]["lists"])
        self._takes: set[Form] = {"json", "events"}
        if expects == "events":
            self._takes = {"events"}
        elif expects == "json":
            self._takes = {"json"}
        elif lines:
            self._takes = {"json", "lines", "events"}
        elif not any_form and streaming is not None:
            self._takes = {"events"} if streaming else {"json"}
            if lists and streaming:
                self._takes.add("json")
        self._head = b""
        self.form: Form | None = None
        self.invalid: str | None = None
        # What it is decides, not what it is called; but a stream that is asked for is one before its first byte.
        kind = media_type.split(";")[0].strip().lower()
        if kind == "text/event-stream" and (any_form or streaming or "json" not in self._takes):
            self._found("events")
        elif kind in _LINES and "lines" in self._takes:
            self._found("lines")

    def feed(self, piece: bytes) -> None:
        """The next bytes, as long as neither `form` nor `invalid` is known."""
        self._head = (self._head + piece).lstrip(_BLANK)
        begin = self._head[:1]
        if begin in (b"{", b"["):
            self._found("lines" if "lines" in self._takes and begin == b"{" else "json")
        elif begin and self._expects == "json" and begin in b'"-0123456789tfn':
            self._found("json")
        elif begin == b"<":
            self.invalid = "a page of HTML"
        elif _FIELD.match(self._head):
            self._found("events")
        elif len(self._head) >= _LONGEST_FIELD or b"\n" in self._head:
            self.invalid = "text that is neither JSON nor a stream of events"

    def ends(self) -> None:
        """Nothing follows, and `form` is not known yet."""
        self.invalid = "text that is neither JSON nor a stream of events" if self._head else "nothing in it"

    def listener(self) -> Listening:
        """The listener that follows an answer of this form, where there is no other."""
        if self.form == "events":
            return _Stream(self._plan) if self._expects == "events" else _Answer(self._plan, self._words)
        return _Whole(self._plan, self._expects, self._words, is_lines=self.form == "lines")

    def _found(self, form: Form) -> None:
        if form in self._takes:
            self.form = form
        else:
            names = {"events": "a stream of events", "lines": "lines of JSON", "json": "JSON in one piece"}
            self.invalid = f"{names[form]}, where {' or '.join(names[one] for one in sorted(self._takes))} was expected"


class _Stream(Events):
    """A stream of events that has to say something: where nothing was said it is none, however well it ended."""

    def feed(self, piece: bytes) -> Heard:
        heard = super().feed(piece)
        # Its end is no reason to hand it over.
        heard.is_finished = heard.is_finished and self.has_said_anything
        return heard

    def ends(self) -> tuple[Kind, Any]:
        kind, used = super().ends()
        return ("invalid" if kind == "complete" and not self.has_said_anything else kind), used


class _Answer(_Stream):
    """A stream of events that has to be an answer, in these words."""

    def __init__(self, plan: Plan, words: _Words) -> None:
        super().__init__(plan, dialects=words.dialects, fields=words.fields, beside=words.beside)

    def ends(self) -> tuple[Kind, Any]:
        kind, used = super().ends()
        return ("invalid" if self.is_done and not self.has_said_anything else kind), used


class _Whole:
    """JSON in one piece, or in lines that are handed on as they come: the first decides."""

    def __init__(self, plan: Plan, expects: Expects, words: _Words, *, is_lines: bool) -> None:
        self._plan, self._expects, self._words, self._is_lines = plan, expects, words, is_lines
        self._held: list[bytes] = []
        self._length = 0
        self._has_first = False
        self._usage: Any = None
        self.invalid: str | None = None

    @property
    def has_said_anything(self) -> bool:
        """True if there is an answer in it, once it has ended."""
        return self.invalid is None

    def feed(self, piece: bytes) -> Heard:
        """The news in these bytes: a sign of life; of lines a token, once the first line is an answer."""
        self._length += len(piece)
        if self._length <= self._plan["limits"]["buffer_bytes"]:
            self._held.append(piece)
        if not self._is_lines or self._has_first:
            return Heard(tokens=1)
        line, found, _ = b"".join(self._held).partition(b"\n")
        if not found:
            return Heard()
        self._has_first = True
        why = self._judged(line)
        return Heard(tokens=1) if why is None else Heard(error=why)

    def ends(self) -> tuple[Kind, Any]:
        """The kind of its end, now that nothing follows."""
        if self._length > self._plan["limits"]["buffer_bytes"]:
            return "complete", None
        text = b"".join(self._held)
        if self._is_lines:
            text = text.strip().rpartition(b"\n")[2]
        self.invalid = self._judged(text)
        return ("complete" if self.invalid is None else "invalid"), self._usage

    def counts(self) -> Mapping[str, int]:
        """None: a usage is handed on as it is, whosever it was."""
        return {}

    def _judged(self, text: bytes) -> str | None:
        try:
            body = read_json(text.decode().lstrip("\ufeff \t\r\n"))
        except ValueError:
            return "no JSON"
        told = reach(body, ["usage"])
        self._usage = reach(body, ["usageMetadata"]) if told is None else told
        if self._expects == "json":
            return "an error object" if _is_error(body) else None
        bodies = body if isinstance(body, list) else [body]
        if any(map(_is_error, bodies)):
            return "an error object"
        if any(_is_list(body, path) for path in self._words.lists):
            return None
        # A line of a stream may say nothing itself.
        is_end = self._is_lines and isinstance(body, dict) and "done" in body
        if is_end or any(_says(one, self._words) for one in bodies):
            return None
        return "no choice that says anything" if reach(body, ["choices"]) is not None else "no answer in it"


def _is_list(body: Any, path: Sequence[str]) -> bool:
    found = reach(body, path)
    # Objects in a list that is the whole of it say what they are.
    return isinstance(found, list) and (len(path) > 0 or not any(isinstance(one, dict) for one in found))


def _is_error(body: Any) -> bool:
    if not isinstance(body, dict):
        return False
    if is_error(body.get("error")) or "error" in (body.get("type"), body.get("object")):
        return True
    return any(one.row["says"] == "error" for one in sayings(body, DIALECTS["openai"]["readings"]))


def _says(body: Any, words: _Words) -> bool:
    if not isinstance(body, dict):
        return False
    if says_at(body, [*words.fields, *words.beside]):
        return True
    for row in words.dialects:
        for said in sayings(body, row["readings"]):
            why = row["finish"].get(said.found, said.found) if said.row["says"] == "finish" else None
            if said.row["says"] in _PARTS or why in SUFFICES:
                return True
    return False
