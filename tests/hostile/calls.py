"""Every public call of core and policy, found by looking, with one good set of arguments to spoil one by one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pprint import pformat
from types import ModuleType
from typing import Any

import sporewright
from sporewright import (
    AddressedField,
    Budget,
    Churn,
    Device,
    Norm,
    Receipt,
    Tensor,
    TensorConfig,
    TokenBucket,
)
from sporewright.core.config import Seed
from sporewright.core.global_rules import GlobalRules
from sporewright.core.live import DirtyCells

LEVELS = ["global", "workspace", "device"]

# Public classes and calls that a caller gets from others or that trust their only callers, each with the reason.
INSIDE = {
    "Tensor.merge": "for the package's operators: a writer admits first",
    "Tensor.put": "for trusted restores: what came in was decoded",
    "Tensor.put_many": "the same, of many cells",
    "Tensor.remove": "for the package's operators: a writer admits first",
    "Writer": "made by Tensor.writer and Writer.attenuate",
    "LiveQueue": "made by Tensor.watch",
    "FieldWriter": "made by AddressedField.writer and root_writer",
    "FieldWriter.restore_evidence": "for the reader of a snapshot, which checks it",
    "ApplyReport": "a record that apply_json gives out",
    "Cell": "a record that cells gives out",
    "Decision": "a record that decide gives out",
    "Alternative": "a record inside a decision",
    "DimensionTrace": "a record inside a decision",
    "NodeTrace": "a record inside a decision",
    "Dropped": "a record that explain gives out",
    "Ranked": "a record that explain gives out",
    "Resolution": "a record that explain gives out",
    "Term": "a record that explain gives out",
    "Execution": "a record that plan_exploration gives out",
    "ExplorationPlan": "a record that plan_exploration gives out",
    "BeliefTree": "inside the field, which checks",
    "ExactSum": "inside the field, which checks",
    "Place": "inside the field, which checks",
    "posterior": "inside the field, which checks",
    "fits_evidence": "inside the field, which checks",
    "RoutingTransport": "no operator: it calls, and tests/device holds it to what it promises",
    "SyncRoutingTransport": "no operator: it calls, and tests/device holds it to what it promises",
    "chat": "no operator: it calls, and tests/device holds it to what it promises",
}

# Modules of policy whose names are public; of core only what the package itself names.
SKIPPED_MODULES = {"sporewright.policy.field_codec": "AddressedField.to_json and from_json"}

# Names that are public in two modules: the first found is met, these are not, each with the reason.
TWICE = {"sporewright.policy.belief.Cell": "inside the field, which checks"}


def tensor() -> Tensor:
    """A few cells on every level."""
    made = Tensor(LEVELS)
    writer = made.writer("global")
    writer.set_weight("global", "", "latency", 1.0)
    for at, instance in enumerate(("A", "B")):
        writer.set_value("device", instance, "a", "latency", 1.0 + at)
        writer.set_value("device", instance, "b", "can:chat", 1.0)
    writer.set_document("workspace", "acme", "a", "note", b"x")
    return made


def field() -> AddressedField:
    """A little of everything."""
    made = AddressedField(["workspace", "device"])
    writer = made.root_writer()
    writer.set_prior({}, "a", "latency", 1.0)
    writer.observe({"workspace": "acme"}, "a", "latency", 1.0, 0.5)
    writer.observe({"workspace": "acme", "device": "A"}, "b", "latency", 2.0, 0.5)
    writer.set_weight({}, "latency", 1.0)
    return made


def budget() -> Budget:
    """One pool, one option that draws from it."""
    made = Budget()
    made.add_pool("pool", 1.0)
    made.map_option("a", "pool")
    return made


def receipt() -> Receipt:
    """As receipt_of makes them."""
    return Receipt("1", {}, {}, ({"option": "a"},), (), ("a",))


def config() -> TensorConfig:
    """One seed, one prior."""
    return TensorConfig(tuple(LEVELS), (Seed("global", "global", "", "a", "latency", "value", 1.0),), {"failure": 0.0})


# What an object of the class is made by, to call its methods on.
MAKERS: dict[str, Callable[[], Any]] = {
    "Tensor": tensor,
    "Writer": lambda: tensor().writer("global"),
    "LiveQueue": lambda: tensor().watch({}),
    "Resolution": lambda: tensor().explain({"device": "A"}),
    "Ranked": lambda: tensor().explain({"device": "A"}).ranked[0],
    "Term": lambda: tensor().explain({"device": "A"}).ranked[0].terms[0],
    "Dropped": lambda: _gated().explain({}).dropped[0],
    "TensorConfig": config,
    "Seed": lambda: config().seeds[0],
    "Norm": Norm,
    "Budget": budget,
    "TokenBucket": lambda: TokenBucket(1.0, 1.0, 0.0),
    "Device": lambda: Device(tensor(), "device", "A"),
    "AddressedField": field,
    "FieldWriter": lambda: field().root_writer(),
    "Decision": lambda: field().decide({}),
    "Alternative": lambda: field().decide({}).alternative("a"),
    "DimensionTrace": lambda: field().decide({}).alternative("a").trace("latency"),
    "NodeTrace": lambda: field().decide({}).alternative("a").trace("latency").nodes[0],
    "Receipt": receipt,
    "Churn": lambda: Churn(0.0),
}

# A good argument by its parameter's name, or by "call.parameter" where a name has two meanings.
GOOD: dict[str, Any] = {
    "levels": LEVELS, "level": "device", "instance": "A", "option": "a", "dimension": "latency", "cursor": {}, "x": 1.0,
    "from_level": "device", "to_level": "workspace", "to_instance": "acme", "quorum": 1, "instances": None,
    "dimensions": None, "limit": None, "among": None, "listener": lambda *_: None, "path": ("acme",),
    "dirty": DirtyCells(),
    "data": b"x", "floor": "global",
    "text": '{"cells": []}', "cells_text": "[]", "Tensor.from_json.text": '{"levels": ["a"], "cells": []}',
    "TensorConfig.from_json.text": '{"levels": ["a"]}',
    "AddressedField.from_json.text": '{"layers": ["a"], "cells": []}',
    "Receipt.from_json.text": receipt().to_json(), "TensorConfig.from_dict.data": {"levels": ["a"]},
    "Tensor.path.cursor": {}, "AddressedField.path.address": {}, "seeds": (), "priors": {}, "kind": "value",
    "value": 1.0, "global_rules": GlobalRules(),
    "s": 2.0, "weight": 1.0, "v": 1.0, "lo": 0.0, "hi": 2.0, "values": [1.0], "step": 0.1, "pool": "pool", "cap": 1.0,
    "usage": 1.0, "measured": {"pool": 2.0}, "capacity": 1.0, "refill_per_s": 1.0, "now": 1.0, "capability": "chat",
    "reachable": True, "can": True, "options": ["a"], "required": ["chat"], "offers": {"a": ["chat"]}, "layers": ["a"],
    "process_variance": None, "root_variance": 1.0, "layer": "workspace", "address": {"workspace": "acme"},
    "temperature": 0.5, "allowed": ["a"], "is_open": True, "variance": 1.0, "factor": 0.5, "costs": {"a": 1.0},
    "max_executions": 2, "max_total_cost": 3.0, "terms": [(1.0, 1.0)], "revision": "1", "selection": ["a"],
    "policy": {},
    "ranked": (), "dropped": (), "window_start": 0.0, "changes": 0, "cooldown_until": 0.0, "now_hours": 1.0,
    "freshness": 0.5, "staleness": 1.0, "trust": 0.5, "volatility": 0.5, "priorities": {"a": 1.0}, "leased_at": 0.0,
    "ttl": 1.0, "ceiling": 2.0, "saturation": 0.5, "incoming": 0.5, "current": 0.5, "agree": True, "delta_hours": 1.0,
    "state": "neutral", "declared": {}, "chains": {}, "stage": "s", "consumer": "c", "override": (), "aliases": None,
    "buckets.levels": 2, "work_budget.floor": 1.0, "place": "here", "FieldWriter.compact.option": None,
}  # fmt: skip

# Arguments that are objects of ours are made anew for each call.
MADE: dict[str, Callable[[], Any]] = {
    "tensor": tensor,
    "writer": lambda: tensor().writer("global"),
    "decision": lambda: field().decide({}),
    "resolution": lambda: tensor().explain({}),
    "churn": lambda: Churn(0.0),
}


def _gated() -> Tensor:
    made = tensor()
    made.writer("global").set_value("global", "", "z", "reach", float("inf"))
    return made


@dataclass(frozen=True)
class Call:
    """One public call: `owner` is the class it is a method of, "" for a function or a constructor."""

    name: str
    owner: str
    target: Any
    parameters: tuple[inspect.Parameter, ...]

    def good(self, parameter: str) -> Any:
        """An argument that works."""
        if parameter in MADE:
            return MADE[parameter]()
        for key in (f"{self.name}.{parameter}", parameter):
            if key in GOOD:
                return GOOD[key]
        raise AssertionError(
            f"{self.name}({parameter}): new here? add an argument that works to tests/hostile/calls.py"
        )

    def ready(self) -> tuple[Any, Callable[..., Any]]:
        """The object it is called on (None without one) and the bound call."""
        if not self.owner:
            return None, self.target
        if self.owner not in MAKERS:
            raise AssertionError(f"{self.owner}: a new class? add its maker to tests/hostile/calls.py")
        made = MAKERS[self.owner]()
        return made, getattr(made, self.name.split(".")[1])


def state_of(thing: Any) -> str:
    """All that a caller could see of it."""
    if hasattr(thing, "to_json"):
        return str(thing.to_json())
    for slot in ("_tensor", "_field", "_writer"):
        if hasattr(thing, slot):
            return state_of(getattr(thing, slot))
    return pformat(vars(thing) if hasattr(thing, "__dict__") else thing)  # pformat sorts what has no order


def modules() -> list[ModuleType]:
    """The modules of policy, and the package for the names of core."""
    package = importlib.import_module("sporewright.policy")
    found = [f"sporewright.policy.{each.name}" for each in pkgutil.iter_modules(package.__path__)]
    return [sporewright, *(importlib.import_module(name) for name in found if name not in SKIPPED_MODULES)]


def public() -> dict[str, Any]:
    """Every public function and class by its name."""
    named: dict[str, Any] = {}
    for module in modules():
        for name in module.__all__:
            thing = getattr(module, name)
            if callable(thing) and getattr(thing, "__module__", "").startswith("sporewright."):
                met, where = named.setdefault(thing.__name__, thing), f"{thing.__module__}.{thing.__name__}"
                if met is not thing and where not in TWICE:
                    raise AssertionError(f"{where}: {met.__module__} has that name, and only one of the two is met")
    return named


def _call(name: str, owner: str, target: Any) -> Call:
    skipped = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(target).parameters.values()
    return Call(name, owner, target, tuple(p for p in found if p.name != "self" and p.kind not in skipped))


def calls() -> Iterator[Call]:
    """Every public function, constructor and method."""
    for name, thing in sorted(public().items()):
        if isinstance(thing, type) and issubclass(thing, BaseException):
            continue
        if name not in INSIDE:
            yield _call(name, "", thing)
        if isinstance(thing, type):
            for attribute, method in sorted(vars(thing).items()):
                whole = f"{name}.{attribute}"
                if attribute.startswith("_") or isinstance(method, property) or whole in INSIDE:
                    continue
                if callable(getattr(thing, attribute)) and not (name in INSIDE and name not in MAKERS):
                    yield _call(whole, name, getattr(thing, attribute))
