"""A routed call decided again from its receipt: its order from the terms, its attempts from what was heard."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sporewright import jsontext
from sporewright.core.codec import decode_number
from sporewright.core.resolve import rank_key
from sporewright.errors import ConfigError, DecodeError, SporewrightError
from sporewright.policy.receipt import Receipt
from sporewright.routing.attempt_chain import AttemptChain
from sporewright.routing.cooldown import EVEN
from sporewright.routing.health import Admits, Health
from sporewright.routing.plan import PLAN, plan_with
from sporewright.routing.preferences import Figures, arrange, checked, properties_from
from sporewright.routing.terms import Plan

__all__ = ["VERSION", "Replayed", "order_of", "replay"]

VERSION = 1


@dataclass(frozen=True, slots=True)
class Replayed:
    """The decisions of a replay: the options in order, whether the receipt had their scores, and the chain's course."""

    order: tuple[str, ...]
    is_scored: bool
    attempts: tuple[str, ...]
    skipped: Mapping[str, str]
    end: str
    engine: Mapping[str, str] | None = None
    """The state of the page's engine at the call, and the reason why it did not come up; None: not written down."""

    def to_dict(self) -> dict[str, Any]:
        """The replay as JSON data."""
        return {
            "order": list(self.order),
            "scored": self.is_scored,
            "attempts": list(self.attempts),
            "skipped": dict(self.skipped),
            "end": self.end,
            **({} if self.engine is None else {"engine": dict(self.engine)}),
        }


class _Seen(Health):
    """Admits what the page admitted: options as they were written down at each decision."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._then = Health(plan)
        self.blocks, self.asides, self.keys = self._then.blocks, self._then.asides, self._then.keys

    def see(self, options: Mapping[str, Mapping[str, Any]]) -> None:
        """From here on it is as this says; an option that is not named was never away."""
        self._then = Health(self._plan)
        self.blocks, self.asides, self.keys = self._then.blocks, self._then.asides, self._then.keys
        for option, seen in options.items():
            self._then.cooldowns.extend(option, seen.get("cooling_until", -math.inf))
            self._then.blocks.told(option, seen.get("blocked"))
            self._then.asides.told(option, seen.get("aside"))
            self._then.keys.told(option, seen.get("keys", []))
            if "breaker" in seen:
                self._then.breaker(option).told(seen["breaker"])

    def admits(self, option: str, now: float, chance: float = EVEN, model: str | None = None) -> Admits:
        """The answer that a call got there then."""
        return self._then.admits(option, now, chance, model)

    def returns(self, option: str, now: float) -> float:
        """The time at which it could be asked again, as known then."""
        return self._then.returns(option, now)


def replay(data: object) -> Replayed:
    """Decide again; DecodeError where the receipt is none, or where another decision comes out, with both."""
    body = _object(data, "receipt")
    if body.get("version") != VERSION:
        raise DecodeError(f"receipt.version: {jsontext.shown(body.get('version'))} is not {VERSION}")
    if body.get("plan") != PLAN["version"]:
        raise DecodeError(
            f"receipt.plan: {jsontext.shown(body.get('plan'))} is not {PLAN['version']}, the version here"
        )
    queue, known = _names(body, "queue"), body.get("known")
    learned, passed = _arranged(body, queue)
    order = learned if known is None else order_of(known, learned)
    if order != learned:
        raise DecodeError(f"receipt.known: its terms give {', '.join(order)}; the order was {', '.join(learned)}")
    chain = _walked(body, queue)
    skipped = {**passed, **chain.skipped}
    _compare(body, chain, skipped)
    decided = tuple(chain.attempts), skipped, chain.state
    return Replayed(tuple(queue), known is not None, *decided, engine=_standing(body))


def _arranged(body: Mapping[str, Any], queue: list[str]) -> tuple[list[str], dict[str, str]]:
    """The learned order, and the options that the call's preferences passed over; DecodeError for another queue."""
    if "preferences" not in body:
        return queue, {}
    place = "receipt.preferences"
    data = _object(body["preferences"], place)
    learned = _names(data, "from", place)
    try:
        asked = checked(_object(data.get("asked"), f"{place}.asked"), place=f"{place}.asked")
        said = _object(data.get("properties", {}), f"{place}.properties").items()
        properties = {option: properties_from(each, f"{place}.properties: {option}") for option, each in said}
        figures = _figures(data.get("figures", {}), f"{place}.figures")
        found, skipped = arrange(learned, asked, figures, properties)
    except ConfigError as why:
        raise DecodeError(str(why)) from None
    if found != queue:
        raise DecodeError(f"{place}: {', '.join(found)}; the queue was {', '.join(queue)}")
    return learned, skipped


def _figures(data: object, place: str) -> dict[str, Figures]:
    found: dict[str, Figures] = {}
    for option, figures in _object(data, place).items():
        each = found[option] = Figures()
        told = _object(figures, f"{place}[{jsontext.shown(option)}]")
        for name in ("cost", "latency", "score"):
            if name in told:
                each[name] = decode_number(told[name], f"{place}[{jsontext.shown(option)}].{name}")
    return found


def order_of(known: object, queue: Sequence[str]) -> list[str]:
    """The options of `queue` by their scores, each added up anew from value · weight in order (R3, R8)."""
    receipt = Receipt.from_json(json.dumps(known))
    asked, scored = set(queue), list[tuple[bool, float, str]]()
    for at, ranked in enumerate(receipt.ranked):
        place = f"receipt.known.ranked[{at}]"
        option = ranked.get("option")
        if not isinstance(option, str):
            raise DecodeError(f"{place}.option: {jsontext.shown(option)} is not a string")
        score = _score(ranked.get("terms"), place)
        if option in asked and score != decode_number(ranked.get("score"), f"{place}.score"):
            raise DecodeError(f"{place}.score: {jsontext.shown(ranked.get('score'))}, and the terms add up to {score}")
        scored.append(rank_key(option, score))
    return [option for *_, option in sorted(scored) if option in asked]


def _score(terms: object, place: str) -> float:
    if not isinstance(terms, list):
        raise DecodeError(f"{place}.terms: {jsontext.shown(terms)} is not a list")
    score = 0.0
    for at, term in enumerate(terms):
        body = _object(term, f"{place}.terms[{at}]")
        value = decode_number(body.get("value"), f"{place}.terms[{at}].value")
        weight = decode_number(body.get("weight") or 0.0, f"{place}.terms[{at}].weight")
        if math.isfinite(weight):
            score += weight * value
    return score


def _walked(body: Mapping[str, Any], queue: list[str]) -> AttemptChain:
    """The chain after everything that it was told; whatever does not fit is the receipt's fault."""
    try:
        plan = plan_with(_object(body.get("limits"), "receipt.limits"))
        health = _Seen(plan)
        chain = AttemptChain(
            queue,
            _names(body, "upstreams"),
            health=health,
            now=decode_number(body.get("at"), "receipt.at"),
            plan=plan,
            facts=_object(body.get("facts"), "receipt.facts"),
            **_object(body.get("traits"), "receipt.traits"),
        )
        for at, each in enumerate(_list(body, "log")):
            _tell(chain, health, _object(each, f"receipt.log[{at}]"), f"receipt.log[{at}]")
    except SporewrightError as why:
        raise DecodeError(f"receipt: {why}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as why:
        raise DecodeError(f"receipt: {type(why).__name__} {jsontext.shown(str(why))}: not what a page writes") from None
    return chain


def _tell(chain: AttemptChain, health: _Seen, event: Mapping[str, Any], place: str) -> None:
    what = event.get("do")
    at, chance = (decode_number(event.get(name, 0.0), f"{place}.{name}") for name in ("at", "chance"))
    if "health" in event:
        health.see(event["health"])
    if what == "pick":
        chain.pick(at, chance)
    elif what == "hedge":
        chain.hedge(at, chance)
    elif what == "race":
        chain.race(at, chance)
    elif what == "answered":
        chain.answered(at, event["granted"], chance, decode_number(event.get("until", "-inf"), f"{place}.until"))
    elif what == "opened":
        chain.opened(at, event["body"], event["attempt"])
    elif what == "token":
        chain.token(at, event["attempt"], is_finished=event["finished"])
    elif what == "ended":
        chain.ended(at, event["ending"], event["attempt"], chance)
    elif what == "network":
        chain.network(is_offline=event["offline"])
    elif what == "slept":
        chain.slept(decode_number(event["gap"], f"{place}.gap"))
    elif what == "queued":
        chain.queued(decode_number(event["gap"], f"{place}.gap"), event["attempt"])
    elif what == "rejected":
        chain.rejected(event["attempt"])
    elif what == "abort":
        chain.abort()
    else:
        raise DecodeError(f"{place}.do: {jsontext.shown(what)} is not an event of a receipt's log")


def _compare(body: Mapping[str, Any], chain: AttemptChain, passed: Mapping[str, str]) -> None:
    """The same options called and passed over, or DecodeError; those of a race may have ended in another order."""
    wrote = [_object(each, "receipt.attempts").get("option") for each in _list(body, "attempts")]
    running = [chain.attempts[number] for number in chain.running]
    if sorted(map(str, [*wrote, *running])) != sorted(chain.attempts) and body.get("end") != "open":
        raise DecodeError(
            f"receipt.attempts: {jsontext.listed(map(str, wrote))}; replayed: {', '.join(chain.attempts)}"
        )
    skipped = {each.get("option"): each.get("reason") for each in _list(body, "skipped") if isinstance(each, dict)}
    if body.get("end") != "open" and skipped != passed:
        raise DecodeError(f"receipt.skipped: {jsontext.shown(skipped)}; replayed: {jsontext.shown(passed)}")
    ends = _ends(body, chain)
    if body.get("end") not in ("open", *ends):
        said = f"receipt.end: {jsontext.shown(body.get('end'))}; here the chain is {chain.state}"
        raise DecodeError(f"{said}: {' or '.join(ends) or 'open'}")


def _ends(body: Mapping[str, Any], chain: AttemptChain) -> list[str]:
    """The ends that a page may write for a call that stands here, besides that it is still open."""
    if chain.state == "ABORTED":
        return ["aborted"]
    # A caller may also give up between the chain's end and his hearing of it.
    left = ["aborted"] if any(event.get("do") == "abort" for event in body["log"]) else []
    if chain.state in ("EXHAUSTED", "BROKEN"):
        # The best of the answers that a critic rejected is the caller's, if he wants it.
        has_best = chain.state == "EXHAUSTED" and any(event.get("do") == "rejected" for event in body["log"])
        return ["failed", *(["answered"] if has_best else []), *left]
    if chain.state != "DELIVERED":
        return []
    # A refusal that was kept cannot be handed over any more to a caller who has had a part of another answer.
    is_kept = all(chain.state_of(number) != "DELIVERED" for number in range(len(chain.attempts)))
    has_begun = any(event.get("do") == "opened" for event in body["log"])
    return ["answered", *(["failed"] if is_kept and has_begun else []), *left]


def _standing(body: Mapping[str, Any]) -> dict[str, str] | None:
    if "engine" not in body:
        return None
    engine = _object(body["engine"], "receipt.engine")
    standing: dict[str, str] = {name: engine[name] for name in ("state", "stage", "reason") if name in engine}
    for name, said in standing.items():
        if not isinstance(said, str):
            raise DecodeError(f"receipt.engine.{name}: {jsontext.shown(said)} is not a string")
    return standing


def _object(data: object, place: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise DecodeError(f"{place}: {jsontext.shown(data)} is not an object")
    return data


def _list(data: Mapping[str, Any], key: str, place: str = "receipt") -> list[Any]:
    found = data.get(key)
    if not isinstance(found, list):
        raise DecodeError(f"{place}.{key}: {jsontext.shown(found)} is not a list")
    return found


def _names(data: Mapping[str, Any], key: str, place: str = "receipt") -> list[str]:
    names = _list(data, key, place)
    for at, name in enumerate(names):
        if not isinstance(name, str):
            raise DecodeError(f"{place}.{key}[{at}]: {jsontext.shown(name)} is not a string")
    return cast("list[str]", names)
