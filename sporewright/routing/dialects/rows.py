"""The parts that a dialect's rows find in one event of an answer, or in a whole one: pure, for both readers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sporewright.routing.dialects.chat_terms import DialectRow, Reading, Where

__all__ = [
    "Saying",
    "choices_in",
    "holds",
    "is_count",
    "is_error",
    "is_of",
    "life_in",
    "reach",
    "reach_all",
    "sayings",
    "says_at",
    "says_something",
]

_WANTED = {"text": str, "reasoning": str, "finish": str, "usage": dict}
_DEEPEST = 8
_PARTS = ("text", "reasoning", "tool")


class Saying(NamedTuple):
    """One thing that an event says, of which choice, by which row."""

    row: Reading
    choice: int
    found: Any


def is_of(dialect: DialectRow, body: Any) -> bool:
    """True if an event is of one of this dialect's streams."""
    return any(holds(mark, body) for mark in dialect["marks"])


def sayings(body: Any, rows: Sequence[Reading]) -> list[Saying]:
    """Whatever the rows find, in their order; all that speak of choices find them in one place."""
    said: list[Saying] = []
    whole, choices = [(0, body)], None
    for run in _runs(rows):
        some, first = whole, run.first
        if run.each is not None:
            some = choices = choices_in(body, run.each) if choices is None else choices
        if not some:
            continue
        # An event has few of all fields: most runs end here, and of the others most rows.
        element = some[0][1]
        if first is not None and len(some) == 1 and isinstance(element, dict):
            inner = element.get(first)
            if inner is None:
                continue
            fields = inner if isinstance(inner, dict) else None
        else:
            fields = None
        for row in run.rows:
            if fields is None or row.second is None or fields.get(row.second) is not None:
                for choice, each in some:
                    _say(said, row, choice, each, body)
    return said


def _say(said: list[Saying], row: _Row, choice: int, element: Any, body: Any) -> None:
    """Add what this row finds in one choice, or in the whole event."""
    if row.event is not None and not holds(row.event, body):
        return
    where, take, wanted = row.where, row.take, row.wanted
    for item in _at(element, row.at):
        if where is None or holds(where, item):
            found = reach(item, take) if take else item
            if isinstance(found, wanted) and says_something(found) and _counts(row, found):
                said.append(Saying(row.reading, choice, found))


def _counts(row: _Row, found: Any) -> bool:
    """True if it is more than a place for it; a tool call in one piece has a name."""
    if row.reading["says"] == "error":
        return is_error(found)
    return row.name is None or (isinstance(name := reach(found, row.name), str) and name != "")


def is_error(found: Any, depth: int = 0) -> bool:
    """True if the value in the place of an error says one: some servers always have the field, with 0 or null."""
    if isinstance(found, (dict, list)) and depth <= _DEEPEST:
        return any(is_error(inner, depth + 1) for inner in (found.values() if isinstance(found, dict) else found))
    return says_something(found) and found != 0


def _at(element: Any, path: Sequence[str]) -> list[Any]:
    """As `reach_all`, without what is None; most rows end here."""
    inner = element
    for step in path:
        if not isinstance(inner, dict):
            return reach_all(element, path)
        inner = inner.get(step)
        if inner is None:
            return []
    return inner if isinstance(inner, list) else [inner]


def choices_in(body: Any, each: Sequence[str]) -> list[tuple[int, Any]]:
    """The choices that an event speaks of, each with its number."""
    elements = reach(body, each)
    if not isinstance(elements, list):
        return []
    indices: list[Any] = [element.get("index") if isinstance(element, dict) else None for element in elements]
    return [(int(index) if is_count(index) else n, elements[n]) for n, index in enumerate(indices)]


class _Row(NamedTuple):
    """A row, taken apart; `first` and `second`: steps into an event, or a choice, without which it says nothing."""

    reading: Reading
    wanted: type
    at: Sequence[str]
    where: Where | None
    take: Sequence[str]
    event: Where | None
    first: str | None
    second: str | None
    name: Sequence[str] | None
    """The path to the name of a tool call in one piece."""


class _Run(NamedTuple):
    """Rows in their order that have the same first step: an event has few of them all."""

    each: Sequence[str] | None
    first: str | None
    rows: list[_Row]


_RUNS: dict[int, tuple[Sequence[Reading], list[_Run]]] = {}


def _runs(rows: Sequence[Reading]) -> list[_Run]:
    known = _RUNS.get(id(rows))
    if known is None:
        apart = [(reading.get("each"), _apart(reading)) for reading in rows]
        found = groupby(apart, key=lambda one: (one[0], one[1].first))
        known = _RUNS[id(rows)] = rows, [_Run(each, first, [row for _, row in some]) for (each, first), some in found]
    return known[1]


def _apart(reading: Reading) -> _Row:
    at, where, take = reading["at"], reading.get("where"), reading.get("take", ())
    asked = where["path"] if where is not None and where.get("equals", "") is not None else ()
    first, second = [*at, *asked, *take, None, None][:2]
    wanted = _WANTED.get(reading["says"], object)
    name = reading.get("fields", {}).get("name") if reading.get("whole", False) else None
    return _Row(reading, wanted, at, where, take, reading.get("event"), first, second, name)


def life_in(said: Sequence[Saying]) -> int:
    """The number of signs of life: each part is one, and so is an event that is no part and yet part of the answer.

    An event of which nothing is known is one as well: a dialect grows.
    """
    if not said:
        return 1
    says = [reading["says"] for reading, _, _ in said]
    return len([one for one in says if one in _PARTS]) or int("life" in says)


def reach(body: Any, path: Sequence[str]) -> Any:
    """The value at this path of JSON data, list positions as digits; None if there is none."""
    for step in path:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return body


def reach_all(body: Any, path: Sequence[str]) -> list[Any]:
    """The values at this path, of a list each item; `*` stands for each item of a list."""
    if "*" not in path:
        found = reach(body, path)
        return found if isinstance(found, list) else [found]
    at = path.index("*")
    found = reach(body, path[:at])
    return [inner for item in (found if isinstance(found, list) else []) for inner in reach_all(item, path[at + 1 :])]


def says_something(found: Any) -> bool:
    """Neither absent nor empty, nor false."""
    return found is not None and found is not False and found not in ("", [], {})


def says_at(body: Any, paths: Sequence[Sequence[str]]) -> bool:
    """True if something is said at one of these paths, in more than a number; at one that ends with `#`, a number."""
    return any(_is_said(body, path) for path in paths)


def _is_said(body: Any, path: Sequence[str]) -> bool:
    if path[-1] == "#":
        found = reach(body, path[:-1])
        return isinstance(found, (int, float)) and not isinstance(found, bool)
    found = reach(body, path)
    return says_something(found) and not isinstance(found, (int, float))


def is_count(found: Any) -> bool:
    """A number of things, exact in JSON's numbers: 1.0 is one, too."""
    return (isinstance(found, int) or (isinstance(found, float) and found.is_integer())) and (
        not isinstance(found, bool) and 0 <= found < 2**53
    )


def holds(where: Where, item: Any) -> bool:
    """True if the condition holds of an item."""
    found = reach(item, where["path"])
    if "has" in where:
        return isinstance(found, dict) and where["has"] in found
    if "begins" in where:
        return isinstance(found, str) and found.startswith(where["begins"])
    if "among" in where:
        return isinstance(found, dict) and any(not _is_hollow(found.get(name)) for name in where["among"])
    if "beyond" in where:
        return isinstance(found, dict) and any(
            name not in where["beyond"] and not _is_hollow(value) for name, value in found.items()
        )
    if "equals" not in where:
        return says_something(found)
    equals = where["equals"]
    return not says_something(found) if equals is None else isinstance(found, str) and found == equals


def _is_hollow(found: Any, depth: int = 0) -> bool:
    """Nothing is in it, however deep; what is deeper than any provider's words is something."""
    if not isinstance(found, (dict, list)) or depth > _DEEPEST:
        return not says_something(found)
    return all(_is_hollow(inner, depth + 1) for inner in (found.values() if isinstance(found, dict) else found))
