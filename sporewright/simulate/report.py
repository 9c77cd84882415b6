"""The report of a simulation, for people: a table in the terminal and one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sporewright.simulate import charts
from sporewright.simulate.account import Line, lines, mean
from sporewright.simulate.scenario import Scenario
from sporewright.simulate.standings import Standing
from sporewright.simulate.study import Result

__all__ = ["html_report", "print_lines", "table_of"]

HEAD = ("policy", "cost, s", "regret, s", "8 seeds in 10", "less the first's, 95 %", "p50", "p95", "tries", "lost")
NARROW = (0, 1, 2, 4, 5, 6, 8)
"""The columns that fit a terminal of 80."""


def print_lines(console: Console, title: str, table: Sequence[Line]) -> None:
    """A row a policy, the lowest regret first."""
    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for at in NARROW:
        shown.add_column(HEAD[at], justify="right" if at else "left", no_wrap=True)
    for line in table:
        cells = _cells(line)
        shown.add_row(*(cells[at] for at in NARROW))
    console.print(shown)


def table_of(rows: Sequence[Standing], title: str) -> Table:
    """A row a policy: geometric means in all and at each gap, the worst, and what the first policy did to it."""
    gaps = list(rows[0].by_gap)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    heads = (
        "policy",
        "mean",
        *(f"{gap:g} s" if gap else "in time" for gap in gaps),
        "worst",
        "lowest",
        "won/tied/lost",
    )
    for at, head in enumerate(heads):
        table.add_column(head, justify="right" if at else "left", no_wrap=True)
    for row in rows:
        figures = [f"{figure:.2f}" for figure in (row.ratio, *row.by_gap.values(), row.worst)]
        table.add_row(row.policy, *figures, f"{row.lowest}", f"{row.won}/{row.tied}/{row.lost}")
    return table


def html_report(
    studies: Sequence[tuple[Scenario, Mapping[str, Sequence[Result]]]], first: str, facts: Mapping[str, str]
) -> str:
    """The report as one page: charts and a table a scenario. `facts`: name → value, what the runs were made of."""
    page = Template((resources.files("sporewright.simulate") / "report.html").read_text("utf-8"))
    return page.substitute(
        facts="\n".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items()),
        contents="\n".join(f'<a href="#{escape(s.name)}">{escape(s.name)}</a>' for s, _ in studies),
        sections="\n".join(_section(scenario, results, first) for scenario, results in studies),
    )


def _section(scenario: Scenario, results: Mapping[str, Sequence[Result]], first: str) -> str:
    ordered = {line.policy: results[line.policy] for line in lines(results, first)}
    curves = {policy: [run.curve for run in runs] for policy, runs in ordered.items()}
    shares = {policy: _mean_shares(runs) for policy, runs in ordered.items()}
    waited = {policy: _mean_quantiles(runs) for policy, runs in ordered.items()}
    figures = (
        ("Cumulative regret", "Mean over the seeds; the band holds eight seeds in ten.", charts.regret(curves, first)),
        ("Share of traffic", "The option tried first, mean over the seeds.", charts.traffic(shares)),
        (
            "Latency distribution",
            "Seconds the caller waited, failed attempts included.",
            charts.distribution(waited, first),
        ),
    )
    return "\n".join(
        [
            f'<section id="{escape(scenario.name)}"><h2>{escape(scenario.name)}</h2><p>{escape(scenario.about)}</p>',
            _table(lines(results, first), first),
            *(
                f"<figure><figcaption><b>{title}</b> {about}</figcaption>"
                f'<div tabindex="0" role="group" aria-label="{title}">{charts.drawn(spec)}</div></figure>'
                for title, about, spec in figures
            ),
            "</section>",
        ]
    )


def _table(table: Sequence[Line], first: str) -> str:
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in HEAD)
    rows = "\n".join(
        f"<tr{' class=first' if line.policy == first else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(line))
        + "</tr>"
        for line in table
    )
    scroller = '<div tabindex="0" role="group" aria-label="Figures by policy">'
    return f"{scroller}<table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></div>"


def _cells(line: Line) -> tuple[str, ...]:
    low, high = line.apart
    return (
        line.policy,
        f"{line.cost:,.0f}",
        f"{line.regret:,.1f}",
        f"{line.low:,.0f} – {line.high:,.0f}",
        "–" if (low, high) == (0.0, 0.0) else f"{low:+,.1f} … {high:+,.1f}",
        f"{line.p50:.2f}",
        f"{line.p95:.2f}",
        f"{line.attempts:.3f}",
        f"{line.unanswered}",
    )


def _mean_shares(runs: Sequence[Result]) -> dict[str, list[float]]:
    return {
        option: [mean(part) for part in zip(*(run.shares[option] for run in runs), strict=True)]
        for option in runs[0].shares
    }


def _mean_quantiles(runs: Sequence[Result]) -> list[float]:
    return [mean(each) for each in zip(*(run.quantiles for run in runs), strict=True)]
