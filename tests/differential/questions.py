"""Random questions to the readers: recorded exchanges with something wrong in them, headers and refusals by grammar."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sporewright.routing.dialects.providers import DIALECTS
from sporewright.routing.plan import PLAN
from tests.differential.dice import Dice
from tests.differential.mutations import cut, mutated, twist, twisted
from tests.differential.readers import Asked

__all__ = ["ANSWERS"]

FOLDER = Path(__file__).parents[1] / "routing"
CHATS = json.loads((FOLDER / "chats.json").read_text(encoding="utf-8"))
STREAMS = json.loads((FOLDER / "streams.json").read_text(encoding="utf-8"))
REFUSALS = json.loads((FOLDER / "refusals.json").read_text(encoding="utf-8"))
RESPONSES = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))
ANSWERED = [each for each in CHATS if "answer" in each]
REQUESTS = [each for each in CHATS if "ask" in each]
BODIES = ["".join(each["answer"]["pieces"]).encode() for each in ANSWERED]
STREAMED = ["".join(each["pieces"]).encode() for each in STREAMS]
NAMES = tuple(DIALECTS)
WORDINGS = [wording for row in PLAN["error_signs"] for wording in row["any"]]
PHRASES = [phrase for row in PLAN["error_signs"] for phrase in row.get("phrases", ())]
SPOKEN = [*PLAN["phrases"]["fillers"], *PLAN["phrases"]["requests"]]
SPOKEN += [word for phrase in PHRASES for word in (*phrase["first"], *phrase.get("then", ()))]
WORDS = [re.sub(r"\(\?!.*|\(\?:([^|)]*)[^)]*\)|\?", r"\1", word) for word in SPOKEN] + [
    "gpt-4.1",
    "Api",
    "messages[0].id",
]
MONTHS = ("Nov", "Feb", "Jan", "Apr", "Dec", "Sep", "Xxx", "feb")
MOST = (1 << 20, 1 << 20, 1 << 20, 300, 80)


def _answer(dice: Dice, bodies: Sequence[bytes]) -> dict[str, Any]:
    """An answer that was recorded, changed and cut."""
    data = dice.one(bodies)
    if dice.byte() & 1:
        data = twisted(dice, data)
    if dice.byte() & 1:
        data = mutated(dice, data, bodies)
    pieces = [base64.b64encode(piece).decode() for piece in cut(dice, data)]
    return {"pieces": pieces, "most": dice.one(MOST)}


def _stream(dice: Dice) -> dict[str, Any]:
    return _answer(dice, STREAMED if dice.byte() & 3 else BODIES)


def _chat(dice: Dice) -> dict[str, Any]:
    at = dice.below(len(ANSWERED))
    dialect = ANSWERED[at]["dialect"] if not dice.rarely(16) else dice.one(NAMES)
    bodies = [BODIES[at], *(BODIES if dice.rarely(16) else ())]
    return {"dialect": dialect, "choices": dice.one((1, 1, 1, 2)), **_answer(dice, bodies)}


def _judge(dice: Dice) -> dict[str, Any]:
    """A response of the corpus, changed and cut, to a call of its path or of another."""
    case, other = dice.one(RESPONSES), dice.one(RESPONSES)
    asked = other if dice.rarely(64) else case
    return {
        "expects": asked.get("expects", "answer"),
        "type": case.get("type", ""),
        "path": asked.get("path", "/v1/chat/completions"),
        "streaming": asked.get("streaming", False),
        "any_form": asked.get("any_form", False),
        **_answer(dice, [case["body"].encode(case.get("encoding", "utf-8"))]),
    }


def _body(dice: Dice) -> dict[str, Any]:
    """The same, read for a chain: headers of any kind, held or handed over, with little room."""
    return {
        **_judge(dice),
        "judged": bool(dice.byte() & 1),
        "body": dice.one(("whole", "events", "bytes")),
        "is_json": bool(dice.byte() & 1),
        "asks": dice.rarely(48),
        "restart": dice.one(("error", "buffer", "notify")),
        "hold": dice.one((1 << 16, 40, 400)),
        "buffer": dice.one((1 << 23, 100, 1000)),
        "hands_over": dice.one((-1, -1, 0, 2)),
    }


def _request(dice: Dice) -> dict[str, Any]:
    """A request that was recorded, in any dialect, with up to three of its values changed."""
    exchange = dice.one(REQUESTS)
    ask = copy.deepcopy(exchange["ask"])
    dialect = exchange["dialect"] if dice.byte() & 1 else dice.one(NAMES)
    request, option = ask["request"], ask["option"]
    for _ in range(dice.below(4)):
        request = twist(dice, request) if request else {"messages": [{"role": "user"}]}
    if dice.rarely(64):
        option = {**option, "base": dice.one(("/v1", "/v1beta/", "/openai/v1//", "/v1x/y", "/v", "/v2/v1", ""))}
    if isinstance(request.get("model", ""), (str, type(None))) and dice.rarely(32):
        option = {**option, "model": dice.one(("a/b", "a b", "é", "?#%", "{model}", "")), "path": "/m/{model}/{model}"}
    return {"dialect": dialect, "request": request, "option": option}


def _refusal(dice: Dice) -> dict[str, Any]:
    """A refusal that was recorded, or a provider's words in a field of an error, cut and changed."""
    if dice.byte() & 1:
        data = json.dumps(dice.one(REFUSALS)["body"]).encode()
    else:
        said: Any = dice.one(WORDINGS).replace("*", dice.one((" 12 ", "", "\n", "é" * 50)))
        if dice.byte() & 1:
            said = _sentence(dice)
        said = said.upper() if dice.byte() & 1 else said
        for step in reversed(dice.one(PLAN["error_fields"])):
            said = [said] if step == "*" else {step: said}
        data = json.dumps(said).encode()
    if dice.byte() & 1:
        data = mutated(dice, data, [data])
    return {"text": data.decode("utf-8", "replace")}


def _sentence(dice: Dice) -> str:
    """Words of the phrases, in any order, quoted or with marks between."""
    marks = (
        " ",
        " ",
        " ",
        " ",
        "_",
        "-",
        ". ",
        ": ",
        ", ",
        ".",
        "'",
        '"',
        "`",
        "\u2019",
        "<b>",
        "\n",
        "n't ",
        "/",
        "é",
    )
    return "".join(dice.one(WORDS) + dice.one(marks) for _ in range(2 + dice.below(8)))


def _pace(dice: Dice) -> dict[str, Any]:
    headers = {}
    for row in dice.some(PLAN["pace_headers"]):
        headers[row["header"]] = _header(dice)
        if "unless_left" in row and dice.byte() & 1:
            headers[row["unless_left"]] = dice.one(("0", "1", "", " 0", "0.0", "x", "3"))
    now = dice.one((1_796_000_000.25, 0.0, 784_111_777.0, 4_000_000_000.0, -5.0))
    return {"headers": headers, "now": now}


def _number(dice: Dice) -> str:
    return dice.one(
        ("0", "1", "30", "1.5", "007", "1.", ".5", "1e3", "-1", "999999999999", "1796000030", "٣", "1_0", "")
    )


def _header(dice: Dice) -> str:
    two = ("06", "30", "31", "29", "00", "60", "59", "24", "23", "01", "99", "7")
    day, hours, minutes, seconds, month = *(dice.one(two) for _ in range(4)), dice.one(MONTHS)
    year, time = dice.one(("2026", "1994", "2028", "0000", "0050", "9999")), f"{hours}:{minutes}:{seconds}"
    short = dice.one(("26", "50", "69", "70", "76", "77", "94", "00", "5"))
    text = dice.one(
        (
            _number(dice),
            f"Sun, {day} {month} {year} {time} GMT",
            f"Sunday, {day}-{month}-{short} {time} GMT",
            f"Sun {month} {day.lstrip('0') or '0':>2} {time} {year}",
            "".join(_number(dice) + dice.one(("s", "ms", "m", "h", "d", "", "S")) for _ in range(1 + dice.below(3))),
            f'"p";r={_number(dice)};t={_number(dice)}',
            f"limit=10, remaining={_number(dice)}, reset={_number(dice)}",
            f"t = {_number(dice)}; xt=4; t=\t{_number(dice)}a",
        )
    )
    for _ in range(dice.below(256) // 192):
        at = dice.below(len(text) + 1)
        text = text[:at] + dice.one(("", " ", "\t", "\xa0", "\x85", "0", "é", "\u2009", "GMT", ",")) + text[at + 1 :]
    return text


def _repeatable(dice: Dice) -> dict[str, Any]:
    rows = PLAN["repeatable"]
    path = dice.one(("/", "/x", *rows["paths"])) + dice.one(("", "/", "//", "x", "?a"))
    headers = [dice.one(("x-other", *rows["headers"])) for _ in range(dice.below(3))]
    return {"method": dice.one(("GET", "post", "PUT", "ıget", "head", "")), "path": path, "headers": headers}


KINDS: Mapping[str, Callable[[Dice], dict[str, Any]]] = {
    "chat": _chat,
    "stream": _stream,
    "judge": _judge,
    "body": _body,
    "request": _request,
    "refusal": _refusal,
    "pace": _pace,
    "brackets": lambda dice: _answer(dice, BODIES),
    "repeatable": _repeatable,
}
OFTEN = (
    ("chat",) * 6
    + ("stream",) * 4
    + ("judge",) * 3
    + ("body",) * 5
    + ("request",) * 4
    + ("refusal", "refusal", "pace", "pace", "brackets", "repeatable")
)


def _asked(data: bytes) -> Asked:
    dice = Dice(data)
    reader = dice.one(OFTEN)
    return Asked(reader, KINDS[reader](dice))


ANSWERS: st.SearchStrategy[Asked] = st.binary(min_size=96, max_size=96).map(_asked)
"""One draw of a fixed size, as of a trace."""
