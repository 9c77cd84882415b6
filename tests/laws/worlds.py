"""Random arguments by parameter name and random objects by class, for every public call that is found."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from sporewright import AddressedField, Budget, Churn, Device, Norm, TensorConfig, TokenBucket
from sporewright.core.config import KINDS, Seed
from sporewright.core.global_rules import GlobalRules
from sporewright.policy.receipt import receipt_of
from tests.hostile.calls import GOOD, Call
from tests.strategies import LEVELS, built, cursors, dimensions, distinct_writes, finite, instances, options, scalars

LAYERS = ("workspace", "device")

levels = st.sampled_from([*LEVELS * 4, "galaxy"])
addresses = st.sampled_from(
    [{}, {"workspace": "acme"}, {"workspace": "B"}, {"workspace": "acme", "device": "A"},
     {"workspace": "B", "device": "A"}]
)  # fmt: skip
known = st.sampled_from(["a", "b", "c", "é"])
small = st.floats(-10, 10)
positive = st.floats(1e-3, 1e3)
pools = st.sampled_from(["p", "q", "pool"])


def mapped(keys: st.SearchStrategy[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A small mapping."""
    return st.dictionaries(keys, values, max_size=4)


def listed(keys: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """A few different names."""
    return st.lists(keys, max_size=4, unique=True)


@dataclass(frozen=True)
class World:
    """The way to make an object of a class: facts in any order, then the object built from them."""

    facts: st.SearchStrategy[list[Any]]
    build: Callable[[Sequence[Any]], Any]


def field(facts: Sequence[Any]) -> AddressedField:
    """A field that was told these facts."""
    made = AddressedField(LAYERS, {"device": 0.5})
    for name, address, option, dimension, *numbers in facts:
        getattr(made.root_writer(), name)(address, option, dimension, *numbers)
    return made


def budget(facts: Sequence[Any]) -> Budget:
    """Pools, and which option draws from which."""
    made = Budget()
    for pool in ("p", "q", "pool"):
        made.add_pool(pool, 2.0)
    for option, pool in facts:
        made.map_option(option, pool)
    return made


def norm(facts: Sequence[Any]) -> Norm:
    """A scale for some dimensions."""
    made = Norm()
    for dimension, scale in facts:
        made.with_scale(dimension, scale)
    return made


def device_of(facts: Sequence[Any]) -> Device:
    """A device of a tensor."""
    return Device(built(list(facts)), "device", "A")


def config_of(facts: Sequence[Any]) -> TensorConfig:
    """Seeds in this order: a seed of the same layer later wins, so no two are of the same."""
    seeds = [
        Seed("global", w.level, w.instance, w.option, w.dimension, kind, w.x)
        for w in facts
        for kind in ["option-weight" if w.layer == "weight" else "bytes" if isinstance(w.x, bytes) else "value"]
    ]
    return TensorConfig(LEVELS, tuple(seeds), {"failure": 0.5})


_prior = st.tuples(st.just("set_prior"), addresses, known, dimensions, small)
_seen = st.tuples(st.just("observe"), addresses, known, dimensions, small, positive)
field_facts = st.lists(_seen | _prior, max_size=8, unique_by=lambda fact: (fact[0], str(fact[1]), *fact[2:4]))
nothing: st.SearchStrategy[list[Any]] = st.just([])

WORLDS: dict[str, World] = {
    "Tensor": World(distinct_writes, lambda facts: built(list(facts))),
    "Writer": World(distinct_writes, lambda facts: built(list(facts)).writer("global")),
    "LiveQueue": World(distinct_writes, lambda facts: built(list(facts)).watch({"device": "A"}, 3)),
    "TensorConfig": World(distinct_writes, config_of),
    "Device": World(distinct_writes, device_of),
    "Resolution": World(distinct_writes, lambda facts: built(list(facts)).explain({"device": "A"})),
    "AddressedField": World(field_facts, field),
    "FieldWriter": World(field_facts, lambda facts: field(facts).root_writer()),
    "Decision": World(field_facts, lambda facts: field(facts).decide({"workspace": "acme"}, 0.5)),
    "Receipt": World(field_facts, lambda facts: receipt_of(field(facts).decide({}, 0.5), "1", ["a"])),
    "Budget": World(st.lists(st.tuples(known, pools), max_size=4, unique_by=lambda fact: fact[0]), budget),
    "Norm": World(st.lists(st.tuples(dimensions, scalars), max_size=4, unique_by=lambda fact: fact[0]), norm),
    "TokenBucket": World(nothing, lambda _: TokenBucket(2.0, 0.5, 0.0)),
    "Churn": World(nothing, lambda _: Churn(0.0)),
    "Seed": World(nothing, lambda _: Seed("global", "device", "A", "a", "latency", "value", 1.0)),
}

# Records inside the ones above: their own methods are pure and met through `to_dict` of what holds them.
WITHIN = {
    "Ranked": "Resolution", "Dropped": "Resolution", "Term": "Resolution",
    "Alternative": "Decision", "DimensionTrace": "Decision", "NodeTrace": "Decision",
}  # fmt: skip

# Arguments that are objects: made from facts as well, so that their order is tried too.
OBJECTS = {"tensor": "Tensor", "writer": "Writer", "decision": "Decision", "resolution": "Resolution", "churn": "Churn"}

ARGUMENTS: dict[str, st.SearchStrategy[Any]] = {
    "level": levels, "from_level": levels, "to_level": levels, "floor": levels, "instance": instances,
    "to_instance": instances, "option": options, "dimension": dimensions, "x": scalars, "cursor": cursors,
    "quorum": st.integers(0, 3), "instances": st.none() | listed(instances), "limit": st.none() | st.integers(0, 3),
    "among": st.none() | listed(options), "dimensions": st.sampled_from([None, lambda name: name < "g"]),
    "data": st.binary(max_size=3), "pool": pools, "usage": scalars, "cap": scalars, "step": scalars, "s": scalars,
    "weight": scalars, "v": scalars, "lo": scalars, "hi": scalars, "values": st.lists(scalars, max_size=5),
    "measured": mapped(pools, scalars), "capability": st.sampled_from(["chat", "x"]), "reachable": st.booleans(),
    "can": st.booleans(), "agree": st.booleans(), "is_open": st.booleans(), "options": listed(options),
    "required": listed(st.sampled_from(["chat", "x", "y"])), "layer": st.sampled_from([*LAYERS, "galaxy"]),
    "offers": mapped(options, listed(st.sampled_from(["chat", "x", "y"]))), "address": addresses,
    "temperature": st.floats(0, 3), "allowed": listed(known), "variance": positive, "factor": st.floats(0, 1),
    "costs": mapped(known, st.floats(0, 5)), "max_executions": st.integers(0, 4), "max_total_cost": st.floats(0, 9),
    "now": finite, "capacity": finite, "refill_per_s": finite, "now_hours": finite, "delta_hours": scalars,
    "freshness": scalars, "staleness": scalars, "trust": scalars, "volatility": scalars, "incoming": scalars,
    "current": scalars, "leased_at": scalars, "ttl": scalars, "ceiling": scalars, "saturation": scalars,
    "state": st.sampled_from(["neutral", "limited", "trusted", "suspended", "revoked", "famous"]),
    "priorities": mapped(known, scalars), "changes": st.integers(0, 9), "window_start": finite, "value": small,
    "cooldown_until": st.sampled_from([-math.inf, 0.0, 50.0]), "root_variance": positive,
    "aliases": st.just({"s": "t"}),
    "process_variance": st.none() | mapped(st.sampled_from(LAYERS), positive), "kind": st.sampled_from(KINDS),
    "global_rules": st.frozensets(st.sampled_from(["latency", "quality", "can:see"])).map(GlobalRules),
    "priors": mapped(dimensions, small), "terms": st.lists(st.tuples(positive, small), max_size=4),
    "declared": st.just(
        {"chains": {"t": {"c": [{"provider": "p", "model": "m"}]}, "t:c": {"c": []}}, "aliases": {"s": "t", "u": "t"}}
    ),
    "chains": st.just({"t": {"c": [{"provider": "p", "model": "m"}, {"provider": "q", "model": "m"}]}, "t:c": {}}),
    "capability of resolve_chain": st.just("c"), "levels of buckets": st.integers(1, 4),
    "floor of work_budget": scalars,
}  # fmt: skip

# Parameters that a random argument would say nothing new about: the good one does (the hostile tests spoil them).
FIXED = {
    "levels", "listener", "dirty", "path", "text", "cells_text", "seeds", "layers", "revision", "selection", "policy",
    "ranked", "dropped", "stage", "consumer", "override", "place",
}  # fmt: skip

# Where the order of what is handed in says nothing, so any other order has to give the same answer.
UNORDERED = {"instances", "among", "allowed", "options", "required", "values"}


@st.composite
def arguments(draw: st.DrawFn, call: Call) -> dict[str, Any]:
    """Plain arguments by name; objects as their facts."""
    found: dict[str, Any] = {}
    for each in call.parameters:
        if each.name in OBJECTS:
            found[each.name] = draw(WORLDS[OBJECTS[each.name]].facts)
        elif f"{each.name} of {call.name}" in ARGUMENTS:
            found[each.name] = draw(ARGUMENTS[f"{each.name} of {call.name}"])
        elif each.name in FIXED or f"{call.name}.{each.name}" in GOOD:
            found[each.name] = call.good(each.name)
        elif each.name in ARGUMENTS:
            found[each.name] = draw(ARGUMENTS[each.name])
        else:
            raise AssertionError(f"{call.name}({each.name}): new here? give it a strategy in tests/laws/worlds.py")
    return found
