"""One vocabulary of random tensors for every property: add here, and old properties test it too."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from sporewright.core.tensor import Tensor
from sporewright.errors import SporewrightError

LEVELS = ("global", "workspace", "device")

# Few names, the first often, so that cells meet; the others are astral and combining characters and order traps (T6).
options = st.sampled_from([*["", "a", "b"] * 5, "c", "\ue000", "\U00010000", "é", "e\u0301"])
dimensions = st.sampled_from([*["latency", "financial"] * 4, "failure", "reach", "can:x", "\U0001f642"])
instances = st.sampled_from([*["", "A"] * 3, "A/x", "B", "acme"])
finite = st.one_of(
    st.sampled_from([0.0, -0.0, 0.1, 0.2, 0.3, 1.0, -1.0, 1e308, -1e308, 5e-324]),
    st.floats(allow_nan=False, allow_infinity=False),
)
scalars = st.one_of(finite, finite, finite, st.sampled_from([math.inf, -math.inf, math.nan]))
values = st.one_of(scalars, scalars, scalars, st.binary(max_size=4))


@dataclass(frozen=True)
class Write:
    """One writer call as data; `layer` is "value" or "weight"."""

    level: str
    instance: str
    option: str
    dimension: str
    layer: str
    x: float | bytes

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """The layer this write sets."""
        return (self.level, self.instance, self.option, self.dimension, self.layer)

    def apply(self, tensor: Tensor) -> None:
        """Make the call with a writer that may do anything."""
        writer = tensor.writer(tensor.levels[0])
        if self.layer == "weight":
            assert isinstance(self.x, float)
            writer.set_option_weight(self.level, self.instance, self.option, self.dimension, self.x)
        elif isinstance(self.x, bytes):
            writer.set_document(self.level, self.instance, self.option, self.dimension, self.x)
        else:
            writer.set_value(self.level, self.instance, self.option, self.dimension, self.x)


_levels = st.sampled_from(LEVELS)
value_writes = st.builds(Write, _levels, instances, options, dimensions, st.just("value"), values)
weight_writes = st.builds(Write, _levels, instances, options, dimensions, st.just("weight"), scalars)
writes = st.lists(st.one_of(value_writes, weight_writes), max_size=24)
distinct_writes = st.lists(st.one_of(value_writes, weight_writes), max_size=24, unique_by=lambda write: write.key)
cursors = st.fixed_dictionaries({}, optional=dict.fromkeys(LEVELS, instances))


def built(moves: list[Write]) -> Tensor:
    """A tensor after those writes."""
    tensor = Tensor(LEVELS)
    for move in moves:
        move.apply(tensor)
    return tensor


def refusal(call: Callable[..., object], *args: object) -> str:
    """The refusal of a call, as `code: message`; "" if there was none. Any error not of ours goes through."""
    try:
        call(*args)
    except SporewrightError as why:
        return f"{why.code}: {why}"
    return ""
