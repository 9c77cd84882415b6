"""The preferences of one call: the options that may answer it, and their order (docs/reference/preferences.md).

The same rules as `web/src/routing/preferences.ts`; tests/routing/preferences.json holds cases for both.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

from sporewright.errors import ConfigError
from sporewright.jsontext import shown
from sporewright.routing.call_size import TokenCount
from sporewright.routing.spelling import meant

__all__ = [
    "PREFERENCES",
    "Arranged",
    "Figures",
    "Place",
    "Preferences",
    "Properties",
    "arrange",
    "checked",
    "cost_of_call",
    "figures_for",
    "properties_from",
    "refuse_unknown_words",
    "why",
]

Properties = Mapping[str, Sequence[str]]
"""The declared values of an option, by property: `{"region": ["eu"], "capabilities": ["tools", "vision"]}`."""


class Place(TypedDict):
    """The option that a call is to stay with, and what that is worth, in units of the score."""

    option: str
    saves: float


class Preferences(TypedDict):
    """The preferences of a call, each part checked; costs in USD, latencies in seconds."""

    only: NotRequired[list[str]]
    ignore: NotRequired[list[str]]
    order: NotRequired[list[str]]
    prefer: NotRequired[list[str]]
    max_cost: NotRequired[float]
    max_latency: NotRequired[float]
    needs: NotRequired[dict[str, list[str]]]
    affinity: NotRequired[Place]


class Figures(TypedDict):
    """The known figures of an option: USD and seconds expected of one call, prices in USD per million tokens.

    `score`: by which it stands in the order, in which a dollar and a second weigh so much.
    """

    cost: NotRequired[float]
    latency: NotRequired[float]
    price_in: NotRequired[float]
    price_out: NotRequired[float]
    price_cached: NotRequired[float]
    score: NotRequired[float]
    dollar: NotRequired[float]
    second: NotRequired[float]


class Arranged(NamedTuple):
    """The order of one call, and each option passed over with its reason."""

    queue: list[str]
    skipped: dict[str, str]


LISTS: tuple[Literal["only", "ignore", "order", "prefer"], ...] = ("only", "ignore", "order", "prefer")
CAPS: tuple[Literal["max_cost", "max_latency"], ...] = ("max_cost", "max_latency")
PREFERENCES = (*LISTS, *CAPS, "needs")
"""The words of a call that arrange its order; `resolve` and `explain` take them, too."""
ALL_OF = "capabilities"
"""The property of which an option has to have every value that is needed."""
GATED, NOT_ONLY, IGNORED, COST, LATENCY, NEEDS = "gated", "not-only", "ignored", "max-cost", "max-latency", "needs:"
NAMED = 8
"""So many known names are listed in an error."""


def refuse_unknown_words(words: Collection[str], known: Sequence[str], place: str) -> None:
    """ConfigError for a word of a call that there is not, with the one that was probably meant."""
    for word in words:
        if word not in known:
            near = meant(str(word), known)
            hint = f"is none of {', '.join(known)}" if near is None else f"did you mean {near!r}?"
            raise ConfigError(f"{place}: {shown(word)}: {hint}")


def checked(asked: Mapping[str, Any], known: Collection[str] | None = None, place: str = "preferences") -> Preferences:
    """The preferences among the words of a call; ConfigError for a wrong one, and for a name that is not `known`."""
    found = Preferences()
    for word in LISTS:
        if asked.get(word) is not None:
            names = _names(asked[word], f"{place}: {word}")
            _refuse_unknown(names, known, f"{place}: {word}")
            if names:
                found[word] = names
            elif word == "only":
                raise ConfigError(f"{place}: only: an empty list admits no option")
    for cap in CAPS:
        if asked.get(cap) is not None:
            found[cap] = _amount(asked[cap], f"{place}: {cap}")
    if asked.get("needs") is not None:
        needs = properties_from(asked["needs"], f"{place}: needs")
        if needs:
            found["needs"] = needs
    if asked.get("affinity") is not None:
        found["affinity"] = _place(asked["affinity"], f"{place}: affinity")
    return found


def properties_from(data: object, place: str) -> dict[str, list[str]]:
    """Properties, declared or needed: each a text or several; ConfigError for anything else."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{place}: {shown(data)} is not an object of properties")
    found: dict[str, list[str]] = {}
    for name, value in data.items():
        if not isinstance(name, str) or not name:
            raise ConfigError(f"{place}: {shown(name)} is no name of a property")
        found[name] = _names([value] if isinstance(value, str) else value, f"{place}: {name}")
        if not found[name]:
            raise ConfigError(f"{place}: {name}: an empty list")
    return found


def arrange(
    queue: Sequence[str],
    asked: Preferences,
    figures: Mapping[str, Figures] | None = None,
    properties: Mapping[str, Properties] | None = None,
) -> Arranged:
    """The learned order as the call wants it.

    `order` comes first as it stands, then what is preferred and then the rest, each as learned, where an affinity makes
    its option better by what it saves. An option without a figure is not passed over for its cost or latency; one
    without a property does not meet a need of it.
    """
    queue = _staying(queue, asked["affinity"], figures or {}) if "affinity" in asked else queue
    skipped: dict[str, str] = {}
    admitted: dict[str, None] = {}
    for option in dict.fromkeys(queue):
        reason = _reason(option, asked, (figures or {}).get(option, Figures()), (properties or {}).get(option, {}))
        if reason is None:
            admitted[option] = None
        else:
            skipped[option] = reason
    for word in LISTS:
        for option in asked.get(word, ()) if word != "ignore" else ():
            if option not in admitted:
                skipped.setdefault(option, GATED)
    first = [option for option in dict.fromkeys(asked.get("order", ())) if option in admitted]
    preferred = frozenset(asked.get("prefer", ()))
    rest = [option for option in admitted if option not in first]
    rest.sort(key=lambda option: option not in preferred)
    return Arranged([*first, *rest], skipped)


def _staying(queue: Sequence[str], place: Place, figures: Mapping[str, Figures]) -> Sequence[str]:
    """The option of the affinity before all whose scores are no lower than its own less what it saves.

    Without scores it goes first: nothing says that it is worse.
    """
    option = place["option"]
    if option not in queue:
        return queue
    own = figures.get(option, Figures()).get("score")
    others = [each for each in queue if each != option]
    scores = [figures.get(each, Figures()).get("score") for each in others]
    at = 0
    if own is not None:
        better = [number for number, score in enumerate(scores) if score is not None and score < own - place["saves"]]
        at = better[-1] + 1 if better else 0
    before = list(queue).index(option)
    return queue if at > before else [*others[:at], option, *others[at:]]


def _reason(option: str, asked: Preferences, figures: Figures, properties: Properties) -> str | None:
    """The reason for which the option is passed over; None if it may answer."""
    if option in asked.get("ignore", ()):
        return IGNORED
    if "only" in asked and option not in asked["only"]:
        return NOT_ONLY
    for name, wanted in asked.get("needs", {}).items():
        if not meets(name, wanted, properties.get(name, ())):
            return NEEDS + name
    if figures.get("cost", -math.inf) > asked.get("max_cost", math.inf):
        return COST
    if figures.get("latency", -math.inf) > asked.get("max_latency", math.inf):
        return LATENCY
    return None


def meets(name: str, wanted: Collection[str], has: Collection[str]) -> bool:
    """True if an option's declared values meet a need.

    Of `capabilities` the option needs every one that is wanted. Of any other property each value that the option
    declares has to be among the wanted ones: an option in two regions may answer from either.
    """
    if name == ALL_OF:
        return set(wanted) <= set(has)
    return bool(has) and set(has) <= set(wanted)


def cost_of_call(figures: Figures, size: TokenCount) -> float | None:
    """The USD expected of a call of this size; None if nothing is known.

    The cost that is believed of one call, but at least what this request's own tokens cost. Where none is believed: at
    the declared prices, for the answer's limit if there is one.
    """
    price_in, price_out = figures.get("price_in"), figures.get("price_out")
    sent = None if price_in is None else size.tokens_in * price_in / 1e6
    if "cost" in figures:
        return max(figures["cost"], sent or 0.0)
    if sent is None:
        return None
    answer = size.max_tokens
    return sent if price_out is None or answer is None else sent + answer * price_out / 1e6


def figures_for(figures: Mapping[str, Figures], size: TokenCount, *, has_scores: bool = False) -> dict[str, Figures]:
    """The cost and latency that are expected of a call of this size, by option; what is not known is left out.

    `has_scores`: the scores as well, by which an affinity is judged.
    """
    found: dict[str, Figures] = {}
    for option, known in figures.items():
        each, cost = Figures(), cost_of_call(known, size)
        if cost is not None:
            each["cost"] = cost
        if "latency" in known:
            each["latency"] = known["latency"]
        if has_scores and "score" in known:
            each["score"] = known["score"]
        if each:
            found[option] = each
    return found


def why(option: str, reason: str, asked: Preferences, figures: Mapping[str, Figures]) -> str:
    """The reason for people, with its numbers."""
    known = figures.get(option, Figures())
    if reason == COST:
        return f"{reason}: {known['cost']:.6g} USD expected, {asked['max_cost']:.6g} allowed"
    if reason == LATENCY:
        return f"{reason}: {known['latency']:.6g} s expected, {asked['max_latency']:.6g} allowed"
    return reason


def _names(data: object, place: str) -> list[str]:
    if not isinstance(data, Sequence) or isinstance(data, str | bytes):
        raise ConfigError(f"{place}: {shown(data)} is not a list of names")
    for at, name in enumerate(data):
        if not isinstance(name, str) or not name:
            raise ConfigError(f"{place}[{at}]: {shown(name)} is no name")
    return list(dict.fromkeys(data))


def _place(data: object, place: str) -> Place:
    if not isinstance(data, Mapping) or not isinstance(data.get("option"), str):
        raise ConfigError(f"{place}: {shown(data)} is not {{option, saves}}")
    return {"option": data["option"], "saves": _amount(data.get("saves"), f"{place}: saves")}


def _amount(data: object, place: str) -> float:
    if isinstance(data, bool) or not isinstance(data, int | float) or not 0.0 <= data <= sys.float_info.max:
        raise ConfigError(f"{place}: {shown(data)} is not a finite number, at least 0")
    return float(data)


def _refuse_unknown(names: Sequence[str], known: Collection[str] | None, place: str) -> None:
    for name in names:
        if known is not None and name not in known:
            near = meant(name, known)
            hint = "" if near is None else f": did you mean {shown(near)}?"
            more = "" if len(known) <= NAMED else ", …"
            listed = ", ".join(sorted(known)[:NAMED])
            raise ConfigError(f"{place}: {shown(name)} is no option{hint} (known: {listed}{more})")
