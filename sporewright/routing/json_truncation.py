"""Detection of JSON that ends in the middle, by what it left open: a connection that ends early may say nothing."""

from __future__ import annotations

import re

__all__ = ["Brackets"]

_BLANK = b"\xef\xbb\xbf \t\r\n"
"""The bytes that may stand before JSON (RFC 8259 §2), and a mark of the byte order, which readers skip."""
_IN_STRING = re.compile(rb'["\\]')
_PAIRS = ((b"{", b"["), (b"}", b"]"))


class Brackets:
    """The brackets and strings that JSON leaves open, fed in any pieces: with any open, it would end in the middle.

    What begins as neither an object nor a list is no JSON of ours to judge.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._is_judged: bool | None = None
        self._in_string = self._is_escaped = False

    @property
    def is_open(self) -> bool:
        """An object or a list is without its end, or a string within."""
        return self._in_string or self._depth > 0

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        if self._is_judged is None and (begin := piece.lstrip(_BLANK)[:1]):
            self._is_judged = begin in (b"{", b"[")
        at = 0
        while self._is_judged and at < len(piece):
            at = self._string(piece, at) if self._in_string else self._outside(piece, at)

    def _string(self, piece: bytes, at: int) -> int:
        if self._is_escaped:
            self._is_escaped = False
            return at + 1
        found = _IN_STRING.search(piece, at)
        if found is None:
            return len(piece)
        self._is_escaped, self._in_string = found[0] == b"\\", found[0] != b'"'
        return found.end()

    def _outside(self, piece: bytes, at: int) -> int:
        quote = piece.find(b'"', at)
        end = len(piece) if quote < 0 else quote
        opened, closed = (piece.count(one, at, end) + piece.count(two, at, end) for one, two in _PAIRS)
        self._depth += opened - closed
        self._in_string = quote >= 0
        return end + 1
