"""Many runs: each policy over the seeds with common random numbers, on as many processes as asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from sporewright.learning.settings import DEFAULTS, LearningSettings
from sporewright.routing.plan import PLAN
from sporewright.simulate.chance import Draws, generator
from sporewright.simulate.measurements import Row, read_arrivals, read_latency
from sporewright.simulate.policies import maker
from sporewright.simulate.policy import Setting
from sporewright.simulate.run import Call, run
from sporewright.simulate.scenario import Scenario
from sporewright.simulate.world import World

__all__ = [
    "POINTS",
    "Material",
    "Result",
    "Trial",
    "arrivals_of",
    "material_of",
    "play",
    "play_all",
    "span_of",
    "world_of",
]

POINTS = 60
"""Points of a curve over a run."""


@dataclass(frozen=True, slots=True)
class Material:
    """Measurements to replay: provider → its rows, trace → its arrival times in seconds."""

    rows: Mapping[str, Sequence[Row]]
    traces: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One run to make: a policy in a scenario under a seed; `settings` are ours alone."""

    scenario: Scenario
    policy: str
    seed: int
    settings: LearningSettings = DEFAULTS


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. Seconds, sums over the calls; `curve`: regret so far at each of POINTS moments.

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


def span_of(scenario: Scenario) -> float:
    """How long a run lasts, in seconds: by the shipped half-life, not by the one that is being tried."""
    return scenario.half_lives * DEFAULTS.dimensions["latency"].half_life_s


def arrivals_of(trace: Sequence[float], calls: int, span_s: float, seed: int) -> list[float]:
    """`calls` arrivals in a row from a place drawn by the seed, stretched to `span_s`; a short trace is repeated."""
    lap = trace[-1] - trace[0] + (trace[-1] - trace[0]) / (len(trace) - 1)
    first = generator(seed, "arrivals").randrange(max(1, len(trace) - calls + 1))
    times = [trace[at % len(trace)] + (at // len(trace)) * lap for at in range(first, first + calls)]
    stretch = span_s / ((times[-1] - times[0]) or 1.0)
    return [(time - times[0]) * stretch for time in times]


def play(material: Material, trial: Trial) -> Result:
    """One run from its seed alone."""
    scenario, options = trial.scenario, sorted(material.rows)
    draws = Draws(trial.seed, scenario.calls, options)
    world = world_of(material, scenario, draws)
    setting = Setting(
        options=options,
        chance=generator(trial.seed, "policy"),
        calls=scenario.calls,
        changes=len(scenario.change),
        usd_s=scenario.usd_s,
        world=world,
    )
    arrivals = arrivals_of(material.traces[scenario.trace], scenario.calls, span_of(scenario), trial.seed)
    policy = maker(trial.policy, trial.settings)(setting)
    return summary(trial, options, run(world, policy, arrivals, draws, scenario.usd_s))


def world_of(material: Material, scenario: Scenario, draws: Draws) -> World:
    """The world of a scenario, under the plan's own time-out."""
    span_s, timeout_s = span_of(scenario), PLAN["limits"]["attempt_timeout_s"]
    return World(material.rows, scenario, draws, span_s=span_s, rate=scenario.calls / span_s, timeout_s=timeout_s)


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
