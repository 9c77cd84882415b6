"""The meaning of an answer's bytes for its attempt; the differential asks the page the same at random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sporewright.routing.answer_reader import AnswerReader, Effect, Keep, Over
from sporewright.routing.attempt_chain import AttemptChain, Body
from sporewright.routing.health import Health
from sporewright.routing.plan import plan_with
from sporewright.routing.terms import Restart
from tests.routing.judged import judge_of

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))
LIMITS = {"event_bytes": 60, "hold_bytes": 40, "buffer_bytes": 80}
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'


class Answer:
    """The answer of a call's one attempt, and all that was to be done for it."""

    def __init__(self, body: Body, *, restart: Restart = "error", case: dict[str, Any] | None = None, **more: Any):
        plan = plan_with(LIMITS if case is None else {})
        self.chain = AttemptChain(
            ["a"], ["a"], health=Health(plan), now=0.0, plan=plan, restart=restart, judged=case is not None
        )
        self.chain.pick(0.0)
        judge = None if case is None else judge_of(case)
        asked = {"is_json": False, "judge": judge, "listen": lambda: None, "asks": False} | more
        self.reader = AnswerReader(self.chain, 0, plan, body=body, is_held=restart == "buffer", **asked)
        self.effects: list[Effect] = self.reader.begins(0.0)

    def feed(self, *pieces: bytes) -> Answer:
        """All of these, as long as it is not over."""
        for piece in pieces:
            if self.over is None:
                self.effects += self.reader.feed(1.0, piece)
        return self

    def ends(self) -> Answer:
        """Nothing follows."""
        if self.over is None:
            self.effects += self.reader.ends(2.0)
        return self

    @property
    def over(self) -> Over | None:
        """Its end, once it has one."""
        last = self.effects[-1] if self.effects else None
        return last if isinstance(last, Over) else None

    def kept(self, *, is_handed: bool) -> bytes:
        """The bytes that were handed over, or those that were held."""
        return b"".join(one.piece for one in self.effects if isinstance(one, Keep) and one.is_handed is is_handed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_answer_is_kept_to_the_byte_and_what_is_none_ends_so(case: dict[str, Any]) -> None:
    """The same in whatever pieces it comes; nothing is kept of what is no answer by its form."""
    body = case["body"].encode(case.get("encoding", "utf-8"))
    for size in (1, 7, 1 << 20):
        answer = Answer("bytes", case=case).feed(*(body[at : at + size] for at in range(0, len(body), size))).ends()
        assert answer.over is not None
        kept = answer.kept(is_handed=False) + answer.kept(is_handed=True)
        if "invalid" in case["want"]:
            assert (answer.over.ending["kind"], kept) == ("invalid", b"")
        else:
            # JSON that was cut off has no answer in it either: here it is said by its open brackets.
            kind, wanted = answer.over.ending["kind"], case["want"]["ends"]
            assert kind == wanted or (kind, wanted) == ("truncated", "invalid")
            assert body.startswith(kept)
            if answer.over.ending["kind"] == "complete" and b"[DONE]" not in body:
                assert kept == body


def test_bytes_are_the_callers_as_they_come() -> None:
    """Nothing of a body of any kind is held, and its end is whole."""
    answer = Answer("bytes").feed(b"one", b"two").ends()

    assert (answer.kept(is_handed=True), answer.over) == (b"onetwo", Over({"kind": "complete"}, "whole"))
    assert answer.reader.length == 6


def test_a_short_answer_is_held_until_it_is_whole_and_may_end_in_the_middle() -> None:
    """JSON shows by itself that it was cut off."""
    answer = Answer("whole", is_json=True).feed(b'{"a": ')

    assert (answer.kept(is_handed=False), answer.ends().over) == (
        b'{"a": ',
        Over({"kind": "truncated"}, "the stream ended in the middle"),
    )


def test_what_is_longer_than_may_be_held_is_handed_over() -> None:
    """The rest of it comes as it comes."""
    answer = Answer("whole").feed(b"x" * 41, b"y")

    assert (answer.kept(is_handed=False), answer.kept(is_handed=True)) == (b"x" * 41, b"y")
    assert answer.chain.state == "BODY"


def test_what_has_to_be_held_whole_may_be_too_long() -> None:
    """A caller who wants nothing handed over before it is whole gets none of it."""
    answer = Answer("bytes", restart="buffer").feed(b"x" * 81)

    assert answer.over == Over({"kind": "too_large"}, "81 bytes, and limits.buffer_bytes is 80")


def test_an_answer_that_a_function_has_to_see_is_held_and_shown() -> None:
    """Whatever its headers say of it."""
    answer = Answer("bytes", asks=True).feed(b"abc").ends()

    assert answer.kept(is_handed=False) == b"abc"
    assert answer.over == Over({"kind": "complete"}, "whole", is_shown=True)


def test_a_stream_is_held_until_its_first_token_and_ends_by_its_mark() -> None:
    """All that follows the mark is nobody's."""
    answer = Answer("events").feed(b": hi\n\n", EVENT, EVENT, b"data: [DONE]\n\n", b"more")

    assert answer.kept(is_handed=False) == b": hi\n\n" + EVENT
    assert answer.kept(is_handed=True) == EVENT + b"data: [DONE]\n\n"
    assert answer.over is not None


def test_a_stream_without_a_token_ends_when_it_grows_too_long() -> None:
    """Comments alone are no beginning."""
    answer = Answer("events").feed(b": ping\n\n" * 8)

    assert answer.over == Over({"kind": "malformed"}, "64 bytes and no token")


def test_a_stream_that_waits_is_handed_over_without_its_token() -> None:
    """From there on it is read no more: nothing in it ends it."""
    answer = Answer("events")
    answer.effects += answer.reader.hands_over(0.5)
    answer.feed(b"data: {no json\n\n").ends()

    assert answer.kept(is_handed=True) == b"data: {no json\n\n"
    assert answer.over == Over({"kind": "complete"}, "whole")
