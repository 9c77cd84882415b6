"""A chat completion as OpenAI's API writes it, in one piece or as the events of a stream; what it says is countable."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["TOKENS", "answer", "chunk", "event", "usage", "words"]

TOKENS = 60


def words(tokens: int = TOKENS) -> list[str]:
    """`w01 w02 …`: a missing, a doubled and a misplaced word can all be seen."""
    return [f"w{number:02d}" + (" " if number < tokens else "") for number in range(1, tokens + 1)]


def usage(tokens: int = TOKENS) -> dict[str, int]:
    """The usage of the answer."""
    return {"prompt_tokens": 12, "completion_tokens": tokens, "total_tokens": 12 + tokens}


def answer(model: str, tokens: int = TOKENS) -> dict[str, Any]:
    """The whole of it."""
    message = {"role": "assistant", "content": "".join(words(tokens))}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "model": model, "choices": [choice], "usage": usage(tokens)}


def chunk(model: str, delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One event's JSON; with `choices=[]` and `usage` the last one."""
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c1", "object": "chat.completion.chunk", "model": model, "choices": choices, **more}


def event(data: dict[str, Any] | str) -> bytes:
    """One server-sent event."""
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()
