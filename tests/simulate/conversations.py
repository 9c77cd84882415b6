"""A day of conversations over three equal providers, with the transport's own order, learner and affinity.

The prompt grows by turn; a provider keeps it for five minutes after its last use and reads the rest anew, at 0.1 ms a
token. Prices are those of gpt-4o (OpenAI's price list, 2025): 2.5, 1.25 and 10 USD a million tokens.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sporewright.core.tensor import Tensor
from sporewright.device.order_source import TensorSource
from sporewright.routing.affinity import Affinity, Turn
from sporewright.routing.call_size import TokenCount
from sporewright.routing.preferences import Preferences, arrange, figures_for

__all__ = ["Day", "Outcome", "affine", "best", "sticky", "walk"]

PROVIDERS = ("a", "b", "c")
CACHE_S, TOKEN_S = 300.0, 1e-4
PRICES = {"price:in": 2.5, "price:cached": 1.25, "price:out": 10.0}
DOLLAR = 300.0
"""Seconds that a dollar is worth to the caller."""


@dataclass
class Outcome:
    """The result of a policy: calls that found their prompt, and seconds and dollars, in seconds."""

    hits: int = 0
    cost: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)


@dataclass
class Day:
    """The turns of all conversations: when, whose, how many tokens; and how slow a provider is then."""

    turns: list[tuple[float, str, int]]
    slow: Callable[[str, float], float]


def walk(seed: int, *, slow: Callable[[str, float], float] = lambda *_: 1.0, talks: int = 250) -> Day:
    """Conversations that begin all day long and last some twelve turns, mostly a minute apart."""
    dice, turns = random.Random(seed), list[tuple[float, str, int]]()
    for talk in range(talks):
        at, tokens = dice.uniform(0.0, 20_000.0), dice.randint(400, 3000)
        for _ in range(dice.randint(3, 20)):
            turns.append((at, f"talk {talk}", tokens))
            at += dice.expovariate(1 / 70.0)
            tokens += dice.randint(150, 1500)
    return Day(sorted(turns), slow)


Policy = Callable[[str, float, TensorSource, Affinity], str]


def best(_: str, __: float, source: TensorSource, ___: Affinity) -> str:
    """The head of the order."""
    return source.order()[0]


def affine(key: str, now: float, source: TensorSource, affinity: Affinity) -> str:
    """As a call with this affinity is arranged."""
    queue = source.order()
    known = source.figures({}, queue)
    place = affinity.place(key, now, queue, known)
    asked: Preferences = {} if place is None else {"affinity": place}
    return arrange(queue, asked, figures_for(known, TokenCount(), has_scores=True)).queue[0]


def sticky(key: str, _: float, __: TensorSource, ___: Affinity) -> str:
    """For ever the same one."""
    return PROVIDERS[int(key.removeprefix("talk ")) % 3]


def run(day: Day, policy: Policy, seed: int = 1) -> Outcome:
    """One policy through the day; what the calls teach is learned by the real learner."""
    tensor = Tensor(["global", "device"])
    writer = tensor.writer("global")
    for dimension, weight in (("latency", 1.0), ("financial", DOLLAR), ("failure", 10.0)):
        writer.set_weight("global", "", dimension, weight)
    for option in PROVIDERS:
        for dimension, price in PRICES.items():
            writer.set_value("global", "", option, dimension, price)
        writer.set_value("global", "", option, "latency", 1.0)
    source, affinity = TensorSource(tensor, {"device": "d"}, {}), Affinity()
    dice, kept, found = random.Random(seed), dict[tuple[str, str], tuple[float, int]](), Outcome()
    for now, key, tokens in day.turns:
        option = policy(key, now, source, affinity)
        at, before = kept.get((key, option), (-1e9, 0))
        cached = before if now - at < CACHE_S else 0
        first_s = (0.4 + TOKEN_S * (tokens - cached)) * dice.lognormvariate(0.0, 0.15) * day.slow(option, now)
        usd = (cached * 1.25 + (tokens - cached) * 2.5 + 200 * 10.0) / 1e6
        kept[key, option] = (now, tokens)
        found.hits += cached > 0
        found.cost += first_s + usd * DOLLAR
        found.calls[option] = found.calls.get(option, 0) + 1
        body: dict[str, Any] = {"option": option, "outcome": "ok", "latency_s": first_s, "first_token_s": first_s}
        source.outcome({**body, "tokens_in": tokens, "tokens_cached": cached, "tokens_out": 200})
        affinity.heard(key, option, now, Turn(tokens + 200, tokens, cached, first_s))
    return found
