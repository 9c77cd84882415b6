"""The answer of one attempt, read piece by piece: what its bytes mean for the chain, and what is to be done for them.

Without I/O: the caller hands over each piece as it comes, and carries out the effects in their order. The twin of
`web/src/routing/answer-reader.ts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sporewright.routing.attempt_chain import AttemptChain
from sporewright.routing.classify import Ending
from sporewright.routing.decisions import Ended
from sporewright.routing.dialects.judge import Judge
from sporewright.routing.dialects.sse_events import Events, Heard, Kind, Listening
from sporewright.routing.json_truncation import Brackets
from sporewright.routing.patience import Body
from sporewright.routing.terms import Plan, State

__all__ = ["HANDED", "WHY", "AnswerReader", "Effect", "Keep", "Over"]

HANDED: frozenset[State] = frozenset({"STREAMING", "RESTARTABLE", "BODY"})
"""The states in which what comes is the caller's at once."""
_BLANK = b" \t\r\n"
WHY: Mapping[Kind, str] = {
    "complete": "whole",
    "truncated": "the stream ended in the middle",
    "malformed": "an event of the stream is no JSON",
    "failed": "the stream told of an error",
    "invalid": "no answer in it",
}
"""The reason, for people, for which an attempt ended, where its body gives it."""


@dataclass(frozen=True, slots=True)
class Keep:
    """These bytes are the caller's: at once where `is_handed`, else they are held until the answer is his."""

    piece: bytes
    is_handed: bool


@dataclass(frozen=True, slots=True)
class Over:
    """The attempt ends so, `reason` for people; `is_shown`: unless the caller's own function rejects the answer."""

    ending: Ending
    reason: str
    is_shown: bool = False


Effect = Literal["known"] | Keep | Ended | Over
"""`known`: the form of the answer is known, which is its latency; Ended: a step of the chain, whose actions are due."""


class AnswerReader:
    """Reads the answer of attempt `number`.

    `body` and `is_json`: the kind of body that its headers say; `judge` finds its form, None where any response is an
    answer; `listen`: makes the listener that follows a chat; `asks`: the caller's own function has to see it whole;
    `is_held`: all of it is held back until it is whole.
    """

    def __init__(
        self,
        chain: AttemptChain,
        number: int,
        plan: Plan,
        *,
        body: Body,
        is_json: bool,
        judge: Judge | None,
        listen: Callable[[], Listening | None],
        asks: bool,
        is_held: bool,
    ) -> None:
        self._chain, self._number, self._plan, self._judge = chain, number, plan, judge
        self._body, self._is_json, self._listen, self._asks, self._is_held = body, is_json, listen, asks, is_held
        self._events: Listening | None = None
        self._brackets: Brackets | None = None
        self._is_blank = False
        self._began: list[bytes] = []
        self.length = 0
        self.usage: Any = None
        self.tokens: Mapping[str, int] = {}

    def begins(self, now: float) -> list[Effect]:
        """Its good headers are in."""
        if self._judge is not None:
            return self._decided(now, self._judge)
        # An answer that a function has to see before it counts is held back within the deadline, whatever it is.
        kind: Body = "whole" if self._asks and self._body == "bytes" else self._body
        if kind == "events":
            self._events = Events(self._plan)
        elif self._is_json:
            self._brackets = Brackets()
        self._is_blank = kind == "whole"
        return [self._chain.opened(now, kind, self._number)]

    def feed(self, now: float, piece: bytes) -> list[Effect]:
        """The next bytes."""
        if self._judge is None:
            return self._takes(now, piece)
        self._judge.feed(piece)
        self._began.append(piece)
        effects = self._decided(now, self._judge)
        if self._judge is not None:
            if not effects:
                self._chain.token(now, self._number, is_blank=True)
            return effects
        began, self._began = b"".join(self._began), []
        return effects + self._takes(now, began)

    def ends(self, now: float) -> list[Effect]:
        """Nothing follows."""
        if self._judge is None:
            return [self._over()]
        self._judge.ends()
        return self._decided(now, self._judge)

    def hands_over(self, now: float) -> list[Effect]:
        """It is held back no longer: from here on it is the caller's as it comes."""
        self._events = None
        return [self._chain.opened(now, "bytes", self._number)]

    def _decided(self, now: float, judge: Judge) -> list[Effect]:
        """Its end if it is no answer, as far as can be told now; one whose form is known is opened."""
        if judge.invalid is not None:
            return [Over({"kind": "invalid"}, f"no answer: {judge.invalid}")]
        if judge.form is None:
            return []
        self._judge, self._events = None, self._listen() or judge.listener()
        self._brackets = Brackets() if judge.form == "json" else None
        return ["known", self._chain.opened(now, "whole" if judge.form == "json" else "events", self._number)]

    def _takes(self, now: float, piece: bytes) -> list[Effect]:
        self.length += len(piece)
        heard = None if self._events is None else self._events.feed(piece)
        if self._brackets is not None:
            self._brackets.feed(piece)
        self._is_blank = self._is_blank and not piece.strip(_BLANK)
        if heard is not None:
            self.usage = self.usage if heard.usage is None else heard.usage
            if heard.is_malformed:
                return [Over({"kind": "malformed"}, WHY["malformed"])]
            if heard.error is not None:
                return [Over({"kind": "failed"}, WHY["failed"])]
        effects: list[Effect] = [Keep(piece, self._chain.state_of(self._number) in HANDED)]
        effects += self._told(now, heard)
        effects += self._bounded(now)
        if heard is not None and heard.is_done and not isinstance(effects[-1], Over):
            effects.append(self._over())
        return effects

    def _told(self, now: float, heard: Heard | None) -> list[Effect]:
        """The chain hears of a token, of a sign of life, or of the answer's own word that it is whole."""
        is_finished = heard is not None and heard.is_finished
        if heard is not None and heard.tokens + heard.others == 0 and not is_finished and not self._is_blank:
            return []
        step = self._chain.token(now, self._number, is_finished=is_finished, is_blank=self._is_blank)
        return [] if step is None else [step]

    def _bounded(self, now: float) -> list[Effect]:
        """The end of what is more than may be held; what need not be held is handed over from here on."""
        state, limits = self._chain.state_of(self._number), self._plan["limits"]
        if state == "OPENED" and self.length > limits["event_bytes"]:
            return [Over({"kind": "malformed"}, f"{self.length} bytes and no token")]
        if state == "HOLDING" and self._is_held and self.length > limits["buffer_bytes"]:
            why = f"{self.length} bytes, and limits.buffer_bytes is {limits['buffer_bytes']}"
            return [Over({"kind": "too_large"}, why)]
        if state == "HOLDING" and not self._is_held and self.length > limits["hold_bytes"]:
            return [self._chain.opened(now, "bytes", self._number)]
        return []

    def _over(self) -> Over:
        """The end that the end of its body is; the tokens that it has counted are known from here on."""
        kind: Kind = "complete"
        if self._events is not None:
            kind, used = self._events.ends()
            self.usage = self.usage if used is None else used
            self.tokens = self._events.counts()
            is_judged = self._chain.is_judged(self._chain.attempts[self._number])
            if kind == "complete" and is_judged and not self._events.has_said_anything:
                kind = "invalid"
        if self._brackets is not None and self._brackets.is_open:
            kind = "truncated"
        return Over({"kind": kind}, WHY[kind], is_shown=kind == "complete" and self._asks)
