"""The tool call to which a part of an answer belongs: by its id, its index, or, with neither, the one before."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sporewright.routing.dialects.chat_terms import ToolFields
from sporewright.routing.dialects.rows import is_count, reach
from sporewright.routing.dialects.sse_events import BLANK, read_json

__all__ = ["ToolCalls"]


@dataclass(slots=True)
class _Call:
    number: int
    index: int | None
    id: str | None
    has_name: bool
    begun_by: Any
    """The event that it began in."""
    text: str = ""


class ToolCalls:
    """The calls of one answer, numbered within their choice: by the provider's index while that is free."""

    def __init__(self) -> None:
        self._calls: dict[int, list[_Call]] = {}

    def part(self, choice: int, fields: ToolFields, item: Any, data: Any) -> dict[str, Any] | None:
        """The part of a call in an item, with the call's number; None if there is none."""
        at: dict[str, Any] = {name: reach(item, path) for name, path in fields.items()}  # type: ignore[arg-type]
        said = {name: at[name] for name in ("id", "name") if isinstance(at.get(name), str) and at[name] != ""}
        found = at.get("arguments")
        if isinstance(found, dict):
            found = json.dumps(_finite(found), ensure_ascii=False, separators=(",", ":"))
        if not said and not isinstance(found, str):
            return None
        text = found if isinstance(found, str) else ""
        index = int(at["call"]) if is_count(at.get("call")) else None
        call = self._of(choice, index, said, text)
        if call is None:
            call = self._begin(choice, index, data)
        call.id, call.has_name = call.id or said.get("id"), call.has_name or "name" in said
        call.text += text
        extra = at.get("extra")
        if isinstance(signature := at.get("signature"), str):
            extra = {"google": {"thought_signature": signature}}
        more = {"extra_content": extra} if isinstance(extra, dict) and extra else {}
        return {"call": call.number, **said, "arguments": text, **more}

    def has_called(self, choice: int) -> bool:
        """True if this choice calls any."""
        return choice in self._calls

    def without_arguments(self) -> list[dict[str, Any]]:
        """The rest of the calls whose arguments nothing was said of: whole answers spell that as an empty object."""
        return [
            {"type": "tool", "choice": choice, "call": call.number, "arguments": "{}", "data": call.begun_by}
            for choice, calls in self._calls.items()
            for call in calls
            if call.text.strip(BLANK) == ""
        ]

    def _of(self, choice: int, index: int | None, said: Mapping[str, str], text: str) -> _Call | None:
        """The call that goes on; None: another one begins."""
        calls, has_name = self._calls.get(choice, []), "name" in said
        if "id" in said:
            same = [call for call in calls if call.id == said["id"]]
            nameless = [call for call in calls[-1:] if call.id is None and call.index == index and not call.has_name]
            return next(iter(same or nameless), None)
        if index is not None:
            same = [call for call in calls if call.index == index][-1:]
        else:
            # A name without an id begins a call: who says neither id nor index says a call at once.
            same = [] if has_name else calls[-1:]
        if same and has_name and text and same[0].has_name and _is_whole(same[0].text):
            return None
        return same[0] if same else None

    def _begin(self, choice: int, index: int | None, data: Any) -> _Call:
        calls = self._calls.setdefault(choice, [])
        taken = {call.number for call in calls}
        is_free = index is not None and index not in taken
        number = index if is_free and index is not None else max(taken, default=-1) + 1
        calls.append(_Call(number, index, None, has_name=False, begun_by=data))
        return calls[-1]


def _is_whole(text: str) -> bool:
    """True if these are arguments to which nothing can be added."""
    try:
        return isinstance(read_json(text), dict)
    except ValueError:
        return False


def _finite(said: Any) -> Any:
    """A value beyond all numbers is null in JSON, as `JSON.stringify` has it."""
    if isinstance(said, dict):
        return {name: _finite(value) for name, value in said.items()}
    if isinstance(said, list):
        return [_finite(value) for value in said]
    return None if isinstance(said, float) and not math.isfinite(said) else said
