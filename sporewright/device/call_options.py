"""The options of one native call, in its request's extension: checked, and its order arranged by them."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from sporewright.device.order_source import TASK, Source
from sporewright.device.outgoing import Retry
from sporewright.errors import ConfigError
from sporewright.jsontext import shown
from sporewright.routing.affinity import Affinity
from sporewright.routing.call_size import TokenCount
from sporewright.routing.preferences import (
    CAPS,
    PREFERENCES,
    Figures,
    Preferences,
    Properties,
    arrange,
    checked,
    figures_for,
    refuse_unknown_words,
)
from sporewright.routing.terms import Expects, Plan

__all__ = ["CHAT_WORDS", "Arrangement", "arranged", "checked_call", "checked_expects", "place_of", "plan_of"]

PLACE = "extension sporewright"
WORDS = (
    "affinity",
    "cursor",
    "deadline",
    "expects",
    "hedge",
    "idempotent",
    "on_restart",
    *PREFERENCES,
    "restart",
    "retry",
    "speech",
    "task",
)
"""The keys of a request's extension."""
LONGEST_KEY = 256
"""Letters of an affinity's key: an identifier, not a prompt."""
CHAT_WORDS = tuple(word for word in WORDS if word not in ("expects", "on_restart", "speech"))
"""The words of a chat, whose answer is judged by its dialect, as the page's chats are."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The order of one call; `asked` of the learned order `learned`, where the call has preferences."""

    queue: list[str]
    asked: Preferences = field(default_factory=lambda: Preferences())
    learned: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Figures] = field(default_factory=dict)
    properties: Mapping[str, Properties] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any] | None:
        """The part `preferences` of a receipt; None if the call has none."""
        if not self.asked:
            return None
        more: dict[str, Any] = {"figures": self.figures} if self.figures else {}
        if "needs" in self.asked:
            more["properties"] = dict(self.properties)
        return {"asked": dict(self.asked), "from": self.learned, **more}


def checked_call(asked: Any, plan: Plan) -> Mapping[str, Any]:
    """The words of a request's extension; ConfigError names what is none, and what was probably meant."""
    if not isinstance(asked, Mapping):
        raise ConfigError(f"{PLACE}: {type(asked).__name__} is no mapping")
    if not asked:
        return asked
    refuse_unknown_words(asked, WORDS, PLACE)
    for name, known in (("restart", list(plan["restarts"])), ("retry", [*get_args(Retry), None])):
        if name in asked and asked[name] not in known:
            raise ConfigError(f"{PLACE}: {name}: {asked[name]!r} is none of {', '.join(map(str, known))}")
    for name in ("hedge", "idempotent"):
        if name in asked and not isinstance(asked[name], bool | None):
            raise ConfigError(f"{PLACE}: {name}: {shown(asked[name])} is neither True nor False")
    place_of(asked)
    affinity = asked.get("affinity")
    if affinity is not None and (not isinstance(affinity, str) or not 0 < len(affinity) <= LONGEST_KEY):
        raise ConfigError(f"{PLACE}: affinity: {shown(affinity)} is no text of 1 to {LONGEST_KEY} letters")
    if "expects" in asked:
        checked_expects(PLACE, asked["expects"])
    deadline = asked.get("deadline")
    if deadline is not None and (
        isinstance(deadline, bool) or not isinstance(deadline, int | float) or not 0 < deadline <= sys.float_info.max
    ):
        raise ConfigError(f"{PLACE}: deadline: {shown(deadline)} is not a positive number of seconds")
    checked(_preferring(asked), place=PLACE)
    return asked


def checked_expects(place: str, expects: Any) -> None:
    """ConfigError where this is nothing that may be expected."""
    if expects is not None and not callable(expects) and expects not in get_args(Expects):
        raise ConfigError(f"{place}: expects: {expects!r} is none of {', '.join(get_args(Expects))}, nor a function")


def place_of(asked: Mapping[str, Any]) -> dict[str, str]:
    """The call's own part of the cursor, its kind of work included; ConfigError for what is none."""
    task, cursor = asked.get("task"), asked.get("cursor")
    if task is not None and not isinstance(task, str):
        raise ConfigError(f"{PLACE}: task: {task!r} is no text")
    if cursor is not None and not isinstance(cursor, Mapping):
        raise ConfigError(f"{PLACE}: cursor: {shown(cursor)} is no mapping of texts")
    found = dict(cursor or {})
    for level, instance in found.items():
        if not isinstance(level, str) or not isinstance(instance, str):
            raise ConfigError(f"{PLACE}: cursor[{shown(level)}]: {shown(instance)} is no text")
    if task is not None and found.setdefault(TASK, task) != task:
        raise ConfigError(f"{PLACE}: task: {task!r} and cursor.task: {found[TASK]!r} are two kinds of work")
    return found


def plan_of(asked: Mapping[str, Any], plan: Plan) -> Plan:
    """The plan of a call that has this much time for itself."""
    deadline = asked.get("deadline")
    return plan if deadline is None else {**plan, "limits": {**plan["limits"], "deadline_s": float(deadline)}}


def _preferring(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its preferences: an affinity's key is not one yet."""
    if "affinity" not in asked:
        return asked
    return {word: said for word, said in asked.items() if word != "affinity"}


def arranged(
    asked: Mapping[str, Any],
    source: Source,
    properties: Mapping[str, Properties],
    size: TokenCount,
    affinity: Affinity,
) -> Arrangement:
    """The order of a call with these words, of this size; ConfigError for the name of an option that there is not.

    `properties` holds what is declared of each upstream.
    """
    at, key, said = place_of(asked), asked.get("affinity"), _preferring(asked)
    if not asked or (key is None and not checked(said, place=PLACE)):
        return Arrangement(list(source.order(at or None)))
    learned = list(source.order(at))
    wanted = checked(said, frozenset((*properties, *learned)), PLACE)
    known = source.figures(at, learned) if key is not None or wanted.keys() & CAPS else {}
    place = None if key is None else affinity.place(key, time.time(), learned, known)
    if place is not None:
        wanted["affinity"] = place
    figures = figures_for(known, size, has_scores=place is not None) if known else {}
    queue, skipped = arrange(learned, wanted, figures, properties)
    return Arrangement(queue, wanted, learned, skipped, figures, properties)
