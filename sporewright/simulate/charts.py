"""The charts of a report as Vega-Lite, drawn to SVG that takes its ink from the page: it fits light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sporewright.errors import ConfigError
from sporewright.simulate.account import quantile

__all__ = ["distribution", "drawn", "regret", "traffic"]

WIDTH, HEIGHT = 640, 300
INK = "currentColor"
# Okabe and Ito's colours, told apart by colour-blind eyes, in shades that stand out on white and on near-black.
COLOURS = (
    "#d55e00",
    "#0091d5",
    "#009e73",
    "#cc79a7",
    "#b8860b",
    "#56b4e9",
    "#8f6fd0",
    "#7f8c8d",
    "#3f9b0b",
    "#e0559a",
    "#a0522d",
)
OURS_COLOUR = "#d55e00"
_CONFIG: dict[str, Any] = {
    "background": None,
    "padding": {"left": 4, "top": 4, "bottom": 4, "right": 24},
    "font": "sans-serif",
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.12,
        "domainColor": INK,
        "tickColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "symbolStrokeWidth": 3,
        "symbolOpacity": 1,
        "labelLimit": 240,
    },
    "header": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12},
    "view": {"stroke": None},
}


def regret(curves: Mapping[str, Sequence[Sequence[float]]], first: str) -> dict[str, Any]:
    """Cumulative regret over the run: the mean over the seeds, and a band from the tenth to the ninetieth percentile.

    `curves`: policy → one curve a seed; `first` is drawn on top. The scale is linear up to 10 s, logarithmic above.
    """
    rows = [
        {
            "policy": policy,
            "run": 100 * (at + 1) / len(runs[0]),
            "mean": sum(run[at] for run in runs) / len(runs),
            "low": quantile([run[at] for run in runs], 0.1),
            "high": quantile([run[at] for run in runs], 0.9),
        }
        for policy, runs in curves.items()
        for at in range(len(runs[0]))
    ]
    x = {**_axis("run", "share of the run, %"), "axis": {"tickCount": 10}}
    scale = {"type": "symlog", "constant": 10, "domainMin": 0}
    y = {"type": "quantitative", "scale": scale, "axis": {"values": [0, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000]}}
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": rows},
        "encoding": {"x": x, "color": _colour("policy", list(curves), first)},
        "layer": [
            {
                "mark": {"type": "area", "opacity": 0.18},
                "encoding": {"y": {**y, "field": "low", "title": "cumulative regret, s"}, "y2": {"field": "high"}},
            },
            {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"y": {**y, "field": "mean"}}},
            {
                "transform": [{"filter": {"field": "policy", "equal": first}}],
                "mark": {"type": "line", "strokeWidth": 4},
                "encoding": {"y": {**y, "field": "mean"}},
            },
        ],
    }


def traffic(shares: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    """The option tried first, over the run: one panel a policy, the parts of the calls stacked."""
    rows = [
        {"policy": policy, "option": option, "run": 100 * (at + 1) / len(parts), "share": 100 * part}
        for policy, options in shares.items()
        for option, parts in options.items()
        for at, part in enumerate(parts)
    ]
    options = sorted({option for each in shares.values() for option in each})
    return {
        "data": {"values": rows},
        "facet": {"field": "policy", "type": "nominal", "sort": list(shares), "title": None},
        "columns": 3,
        "spec": {
            "width": 180,
            "height": 110,
            "mark": {"type": "area", "opacity": 0.9},
            "encoding": {
                "x": _axis("run", "share of the run, %"),
                "y": {**_axis("share", "calls, %"), "stack": "zero", "scale": {"domain": [0, 100]}},
                "color": _colour("option", options, ""),
            },
        },
    }


def distribution(quantiles: Mapping[str, Sequence[float]], first: str) -> dict[str, Any]:
    """The callers' waits: the part of the calls that was over by then; the seconds are on a logarithmic scale."""
    rows = [
        {"policy": policy, "seconds": max(0.1, seconds), "part": 100 * at / (len(waited) - 1)}
        for policy, waited in quantiles.items()
        for at, seconds in enumerate(waited)
    ]
    x = {**_axis("seconds", "seconds waited"), "scale": {"type": "log", "nice": False}}
    x["axis"] = {"values": [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]}
    line = {"x": x, "y": _axis("part", "calls over by then, %"), "order": {"field": "part"}}
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": rows},
        "encoding": {**line, "color": _colour("policy", list(quantiles), first)},
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 2}},
            {
                "transform": [{"filter": {"field": "policy", "equal": first}}],
                "mark": {"type": "line", "strokeWidth": 4},
            },
        ],
    }


def library() -> Any:
    """The library that draws the charts; ConfigError if it is not installed."""
    try:
        import vl_convert
    except ModuleNotFoundError:
        raise ConfigError(
            "vl_convert is not installed; pip install 'sporewright[simulate]' brings the report"
        ) from None
    return vl_convert


def drawn(spec: Mapping[str, Any]) -> str:
    """The chart as an SVG element; the same spec gives the same bytes. ConfigError if the library is not installed."""
    svg: str = library().vegalite_to_svg({**spec, "config": _CONFIG})
    return svg[svg.index("<svg") :]


def _axis(field: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title}


def _colour(field: str, names: Sequence[str], first: str) -> dict[str, Any]:
    """A colour a name, the first of them ours if it is among them."""
    rest = [name for name in names if name != first]
    others = [colour for colour in COLOURS if not first or colour != OURS_COLOUR]
    colours = {name: others[at % len(others)] for at, name in enumerate(rest)} | {first: OURS_COLOUR}
    scale = {"domain": list(names), "range": [colours[name] for name in names]}
    return {"field": field, "type": "nominal", "scale": scale, "title": None, "legend": {"orient": "right"}}
