"""Curiosity with a limit: what to run beside the best option, and curiosity as a term of the tensor (L8, L10)."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sporewright.core.checks import count, finite, instance_of, mapping, number
from sporewright.core.writer import Writer
from sporewright.errors import BadValueKindError, ConfigError
from sporewright.jsontext import shown
from sporewright.policy.decision import Alternative, Decision

__all__ = ["DIMENSION", "Execution", "ExplorationPlan", "explore_value", "plan_exploration", "write_explore"]

DIMENSION = "explore"
"""The dimension curiosity lives on in the tensor (D4, L10)."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One option to run; `deviation` is √variance of its score."""

    option: str
    cost: float
    deviation: float
    exploratory: bool


@dataclass(frozen=True, slots=True)
class ExplorationPlan:
    """The options to run, the primary first; `total_cost` never passes the limit."""

    executions: tuple[Execution, ...]
    total_cost: float


def plan_exploration(
    decision: Decision, costs: Mapping[str, float], max_executions: int, max_total_cost: float
) -> ExplorationPlan:
    """The primary if affordable, then, if temperature > 0, others by √variance per cost while both limits hold (L8).

    An option without a cost is left out: it may not be affordable. One that does not fit is passed over
    for the next that does. ConfigError for a limit or a cost that is negative or not a number.
    """
    instance_of(Decision, decision, "decision")
    count(max_executions, "max_executions")
    costs, most = _checked(costs), number(max_total_cost, "max_total_cost")
    if not most >= 0:
        raise ConfigError(f"max_total_cost must be at least 0, not {most!r}")
    known = [each for each in decision.alternatives if each.viable and each.option in costs]
    curious = known[1:] if decision.temperature > 0 else []
    curious.sort(key=lambda each: (-_per_cost(each, costs[each.option]), each.option))
    executions: list[Execution] = []
    total = 0.0
    for at, each in enumerate([*known[:1], *curious]):
        cost = costs[each.option]
        if len(executions) < max_executions and total + cost <= most:
            executions.append(Execution(each.option, cost, math.sqrt(each.variance), at > 0))
            total += cost
    return ExplorationPlan(tuple(executions), total)


def _per_cost(alternative: Alternative, cost: float) -> float:
    # The least step above 1 stands for a cost of nothing, so that among free options the uncertain one still leads.
    return math.sqrt(alternative.variance) / max(cost, sys.float_info.epsilon)


def _checked(costs: Mapping[str, float]) -> dict[str, float]:
    read = {option: finite(cost, f"the cost of {option!r}") for option, cost in mapping(costs, "costs").items()}
    for option, cost in read.items():
        if cost < 0:
            raise ConfigError(f"the cost of {option!r} must be finite and not negative, not {cost!r}")
    return read


def explore_value(terms: Iterable[tuple[float, float]]) -> float:
    """−√(Σ variance·weight²) over (variance, weight) pairs, added in their order from 0.0 (L10)."""
    total = 0.0
    if not isinstance(terms, Iterable):
        raise BadValueKindError(f"terms: {shown(terms)} is not a list of pairs (variance, weight)")
    for at, term in enumerate(terms):
        if not (isinstance(term, tuple | list) and len(term) == 2):
            raise BadValueKindError(f"terms[{at}]: {shown(term)} is not a pair (variance, weight)")
        variance, weight = (number(x, f"terms[{at}]") for x in term)
        if variance < 0:
            raise ConfigError(f"terms[{at}]: the variance {variance!r} is negative")
        total += variance * (weight * weight)
    return 0.0 - math.sqrt(total)


def write_explore(writer: Writer, level: str, instance: str, decision: Decision) -> int:
    """Write each viable alternative's curiosity as its value on `explore`, and the temperature as the shared weight.

    From then on R3 adds temperature · −√(Σ variance·weight²) like any other term, and R8 shows it (L10). Returns how
    many values were written.
    """
    instance_of(Writer, writer, "writer")
    viable = [each for each in instance_of(Decision, decision, "decision").alternatives if each.viable]
    for each in viable:
        value = explore_value((trace.variance, trace.weight) for trace in each.dimensions)
        writer.set_value(level, instance, each.option, DIMENSION, value)
    writer.set_weight(level, instance, DIMENSION, decision.temperature)
    return len(viable)
