"""What a dialect's rows find in one event of an answer, or in a whole one: pure, for both readers of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sporewright.routing.chat_terms import DialectRow, Reading, Where

__all__ = [
    "Saying",
    "choices_in",
    "holds",
    "is_count",
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
    """Whether an event is one of this dialect's streams."""
    return any(holds(mark, body) for mark in dialect["marks"])


def sayings(body: Any, rows: Sequence[Reading]) -> list[Saying]:
    """Whatever the rows find, in their order; all that speak of choices find them in one place."""
    said: list[Saying] = []
    fields: Mapping[str, Any] | None = body if isinstance(body, dict) else None
    kind, choices = None if fields is None else fields.get("type"), None
    for key, inner, named, row, wanted in _keyed(rows):
        if fields is not None and ((key is not None and key not in fields) or (named is not None and named != kind)):
            continue
        if "event" in row and not holds(row["event"], body):
            continue
        if inner is None:
            said += _said(row, 0, body, wanted)
            continue
        choices = choices_in(body, row["each"]) if choices is None else choices
        for choice, element in choices:
            if inner == "" or not isinstance(element, dict) or element.get(inner) is not None:
                said += _said(row, choice, element, wanted)
    return said


def _said(row: Reading, choice: int, element: Any, wanted: type) -> list[Saying]:
    items = _at(element, row["at"])
    if not items:
        return []
    where, take = row.get("where"), row.get("take")
    found = [reach(item, take) if take else item for item in items if where is None or holds(where, item)]
    return [Saying(row, choice, one) for one in found if isinstance(one, wanted) and says_something(one)]


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
    found = reach(body, each)
    elements = found if isinstance(found, list) else []
    indices = [reach(element, ("index",)) for element in elements]
    return [(int(index) if is_count(index) else n, elements[n]) for n, index in enumerate(indices)]


class _Keyed(NamedTuple):
    """A row with the field of an event, and of a choice, without which it says nothing: an event has few of them all.

    `inner`: None, it is of no choice; `named`: the event's `type`.
    """

    key: str | None
    inner: str | None
    named: str | None
    row: Reading
    wanted: type


_KEYED: dict[int, tuple[Sequence[Reading], list[_Keyed]]] = {}


def _keyed(rows: Sequence[Reading]) -> list[_Keyed]:
    known = _KEYED.get(id(rows))
    if known is None:
        known = _KEYED[id(rows)] = rows, list(map(_key, rows))
    return known[1]


def _key(row: Reading) -> _Keyed:
    where = row.get("where")
    asked = where["path"] if where is not None and where.get("equals", "") is not None else ()
    path = [*row["at"], *asked, *row.get("take", ())]
    named = where.get("equals") if where is not None and [*row["at"], *where["path"]] == ["type"] else None
    own, wanted = path[0] if path else None, _WANTED.get(row["says"], object)
    if "each" in row:
        return _Keyed(row["each"][0], own or "", None, row, wanted)
    return _Keyed(own, None, named, row, wanted)


def life_in(said: Sequence[Saying]) -> int:
    """How many signs of life these are: each part, or one for what is no part and yet part of the answer.

    An event of which nothing is known is one as well: a dialect grows.
    """
    says = [one.row["says"] for one in said]
    parts = sum(one in _PARTS for one in says)
    return parts or int("life" in says or not says)


def reach(body: Any, path: Sequence[str]) -> Any:
    """What is at this path of JSON data, list positions as digits; None if nothing is."""
    for step in path:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return body


def reach_all(body: Any, path: Sequence[str]) -> list[Any]:
    """What is at this path, of a list each item; `*` stands for each item of a list."""
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
    """Whether something is said at one of these paths."""
    return any(says_something(reach(body, path)) for path in paths)


def is_count(found: Any) -> bool:
    """A number of things, exact in JSON's numbers: 1.0 is one, too."""
    return (isinstance(found, int) or (isinstance(found, float) and found.is_integer())) and (
        not isinstance(found, bool) and 0 <= found < 2**53
    )


def holds(where: Where, item: Any) -> bool:
    """Whether this is true of an item."""
    found = reach(item, where["path"])
    if "has" in where:
        return isinstance(found, dict) and where["has"] in found
    if "begins" in where:
        return isinstance(found, str) and found.startswith(where["begins"])
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
