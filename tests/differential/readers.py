"""Python's readers of answers, requests, refusals and headers beside the page's: one question, two answers."""

from __future__ import annotations

import base64
import copy
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sporewright.errors import SporewrightError
from sporewright.routing.answer_reader import AnswerReader, Effect, Keep, Over
from sporewright.routing.attempt_chain import AttemptChain, Ended
from sporewright.routing.classify import is_repeatable, says
from sporewright.routing.dialects.chat_events import ChatEvents
from sporewright.routing.dialects.chat_request import chat_body, chat_path, key_headers
from sporewright.routing.dialects.judge import Judge
from sporewright.routing.dialects.providers import DIALECTS
from sporewright.routing.dialects.sse_events import Events
from sporewright.routing.health import Health
from sporewright.routing.json_truncation import Brackets
from sporewright.routing.plan import plan_with
from sporewright.routing.retry_after import pace_seconds, retry_after_seconds
from tests.differential.page import Page

__all__ = ["Asked", "compare"]


@dataclass(frozen=True)
class Asked:
    """A question for both languages."""

    reader: str
    body: dict[str, Any]


def _bytes(body: Mapping[str, Any]) -> list[bytes]:
    return [base64.b64decode(piece) for piece in body["pieces"]]


def _stream(body: Mapping[str, Any]) -> Any:
    events = Events(plan_with({"event_bytes": body["most"]}))
    heard = [
        [each.tokens, each.others, each.is_malformed, each.is_finished, each.is_done, each.error, each.usage]
        for each in map(events.feed, _bytes(body))
    ]
    return [heard, events.is_whole, events.ends()[0], events.has_said_anything]


def _judge(body: Mapping[str, Any]) -> Any:
    plan = plan_with({"event_bytes": body["most"]})
    asked = {"streaming": body["streaming"], "any_form": body["any_form"], "plan": plan}
    judge = Judge(body["expects"], body["type"], body["path"], **asked)
    began, pieces = list[bytes](), _bytes(body)
    while pieces and judge.form is None and judge.invalid is None:
        began.append(pieces.pop(0))
        judge.feed(began[-1])
    if judge.form is None and judge.invalid is None:
        judge.ends()
    if judge.form is None:
        return judge.invalid
    listener = judge.listener()
    heard = [
        [each.tokens, each.others, each.is_malformed, each.is_finished, each.is_done, each.error]
        for each in map(listener.feed, [b"".join(began), *pieces])
    ]
    return [judge.form, heard, listener.ends()[0], listener.has_said_anything]


def _body(body: Mapping[str, Any]) -> Any:
    """The answer of a call's only attempt: what is to be done for each piece, and its counts."""
    plan = plan_with({"event_bytes": body["most"], "hold_bytes": body["hold"], "buffer_bytes": body["buffer"]})
    judged, restart, streaming = body["judged"], body["restart"], bool(body["streaming"])
    traits = {"streaming": streaming, "judged": judged, "restart": restart, "plan": plan}
    chain = AttemptChain(["a"], ["a"], health=Health(plan), now=0.0, **traits)
    chain.pick(0.0)
    asked = {"streaming": body["streaming"], "any_form": body["any_form"], "plan": plan}
    reader = AnswerReader(
        chain,
        0,
        plan,
        body=body["body"],
        is_json=body["is_json"],
        judge=Judge(body["expects"], body["type"], body["path"], **asked) if judged else None,
        listen=lambda: None,
        asks=body["asks"],
        is_held=restart == "buffer",
    )
    said = [(reader.begins(0.0), chain.state)]
    for at, piece in enumerate(_bytes(body)):
        if _is_over(said[-1][0]):
            break
        said.append((reader.feed(float(at), piece), chain.state))
        if at == body["hands_over"] and chain.state == "HOLDING":
            said.append((reader.hands_over(float(at)), chain.state))
    if not _is_over(said[-1][0]):
        said.append((reader.ends(9.0), chain.state))
    effects = [[[*map(_effect, each)], state] for each, state in said]
    return [effects, reader.length, reader.usage, reader.tokens]


def _is_over(effects: Sequence[Effect]) -> bool:
    return any(isinstance(each, Over) for each in effects)


def _effect(one: Effect) -> Any:
    if isinstance(one, Keep):
        return ["keep", base64.b64encode(one.piece).decode(), one.is_handed]
    if isinstance(one, Over):
        return ["over", one.ending["kind"], one.reason, one.is_shown]
    return ["step", one.outcome, one.stage, one.actions, one.first_token_s] if isinstance(one, Ended) else [one]


def _chat(body: Mapping[str, Any]) -> Any:
    events = ChatEvents(DIALECTS[body["dialect"]], most=body["most"], choices=body["choices"])

    def seen(said: list[dict[str, Any]]) -> list[Any]:
        return [said, events.lively, events.is_malformed, events.is_finished, events.is_done]

    steps = [seen(events.feed(piece)) for piece in _bytes(body)]
    steps.append(seen(events.end()))
    finish = {str(choice): reason for choice, reason in events.finish_reasons.items()}
    said = events.has_said_anything
    return [steps, events.ending, finish, events.usage, events.raw_usage, events.error, said]


def _brackets(body: Mapping[str, Any]) -> Any:
    read, seen = Brackets(), []
    for piece in _bytes(body):
        read.feed(piece)
        seen.append(read.is_open)
    return seen


def _request(body: Mapping[str, Any]) -> Any:
    row, request, option = DIALECTS[body["dialect"]], copy.deepcopy(body["request"]), body["option"]
    model = option.get("model", request.get("model"))
    streaming = request.get("stream") is True
    path = chat_path(row, option.get("base", ""), model=model, is_streaming=streaming, path=option.get("path"))
    return [path, key_headers(row, option.get("key")), chat_body(row, request, model=model)]


def _pace(body: Mapping[str, Any]) -> Any:
    get, now = body["headers"].get, body["now"]
    return [pace_seconds(get, now), retry_after_seconds(get("retry-after"), now)]


HERE: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "stream": _stream,
    "chat": _chat,
    "judge": _judge,
    "body": _body,
    "brackets": _brackets,
    "request": _request,
    "refusal": lambda body: says(body["text"]),
    "pace": _pace,
    "repeatable": lambda body: is_repeatable(body["method"], body["path"], body["headers"]),
}


def compare(page: Page, asked: Asked) -> None:
    """AssertionError with the question and both answers, where they differ."""
    try:
        here = HERE[asked.reader](asked.body)
    except SporewrightError as why:
        here = {"threw": why.code}
    there = page.ask(asked.reader, asked.body)
    one, other = _plain(here), _plain(there)
    assert one == other, f"{asked.reader} {_shown(asked)}\n  Python {here}\n  page   {there}"


def _plain(said: Any) -> Any:
    """As both can say it: numbers as a page has them; JSON as text by what it says, its own order is of no matter."""
    if isinstance(said, bool) or said is None:
        return [said]
    if isinstance(said, (int, float)):
        try:
            number = float(said)
        except OverflowError:
            number = math.inf
        return number if math.isfinite(number) else "Infinity" if number > 0 else "-Infinity"
    if isinstance(said, (list, tuple)):
        return [_plain(each) for each in said]
    if isinstance(said, dict):
        return {name: _arguments(value) if name == "arguments" else _plain(value) for name, value in said.items()}
    return said


def _arguments(said: Any) -> Any:
    try:
        return _plain(json.loads(said)) if isinstance(said, str) else _plain(said)
    except ValueError:
        return said


def _shown(asked: Asked) -> str:
    body = asked.body
    return repr({**body, "pieces": _bytes(body)} if "pieces" in body else body)
