"""`make bench-routing`: what learning is worth, by one protocol, as tables of figures beside what was asked for.

The options are the eight providers of llama-2-70b-chat, the calls those of the Azure traces. The measurements cannot
be shipped: without them this says so and ends (docs/explanation/simulate.md).
"""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sporewright.learning.settings import DEFAULTS, LearningSettings
from sporewright.simulate import proving, sensitivity
from sporewright.simulate.account import difference, mean
from sporewright.simulate.command import studied
from sporewright.simulate.fleet import play_fleet
from sporewright.simulate.measurements import Answer, read_answers
from sporewright.simulate.policies import OURS, POLICIES
from sporewright.simulate.rated_answers import CONDITIONS, RATED_ROUTERS, rated_by
from sporewright.simulate.scenario import load_scenario
from sporewright.simulate.study import Material, Result, material_of
from sporewright.simulate.tasks import best_per_task, routed, usd_of

__all__ = ["main"]

GROUP = "llama-2-70b-chat"
CHANGING = ("drift", "outage", "rate-limits", "burst", "new-option")
SCENARIOS = ("stationary", *CHANGING)
ROOT = Path(__file__).resolve().parents[2]
DEAR = "llama-3.1-nemotron-51b-instruct"
CHEAP = 0.3
"""The share of what DEAR alone would cost, that may be spent."""

Asked = TypeVar("Asked")
Made = TypeVar("Made")


def main() -> None:
    """Read the arguments, print the tables."""
    given = _arguments()
    console = Console(width=110)
    needed = ("latency.csv", "arrivals.csv", "quality.csv", "quality_models.json")
    missing = [name for name in needed if not (given.data / name).is_file()]
    if missing:
        console.print(f"bench-routing: skipped, {given.data} has no {', '.join(missing)}", soft_wrap=True)
        return
    material = material_of(given.data / "latency.csv", given.data / "arrivals.csv", GROUP, ["conv", "code"])
    if "ground" in given.parts:
        words = ["--data", str(given.data), str(ROOT / "measurements"), "--jobs", str(given.jobs)]
        quick = ["--quick", "--seeds", "2"] if given.quick else []
        proving.prove(console, proving.arguments().parse_args([*words, *quick]))
    if "scenarios" in given.parts:
        _scenarios(console, material, given)
    if "fleet" in given.parts:
        _fleet(console, material, given)
    if "tasks" in given.parts:
        _tasks(console, given)
        _rated(console, given)
    if "sensitivity" in given.parts:
        scenarios = [load_scenario(name) for name in SCENARIOS]
        sensitivity.show(console, material, scenarios, min(given.seeds, 10), given.jobs)
        sensitivity.show_tasks(console, _split_of(given), min(given.seeds, 10), partial(_spread, given.jobs))


def _arguments() -> Namespace:
    parts = ("ground", "scenarios", "fleet", "tasks", "sensitivity")
    quick = os.environ.get("QUICK", "") not in ("", "0")
    shared = Path(os.environ.get("SPOREWRIGHT_SHARED") or ROOT.parent / "shared")
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=shared / "data")
    parser.add_argument("--seeds", type=int, default=3 if quick else 30)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts[:-1] if quick else parts)
    parser.add_argument("--quick", action="store_true", default=quick, help="of the proving ground: a sample of cells")
    return parser.parse_args()


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for at, name in enumerate(columns):
        table.add_column(name, justify="right" if at else "left", no_wrap=True)
    return table


def _scenarios(console: Console, material: Material, given: Namespace) -> None:
    """Mean regret of every policy in every scenario, and ours against the best of the others."""
    results: dict[str, dict[str, list[Result]]] = {}
    for name in SCENARIOS:
        console.print(f"bench-routing: {name}, {len(POLICIES)} policies × {given.seeds} seeds")
        results[name] = studied(material, load_scenario(name), POLICIES, given.seeds, given.jobs)
    table = _table(f"Mean regret, s ({given.seeds} seeds)", "policy", *SCENARIOS)
    for policy in POLICIES:
        table.add_row(policy, *(f"{mean(run.regret for run in results[name][policy]):,.1f}" for name in SCENARIOS))
    console.print(table)
    console.print(_verdicts(results))
    lost = {name: sum(run.avoidable for run in results[name][OURS]) for name in SCENARIOS}
    console.print(f"Failures of ours that some order could have avoided: {sum(lost.values())} (wanted: 0)")


def _verdicts(results: Mapping[str, Mapping[str, Sequence[Result]]]) -> Table:
    table = _table(
        "Ours against the best of the others (paired bootstrap over the seeds)",
        *("scenario", "ours, s", "best other", "its, s", "ours − its, 95 %", "cost ratio", "wanted", "is"),
    )
    for name, policies in results.items():
        others = {policy: runs for policy, runs in policies.items() if policy not in (OURS, "oracle")}
        measure: Callable[[Result], float] = _cost if name == "stationary" else _regret
        best = min(others, key=lambda policy: mean(map(measure, others[policy])))
        ours, theirs = [_regret(run) for run in policies[OURS]], [_regret(run) for run in others[best]]
        low, high = difference(ours, theirs)
        ratio = mean(map(_cost, policies[OURS])) / mean(map(_cost, others[best]))
        wanted, is_met = ("cost ≤ 1.02 ×", ratio <= 1.02) if name == "stationary" else ("lower", high < 0)
        table.add_row(
            name,
            f"{mean(ours):,.1f}",
            best,
            f"{mean(theirs):,.1f}",
            f"{low:+,.1f} … {high:+,.1f}",
            f"{ratio:.4f}",
            wanted,
            "yes" if is_met else "no",
        )
    return table


def _cost(run: Result) -> float:
    return run.cost


def _regret(run: Result) -> float:
    return run.regret


def _fleet(console: Console, material: Material, given: Namespace) -> None:
    """A device's mean regret alone, in the fleet, and among liars."""
    console.print(f"bench-routing: fleet, {given.seeds} seeds")
    whole, liars = load_scenario("fleet"), load_scenario("fleet-liars")
    seeds = range(given.seeds)
    alone = _spread(given.jobs, partial(play_fleet, material, whole, together=False), seeds)
    together = _spread(given.jobs, partial(play_fleet, material, whole), seeds)
    among = _spread(given.jobs, partial(play_fleet, material, liars), seeds)
    costs = [mean(each.everybody for each in runs) for runs in (alone, together)]
    honest = mean(each.honest for each in among)
    table = _table(
        f"Mean regret of a device over its calls, s ({given.seeds} seeds)", "devices", "regret", "of", "wanted"
    )
    table.add_row("alone", f"{costs[0]:.2f}", "", "")
    table.add_row("in the fleet", f"{costs[1]:.2f}", f"{costs[1] / costs[0]:.3f} × alone", "≤ 0.4 ×")
    table.add_row("honest, 30 % lie", f"{honest:.2f}", f"{honest / costs[1]:.3f} × all honest", "≤ 1.3 ×")
    console.print(table)


def _tasks(console: Console, given: Namespace) -> None:
    """The routing of questions by their kind, scored on the questions from which nothing was learned."""
    console.print(f"bench-routing: tasks, {given.seeds} seeds")
    rows = _spread(given.jobs, _split_of(given), [(seed, DEFAULTS) for seed in range(given.seeds)])
    free, bound, cheap, dear, share = (mean(column) for column in zip(*rows, strict=True))
    table = _table(f"Routing by task ({given.seeds} splits)", "router", "score", "of", "cost", "wanted")
    table.add_row("best per task, in hindsight", f"{bound:.4f}", "", "", "")
    table.add_row("ours", f"{free:.4f}", f"{free / bound:.4f} × best per task", "", "≥ 0.96 ×")
    table.add_row(f"always {DEAR}", f"{dear:.4f}", "", "1 ×", "")
    table.add_row(
        "ours, paced", f"{cheap:.4f}", f"{cheap - dear:+.4f} against always", f"{share:.3f} ×", "≥ 0, ≤ 0.3 ×"
    )
    console.print(table)


def _rated(console: Console, given: Namespace) -> None:
    """Answers asked for in turn, rated in each of the conditions: mean scores of the first and the second half."""
    console.print(f"bench-routing: ratings, {given.seeds} seeds")
    answers = read_answers(given.data / "quality.csv")
    table = _table(f"Mean score by half ({given.seeds} seeds)", "router", *CONDITIONS)
    for router in RATED_ROUTERS:
        asked = [(router, condition, seed) for condition in CONDITIONS for seed in range(given.seeds)]
        found = dict(zip(asked, _spread(given.jobs, partial(rated_by, answers), asked), strict=True))
        halves = {
            condition: [mean(found[router, condition, seed][half] for seed in range(given.seeds)) for half in (0, 1)]
            for condition in CONDITIONS
        }
        table.add_row(router, *(f"{first:.4f} {second:.4f}" for first, second in halves.values()))
    console.print(table)


def _split_of(given: Namespace) -> Callable[[tuple[int, LearningSettings]], tuple[float, ...]]:
    answers = read_answers(given.data / "quality.csv")
    models = json.loads((given.data / "quality_models.json").read_text("utf-8"))
    return partial(_split, answers, {model: float(facts["input_price"]) for model, facts in models.items()})


def _split(
    answers: Sequence[Answer], prices: Mapping[str, float], at: tuple[int, LearningSettings]
) -> tuple[float, ...]:
    """One split: our score and the bound; then, paced, ours and the dear model's score, and the share of its cost."""
    seed, settings = at
    free, rest = routed(answers, prices, seed, settings)
    dear = mean(usd_of(answer, prices[DEAR]) for answer in rest)
    cap = CHEAP * mean(usd_of(answer, prices[DEAR]) for answer in answers)
    cheap, _ = routed(answers, prices, seed, settings, cap)
    return (
        free.score,
        best_per_task(rest),
        cheap.score,
        mean(answer.scores[DEAR] for answer in rest),
        cheap.usd / dear,
    )


def _spread(jobs: int, one: Callable[[Asked], Made], each: Sequence[Asked]) -> list[Made]:
    """One result each, in order, on so many processes."""
    if jobs <= 1:
        return [one(asked) for asked in each]
    with ProcessPoolExecutor(jobs) as pool:
        found: Iterator[Made] = pool.map(one, each)
        return list(found)


if __name__ == "__main__":
    main()
