"""The public names are a golden list: a change shows up here."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import sporewright

PUBLIC = """
ApplyReport BadValueKindError Cell Cursor DecodeError Dropped LiveQueue Ranked Resolution Seed SporewrightError Tensor
TensorConfig Term UnknownLevelError WriteUpError Writer __version__ Budget TokenBucket Device gate_capabilities Norm
max_abs_scale freshness next_trust_state update_pair_trust resolve_chain Churn next_churn should_reinvestigate
AddressedField FieldWriter Decision Receipt plan_exploration RoutingTransport SyncRoutingTransport chat
"""


def test_public_names_of_the_package() -> None:
    """Everything INTERFACE promises is importable from the root, and `__all__` tells the truth."""
    assert set(PUBLIC.split()) == set(sporewright.__all__)
    assert all(hasattr(sporewright, name) for name in sporewright.__all__)
    assert sorted(sporewright.__all__) == list(sporewright.__all__)


@pytest.mark.parametrize("name", ["RoutingTransport", "SyncRoutingTransport", "chat"])
def test_what_needs_an_extra_names_it(name: str) -> None:
    """Without httpx the import says how to get it; the package and the list of its names need none."""
    code = f"import sys; sys.modules['httpx'] = None; import sporewright; print({name!r} in dir(sporewright))\n"
    code += f"try: from sporewright import {name}\nexcept ImportError as why: print(why)\n"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert told == f"True\nsporewright.{name} needs httpx: pip install 'sporewright[native]'\n"


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = sporewright.nonsense


def test_public_methods_of_the_tensor() -> None:
    """The tensor and its writer answer to the published cores' names."""
    tensor = """writer resolve explain value document weight options reduce_median reduce_sum roll_up corroborate
    support clear cells to_json from_json apply_json watch"""
    writer = "set_value set_document set_weight set_option_weight unset apply_json attenuate"

    assert all(callable(getattr(sporewright.Tensor, name)) for name in tensor.split())
    assert all(callable(getattr(sporewright.Writer, name)) for name in writer.split())


def test_errors_are_also_the_nearest_built_in() -> None:
    """Each named error can be caught as the ordinary one, and carries a stable code."""
    assert issubclass(sporewright.WriteUpError, PermissionError)
    assert issubclass(sporewright.UnknownLevelError, LookupError)
    assert issubclass(sporewright.BadValueKindError, TypeError)
    assert issubclass(sporewright.DecodeError, ValueError)
    kinds = ("WriteUpError", "UnknownLevelError", "BadValueKindError", "DecodeError")
    assert [getattr(sporewright, k).code for k in kinds] == ["write-up", "unknown-level", "bad-value-kind", "decode"]


TARGET = "from_level to_level to_instance"
CALLS = {
    "Tensor": "levels",
    "Tensor.writer": "level instance=None",
    "Tensor.resolve": "cursor",
    "Tensor.explain": "cursor",
    "Tensor.value": "cursor option dimension",
    "Tensor.document": "cursor option dimension",
    "Tensor.weight": "cursor option dimension",
    "Tensor.options": "cursor",
    "Tensor.reduce_median": f"{TARGET} option dimension instances=None",
    "Tensor.reduce_sum": f"{TARGET} option dimension instances=None",
    "Tensor.roll_up": f"{TARGET} instances=None dimensions=None",
    "Tensor.corroborate": f"{TARGET} quorum instances=None dimensions=None",
    "Tensor.support": "level option dimension",
    "Tensor.clear": "level instance",
    "Tensor.from_json": "text",
    "Tensor.apply_json": "cells_text",
    "Tensor.watch": "cursor limit=None among=None",
    "Writer.set_value": "level instance option dimension x",
    "Writer.set_document": "level instance option dimension data",
    "Writer.set_weight": "level instance dimension x",
    "Writer.set_option_weight": "level instance option dimension x",
    "Writer.unset": "level instance option dimension",
    "Writer.apply_json": "text",
    "Writer.attenuate": "level instance=None",
    "TensorConfig.from_dict": "data",
    "Cell": "level instance option dimension value=None weight=None",
    "Term": "dimension value weight product value_source weight_source prior=False",
    "Ranked": "option score terms",
    "Dropped": "option dimension value level instance",
    "Resolution": "ranked dropped",
}


@pytest.mark.parametrize("name", CALLS)
def test_public_calls_keep_their_arguments(name: str) -> None:
    """INTERFACE: the arguments have these names, this order and these defaults."""
    thing = sporewright
    for part in name.split("."):
        thing = getattr(thing, part)
    parameters = [each for each in inspect.signature(thing).parameters.values() if each.name != "self"]
    found = [each.name if each.default is each.empty else f"{each.name}={each.default!r}" for each in parameters]

    assert " ".join(found) == CALLS[name]
