"""The proving ground: cells, what is kept and run again, what regrets come to, and that its rules have not changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sporewright.errors import SporewrightError
from sporewright.simulate import proving
from sporewright.simulate.ground import GAPS, MADE, RULES, Results, cells_of, contest, load, quick, save
from sporewright.simulate.measurements import Row
from sporewright.simulate.scenario import load_scenario
from sporewright.simulate.standings import held_out, ratios, standings, surely_worse
from sporewright.simulate.study import Material, Trial, play

KEPT = {
    "oracle": 0.0,
    "lowest-latency": 79.98287389969903,
    "epsilon-greedy": 146.42520032201324,
    "kalman": 45.6504645404694,
    "cusum": 72.79309920651812,
    "gaussian-thompson": 124.68889019437663,
    "discounted-ucb": 114.1539383773684,
    "mean-of-ten": 76.88256833038963,
}
"""The results of these under RULES."""


def results_of(name: str, source: str, gap_s: float = 3.0, **regrets: Sequence[float]) -> Results:
    """Results of a cell in which less than one second counts for nothing."""
    seeds = len(next(iter(regrets.values())))
    found = {"oracle": [0.0] * seeds, **{policy: list(each) for policy, each in regrets.items()}}
    return Results(name, "d", source, "s", gap_s, 1.0, "x", found)


def short(material: Material) -> Sequence[proving.Cell]:
    """Two cells of forty calls."""
    cells = cells_of({"d": material}, {"d": "s"}, ["stationary", "drift"], [3.0])
    return [replace(cell, scenario=replace(cell.scenario, calls=40)) for cell in cells]


def test_cells_are_data_scenarios_and_gaps(material: Material) -> None:
    """A scenario with its own options is run once a gap, one with its own pace once a data set."""
    timed = Material({"a": (Row(1.0, {"kind": "status", "status": 200}, at=0.0),) * 20}, material.traces)
    names = ["stationary", "series-in-time", "tails-2x25", "lowrate"]
    cells = cells_of({"d": material, "t": timed}, {"d": "s", "t": "u"}, names)

    assert sum(cell.scenario.name == "stationary" for cell in cells) == 2 * len(GAPS)
    assert [cell.name for cell in cells if cell.scenario.series] == ["t / series-in-time / in time"]
    assert {cell.source for cell in cells if cell.scenario.option} == {"made"}
    assert sum(cell.data == "made" for cell in cells) == len(GAPS)
    assert sum(cell.scenario.name == "lowrate" for cell in cells) == 2
    paced = {cell.scenario.gap_s: cell.scenario.calls for cell in cells if cell.scenario.name == "stationary"}
    assert paced == GAPS


def test_the_quick_contest_has_every_data_set_at_every_gap(material: Material) -> None:
    """One cell each, of different scenarios."""
    cells = quick(cells_of({"d": material, "e": material}, {"d": "s", "e": "s"}))

    assert len({(cell.data, cell.scenario.gap_s) for cell in cells}) == len(cells) == 3 * len(GAPS)
    assert len({cell.scenario.name for cell in cells if cell.data == "d"}) == len(GAPS)
    assert len({cell.scenario.name for cell in cells if cell.data == "made"}) == len(MADE)


def test_what_is_known_is_not_run_again(material: Material, tmp_path: Path) -> None:
    """More seeds go on where the file ends; another file's policies are merged; processes change nothing."""
    cells, file = short(material), tmp_path / "r.json"
    first = contest({"d": material}, cells, ["random"], 1)
    first[cells[0].name].regrets["random"][0] = 77.0
    save(first, file)

    found = contest({"d": material}, cells, ["random", "ours"], 2, jobs=2, known=load([file]))
    whole = contest({"d": material}, cells, ["random", "ours"], 2)

    assert found[cells[0].name].regrets["random"][0] == 77.0
    assert found[cells[0].name].regrets["random"][1:] == whole[cells[0].name].regrets["random"][1:]
    assert found[cells[1].name] == whole[cells[1].name]
    assert whole[cells[0].name].regrets["ours"] == [
        play(material, Trial(cells[0].scenario, "ours", seed)).regret for seed in range(2)
    ]


def test_other_measurements_make_what_was_known_void(material: Material) -> None:
    """The same cell of other data is run anew."""
    cells = short(material)
    known = contest({"d": material}, cells, ["random"], 1)
    slower = Material(
        {name: [replace(row, seconds=2 * row.seconds) for row in rows] for name, rows in material.rows.items()},
        material.traces,
    )

    found = contest({"d": slower}, cells, ["random"], 1, known=known)

    assert found[cells[0].name].stamp != known[cells[0].name].stamp
    assert found[cells[0].name].regrets["random"] != known[cells[0].name].regrets["random"]


def test_files_are_merged(tmp_path: Path) -> None:
    """A policy of either file, the one with more seeds; a file that is none is an error with its name."""
    one, other, bad = tmp_path / "1.json", tmp_path / "2.json", tmp_path / "3.json"
    save({"c": results_of("c", "s", a=[1.0, 2.0])}, one)
    save({"c": results_of("c", "s", a=[1.0], b=[3.0])}, other)

    assert load([one, other])["c"].regrets == {"oracle": [0.0, 0.0], "a": [1.0, 2.0], "b": [3.0]}
    bad.write_text('{"version": 1, "cells": [{"cell": "c"}]}')
    with pytest.raises(SporewrightError, match="no results of a contest"):
        load([bad])
    bad.write_text('{"version": 2}')
    with pytest.raises(SporewrightError, match="version 2"):
        load([bad])


def test_ratios_and_standings() -> None:
    """Regret over the lowest one, of differences that count; a geometric mean; who is surely better."""
    cells = [
        results_of("c1", "s", a=[10.0, 10.0], b=[20.0, 21.0], c=[0.2, 0.1]),
        results_of("c2", "t", 600.0, a=[8.0, 8.0], b=[2.0, 2.0], c=[4.0, 4.0]),
    ]

    assert ratios(cells[0]) == pytest.approx({"a": 10.0, "b": 20.5, "c": 1.0})
    table = {row.policy: row for row in standings(cells, "a")}
    assert [row.policy for row in standings(cells, "a")] == ["c", "b", "a"]
    assert table["a"].ratio == pytest.approx((10.0 * 4.0) ** 0.5)
    assert table["a"].by_gap == pytest.approx({3.0: 10.0, 600.0: 4.0})
    assert (table["a"].worst, table["a"].where) == (pytest.approx(10.0), "c1")
    assert (table["b"].won, table["b"].tied, table["b"].lost, table["b"].lowest) == (1, 0, 1, 1)
    assert (table["c"].won, table["c"].tied, table["c"].lost) == (0, 0, 2)
    assert (table["a"].won, table["a"].tied, table["a"].lost) == (0, 2, 0)
    assert surely_worse(cells, "a", ["b"]) == 0.5
    assert surely_worse(cells, "a", ["b", "c"]) == 1.0
    assert surely_worse(cells, "c", ["a"]) == 0.0


def test_what_is_tuned_is_chosen_without_the_source_it_is_reported_on() -> None:
    """On s the choice is what is best on t, and the other way round."""
    cells = [
        results_of("c1", "s", **{"k:x=1": [2.0], "k:x=2": [9.0], "o": [5.0]}),
        results_of("c2", "t", **{"k:x=1": [8.0], "k:x=2": [3.0], "o": [5.0]}),
    ]

    left, chosen = held_out(cells, {"k": ["k:x=1", "k:x=2"]})

    assert chosen == {"s": {"k": "k:x=2"}, "t": {"k": "k:x=1"}}
    assert [cell.regrets["k"] for cell in left] == [[9.0], [8.0]]
    assert all(set(cell.regrets) == {"oracle", "o", "k"} for cell in left)


def test_rules_have_not_changed(material: Material) -> None:
    """Results kept in files are of use only while these figures come out: raise RULES where they do not."""
    drift = replace(load_scenario("drift"), calls=150, gap_s=30.0)

    found = {policy: play(material, Trial(drift, policy, 3)).regret for policy in KEPT}

    assert RULES == 1
    assert found == pytest.approx(KEPT)


def test_the_command_prints_a_table(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a folder and a manifest of one's own; what is absent is skipped in plain words; results are kept."""
    head = 'about = "a"\nrepository = "https://example.org/who/what"\nlicence = "MIT"\ncommit = "c"\n'
    manifest = tmp_path / "s.toml"
    manifest.write_text(
        f'[[source]]\nname = "g"\nfile = "latency.csv"\n{head}[[source]]\nname = "h"\nfile = "no.csv"\n{head}'
    )
    words = ["--data", str(files[0].parent), "--sources", str(manifest), "--scenarios", "stationary", "--gaps", "3600"]
    words += ["--policies", "kalman", "lowest-latency", "--seeds", "1", "--jobs", "1", "--cells", "--results"]

    for _ in range(2):
        proving.prove(proving.Console(width=120), proving.arguments().parse_args([*words, str(tmp_path / "r.json")]))

    said = capsys.readouterr().out
    assert "h: skipped, no.csv of h is not there" in said
    assert "g / stationary / 3600 s" in said
    assert "won/tied/lost" in said
    assert "ours is surely worse than lowest-latency in " in said
    assert set(load([tmp_path / "r.json"])["g / stationary / 3600 s"].regrets) == {
        "oracle",
        "ours",
        "kalman",
        "lowest-latency",
    }
