"""200, and what is no answer: nothing, pages, errors, other formats, choices that say nothing."""

from __future__ import annotations

import json
from typing import Any

from e2e.faults.fault import Pieces
from e2e.faults.rights import ANSWERED, FAILED, both, whole
from e2e.faults.wire import FIRST, answer, events, head, message

__all__ = ["ROWS"]

_PAGE = "<!doctype html><html><head><title>Sign in</title></head><body>Please sign in to the network</body></html>"
_LINES = '{"response":"a","done":false}\n{"response":"","done":true}\n'
_JSON = json.dumps(answer())


def _no_answer(name: str, body: Any, kind: str | None = "application/json", **more: Any) -> Any:
    return both(name, "no answer", message(body, 200, kind), FAILED, **more)


def _choices(*choices: Any, **more: Any) -> dict[str, Any]:
    return {**answer(), "choices": list(choices), **more}


def _open(body: bytes) -> Pieces:
    return (head(), body)


EMPTY = [
    _no_answer("nothing", ""),
    _no_answer("nothing, of no type", "", None),
    _no_answer("white space", " \r\n\n "),
    _no_answer("null", "null"),
    _no_answer("an empty object", "{}"),
    _no_answer("an empty list", "[]"),
    _no_answer("a text in quotes", '"OK"'),
    both("nothing, with 204", "no answer", (head(204, None),)),
    both("nothing, with 205", "no answer", (head(205, None, "content-length: 0"),)),
    both("nothing, with 202", "no answer", message("", 202)),
]

PAGES = [
    _no_answer("a sign-in page", _PAGE, "text/html"),
    _no_answer("a sign-in page said to be JSON", _PAGE),
    _no_answer("a sign-in page said to be events", _PAGE, "text/event-stream"),
    _no_answer("plain text", "upstream request timeout", "text/plain"),
    _no_answer("bytes of no kind", bytes(range(256)), "application/octet-stream"),
    _no_answer("text of no type", "no healthy upstream", None),
    _no_answer("XML", '<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>', "application/xml"),
]

ERRORS = [
    _no_answer("error object", {"error": {"message": "upstream overloaded", "type": "server_error", "code": 502}}),
    _no_answer("error as a text", {"error": "model is loading"}),
    _no_answer("error beside an empty answer", _choices(error={"message": "provider returned error", "code": 502})),
    _no_answer("error in a list", [{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}]),
    _no_answer("error as Anthropic says it", {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
    _no_answer("detail", {"detail": "Internal server error"}),
    _no_answer("object: error", {"object": "error", "message": "out of memory", "code": 50001}),
    _no_answer("message and code", {"message": "upstream failed", "code": 500}),
    _no_answer("errors", {"errors": [{"message": "upstream failed"}], "success": False}),
    _no_answer("fault", {"fault": {"faultstring": "Execution of policy failed"}}),
    _no_answer("status: error", {"status": "error", "msg": "busy"}),
    _no_answer("error object, typed as text",
               {"error": {"message": "upstream overloaded", "code": 502}}, "text/plain"),
    _no_answer("error in a choice",
               _choices({"index": 0, "error": {"code": 502, "message": "x"}, "finish_reason": "error"})),
    _no_answer("finish reason error", answer("f01 f02 ", finish="error")),
]  # fmt: skip

UNSAID = [
    _no_answer("no choices", _choices()),
    _no_answer("choices: null", {**answer(), "choices": None}),
    _no_answer("a choice without a message", _choices({"index": 0, "finish_reason": "stop"})),
    _no_answer("a message without content",
               _choices({"index": 0, "message": {"role": "assistant"}, "finish_reason": "stop"})),
    _no_answer("content: null", _choices({"index": 0, "message": {"role": "assistant", "content": None},
                                          "finish_reason": "stop"})),
    _no_answer("content: empty", answer("")),
]  # fmt: skip

FORMATS = [
    _no_answer("lines of JSON", _LINES, "application/x-ndjson"),
    _no_answer("lines of JSON said to be JSON", _LINES),
    _no_answer("lines of JSON said to be events", _LINES, "text/event-stream"),
    _no_answer("Anthropic's answer", {
        "id": "m1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": FIRST}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}}),
    _no_answer("Gemini's answer", {
        "candidates": [{"content": {"role": "model", "parts": [{"text": FIRST}]}, "finishReason": "STOP"}]}),
    _no_answer("OpenAI's Responses' answer", {
        "id": "r1", "object": "response", "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": FIRST}]}]}),
    _no_answer("a list of models", {"object": "list", "data": [{"id": "m", "object": "model"}]}),
]  # fmt: skip

BROKEN_JSON = [
    whole("JSON that ends in the middle", "no answer", _open(_JSON[:150].encode())),
    whole("JSON followed by more", "no answer", _open(f"{_JSON}{_JSON}".encode())),
    whole("JSON with a bare NaN", "no answer", _open(_JSON.replace('"created": 1', '"created": NaN').encode())),
    whole("JSON in invalid UTF-8", "no answer", _open(_JSON.replace("f03 ", "f\xff3 ").encode("latin-1")),
          why="readers that are strict fail on it, those that are not show another text"),
    whole("JSON nested a thousand deep", "no answer", _open(b"[" * 1000 + b"]" * 1000)),
    whole("events in place of JSON", "no answer", (head(200, "text/event-stream"), events()),
          ways={"chat whole": ANSWERED}, text=FIRST,
          why="who asked fetch for JSON cannot read events; chat reads both, and this answer is whole"),
]  # fmt: skip

_TOOL = {"id": "t1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
HEALTHY = [
    whole("JSON of no type", "healthy", message(answer(), 200, None), ANSWERED, text=FIRST),
    whole("JSON said to be text", "healthy", message(answer(), 200, "text/plain"), ANSWERED, text=FIRST,
          why="the answer is whole, and every client reads it by its content"),
    whole("JSON in capitals and with a charset", "healthy",
          message(answer(), 200, "Application/JSON; Charset=UTF-8"), ANSWERED, text=FIRST),
    whole("JSON after white space", "healthy", message(b" \r\n\n" + _JSON.encode()), ANSWERED, text=FIRST),
    whole("fields that nobody knows", "healthy", message({"x": {"error": None}, **answer(), "error": None}), ANSWERED,
          text=FIRST),
    whole("a tool call and no text", "healthy",
          message(answer("", finish="tool_calls", content=None, tool_calls=[_TOOL])), ANSWERED, text="<lookup>"),
    whole("a refusal and no text", "healthy", message(answer("", content=None, refusal=FIRST)), ANSWERED, text=FIRST,
          why="the model has answered: that it will not"),
    whole("an answer that speaks of errors", "healthy", message(answer("error: 500 [DONE] " + FIRST)), ANSWERED,
          text="error: 500 [DONE] " + FIRST),
    whole("cut by its length", "healthy", message(answer(finish="length")), ANSWERED, text=FIRST),
]  # fmt: skip

ROWS = [*EMPTY, *PAGES, *ERRORS, *UNSAID, *FORMATS, *BROKEN_JSON, *HEALTHY]
