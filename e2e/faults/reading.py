"""An answer as a plain client reads it: server-sent events by the standard, or JSON."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["words_of"]


def words_of(raw: bytes, stream: bool) -> tuple[str, bool]:
    """The first choice's words, a tool call as `<name>`; and whether it is whole: JSON, or a stream with its end."""
    return _events(raw) if stream else _json(raw)


def _json(raw: bytes) -> tuple[str, bool]:
    try:
        return _said(json.loads(raw)["choices"][0]["message"]), True
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return "", False


def _events(raw: bytes) -> tuple[str, bool]:
    said, is_whole = "", False
    try:
        for block in re.split("\n\n", re.sub("\r\n|\r", "\n", raw.decode().removeprefix("\ufeff"))):
            lines = [line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
            if not lines:
                continue
            data = "\n".join(lines)
            if data == "[DONE]":
                is_whole = True
                continue
            for choice in json.loads(data).get("choices", [])[:1]:
                said += _said(choice.get("delta", {}))
                is_whole = is_whole or bool(choice.get("finish_reason"))
    except (ValueError, AttributeError, TypeError):
        return said, False
    return said, is_whole


def _said(message: dict[str, Any]) -> str:
    calls = [call.get("function", {}).get("name") for call in message.get("tool_calls") or []]
    text = message.get("content") or message.get("refusal") or ""
    return text + "".join(f"<{name}>" for name in calls if name)
