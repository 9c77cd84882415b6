"""The public names are a golden list: a change shows up here."""

from __future__ import annotations

import sporewright

PUBLIC = """
ApplyReport BadValueKindError Cell Cursor DecodeError Dropped LiveQueue Ranked Resolution Seed SporewrightError Tensor
TensorConfig Term UnknownLevelError WriteUpError Writer __version__ Budget TokenBucket Device gate_capabilities Norm
max_abs_scale freshness next_trust_state update_pair_trust resolve_chain Churn next_churn should_reinvestigate
AddressedField FieldWriter Decision Receipt plan_exploration
"""


def test_public_names_of_the_package() -> None:
    """Everything INTERFACE promises is importable from the root, and `__all__` tells the truth."""
    assert set(PUBLIC.split()) == set(sporewright.__all__)
    assert all(hasattr(sporewright, name) for name in sporewright.__all__)
    assert sorted(sporewright.__all__) == list(sporewright.__all__)


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
