"""The outcome of one call, and whether it is right."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from e2e.faults.fault import LIMITS, Fault, Right, Way
from e2e.faults.wire import SECOND

__all__ = ["Place", "Ran", "aside_of", "belief_of", "config_of", "first_of", "second_of", "wrong"]

Place = Literal["native", "page"]
_SHOWN = 160


@dataclass
class Ran:
    """One call as its caller saw it, and what is known of the first option afterwards.

    `text`: the words of the answer, by its events or its JSON; `error`: code of what was thrown; `attempts`: option and
    outcome of each; `belief`: what was learned of the first option (a record of the engine's); `order`: both options
    afterwards; `aside`: why the first is set aside, or gated, as `explain` has it; `attention`: the page's event.
    """

    fault: Fault
    way: Way
    place: Place
    seconds: float = 0.0
    option: str = ""
    status: int | None = None
    text: str = ""
    is_whole: bool = False
    body: str = ""
    error: str | None = None
    message: str = ""
    attempts: list[tuple[str, str]] = field(default_factory=list)
    belief: Mapping[str, Any] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    aside: str | None = None
    attention: str | None = None
    is_again: bool = False

    @property
    def right(self) -> Right:
        """The right outcome."""
        return self.fault.right_for(self.way)

    @property
    def who(self) -> str:
        """The option that answered, in the words of `Right`; else what the caller was given."""
        by = self.option.rpartition(" ")[2]
        if self.error == "refused" or (self.error is None and (self.status or 0) >= 400):
            return "refused" if by == "first" else "refused by the second"
        if self.error is not None:
            return self.error
        said = {"first": self.fault.text, "second": SECOND}.get(by)
        if self.is_whole and said and self.text == said:
            return by
        return f"no answer, of the {by or 'nobody'}"

    @property
    def learned(self) -> str:
        """The evidence learned of the first, in the words of `Right`."""
        failed = self._mean("failure")
        # Where its latency is known, its first token tells no more.
        times = [name for name in ("latency", "ttft") if self.belief.get(name)][:1]
        if failed is not None and failed < 0.5:
            return "answer" if times else "an answer, no latency"
        if not times:
            return "nothing" if failed is None else "failure"
        # Seconds are kept on a logarithmic scale; a bound is at least what was waited for.
        waited = 0.7 * min(LIMITS["attempt_timeout_s"], LIMITS["first_token_s"])
        is_late = all((self._mean(name) or -99.0) > _ln(waited) for name in times)
        if failed is None:
            return "slow" if is_late else "a latency"
        return "late" if is_late else "a failure and a latency"

    def _mean(self, dimension: str) -> float | None:
        found = self.belief.get(dimension)
        return None if not found else float(found[""]["now"][1])


def wrong(ran: Ran) -> Iterator[str]:
    """Whatever is not as it has to be, in words."""
    right, count = ran.right, len(ran.attempts)
    if ran.who != right.who:
        more = (ran.message or ran.body).replace(first_of(ran), "first").replace(second_of(ran), "second")[:_SHOWN]
        yield f"{ran.who} (HTTP {ran.status}, {more!r}) in place of {right.who}"
    if count != right.attempts:
        yield f"{count} attempts {[outcome for _, outcome in ran.attempts]} in place of {right.attempts}"
    if ran.seconds > right.seconds:
        yield f"after {ran.seconds:.2f} s in place of {right.seconds:.2f} s"
    if ran.learned != right.learned:
        yield f"learned: {ran.learned} of {[outcome for _, outcome in ran.attempts]} in place of {right.learned}"
    if ran.aside != right.aside:
        yield f"set aside: {ran.aside} in place of {right.aside}"
    if ran.place == "page" and ran.attention != right.aside:
        yield f"event attention: {ran.attention} in place of {right.aside}"
    # What failed, or is set aside, is not asked first again.
    if (right.learned in ("failure", "late", "slow") or right.aside) and ran.order[:1] == [first_of(ran)]:
        yield "it is still the first in the order"


def first_of(ran: Ran) -> str:
    """Name of the faulty option; each call has its own two, so that nothing is learned of another row's."""
    return f"{ran.fault.name} · {ran.way} · first"


def second_of(ran: Ran) -> str:
    """Name of the working option."""
    return f"{ran.fault.name} · {ran.way} · second"


def config_of(runs: list[Ran]) -> dict[str, Any]:
    """A config in which the first is the faster one by declaration, and failures weigh."""

    def seed(option: str, dimension: str, kind: str, value: float) -> dict[str, Any]:
        place = {"floor": "global", "level": "global", "inst": ""}
        return {**place, "option": option, "dim": dimension, "kind": kind, "value": value}

    seeds = [seed("", "latency", "weight", 1.0), seed("", "failure", "weight", 10.0)]
    for ran in runs:
        seeds += [seed(first_of(ran), "latency", "value", 0.1), seed(second_of(ran), "latency", "value", 0.2)]
    return {"levels": ["global", "workspace", "device"], "seeds": seeds, "priors": {"failure": 0.0}}


def aside_of(resolution: Mapping[str, Any], option: str) -> str | None:
    """The reason why the option is asked last, or not at all, by the order's own explanation."""
    terms = [term["dimension"] for each in resolution["ranked"] if each["option"] == option for term in each["terms"]]
    terms += [each["dimension"] for each in resolution["dropped"] if each["option"] == option]
    reasons = [name.partition(":")[2] for name in terms if name.startswith(("aside:", "reach:"))]
    return reasons[0] if reasons else None


def belief_of(records: Mapping[str, str], option: str) -> dict[str, Any]:
    """The engine's belief of the option's measurements."""
    for key, text in records.items():
        kind, _, name = key.partition("/")
        if kind == "belief" and json.loads(name) == option:
            found: dict[str, Any] = json.loads(text)
            return found
    return {}


def _ln(seconds: float) -> float:
    return math.log(seconds)
