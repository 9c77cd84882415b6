"""Numbers where another order, a fused or a compensated operation gives another queue (R3, U1, U2, B3)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest

from sporewright import Budget, Tensor

LEVELS = ("global", "workspace", "device")
# Costs the larger of the right and the wrong number, and comes first by name: where they tie, and only there, it leads.
RIVAL = "a-rival"
Pairs = Sequence[tuple[float, float]]


def plain(pairs: Pairs) -> float:
    """R3: one rounding per multiply and per add, from 0.0."""
    total = 0.0
    for weight, value in pairs:
        total += weight * value
    return total


def fused(pairs: Pairs) -> float:
    """As a fused multiply-add would: one rounding for both."""
    total = 0.0
    for weight, value in pairs:
        total = float(Fraction(weight) * Fraction(value) + Fraction(total))
    return total


def compensated(pairs: Pairs) -> float:
    """As `math.fsum`, and nearly as `sum` since Python 3.12."""
    return math.fsum(weight * value for weight, value in pairs)


def backwards(pairs: Pairs) -> float:
    """The dimensions in the other order."""
    return plain(list(reversed(pairs)))


def halves(pairs: Pairs) -> float:
    """Pairwise, as numpy adds long rows."""
    if len(pairs) < 2:
        return plain(pairs)
    middle = len(pairs) // 2
    return halves(pairs[:middle]) + halves(pairs[middle:])


@pytest.mark.parametrize(
    ("other", "pairs"),
    [
        (fused, [(0.7, 1.5), (0.1, 1.3)]),
        (compensated, [(1.0, 0.1)] * 10),
        (backwards, [(1.0, 0.1), (1.0, 0.2), (1.0, 0.3)]),
        (halves, [(1.0, 0.1)] * 8),
    ],
)
def test_another_sum_is_another_queue(other: Callable[[Pairs], float], pairs: Pairs) -> None:
    """R3: a sum in another order makes or misses a tie, and puts the options the other way."""
    right, wrong = plain(pairs), other(pairs)
    assert right != wrong, "this other sum is the same: the test would prove nothing"
    rival = max(right, wrong)
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    for at, (weight, value) in enumerate(pairs):
        writer.set_value("global", "", "m", f"d{at:02}", value)
        writer.set_option_weight("global", "", "m", f"d{at:02}", weight)
    writer.set_value("global", "", RIVAL, "x", rival)
    writer.set_option_weight("global", "", RIVAL, "x", 1.0)

    def queue(score: float) -> list[str]:
        return [option for _, option in sorted([(score, "m"), (rival, RIVAL)])]

    assert tensor.explain({}).ranked[tensor.resolve({}).index("m")].score == right
    assert tensor.resolve({}) == tensor.watch({}).order() == queue(right) != queue(wrong)


def reported(values: Sequence[float]) -> Tensor:
    """Each device reports one value of "m"; a weight of 1 for all."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    writer.set_weight("global", "", "latency", 1.0)
    for at, value in enumerate(values):
        writer.set_value("device", f"D{at}", "m", "latency", value)
    return tensor


@pytest.mark.parametrize(
    ("lower", "upper", "other"),
    [
        (0.02, 6.86, lambda lower, upper: lower + (upper - lower) / 2),
        (5e-324, 5e-324, lambda lower, upper: lower / 2 + upper / 2),
        (0.2, 0.4, lambda lower, _: lower),
        (0.2, 0.4, lambda _, upper: upper),
    ],
)
def test_another_middle_is_another_queue(lower: float, upper: float, other: Callable[[float, float], float]) -> None:
    """U1: with an even count (lower + upper) / 2, and no other way to the middle."""
    right, wrong = (lower + upper) / 2, other(lower, upper)
    assert right != wrong, "this other middle is the same: the test would prove nothing"
    rival = max(right, wrong)
    for values in itertools.permutations([lower, upper, lower - 1.0, upper + 1.0]):
        tensor = reported(values)
        tensor.writer("global").set_value("global", "", RIVAL, "latency", rival)
        assert tensor.reduce_median("device", "workspace", "acme", "m", "latency") == right
        queue = [option for _, option in sorted([(right, "m"), (rival, RIVAL)])]
        assert tensor.resolve({"workspace": "acme"}) == queue
        assert queue != [option for _, option in sorted([(wrong, "m"), (rival, RIVAL)])]


@pytest.mark.parametrize(
    ("values", "other"),
    [
        ([0.1] * 10, math.fsum),
        ([1e16, 1.0, -1e16, 1.0], math.fsum),
        ([0.1, 0.2, 0.3], lambda values: plain([(1.0, x) for x in sorted(values, reverse=True)])),
        ([0.3, 0.1, 0.2], lambda values: plain([(1.0, x) for x in sorted(values, key=abs, reverse=True)])),
    ],
)
def test_another_total_is_another_queue(values: list[float], other: Callable[[list[float]], float]) -> None:
    """U2: added in ascending order from 0.0."""
    right, wrong = plain([(1.0, x) for x in sorted(values)]), other(values)
    assert right != wrong, "this other total is the same: the test would prove nothing"
    rival = max(right, wrong)
    for order in (values, values[::-1]):
        tensor = reported(order)
        tensor.writer("global").set_value("global", "", RIVAL, "latency", rival)
        assert tensor.reduce_sum("device", "workspace", "acme", "m", "latency") == right
        queue = [option for _, option in sorted([(right, "m"), (rival, RIVAL)])]
        assert tensor.resolve({"workspace": "acme"}) == queue
        assert queue != [option for _, option in sorted([(wrong, "m"), (rival, RIVAL)])]


def test_another_order_of_the_options_is_another_price_and_another_queue() -> None:
    """B3, B4: per option first, then in code-point order of the options; the price decides between two options."""
    draws = {"a": [1e16], "b": [1.0], "c": [1.0], "d": [-1e16]}
    tensor, budget = Tensor(["window", "job"]), Budget(step=1.0)
    budget.add_pool("p", 0.0)
    for option in "bcda":
        budget.map_option(option, "p")
        for at, draw in enumerate(draws[option]):
            budget.write_usage(tensor.writer("job"), "job", f"j{at}", option, draw)
    measured = budget.aggregate_usage(tensor, "job", "window", "")
    right = ((1e16 + 1.0) + 1.0) + -1e16
    as_mapped = ((1.0 + 1.0) + -1e16) + 1e16
    others = [math.fsum(itertools.chain(*draws.values())), ((1.0 + 1.0) + 1e16) + -1e16, as_mapped]

    assert measured == {"p": right}
    assert all(other != right for other in others)
    budget.tick(measured)
    prices = Tensor(["window"])
    writer = prices.writer("window")
    writer.set_value("window", "", "thirsty", "budget:p", 1.0)
    writer.set_value("window", "", "steady", "latency", 1.0)
    writer.set_weight("window", "", "latency", 1.0)
    budget.publish_prices(writer, "window")
    assert prices.resolve({}) == ["thirsty", "steady"]
    for other in others:
        writer.set_weight("window", "", "budget:p", other)
        assert prices.resolve({}) == ["steady", "thirsty"], other
