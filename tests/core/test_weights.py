"""The weights at a cursor, kept current: whatever was written, they are the fold's (F3)."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sporewright.core import resolve
from sporewright.core.tensor import Tensor
from sporewright.core.weights import Weights
from tests.core.sizes import tiny

LEVELS = ("global", "workspace", "device")
CURSOR = {"workspace": "acme", "device": "A"}
DIMENSIONS = ("latency", "quality")
places = st.tuples(st.integers(0, 2), st.sampled_from(["", "acme", "A"]), st.sampled_from(["", "a", "b"]))
layers = st.tuples(st.none() | st.just(0.5), st.none() | st.sampled_from([0.0, 0.5, float("inf")]))
steps = st.tuples(
    st.sampled_from(["put", "merge", "put_many", "remove", "clear"]),
    places,
    st.sampled_from([*DIMENSIONS, "explore"]),
    layers,
)


def plain(tensor: Tensor, option: str) -> dict[str, float]:
    """The definition: each dimension's weight for itself."""
    slices = tensor.slices(CURSOR)
    found = {dimension: resolve.fold_weight(slices, option, dimension) for dimension in DIMENSIONS}
    return {dimension: weight for dimension, weight in found.items() if weight is not None}


@pytest.mark.parametrize("wide", [False, True], ids=["dicts", "columns"])
@given(walk=st.lists(steps, max_size=20))
@example(
    walk=[
        ("put", (0, "", ""), "latency", (None, 0.0)),
        ("put", (0, "", "a"), "latency", (None, 0.0)),
        ("put", (1, "acme", ""), "latency", (None, 0.5)),
    ]
)
def test_the_weights_of_an_option_are_the_folds_after_any_write(wide: bool, walk: list[tuple]) -> None:
    """F3: own before shared, deeper before coarser, after puts, merges, removals, in either home of cells."""
    with tiny() if wide else nullcontext():
        tensor = Tensor(LEVELS)
        weights = Weights(tensor.store, tensor.weights, tensor.path(CURSOR), DIMENSIONS)
        for call, (level, instance, option), dimension, (value, weight) in walk:
            if call == "remove":
                tensor.remove(level, instance, option, dimension)
            elif call == "clear":
                tensor.clear(LEVELS[level], instance)
            elif call == "put_many":
                tensor.put_many(level, instance, {(option, dimension): (value, weight)}, merge=weight is None)
            else:
                getattr(tensor, call)(level, instance, option, dimension, value, weight)
            for asked in ("a", "b", ""):
                assert dict(weights.of(asked)) == plain(tensor, asked)
