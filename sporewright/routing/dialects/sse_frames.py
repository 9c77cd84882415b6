"""The events of a byte stream (server-sent events, WHATWG HTML §9.2), without I/O and in bounded memory."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Frame", "Frames"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    """An event: its data, and its name, "" where it has none; whether its bytes are text at all (UTF-8)."""

    data: str
    name: str = ""
    is_text: bool = True


class Frames:
    """Fed with the bytes of one stream in any pieces; the same bytes are the same events, however they are cut.

    An event of more than `most` bytes is the last one: nothing of it, or after it, is kept.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._held: list[bytes] = []
        self._data: list[bytes] = []
        self._name = b""
        self._line_length = self._data_length = 0
        self._has_begun = self._after_cr = False
        self.is_too_long = False

    def feed(self, piece: bytes) -> list[Frame]:
        """Each event that these bytes complete."""
        if self.is_too_long or not piece:
            return []
        is_rest = self._after_cr and piece.startswith(b"\n")
        self._after_cr = piece.endswith(b"\r")
        piece = piece[1:] if is_rest else piece
        *lines, rest = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        events: list[Frame] = []
        for line in lines:
            if not self._hold(line):
                return events
            if (event := self._line()) is not None:
                events.append(event)
        self._hold(rest)
        return events

    def rest(self) -> Frame | None:
        """The event that the stream's end cut short; None if there is none."""
        ended = self._line()
        return self._event() if ended is None else ended

    def _hold(self, part: bytes) -> bool:
        """Keep a part of a line; False once that is too much, and everything is let go."""
        self._line_length += len(part)
        self._held.append(part)
        self.is_too_long = self._line_length + self._data_length > self._most
        if self.is_too_long:
            self._held, self._data = [], []
        return not self.is_too_long

    def _line(self) -> Frame | None:
        """The line is complete (CR, LF or CRLF ended it): the event that it ends, if it is empty."""
        line, self._held, self._line_length = b"".join(self._held), [], 0
        if not self._has_begun:
            self._has_begun = True
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if line == b"":
            return self._event()
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            # Of the whole line: empty ones take room, too.
            self._data_length += len(line)
        elif line.startswith(b"event:"):
            self._name = line[6:].removeprefix(b" ")
        return None

    def _event(self) -> Frame | None:
        name, self._name = self._name, b""
        if not self._data:
            return None
        data, self._data, self._data_length = b"\n".join(self._data), [], 0
        text = data.decode("utf-8", "replace")
        # A replacement that the provider wrote is text; one that stands for other bytes is not.
        is_text = "\ufffd" not in text or text.encode() == data
        return Frame(text, name.decode("utf-8", "replace"), is_text)
