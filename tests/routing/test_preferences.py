"""The preferences of a call: the corpus that the page runs, too, their checks, and what holds for any of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.errors import ConfigError
from sporewright.routing.call_size import TokenCount, tokens_of
from sporewright.routing.preferences import Figures, Preferences, arrange, checked, figures_for, why
from sporewright.routing.spelling import meant

FOLDER = Path(__file__).parent


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of a file of this folder."""
    found: list[dict[str, Any]] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("case", cases("preferences.json"), ids=lambda case: case["name"])
def test_arranged(case: dict[str, Any]) -> None:
    """The order, and each option passed over with its reason."""
    found = arrange(case["queue"], case["asked"], case.get("figures"), case.get("properties"))
    assert found._asdict() == case["want"]


@pytest.mark.parametrize("case", cases("call-costs.json"), ids=lambda case: case["name"])
def test_cost_of_a_call(case: dict[str, Any]) -> None:
    """A call of this size has the cost and the latency that are expected."""
    tokens = case["tokens"]
    found = figures_for({"a": case["figures"]}, TokenCount(tokens["in"], tokens["out"]))
    assert found.get("a", {}) == pytest.approx(case["want"])


@pytest.mark.parametrize("case", cases("call-sizes.json"), ids=lambda case: case["name"])
def test_size_of_a_request(case: dict[str, Any]) -> None:
    """Its tokens and the limit of its answer."""
    found = tokens_of(case["body"])
    assert {"in": found.tokens_in, "out": found.max_tokens} == case["want"]


def test_what_nests_too_deep_is_not_counted() -> None:
    """A request that is made to exhaust the reader has no size."""
    deep: Any = "abcd"
    for _ in range(40):
        deep = [deep]
    assert tokens_of({"messages": deep}) == (0.0, None)


@pytest.mark.parametrize("case", cases("spelling.json"), ids=lambda case: f"{case['word']}-{case['known']}")
def test_meant(case: dict[str, Any]) -> None:
    """The nearest word, if one is near."""
    assert meant(case["word"], case["known"]) == case["meant"]


OPTIONS = st.sampled_from(["a", "b", "c", "d", "é"])
NAMES = st.lists(OPTIONS, min_size=1, max_size=4)
AMOUNTS = st.floats(0, 2)
PROPERTIES = st.dictionaries(
    st.sampled_from(["region", "capabilities"]), st.lists(st.sampled_from(["x", "y"]), min_size=1, unique=True)
)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "only": NAMES,
        "ignore": NAMES,
        "order": NAMES,
        "prefer": NAMES,
        "max_cost": AMOUNTS,
        "max_latency": AMOUNTS,
        "needs": PROPERTIES,
    },
)
FIGURES = st.dictionaries(OPTIONS, st.fixed_dictionaries({}, optional={"cost": AMOUNTS, "latency": AMOUNTS}))


@given(st.lists(OPTIONS, unique=True), ASKED, FIGURES, st.dictionaries(OPTIONS, PROPERTIES))
def test_every_option_is_asked_or_passed_over(
    queue: list[str], asked: Preferences, figures: dict[str, Figures], properties: dict[str, dict[str, list[str]]]
) -> None:
    """None is lost, added or doubled; arranged once more nothing changes; caps and lists hold."""
    found = arrange(queue, asked, figures, properties)

    assert sorted(found.queue) == sorted(set(queue) - found.skipped.keys())
    named = {*asked.get("only", []), *asked.get("order", []), *asked.get("prefer", [])}
    assert found.skipped.keys() <= {*queue, *named}
    again = arrange(found.queue, asked, figures, properties)
    assert again.queue == found.queue
    assert set(found.queue) <= set(asked.get("only", queue)) - set(asked.get("ignore", []))
    for option in found.queue:
        known = figures.get(option, {})
        assert known.get("cost", 0) <= asked.get("max_cost", 9)
        assert known.get("latency", 0) <= asked.get("max_latency", 9)
    said = [option for option in dict.fromkeys(asked.get("order", [])) if option in found.queue]
    assert found.queue[: len(said)] == said


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"only": []}, "only: an empty list admits no option"),
        ({"only": "a"}, "only: 'a' is not a list of names"),
        ({"ignore": [3]}, r"ignore\[0\]: 3 is no name"),
        ({"order": [""]}, r"order\[0\]: '' is no name"),
        ({"prefer": {"a": 1}}, "prefer: .* is not a list of names"),
        ({"max_cost": -1}, "max_cost: -1 is not a finite number, at least 0"),
        ({"max_cost": True}, "max_cost: True is not a finite number"),
        ({"max_latency": "2"}, "max_latency: '2' is not a finite number"),
        ({"max_latency": float("nan")}, "max_latency: .* is not a finite number"),
        ({"needs": ["eu"]}, "needs: .* is not an object of properties"),
        ({"needs": {"region": []}}, "needs: region: an empty list"),
        ({"needs": {"region": 3}}, "needs: region: 3 is not a list of names"),
        ({"needs": {"": "x"}}, "needs: '' is no name of a property"),
        ({"only": ["grok"]}, r"only: 'grok' is no option: did you mean 'groq'\? \(known: groq, mistral\)"),
        ({"ignore": ["zzz"]}, r"ignore: 'zzz' is no option \(known: groq, mistral\)"),
    ],
)
def test_what_cannot_be_meant(asked: dict[str, Any], error: str) -> None:
    """It is named, with what would be."""
    with pytest.raises(ConfigError, match=f"^call: {error}"):
        checked(asked, ["mistral", "groq"], "call")


def test_what_is_not_said() -> None:
    """None is no wish, and neither is an empty list of what is ignored, ordered or preferred."""
    assert checked({"only": None, "ignore": [], "order": (), "prefer": [], "needs": {}, "max_cost": None}) == {}
    assert checked({"only": ("a", "a"), "max_cost": 1, "needs": {"region": "eu"}}) == {
        "only": ["a"],
        "max_cost": 1.0,
        "needs": {"region": ["eu"]},
    }


def test_many_known_names_are_cut() -> None:
    """An error stays readable where there are many options."""
    with pytest.raises(ConfigError, match=r"known: o0, o1, o10, .*, …\)"):
        checked({"only": ["nobody"]}, [f"o{at}" for at in range(30)])


def test_reasons_for_people() -> None:
    """They have their numbers."""
    asked, figures = Preferences(max_cost=0.01, max_latency=2), {"a": Figures(cost=0.5, latency=3.25)}
    assert why("a", "max-cost", asked, figures) == "max-cost: 0.5 USD expected, 0.01 allowed"
    assert why("a", "max-latency", asked, figures) == "max-latency: 3.25 s expected, 2 allowed"
    assert why("a", "ignored", asked, figures) == "ignored"
