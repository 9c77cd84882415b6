"""The bytes of a provider's answer as typed events, by its dialect's rows; streams and whole answers alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sporewright.routing.dialects.chat_terms import DialectRow
from sporewright.routing.dialects.providers import SUFFICES
from sporewright.routing.dialects.rows import Saying, is_count, life_in, reach, sayings, says_something
from sporewright.routing.dialects.sse_events import BLANK, Kind, json_of, read_json
from sporewright.routing.dialects.sse_frames import Frame, Frames
from sporewright.routing.dialects.tool_calls import ToolCalls

__all__ = ["ChatEvents"]

_BLANK = b"\xef\xbb\xbf \t\r\n"


class ChatEvents:
    """Fed with the bytes of one answer in any pieces; `choices` is how many were asked for.

    An event is `{"type", "choice"?, "text"? | tool call?, "data"}`: text, reasoning, tool, or other; `data` is what
    the provider said, so that nothing of it is lost. An answer that begins like JSON is one whole answer.
    """

    def __init__(self, dialect: DialectRow, *, most: float, choices: int = 1) -> None:
        self._dialect, self._most, self._choices = dialect, most, choices
        self._frames = Frames(most)
        self._head = b""
        self._json: list[bytes] | None = None
        self._length = 0
        self._has_begun = self._has_said = False
        self._seen: set[int] = set()
        self._finish: dict[int, str] = {}
        self._tools = ToolCalls()
        self._said: dict[str, Any] = {}
        self.lively = 0
        """The number of events that were a sign of life."""
        self.error: Any = None
        self.is_done = self.is_malformed = False

    @property
    def finish_reasons(self) -> Mapping[int, str]:
        """choice → why it ended, in OpenAI's words where the dialect's are known.

        A `stop` of one that calls tools is `tool_calls`: a dialect may have one word for both.
        """
        called = self._tools.has_called
        return {n: "tool_calls" if why == "stop" and called(n) else why for n, why in self._finish.items()}

    @property
    def raw_usage(self) -> Mapping[str, Any] | None:
        """The usage as the provider said it, later words over earlier ones."""
        return self._said or None

    @property
    def usage(self) -> dict[str, int] | None:
        """Tokens: input, output and total, and of the input what was cached, as far as the provider said."""
        places: Mapping[str, Any] = self._dialect["usage"]
        found = {name: [reach(self._said, path) for path in paths] for name, paths in places.items()}
        counts = {
            name: sum(map(int, filter(is_count, values)))
            for name, values in found.items()
            if any(map(is_count, values))
        }
        if "total" not in counts and "input" in counts and "output" in counts:
            counts["total"] = counts["input"] + counts["output"]
        return counts or None

    @property
    def is_finished(self) -> bool:
        """Every choice has said why it ended."""
        return self._is_finished(self._choices)

    @property
    def has_said_anything(self) -> bool:
        """True if there is an answer in it, or a reason why there is none (cut short, filtered)."""
        return self._has_said or any(why in SUFFICES for why in self._finish.values())

    @property
    def ending(self) -> Kind:
        """The kind of end that it is if the answer ends here."""
        if says_something(self.error):
            return "failed"
        if self.is_malformed:
            return "malformed"
        # A provider that says that nothing follows may have given fewer choices than were asked for.
        is_over = self.is_done or self._json is not None
        return "complete" if self._is_finished(1 if is_over else self._choices) else "truncated"

    def feed(self, piece: bytes) -> list[dict[str, Any]]:
        """The events in these bytes."""
        self._length += len(piece)
        if not self._has_begun:
            self._head += piece
            begin = self._head.lstrip(_BLANK)[:1]
            self.is_malformed = len(self._head) > self._most
            if not begin or self.is_malformed:
                return []
            self._has_begun, piece, self._head = True, self._head, b""
            self._json = [] if begin in b"{[" else None
        if self._json is None:
            events = [said for frame in self._frames.feed(piece) for said in self._event(frame)]
            self.is_malformed = self.is_malformed or self._frames.is_too_long
            return events
        self._json.append(piece)
        if self._length > self._most:
            self._json, self.is_malformed = [], True
        self.lively += 1
        return []

    def end(self) -> list[dict[str, Any]]:
        """The events in the rest, now that nothing follows."""
        events = self._rest() if self._json is None else self._whole(self._json)
        return events + (self._tools.without_arguments() if self.ending == "complete" else [])

    def _rest(self) -> list[dict[str, Any]]:
        rest = self._frames.rest()
        return [] if rest is None or self._frames.is_too_long else self._event(rest, is_cut=True)

    def _whole(self, pieces: Sequence[bytes]) -> list[dict[str, Any]]:
        try:
            body = read_json(b"".join(pieces).decode().removeprefix("\ufeff"))
        except ValueError:
            # Part of it is missing, as a rule; what is no UTF-8 is no JSON.
            return []
        # What streams without server-sent events comes as a list.
        return [said for one in (body if isinstance(body, list) else [body]) for said in self._says(one)]

    def _event(self, frame: Frame, *, is_cut: bool = False) -> list[dict[str, Any]]:
        if self.is_done:
            return []
        if frame.data.strip(BLANK) == self._dialect["end"]:
            self.is_done = True
            return []
        try:
            body = json_of(frame)
        except ValueError:
            if frame.name == "error":
                self.error = frame.data
            self.is_malformed = self.is_malformed or not is_cut
            return []
        is_error = frame.name == "error"
        events = self._says(body, is_error=is_error)
        if is_error and self.error is None:
            self.error = body
        return events

    def _says(self, body: Any, *, is_error: bool = False) -> list[dict[str, Any]]:
        said = sayings(body, self._dialect["readings"])
        events = [event for one in said if (event := self._take(one, body)) is not None]
        life = 0 if is_error else life_in(said)
        self.lively, self._has_said = self.lively + life, self._has_said or life > 0
        return [event | {"data": body} for event in events or [{"type": "other"}]]

    def _take(self, one: Saying, body: Any) -> dict[str, Any] | None:
        """The part of the answer that it is, if it is one."""
        (row, choice, found), says = one, one.row["says"]
        if says in ("text", "reasoning"):
            self._speaks(choice)
            return {"type": says, "choice": choice, "text": found}
        if says == "tool":
            call = self._tools.part(choice, row.get("fields", {}), found, body)
            if call is None:
                return None
            self._speaks(choice)
            return {"type": "tool", "choice": choice, **call}
        if says == "finish":
            self._finish[choice] = self._dialect["finish"].get(found, found)
        elif says == "usage":
            self._said.update(found)
        elif says == "error":
            self.error = found
        elif says == "done":
            self.is_done = True
        return None

    def _speaks(self, choice: int) -> None:
        """A finish reason before it was not this choice's last word."""
        self._seen.add(choice)
        self._finish.pop(choice, None)

    def _is_finished(self, least: int) -> bool:
        return len(self._finish) >= max(least, 1) and self._seen <= set(self._finish)
