"""Many runs: each policy over the seeds with common random numbers, on as many processes as asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from statistics import NormalDist

from sporewright.learning.settings import DEFAULTS, LearningSettings
from sporewright.routing.plan import PLAN, plan_with
from sporewright.routing.terms import Plan
from sporewright.simulate.chance import Draws, generator
from sporewright.simulate.course import Course
from sporewright.simulate.measurements import Row, read_arrivals, read_latency
from sporewright.simulate.policies import maker
from sporewright.simulate.policy import Setting
from sporewright.simulate.run import Call, run
from sporewright.simulate.scenario import Made, Scenario
from sporewright.simulate.world import World

__all__ = [
    "POINTS",
    "Material",
    "Result",
    "Trial",
    "arrivals_of",
    "course_of",
    "material_of",
    "play",
    "play_all",
    "span_of",
]

MADE = 200
"""Rows of an option that is made by a formula."""
POINTS = 60
"""Points of a curve over a run."""
HALF_LIFE_S = 1800.0
"""The unit of a scenario's length, however long the memory of a learner that is tried."""
WITHIN_A_CALL = 3
"""A call's deadline, in attempts of the time-out: the plan's own proportion."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Measurements to replay: provider → its rows, trace → its arrival times in seconds.

    `timeout_s`: what callers wait for an answer, where that is not the plan's own.
    """

    rows: Mapping[str, Sequence[Row]]
    traces: Mapping[str, Sequence[float]]
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One run to make: a policy in a scenario under a seed; `settings` are ours alone."""

    scenario: Scenario
    policy: str
    seed: int
    settings: LearningSettings = DEFAULTS


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run. Seconds, sums over the calls; `curve`: regret so far at each of POINTS moments.

    `shares`: option → the part of the calls it was first tried for, in each of POINTS parts of the run;
    `quantiles`: what the caller waited at 0, 1, … 100 % of the calls.
    """

    scenario: str
    policy: str
    seed: int
    calls: int
    cost: float
    regret: float
    usd: float
    attempts: int
    unanswered: int
    avoidable: int
    curve: tuple[float, ...]
    shares: Mapping[str, tuple[float, ...]]
    quantiles: tuple[float, ...]


def material_of(latency: Path, arrivals: Path, group: str, traces: Iterable[str]) -> Material:
    """Read what the scenarios of these traces need."""
    return Material(
        read_latency(latency, group), {trace: read_arrivals(arrivals, trace) for trace in sorted(set(traces))}
    )


def span_of(scenario: Scenario, material: Material) -> float:
    """The length of a run, in seconds."""
    if scenario.series == "time":
        return max((row.at or 0.0 for rows in material.rows.values() for row in rows), default=0.0) or 1.0
    return scenario.gap_s * scenario.calls or scenario.half_lives * HALF_LIFE_S


def arrivals_of(trace: Sequence[float], calls: int, span_s: float, seed: int) -> list[float]:
    """`calls` arrivals in a row from a place drawn by the seed, stretched to `span_s`; a short trace is repeated."""
    lap = trace[-1] - trace[0] + (trace[-1] - trace[0]) / (len(trace) - 1)
    first = generator(seed, "arrivals").randrange(max(1, len(trace) - calls + 1))
    times = [trace[at % len(trace)] + (at // len(trace)) * lap for at in range(first, first + calls)]
    stretch = span_s / ((times[-1] - times[0]) or 1.0)
    return [(time - times[0]) * stretch for time in times]


def play(material: Material, trial: Trial) -> Result:
    """One run from its seed alone."""
    scenario, course, plan = trial.scenario, course_of(material, trial.scenario), plan_of(material)
    draws = Draws(trial.seed, scenario.calls, course.options)
    world = World(course, draws)
    setting = Setting(
        options=course.options,
        chance=generator(trial.seed, "policy"),
        calls=scenario.calls,
        changes=len(scenario.change),
        usd_s=scenario.usd_s,
        world=world,
    )
    arrivals = arrivals_of(material.traces[scenario.trace], scenario.calls, span_of(scenario, material), trial.seed)
    policy = maker(trial.policy, trial.settings)(setting)
    return summary(trial, course.options, run(world, policy, arrivals, draws, scenario.usd_s, plan))


@lru_cache(maxsize=2)
def course_of(material: Material, scenario: Scenario) -> Course:
    """The course of a scenario over these measurements; the runs that are made of it one after another share it."""
    span_s = span_of(scenario, material)
    timeout_s = plan_of(material)["limits"]["attempt_timeout_s"]
    rate = scenario.calls / span_s
    return Course(rows_of(material, scenario), scenario, span_s=span_s, rate=rate, timeout_s=timeout_s)


def rows_of(material: Material, scenario: Scenario) -> Mapping[str, Sequence[Row]]:
    """option → its rows, by name: what the scenario makes up, if it makes any, else what was measured."""
    made = {each.name: made_rows(each) for each in scenario.option}
    return {option: (made or material.rows)[option] for option in sorted(made or material.rows)}


def made_rows(made: Made) -> tuple[Row, ...]:
    """The quantiles of an option that is made by a formula, each as likely as the next."""
    stalls = round(made.stall_share * MADE)
    normal = NormalDist(math.log(made.seconds), made.spread or 1e-9)
    usual = [math.exp(normal.inv_cdf((at + 0.5) / (MADE - stalls))) for at in range(MADE - stalls)]
    return tuple(Row(seconds, {"kind": "status", "status": 200}) for seconds in (*usual, *[made.stall_s] * stalls))


def plan_of(material: Material) -> Plan:
    """The plan's own limits, or longer ones for work that takes longer."""
    wanted = material.timeout_s
    if wanted is None or wanted <= PLAN["limits"]["attempt_timeout_s"]:
        return PLAN
    return plan_with({"attempt_timeout_s": wanted, "deadline_s": WITHIN_A_CALL * wanted})


def play_all(material: Material, trials: Sequence[Trial], jobs: int = 1) -> list[Result]:
    """Every trial's result in the order given, however many processes made them."""
    if jobs <= 1:
        return [play(material, trial) for trial in trials]
    with ProcessPoolExecutor(jobs, initializer=_adopt, initargs=(material,)) as pool:
        return list(pool.map(_play_adopted, trials, chunksize=max(1, min(8, len(trials) // (4 * jobs)))))


def summary(trial: Trial, options: Sequence[str], calls: Sequence[Call]) -> Result:
    """The account of a run."""
    so_far = list(accumulate(call.regret for call in calls))
    ends = [len(calls) * (point + 1) // POINTS for point in range(POINTS)]
    waited = sorted(call.cost for call in calls)
    return Result(
        scenario=trial.scenario.name,
        policy=trial.policy,
        seed=trial.seed,
        calls=len(calls),
        cost=sum(call.cost for call in calls),
        regret=so_far[-1],
        usd=sum(call.usd for call in calls),
        attempts=sum(len(call.attempts) for call in calls),
        unanswered=sum(not call.answered for call in calls),
        avoidable=sum(call.avoidable for call in calls),
        curve=tuple(so_far[max(0, end - 1)] for end in ends),
        shares={option: tuple(_shares(option, calls, ends)) for option in options},
        quantiles=tuple(waited[round(each * (len(waited) - 1) / 100)] for each in range(101)),
    )


def _shares(option: str, calls: Sequence[Call], ends: Sequence[int]) -> Iterable[float]:
    for start, end in zip([0, *ends], ends, strict=False):
        part = calls[start:end]
        yield sum(call.attempts[:1] == [option] for call in part) / len(part) if part else 0.0


_adopted: list[Material] = []


def _adopt(material: Material) -> None:
    _adopted[:] = [material]


def _play_adopted(trial: Trial) -> Result:
    return play(_adopted[0], trial)
