"""Faults in the content and the timing of streams, and in the timing of answers in one piece."""

from __future__ import annotations

import json

from e2e.faults.fault import LIMITS, Beat, End, Fault, Right
from e2e.faults.rights import ANSWERED, LATE, MID_STREAM, streamed, whole
from e2e.faults.wire import FIRST, answer, chunk, deltas, events, head, last, message, sse, stream
from sporewright.server.demo.completion import event, usage

__all__ = ["ROWS"]

_ALL = events()
_BEGUN = b"".join(deltas()[:6])
_REST = b"".join(deltas()[6:])
_END = b"".join(last())
_PAUSE = 0.3
"""So long that a busy page has handed over what came before it."""
_ROLE = event(chunk({"role": "assistant", "content": ""}))
_ERROR = {"error": {"message": "upstream overloaded", "type": "server_error", "code": 502}}
_JSON = json.dumps(answer()).encode()
_STALLED = Right(seconds=LIMITS["inter_token_s"] + 2.5)
_LATE_BROKEN = {"fetch streamed": Right("broken", 1, seconds=LIMITS["inter_token_s"] + 2.5)}
_OPENED = Right(learned="late", seconds=LIMITS["first_token_s"] + 2.5)
"""Its first token takes at least as long as was waited for: of that much is learned."""

BEFORE = [
    streamed("a stream of nothing", "stream", sse()),
    streamed("[DONE] alone", "stream", stream("[DONE]")),
    streamed("role alone, then [DONE]", "stream", sse(_ROLE, event(chunk({}, "stop")), event("[DONE]"))),
    streamed("no choices, then [DONE]", "stream", stream(chunk({}, choices=[]), "[DONE]")),
    streamed("choices without text, then [DONE]", "stream", stream(chunk({}), chunk({}, "stop"), "[DONE]")),
    streamed("comments alone", "stream", sse(b": waiting\n\n" * 5)),
    streamed("pings alone", "stream", sse(b"event: ping\ndata: {}\n\n" * 5)),
    streamed("usage alone", "stream", stream(chunk({}, choices=[], usage=usage(0)), "[DONE]")),
    streamed("an error object", "stream", stream(_ERROR, "[DONE]")),
    streamed("an error as a text", "stream", stream({"error": "model is loading"})),
    streamed("object: error, then [DONE]", "stream", stream({"object": "error", "message": "out of memory"}, "[DONE]")),
    streamed("event: error, in another shape", "stream", sse(b'event: error\ndata: {"code": 500, "msg": "busy"}\n\n')),
    streamed("event: error, no JSON", "stream", sse(b"event: error\ndata: upstream failed\n\n")),
    streamed("detail in an event", "stream", stream({"detail": "Internal server error"})),
    streamed("Responses' error", "stream", stream({"type": "error", "code": "server_error", "message": "x"})),
    streamed("Responses' failure", "stream", stream({"type": "response.failed", "response": {"error": {"code": "x"}}})),
    streamed("finish reason error, before a token", "stream", stream(chunk({"role": "assistant"}, "error"), "[DONE]")),
    streamed("an error in a choice", "stream", stream(chunk({}, choices=[
        {"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": {"code": 502}}]), "[DONE]")),
    streamed("Anthropic's stream", "stream", sse(
        b'event: message_start\ndata: {"type": "message_start", "message": {"id": "m", "role": "assistant"}}\n\n',
        b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0,'
        b' "delta": {"type": "text_delta", "text": "f01 "}}\n\n',
        b'event: message_stop\ndata: {"type": "message_stop"}\n\n')),
    streamed("an event that is no JSON", "stream", sse(b"data: {\"choices\": [{\"delta\": {\"conte\n\n", _END)),
    streamed("plain text as events", "stream", sse(b"data: hello\n\ndata: world\n\n")),
    streamed("an event that never ends", "stream", sse(b'data: {"choices": "' + b"a" * 200_000, End.HANG)),
    streamed("comments without end", "stream", sse(Beat(b": " + b"a" * 5000 + b"\n\n", 0.01))),
    streamed("JSON in place of events", "stream", message(answer()), ways={"chat streamed": ANSWERED}, text=FIRST,
             why="who asked fetch for events cannot read JSON; chat reads both, and this answer is whole"),
    streamed("invalid UTF-8 in the first token", "stream", sse(
        _ROLE, event(chunk({"content": "f?"})).replace(b"?", b"\xff"), _END), text=FIRST),
]  # fmt: skip

CUT = [
    streamed("cut between two events", "stream", sse(_BEGUN, _PAUSE), ways=MID_STREAM),
    streamed("cut in an event", "stream", sse(_BEGUN, _PAUSE, b'data: {"choices": [{"del'), ways=MID_STREAM),
    streamed("cut in a character", "stream", sse(_BEGUN, _PAUSE, b'data: {"choices": [{"delta": {"content": "\xc3'),
             ways=MID_STREAM),
    streamed("cut before the finish reason", "stream", sse(_BEGUN + _REST, _PAUSE), ways=MID_STREAM),
    streamed("[DONE] without a finish reason", "stream", sse(_BEGUN, _PAUSE, event("[DONE]")), ways=MID_STREAM),
    streamed("reset after tokens", "stream", sse(_BEGUN, _PAUSE, End.RESET), ways=MID_STREAM),
    streamed("an error after tokens", "stream", sse(_BEGUN, _PAUSE, event(_ERROR), event("[DONE]")), ways=MID_STREAM),
    streamed("event: error after tokens", "stream", sse(_BEGUN, _PAUSE, b'event: error\ndata: {"msg": "busy"}\n\n'),
             ways=MID_STREAM),
    streamed("finish reason error after tokens", "stream",
             sse(_BEGUN, _PAUSE, event(chunk({}, "error")), event("[DONE]")), ways=MID_STREAM),
    streamed("an event that is no JSON after tokens", "stream", sse(_BEGUN, _PAUSE, b"data: {\"cho\n\n", _REST, _END),
             ways=MID_STREAM),
    streamed("a page after tokens", "stream", sse(_BEGUN, _PAUSE, b"<html>502 Bad Gateway</html>\n"), ways=MID_STREAM),
    streamed("an event that never ends after tokens", "stream",
             sse(_BEGUN, _PAUSE, b'data: {"choices": "' + b"a" * 200_000, End.HANG), ways=MID_STREAM),
]  # fmt: skip

SILENT = [
    streamed("silence after the headers", "silence", sse(End.HANG), _OPENED),
    streamed("role alone, then silence", "silence", sse(_ROLE, End.HANG), _OPENED),
    streamed("comments, and no token", "silence", sse(Beat(b": waiting\n\n", 0.1)), _OPENED),
    streamed("pings, and no token", "silence", sse(Beat(b"event: ping\ndata: {\"type\": \"ping\"}\n\n", 0.1)), _OPENED),
    streamed("silence between tokens", "silence", sse(_BEGUN, End.HANG), _STALLED, ways=_LATE_BROKEN),
    streamed("comments, and no further token", "silence", sse(_BEGUN, Beat(b": waiting\n\n", 0.1)), _STALLED,
             ways=_LATE_BROKEN),
    streamed("silence in an event", "silence", sse(_BEGUN, b'data: {"choices', End.HANG), _STALLED, ways=_LATE_BROKEN),
    whole("JSON stalls in the middle", "silence", (head(), _JSON[:90], End.HANG),
          Right(seconds=LIMITS["attempt_timeout_s"] + 2.5)),
    whole("headers, and no JSON", "silence", (head(), End.HANG), LATE,
          why="headers are no answer: the whole wait is a lower bound of the latency"),
]  # fmt: skip

_SLOW = [piece for each in deltas() for piece in (each, 0.15)]
_THOUGHT = [event(chunk({"content": None, "reasoning": "hm"})), 0.5] * 4
HEALTHY = [
    streamed("a byte order mark", "healthy", sse(b"\xef\xbb\xbf" + _ALL), ANSWERED, text=FIRST),
    streamed("CRLF", "healthy", sse(_ALL.replace(b"\n", b"\r\n")), ANSWERED, text=FIRST),
    streamed("CR", "healthy", sse(_ALL.replace(b"\n", b"\r")), ANSWERED, text=FIRST),
    streamed("no space after data:", "healthy", sse(_ALL.replace(b"data: ", b"data:")), ANSWERED, text=FIRST),
    streamed("an event on several lines", "healthy",
             sse(_ALL.replace(b'"object":', b'\ndata: "object":')), ANSWERED, text=FIRST),
    streamed("comments, ids and names between", "healthy",
             sse(_ALL.replace(b"data: {", b": alive\n\nid: 1\nretry: 9\nevent: message\ndata: {")),
             ANSWERED, text=FIRST),
    streamed("byte by byte", "healthy", sse(*(bytes([each]) for each in _ALL)), ANSWERED, text=FIRST),
    streamed("events of no type", "healthy", sse(_ALL, kind=None), ANSWERED, text=FIRST),
    streamed("events said to be text", "healthy", sse(_ALL, kind="text/plain"), ANSWERED, text=FIRST,
             why="the answer is whole, and every client reads it by its content"),
    streamed("no [DONE], closed after the finish", "healthy", sse(_BEGUN + _REST, last()[0]), ANSWERED, text=FIRST),
    streamed("no [DONE], open after the finish", "healthy", sse(_BEGUN + _REST, last()[0], End.HANG),
             ANSWERED, text=FIRST),
    streamed("reset after [DONE]", "healthy", sse(_ALL, _PAUSE, End.RESET), ANSWERED, text=FIRST),
    streamed("open after [DONE]", "healthy", sse(_ALL, End.HANG), ANSWERED, text=FIRST),
    streamed("the finish reason twice", "healthy", sse(_BEGUN + _REST, last()[0] * 2, *last()[1:]),
             ANSWERED, text=FIRST),
    streamed("usage after a while", "healthy", sse(_BEGUN + _REST, last()[0], 0.15, *last()[1:]), ANSWERED, text=FIRST),
    streamed("a finish reason in every event, with pauses", "healthy", sse(
        *(piece for at in range(0, len(FIRST), 8)
          for piece in (event(chunk({"content": FIRST[at : at + 8]}, "stop")), 0.45)), event("[DONE]")),
        ANSWERED, text=FIRST, why="text after a finish reason takes it back"),
    streamed("an empty finish reason in every event", "healthy", sse(
        _BEGUN.replace(b'"finish_reason": null', b'"finish_reason": ""') + _REST + _END), ANSWERED, text=FIRST),
    streamed("an event without choices first", "healthy",
             sse(event(chunk({}, choices=[], prompt_filter_results=[])) + _ALL), ANSWERED, text=FIRST),
    streamed("null content between", "healthy", sse(
        _BEGUN, event(chunk({"content": None})), event(chunk({})), _REST, _END), ANSWERED, text=FIRST),
    streamed("slow, and alive", "healthy", sse(*_SLOW, _END), ANSWERED, text=FIRST),
    streamed("slow, with comments", "healthy", sse(_ROLE, b": alive\n\n", 0.5, *_SLOW, _END), ANSWERED, text=FIRST),
    streamed("reasoning first, for long", "healthy", sse(_ROLE, *_THOUGHT, _ALL), ANSWERED, text=FIRST),
    streamed("reasoning_content first, for long", "healthy", sse(
        _ROLE, *(each.replace(b'"reasoning"', b'"reasoning_content"') if isinstance(each, bytes) else each
                 for each in _THOUGHT), _ALL), ANSWERED, text=FIRST),
    streamed("a streamed tool call and no text", "healthy", stream(
        chunk({"role": "assistant", "content": None, "tool_calls": [
            {"index": 0, "id": "t1", "type": "function", "function": {"name": "lookup", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}), chunk({}, "tool_calls"), "[DONE]"),
        ANSWERED, text="<lookup>"),
    whole("headers early, JSON later", "healthy", (head(), LIMITS["inter_token_s"] + 0.3, _JSON), ANSWERED, text=FIRST,
          why="an answer in one piece has the attempt's patience, wherever its headers came"),
    whole("white space, then JSON", "healthy", (head(), Beat(b"\n", 0.2, 10), _JSON), ANSWERED, text=FIRST,
          why="white space is a sign of life"),
    whole("JSON that drips", "healthy", (head(), *(piece for at in range(0, len(_JSON), 40)
                                                   for piece in (_JSON[at : at + 40], 0.15))), ANSWERED, text=FIRST),
]  # fmt: skip

ROWS: list[Fault] = [*BEFORE, *CUT, *SILENT, *HEALTHY]
