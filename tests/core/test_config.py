"""A tensor as data: seeds, refusals, priors (C, D4)."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.core.config import Seed, TensorConfig
from sporewright.core.global_rules import GlobalRules
from sporewright.core.tensor import Tensor
from sporewright.errors import (
    BadValueKindError,
    ConfigError,
    DecodeError,
    SporewrightError,
    UnknownLevelError,
    WriteUpError,
)
from tests.strategies import LEVELS, refusal

SEED = {"floor": "global", "level": "global", "inst": "", "option": "o", "dim": "d", "kind": "value", "value": 1}


def config(*seeds: Any, **more: Any) -> TensorConfig:
    """A config over the usual levels."""
    return TensorConfig.from_dict({"levels": list(LEVELS), "seeds": list(seeds), **more})


def test_each_seed_is_one_writer_call_in_order() -> None:
    """C1: the four kinds write what their calls write, a later seed over an earlier one."""
    built = config(
        SEED,
        {**SEED, "value": "inf"},
        {**SEED, "option": "p", "kind": "bytes", "value": {"b64": "YQ=="}},
        {"floor": "workspace", "level": "device", "inst": "A", "dim": "d", "kind": "weight", "value": 2},
        {**SEED, "kind": "option-weight", "value": -0.5},
    ).build()
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    writer.set_value("global", "", "o", "d", math.inf)
    writer.set_document("global", "", "p", "d", b"a")
    writer.set_weight("device", "A", "d", 2.0)
    writer.set_option_weight("global", "", "o", "d", -0.5)

    assert built.to_json() == tensor.to_json()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"floor": "device"}, WriteUpError),
        ({"floor": "galaxy"}, UnknownLevelError),
        ({"level": "galaxy"}, UnknownLevelError),
        ({"kind": "bytes"}, BadValueKindError),
        ({"value": {"b64": ""}}, BadValueKindError),
        ({"kind": "weight", "value": {"b64": ""}}, BadValueKindError),
        ({"kind": "option-weight", "value": {"b64": ""}}, BadValueKindError),
        ({"floor": "galaxy", "kind": "bytes", "level": "nebula"}, UnknownLevelError),
        ({"floor": "device", "kind": "bytes"}, BadValueKindError),
    ],
    ids=str,
)
def test_the_first_refusal_wins_and_names_its_seed(change: dict[str, Any], kind: type[SporewrightError]) -> None:
    """C2: per seed the floor, then the payload, then the write; a later, worse seed is never reached."""
    with pytest.raises(kind, match=r"config\.seeds\[1\]: ") as why:
        config(SEED, {**SEED, **change}, {**SEED, "floor": "nowhere"}).build()
    assert type(why.value) is kind


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (None, "config: expected an object"),
        ([], "config: expected an object"),
        ({}, "config.levels: None"),
        ({"levels": "global"}, "config.levels: 'global'"),
        ({"levels": [1]}, "config.levels: [1]"),
        ({"levels": ["a"], "seeds": {}}, "config.seeds: {}"),
        ({"levels": ["a"], "seeds": "seeds"}, "config.seeds: 'seeds'"),
        ({"levels": ["a"], "seeds": [1]}, "config.seeds[0]: a seed is an object"),
        ({"levels": ["a"], "seeds": [{**SEED, "dim": None}]}, "config.seeds[0].dim: None is not a string"),
        (
            {"levels": ["a"], "seeds": [{**SEED, "kind": "price"}]},
            "config.seeds[0].kind: 'price' is none of value, bytes",
        ),
        ({"levels": ["a"], "seeds": [SEED, {**SEED, "value": True}]}, "config.seeds[1].value: True is not a number"),
        ({"levels": ["a"], "seeds": [{k: v for k, v in SEED.items() if k != "value"}]}, "config.seeds[0].value: None"),
        ({"levels": ["a"], "seeds": [{**SEED, "value": 10**400}]}, "config.seeds[0].value: the number overflows"),
        ({"levels": ["a"], "seeds": [{**SEED, "value": math.inf}]}, "config.seeds[0].value: the number overflows"),
        (
            {"levels": ["a"], "pool": {}},
            "config: 'pool' is none of $schema, aliases, chains, global, learning, levels, pools, priors, seeds",
        ),
        (
            {"levels": ["a"], "seeds": [{**SEED, "instance": "x"}]},
            "config.seeds[0]: 'instance' is none of dim, floor, inst",
        ),
        ({"levels": ["a"], "priors": []}, "config.priors: []"),
        ({"levels": ["a"], "priors": {"d": True}}, "config.priors['d']: True"),
        ({"levels": ["a"], "priors": {"d": "inf"}}, "config.priors['d']: 'inf' would gate every option"),
        ({"levels": ["a"], "priors": {1: 1.0}}, "config.priors[1]: a dimension is a string"),
    ],
    ids=lambda x: str(x)[-50:],
)
def test_a_config_that_does_not_decode_says_where(data: Any, where: str) -> None:
    """C1, D4: wrong shapes are found on reading, with the seed's index and the field."""
    with pytest.raises(DecodeError) as why:
        TensorConfig.from_dict(data)
    assert str(why.value).startswith(where)


@pytest.mark.parametrize("levels", [[], [""], ["a", "a"]], ids=repr)
def test_levels_that_are_none_build_nothing(levels: list[str]) -> None:
    """C2, T2: no levels, an empty or a repeated name."""
    with pytest.raises(DecodeError, match=r"config\.levels"):
        TensorConfig.from_dict({"levels": levels}).build()


# An integer of twenty characters or more is read from text as a float, and shown as one (tests/hostile has those).
json_data = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SEED, "levels", "seeds"]), inner),
    max_leaves=8,
)
near_seeds = st.fixed_dictionaries({key: st.just(value) | json_data for key, value in SEED.items()})


@given(
    json_data
    | st.fixed_dictionaries(
        {"levels": st.just(list(LEVELS)) | json_data, "seeds": st.lists(near_seeds, max_size=3) | json_data},
        optional={"priors": json_data},
    )
)
def test_any_data_builds_or_is_refused(data: Any) -> None:
    """C2: reading and building give a tensor or one of our errors, from data and from text alike."""
    text = json.dumps(data)
    from_data = refusal(lambda: TensorConfig.from_dict(data).build())
    from_text = refusal(lambda: TensorConfig.from_json(text).build())

    assert from_data.encode() == from_text.encode() or "NaN" in text or "Infinity" in text


@given(st.binary(max_size=30) | st.text(max_size=30) | st.text('{}[]":,levelsd', max_size=40))
def test_any_text_is_refused_or_read(text: str | bytes) -> None:
    """S3: config text too is answered by a DecodeError or read."""
    assert refusal(TensorConfig.from_json, text)[:14] in ("", "decode: config")


def test_the_declared_order_is_that_of_first_appearance() -> None:
    """The queue before any engine is up: the shared slot is no option, and an option counts once."""
    seeds = [{**SEED, "option": name} for name in ("b", "", "a", "b", "c")]

    assert config(*seeds).declared_order() == ["b", "a", "c"]
    assert config().declared_order() == []


PRIORS = {"latency": 2.0, "quality": 0.5}
FLEET = (
    {**SEED, "option": "a", "dim": "latency", "value": 9},
    {**SEED, "option": "b", "level": "device", "inst": "A", "dim": "latency", "value": 1},
    {**SEED, "option": "c", "kind": "bytes", "dim": "latency", "value": {"b64": ""}},
    {**SEED, "option": "d", "kind": "option-weight", "dim": "quality", "value": 3},
    {**SEED, "option": "", "kind": "weight", "dim": "latency", "value": 1},
    {**SEED, "option": "", "kind": "weight", "dim": "quality", "value": 10},
)


def marks(tensor: Tensor, cursor: dict[str, str]) -> dict[tuple[str, str], bool]:
    """The terms of the explanation, each with whether it is only a prior."""
    return {(r.option, t.dimension): t.prior for r in tensor.explain(cursor).ranked for t in r.terms}


def test_a_prior_stands_in_where_the_coarsest_level_says_nothing() -> None:
    """D4: every option gets each prior dimension, its own value or document keeps its place, and explain marks it."""
    tensor = config(*FLEET, priors=PRIORS).build()

    assert marks(tensor, {}) == {
        ("a", "latency"): False,
        ("a", "quality"): True,
        ("b", "latency"): True,
        ("b", "quality"): True,
        ("c", "quality"): True,
        ("d", "latency"): True,
        ("d", "quality"): True,
    }
    assert tensor.value({}, "d", "quality") == 0.5
    assert tensor.weight({}, "d", "quality") == 3.0
    assert tensor.value({}, "", "latency") is None
    assert tensor.document({}, "c", "latency") == b""
    assert marks(tensor, {"device": "A"})["b", "latency"] is False


def test_an_option_nobody_measured_is_not_free() -> None:
    """D4: without priors the option that lacks the weighted dimension would be first; with one it is priced."""
    free = config({**SEED, "option": "x", "dim": "other"}, *FLEET)
    priced = config({**SEED, "option": "x", "dim": "other"}, *FLEET, priors={"latency": 100.0})

    assert free.build().resolve({})[0] == "x"
    assert priced.build().resolve({})[-1] == "x"


def test_a_prior_ends_with_its_value_and_not_with_a_weight() -> None:
    """D4: a weight leaves the mark; a value, a restore, a roll-up or a removal at that coordinate ends it."""
    ends = [
        lambda t: t.writer("global").set_value("global", "", "a", "quality", 0.5),
        lambda t: t.writer("global").set_document("global", "", "a", "quality", b""),
        lambda t: t.writer("global").unset("global", "", "a", "quality"),
        lambda t: t.put(0, "", "a", "quality", 0.5, None),
        lambda t: t.apply_json(
            json.dumps([{"level": "global", "inst": "", "option": "a", "dim": "quality", "v": 0.5}])
        ),
        lambda t: t.clear("global", ""),
    ]
    for end in ends:
        tensor = config(*FLEET, priors=PRIORS).build()
        tensor.writer("global").set_option_weight("global", "", "a", "quality", 7.0)
        tensor.writer("global").set_value("global", "x", "a", "quality", 7.0)
        tensor.writer("global").set_value("device", "", "a", "latency", 7.0)
        assert marks(tensor, {})["a", "quality"] is True
        end(tensor)
        assert marks(tensor, {}).get(("a", "quality"), False) is False
        assert ("a", "quality") not in tensor.priors


def test_priors_fill_in_for_options_that_came_later() -> None:
    """D4: `fill_priors` declares them for every option there is by then, once, and says how many."""
    plan = config(*FLEET, priors=PRIORS)
    tensor = plan.build()
    tensor.writer("device").set_value("device", "A", "new", "latency", 1.0)

    assert plan.fill_priors(tensor) == 2
    assert plan.fill_priors(tensor) == 0
    assert marks(tensor, {})["new", "latency"] is True


def test_a_tensor_without_priors_marks_nothing() -> None:
    """D4: the same value as a seed is no prior, and JSON keeps the decision but not the mark."""
    tensor = config(*FLEET, priors=PRIORS).build()
    again = Tensor.from_json(tensor.to_json())

    assert again.resolve({}) == tensor.resolve({})
    assert not any(marks(again, {}).values())
    assert not any(marks(config(*FLEET).build(), {}).values())


def test_what_is_opened_between_workspaces_is_carried() -> None:
    """U7: closed without the key; with it the dimensions by name, of declared options, the default."""
    assert config().global_rules == GlobalRules()
    names = ["latency", "can:see"]
    for rules in ({"dimensions": names, "options": "declared"}, {"dimensions": names[::-1]}):
        assert config(**{"global": rules}).global_rules == GlobalRules(frozenset({"latency", "can:see"}), "declared")
    assert config(**{"global": {}}).global_rules == GlobalRules()


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        (None, "config.global: None"),
        (True, "config.global: True"),
        (["latency"], "config.global: "),
        ({"dimension": []}, "config.global: 'dimension'"),
        ({"dimensions": "latency"}, "config.global.dimensions: 'latency'"),
        ({"dimensions": None}, "config.global.dimensions: None"),
        ({"dimensions": {"latency": True}}, "config.global.dimensions: "),
        ({"dimensions": ["latency", 3]}, "config.global.dimensions[1]: 3"),
        ({"dimensions": [""]}, "config.global.dimensions[0]: ''"),
        ({"dimensions": ["can:*"]}, "config.global.dimensions[0]: 'can:*' is a pattern"),
        ({"options": "all"}, "config.global.options: 'all'"),
        ({"options": ["groq"]}, "config.global.options: "),
        *(
            ({"dimensions": ["ok", name]}, f"config.global.dimensions[1]: {name!r} never")
            for name in ("reach", "explore", "priv:eu", "priv:*", "budget:x", "count:latency", "support:x", "own:x")
        ),
    ],
    ids=str,
)
def test_what_cannot_be_opened_is_named(rules: object, place: str) -> None:
    """U7: an unknown key, a wrong type or a dimension that never rolls up is a ConfigError that says where."""
    with pytest.raises(ConfigError) as refused:
        config(**{"global": rules})
    assert place in str(refused.value)


def test_rules_made_by_hand_are_checked() -> None:
    """U7: the same rules hold for what was not read from JSON."""
    for made in (
        lambda: GlobalRules(frozenset({"reach"})),
        lambda: GlobalRules(frozenset({"latency"}), "all"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ConfigError):
            made()


def test_a_config_is_plain_data() -> None:
    """C1: made by hand or read, it is equal, and reading does not change what it was read from."""
    data = {"levels": list(LEVELS), "seeds": [SEED], "priors": {"d": 1}}
    before = json.dumps(data)
    read = TensorConfig.from_dict(data)

    assert read == TensorConfig(LEVELS, (Seed("global", "global", "", "o", "d", "value", 1.0),), {"d": 1.0})
    assert TensorConfig.from_json(before) == read
    assert json.dumps(data) == before


def test_a_seed_of_no_known_kind_writes_nothing() -> None:
    """C2: a kind that is none is a bad-value-kind naming the seed, never taken for another."""
    odd = Seed("global", "global", "", "o", "d", "wieght", 1.0)
    with pytest.raises(BadValueKindError, match=r"seeds\[0\]: kind 'wieght'"):
        TensorConfig(LEVELS, (odd,)).build()
