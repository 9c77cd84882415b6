"""From how an attempt ended to its outcome, by the plan's rows; and what the text of a refusal says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from sporewright.errors import ConfigError
from sporewright.routing.dialects.rows import reach_all
from sporewright.routing.dialects.sse_events import looks_like_json, read_json
from sporewright.routing.phrase_matching import holds_of, sentences
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Block, Ended, ErrorSign, Outcome, Plan, Rule, Sign, State, When

__all__ = ["Ending", "classify", "is_repeatable", "rule_of", "says", "text_matters"]

_DEEPEST = 3
"""Levels of errors told as text in an error."""
_GAP = ".{0,120}"
"""A name within a wording, of a model, say."""
_CODE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")
"""A wording that is the code of an error."""
_LETTER = re.compile(r"[a-z0-9_]")
_PARAM = "param="
"""The field that names what of the request is at fault."""
_QUOTES = "'\"`"
_NAMES_CODE = re.compile(r"(?:code|type|status|reason|error)[\"']?[ \t]*[:=][ \t]*$")
"""Before a quoted code that is the error's own, and no name that the caller gave."""


class Ending(TypedDict):
    """The end of an attempt; kind status has a `status`; `retry_after_s`: the wait that the response asked for.

    `stage`, `fallback`, `judged`, `brought` and `keyed` are the chain's to say: where the attempt stood, whether
    another one had failed before, whether the call expects an answer of a kind, whether its key is the caller's own or
    one that is declared; `reason`: what keeps a page from an option that is blocked or unreadable.
    """

    kind: Literal["status", "abort"] | Ended
    status: NotRequired[int]
    retry_after_s: NotRequired[float]
    says: NotRequired[Sequence[Sign]]
    stage: NotRequired[State]
    fallback: NotRequired[bool]
    judged: NotRequired[bool]
    brought: NotRequired[bool]
    keyed: NotRequired[bool]
    reason: NotRequired[Block]


_FLAGS: tuple[Literal["fallback", "judged", "brought", "keyed"], ...] = ("fallback", "judged", "brought", "keyed")
_ASKED = ("kind", "status", "stage", *_FLAGS)
"""The fields that the rows compare besides `retry_after_s` and `says`: endings equal in these have the same row."""
_MOST_KNOWN = 1000
_known: dict[tuple[object, ...], Rule] = {}
"""The rows of the plan's own classes that were found before; most endings are like the last one."""


def _holds(when: When, ending: Ending) -> bool:
    event = "aborted" if ending["kind"] == "abort" else ending["kind"]
    if "event" in when and event != when["event"]:
        return False
    if "stage" in when and ending.get("stage", "CALLING") not in when["stage"]:
        return False
    if "retry_after" in when and ("retry_after_s" in ending) is not when["retry_after"]:
        return False
    if any(sign not in ending.get("says", ()) for sign in when.get("says", ())):
        return False
    if any(name in when and ending.get(name, False) is not when[name] for name in _FLAGS):
        return False
    if "status" not in when:
        return True
    low, high = when["status"]
    return ending["kind"] == "status" and low <= ending.get("status", -1) <= high


def rule_of(ending: Ending, plan: Plan = PLAN) -> Rule:
    """The first row that holds; ConfigError if there is none."""
    if plan["classes"] is not PLAN["classes"]:
        return _first(ending, plan)
    key = *map(ending.get, _ASKED), "retry_after_s" in ending, tuple(ending.get("says", ()))
    rule = _known.get(key)
    if rule is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        rule = _known[key] = _first(ending, plan)
    return rule


def _first(ending: Ending, plan: Plan) -> Rule:
    for row in plan["classes"]:
        if _holds(row["when"], ending):
            return row
    raise ConfigError(f"no row of the plan classifies {dict(ending)!r}")


def text_matters(status: int, rule: Rule, plan: Plan = PLAN) -> bool:
    """True if the text of such a response may change `rule`, its row without the text, or may be the caller's."""
    if any("says" in row["when"] and _covers(row["when"].get("status"), status) for row in plan["classes"]):
        return True
    step = plan["transitions"]["CALLING"][rule["outcome"]]
    return step["to"] == "DELIVERED" or "keep_first" in step["do"]


def _covers(span: tuple[int, int] | None, status: int) -> bool:
    return span is not None and span[0] <= status <= span[1]


def classify(ending: Ending, plan: Plan = PLAN) -> Outcome:
    """The outcome of the first row that holds; ConfigError if there is none."""
    return rule_of(ending, plan)["outcome"]


def says(text: str, plan: Plan = PLAN) -> list[Sign]:
    """The plan's error signs that the text of a refusal gives, in the plan's order.

    Of a body of JSON only the fields that say why are looked at: the rest may repeat what was asked.
    """
    lines = _told(text, plan)
    told = "\n".join(lines).lower()
    own = [line for line in lines if not line.startswith(_PARAM)]
    spoken = {names: sentences(own, names=names) for names in (False, True)}
    signs: list[Sign] = []
    for row in plan["error_signs"]:
        is_new = row["sign"] not in signs and not (signs and row.get("alone", False))
        if is_new and (any(_is_in(told, wording) for wording in row["any"]) or _is_said(spoken, row, plan)):
            signs.append(row["sign"])
    return signs


def _is_said(spoken: Mapping[bool, Sequence[str]], row: ErrorSign, plan: Plan) -> bool:
    return any(
        holds_of(phrase, sentence, plan["phrases"])
        for phrase in row.get("phrases", ())
        for sentence in spoken[phrase.get("names", False)]
    )


def _told(text: str, plan: Plan, depth: int = 0) -> list[str]:
    """The fields of an error, each with its name; a gateway's error has another one as text in it."""
    try:
        body = read_json(text) if looks_like_json(text) and depth < _DEEPEST else None
    except ValueError:
        body = None
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return [text]
    lines = []
    for path in plan["error_fields"]:
        for found in reach_all(body, path):
            if isinstance(found, str):
                lines += [f"{path[-1]}={line}" for line in _told(_own(found, plan), plan, depth + 1)]
    return lines


def _own(text: str, plan: Plan) -> str:
    for echo in plan["error_echoes"]:
        text = text.partition(echo)[0]
    return text


def _is_in(text: str, wording: str) -> bool:
    if _CODE.fullmatch(wording):
        return any(not _is_echo(text, found.start(), found.end()) for found in re.finditer(wording, text))
    if "*" not in wording:
        return wording in text
    return re.search(_GAP.join(map(re.escape, wording.split("*"))), text, re.DOTALL) is not None


def _is_echo(text: str, start: int, end: int) -> bool:
    """True if a code that stands there is part of a name that the caller gave, or quoted, not as the error's own."""
    quote = text[start - 1 : start]
    if text[:start].rpartition("\n")[2] == _PARAM or _LETTER.match(quote) or _LETTER.match(text, end):
        return True
    return (
        quote != "" and quote in _QUOTES and text[end : end + 1] == quote and not _NAMES_CODE.search(text[: start - 1])
    )


def is_repeatable(method: str, path: str, headers: Sequence[str], plan: Plan = PLAN) -> bool:
    """True if a request may be sent twice: by its method, its path (no query), or a header's name in lower case."""
    rows = plan["repeatable"]
    return (
        method.upper() in rows["methods"]
        or path.rstrip("/").endswith(tuple(rows["paths"]))
        or any(name in headers for name in rows["headers"])
    )
