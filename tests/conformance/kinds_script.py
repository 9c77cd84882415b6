"""Cases that are short scripts over the public names, for rules the published kinds cannot say.

    {"name", "rules": [id, …], "steps": [{"do": "t.resolve", "args": […], "kw"?: {…}, "as"?: name,
                                          "expect"?: …, "expect_json"?: …, "near"?: x, "error"?: code}, …]}

`do` is one of MAKE, or a dotted path from an earlier `as`: attributes, list indices, at the end a method to call.
In arguments `{"n": "inf"}` is a number JSON lacks, `{"b64": …}` bytes, `{"ref": name}` an earlier result,
`{"json": …}` JSON text, `{"only": […]}` a predicate, `{"tuple": […]}` a tuple. What comes back is compared as JSON,
numbers bit for bit.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from sporewright.core.codec import SENTINELS, encode_value
from sporewright.core.config import TensorConfig
from sporewright.core.tensor import Tensor
from sporewright.errors import SporewrightError
from sporewright.policy.bucket import TokenBucket
from sporewright.policy.budget import Budget
from sporewright.policy.cascade import resolve_chain
from sporewright.policy.explore import explore_value, plan_exploration, write_explore
from sporewright.policy.field import AddressedField
from sporewright.policy.gates import Device, gate_capabilities
from sporewright.policy.normalize import Norm, max_abs_scale
from sporewright.policy.receipt import Receipt, receipt_of, receipt_of_queue
from sporewright.policy.schedule import (
    Churn,
    buckets,
    lease_expired,
    next_churn,
    recheck_priority,
    should_reinvestigate,
    work_budget,
    work_priority,
)
from sporewright.policy.trust import freshness, next_trust_state, update_pair_trust

__all__ = ["KINDS"]

MAKE: dict[str, Any] = {
    "Tensor": Tensor,
    "Tensor.from_json": Tensor.from_json,
    "TensorConfig": TensorConfig,
    "TensorConfig.from_dict": TensorConfig.from_dict,
    "TensorConfig.from_json": TensorConfig.from_json,
    "AddressedField": AddressedField,
    "AddressedField.from_json": AddressedField.from_json,
    "Receipt": Receipt,
    "Receipt.from_json": Receipt.from_json,
    "Norm.normalize_value": Norm.normalize_value,
    **{
        each.__name__: each
        for each in (
            *(Budget, Churn, Device, Norm, TokenBucket, buckets, explore_value, freshness, gate_capabilities),
            *(lease_expired, max_abs_scale, next_churn, next_trust_state, plan_exploration, receipt_of),
            *(receipt_of_queue, recheck_priority, resolve_chain, should_reinvestigate, update_pair_trust),
            *(work_budget, work_priority, write_explore),
        )
    },
}


def _read(x: Any, names: Mapping[str, Any]) -> Any:
    """An argument."""
    if isinstance(x, list):
        return [_read(each, names) for each in x]
    if not isinstance(x, dict):
        return x
    if len(x) == 1:
        ((key, body),) = x.items()
        special: dict[str, Callable[[], Any]] = {
            "n": lambda: SENTINELS[body],
            "b64": lambda: base64.b64decode(body),
            "ref": lambda: names[body],
            "json": lambda: json.dumps(body),
            "only": lambda: body.__contains__,
            "tuple": lambda: tuple(_read(body, names)),
        }
        if key in special:
            return special[key]()
    return {key: _read(each, names) for key, each in x.items()}


def _plain(x: Any) -> Any:
    """A returned value, as JSON data."""
    if isinstance(x, float | bytes):
        return encode_value(x)
    if isinstance(x, Mapping):
        return {key: _plain(each) for key, each in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_asdict"):
        return _plain(x._asdict())
    if isinstance(x, list | tuple):
        return [_plain(each) for each in x]
    if hasattr(x, "to_dict"):
        return x.to_dict()
    if dataclasses.is_dataclass(x):
        return {each.name: _plain(getattr(x, each.name)) for each in dataclasses.fields(x)}
    return x


def _find(path: str, names: Mapping[str, Any]) -> Any:
    if path in MAKE:
        return MAKE[path]
    first, *rest = path.split(".")
    found = names[first]
    for part in rest:
        found = found[int(part)] if part.isdigit() else getattr(found, part)
    return found


def _run(step: Any, names: dict[str, Any]) -> Any:
    target = _find(step["do"], names)
    if not callable(target):
        return target
    return target(*_read(step.get("args", []), names), **_read(step.get("kw", {}), names))


def _judge(step: Any, found: Any) -> bool:
    if "near" in step:
        return abs(found - step["near"]) <= 1e-12 * max(1.0, abs(step["near"]))
    if "expect_json" in step:
        return json.dumps(json.loads(found), sort_keys=True) == json.dumps(step["expect_json"], sort_keys=True)
    return "expect" not in step or json.dumps(_plain(found), sort_keys=True) == json.dumps(
        step["expect"], sort_keys=True
    )


def _script(data: Any) -> list[str]:
    names: dict[str, Any] = {}
    failures = []
    for at, step in enumerate(data["steps"]):
        code = None
        found = None
        try:
            found = names[step.get("as", "")] = _run(step, names)
        except SporewrightError as why:
            code = why.code
        if code != step.get("error"):
            failures.append(f"step {at}, {step['do']}: expected error {step.get('error')!r}, found {code!r}")
        elif code is None and not _judge(step, found):
            failures.append(f"step {at}, {step['do']}: found {_plain(found)!r} in {step!r}")
    return failures


KINDS: dict[str, Callable[[Any], list[str]]] = dict.fromkeys(
    (
        *("writer", "codec", "fold", "explain", "live", "rollup", "roles", "device", "bucket", "budget", "normalise"),
        *("trust", "schedule", "field", "explore", "receipt", "chain"),
    ),
    _script,
)
