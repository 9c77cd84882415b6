"""Scenarios are data: the built-in ones can be read, and a wrong one says where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sporewright.errors import SporewrightError
from sporewright.simulate.scenario import Change, Scenario, builtin_names, load_scenario, resolve_option


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_scenarios_can_be_read(name: str) -> None:
    """Each is named like its file and says what it is about."""
    scenario = load_scenario(name)

    assert scenario.name == name
    assert scenario.about.endswith(".")


def test_the_protocol_is_there() -> None:
    """The six scenarios that figures are promised for, and the two fleets."""
    wanted = {"stationary", "drift", "outage", "rate-limits", "burst", "new-option", "fleet", "fleet-liars"}

    assert wanted <= set(builtin_names())


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    """One scenario in both."""
    data = {
        "name": "n",
        "about": "a",
        "calls": 7,
        "change": [{"kind": "slow", "option": "x", "factor": 2.0, "at": 0.5}],
    }
    (tmp_path / "s.json").write_text(json.dumps(data))
    (tmp_path / "s.toml").write_text(
        'name = "n"\nabout = "a"\ncalls = 7\n[[change]]\nkind = "slow"\noption = "x"\nfactor = 2.0\nat = 0.5\n'
    )

    assert load_scenario(str(tmp_path / "s.json")) == load_scenario(str(tmp_path / "s.toml"))
    assert load_scenario(str(tmp_path / "s.json")).change == (Change("slow", "x", 0.5, 1.0, factor=2.0),)


GOOD: dict[str, Any] = {"name": "n", "about": "a"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "scenario: a table is wanted"),
        ({"name": "n"}, "needs about"),
        ({**GOOD, "series": "up"}, "scenario.series: 'up' is none of "),
        ({**GOOD, "option": 3}, "scenario.option: a list is wanted"),
        ({**GOOD, "option": [{"name": "x"}]}, "scenario.option[0]: name and seconds are needed"),
        ({**GOOD, "option": [{"name": "x", "seconds": 0}]}, "stall_s=0.0) is no option"),
        ({**GOOD, "call": 3}, "scenario.call: there is no such field"),
        ({**GOOD, "calls": 0}, "scenario.calls: 0 is less than 1"),
        ({**GOOD, "calls": 1.5}, "scenario.calls must be a whole number"),
        ({**GOOD, "usd_s": -1}, "scenario.usd_s: -1.0 is negative"),
        ({**GOOD, "half_lives": 0}, "scenario.half_lives"),
        ({**GOOD, "trace": 1}, "scenario.trace: 1 is not a string"),
        ({**GOOD, "change": {}}, "scenario.change: a list is wanted"),
        ({**GOOD, "change": [{"kind": "magic", "option": "x"}]}, "change[0].kind: 'magic' is none of"),
        ({**GOOD, "change": [{"kind": "slow", "option": "x"}]}, "change[0]: a slow change needs factor"),
        ({**GOOD, "change": [{"kind": "outage"}]}, "change[0]: a outage change needs option"),
        ({**GOOD, "change": [{"kind": "outage", "option": "x", "usd": 1}]}, "change[0].usd: a outage change has no"),
        ({**GOOD, "change": [{"kind": "outage", "option": "x", "at": 1, "until": 0.5}]}, "is no part of the run"),
        ({**GOOD, "fleet": {"devices": 5}}, "scenario.fleet: devices, calls_each"),
        (
            {**GOOD, "fleet": {"devices": 0, "calls_each": 1, "spread_s": 1, "tick_s": 1}},
            "cannot be simulated",
        ),
    ],
)
def test_a_wrong_scenario_says_where(data: Any, says: str) -> None:
    """An error of ours that names the field and the value."""
    with pytest.raises(SporewrightError) as caught:
        Scenario.from_dict(data)
    assert says in str(caught.value)


def test_a_scenario_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Neither built in nor a file; a file that is missing; a file that is no TOML."""
    (tmp_path / "bad.toml").write_text("name = ")
    for name, says in (("storm", "neither built in"), (str(tmp_path / "no.toml"), "No such file"), ("", "neither")):
        with pytest.raises(SporewrightError, match=says):
            load_scenario(name)
    with pytest.raises(SporewrightError, match=r"bad\.toml"):
        load_scenario(str(tmp_path / "bad.toml"))


def test_options_by_name_rank_or_all() -> None:
    """`*`, a name, `@1` the best, `@-1` the worst; nothing else."""
    ranked = ["a", "b", "c"]

    assert resolve_option("*", ranked, "p") == ranked
    assert [resolve_option(word, ranked, "p") for word in ("b", "@1", "@-1", "@3")] == [["b"], ["a"], ["c"], ["c"]]
    for word in ("@0", "@4", "@-4", "@x", "d", "2", ""):
        with pytest.raises(SporewrightError, match="is no option"):
            resolve_option(word, ranked, "p")
