"""The kinds that need policies: prices, usage, buckets, capability gates, normalising, trust."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sporewright.core.codec import decode_number
from sporewright.core.tensor import Tensor
from sporewright.policy.bucket import TokenBucket
from sporewright.policy.budget import Budget
from sporewright.policy.cascade import resolve_chain
from sporewright.policy.gates import gate_capabilities
from sporewright.policy.normalize import Norm
from sporewright.policy.trust import update_pair_trust

from .kinds_core import differ, load, same

__all__ = ["KINDS"]


def _budget(data: Any) -> list[str]:
    return {"price": _price, "usage": _usage, "bucket": _bucket}[data["kind"]](data)


def _pools(spec: Any) -> Budget:
    budget = Budget(spec["step"])
    for pool in spec["pools"]:
        budget.add_pool(pool["pool"], decode_number(pool["cap"], "cap"))
    for option in spec["options"]:
        budget.map_option(option["option"], option["pool"])
    return budget


def _priced(data: Any, tensor: Tensor, budget: Budget) -> list[str]:
    failures = differ("order", data["expectedOrder"], tensor.resolve(data.get("cursor", {})))
    for pool, price in data["expectedLambda"].items():
        failures += same(f"λ of {pool}", decode_number(price, pool), budget.price(pool))
    return failures


def _price(data: Any) -> list[str]:
    tensor, budget, level = load(data["tensor"]), _pools(data["budget"]), data["budget"]["priceLevel"]
    for tick in data["ticks"] or [None]:
        if tick is not None:
            budget.tick({pool: decode_number(usage, pool) for pool, usage in _measured(tick).items()})
        budget.publish_prices(tensor.writer(level), level)
    return _priced(data, tensor, budget)


def _measured(tick: Any) -> dict[str, Any]:
    entries = tick.get("measured", tick) if isinstance(tick, dict) else tick
    if isinstance(entries, dict):
        return dict(entries)
    return {entry["pool"]: entry["usage"] for entry in entries}


def _usage(data: Any) -> list[str]:
    tensor, budget, feeder = load(data["tensor"]), _pools(data["budget"]), data["feeder"]
    usage = Tensor(feeder["levels"])
    level = feeder["fromLevel"]
    failures: list[str] = []
    for write in feeder["writes"]:
        value = decode_number(write["usage"], "usage")
        written = budget.write_usage(usage.writer(level), level, write["inst"], write["option"], value)
        failures += differ(f"write_usage({write['option']})", True, written)
    measured = budget.aggregate_usage(usage, level, feeder["toLevel"], feeder["toInst"])
    for pool, want in data["expectedMeasured"].items():
        failures += same(f"measured {pool}", decode_number(want, pool), measured.get(pool, 0.0))
    budget.tick(measured)
    price_level = data["budget"]["priceLevel"]
    budget.publish_prices(tensor.writer(price_level), price_level)
    return failures + _priced(data, tensor, budget)


def _bucket(data: Any) -> list[str]:
    spec = data["bucket"]
    bucket = TokenBucket(spec["capacity"], spec["refillPerSec"], spec["start"])
    return differ("admits", data["expectedAdmits"], [bucket.admit(now) for now in data["admits"]])


def _gate(data: Any) -> list[str]:
    tensor, gate = load(data["tensor"]), data["gate"]
    writer = tensor.writer(gate["writerLevel"])
    gate_capabilities(writer, gate["level"], gate["inst"], gate["options"], gate["required"], gate["offers"])
    return differ("resolve", data["expected"], tensor.resolve(data.get("cursor", {})))


def _norm(data: Any) -> list[str]:
    return _value_side(data) if "valueNorm" in data else _weight_side(data)


def _pairs(entries: Any, key: str, number: str) -> list[tuple[str, float]]:
    """(dimension, number) from a list of objects or one object."""
    if isinstance(entries, dict):
        return [(name, float(x)) for name, x in entries.items()]
    return [(entry[key], float(entry[number])) for entry in entries]


def _weight_side(data: Any) -> list[str]:
    tensor, spec, norm = load(data["tensor"]), data["norm"], Norm()
    for dimension, scale in _pairs(spec["scales"], "dim", "scale"):
        norm.with_scale(dimension, scale)
    level = spec["writeLevel"]
    for dimension, raw in _pairs(spec["weights"], "dim", "raw"):
        tensor.writer(level).set_weight(level, "", dimension, norm.effective_weight(dimension, raw))
    return differ("resolve", data["expected"], tensor.resolve(data.get("cursor", {})))


def _value_side(data: Any) -> list[str]:
    tensor, spec, cursor = load(data["tensor"]), data["valueNorm"], data.get("cursor", {})
    notes = []
    for dimension, bounds in spec["ranges"].items():
        for option in tensor.options(cursor):
            raw = tensor.value(cursor, option, dimension)
            if raw is not None:
                notes.append((option, dimension, Norm.normalize_value(raw, bounds["lo"], bounds["hi"])))
    level = spec["writeLevel"]
    writer = tensor.writer(level)
    for option, dimension, value in notes:
        writer.set_value(level, "", option, dimension, value)
    for dimension, weight in spec["weights"].items():
        writer.set_weight(level, "", dimension, weight)
    failures = differ("resolve", data["expected"], tensor.resolve(cursor))
    for want in data["expectedValues"]:
        found = tensor.value(cursor, want["option"], want["dim"])
        failures += same(f"{want['option']}/{want['dim']}", float(want["value"]), found)
    return failures


def _trust(data: Any) -> list[str]:
    incoming, current = update_pair_trust(
        data["incomingTrust"],
        data["currentTrust"],
        agree=data["agree"],
        freshness=data["freshness"],
        volatility=data["sourceVolatility"],
    )
    failures = []
    for what, want, found in (
        ("incoming", data["expectedIncomingTrust"], incoming),
        ("current", data["expectedCurrentTrust"], current),
    ):
        if abs(want - found) >= 1e-12:
            failures.append(f"{what} trust: expected {want!r}, found {found!r}")
    return failures


def _cascade(data: Any) -> list[str]:
    failures = []
    for case in data if isinstance(data, list) else data["cases"]:
        given = case["input"]
        slots = resolve_chain(
            given["chains"],
            given["stageId"],
            given["consumerId"],
            given["capability"],
            given.get("instanceId"),
            given.get("l2Override") or (),
            {"evaluate": "eval"},
        )
        want = [(slot["provider"], slot["model"]) for slot in case["expected"]]
        failures += differ(case["name"], want, slots)
    return failures


KINDS: dict[str, Callable[[Any], list[str]]] = {
    "budget-vectors": _budget,
    "gate-vectors": _gate,
    "norm-vectors": _norm,
    "trust-vectors": _trust,
    "cascade": _cascade,
}
