"""Usage in receipts: counts are kept, a provider's own words are not."""

from __future__ import annotations

from sporewright.device.call_receipt import counts_of


def test_of_usage_only_counts_are_kept() -> None:
    """A provider's own words might repeat the caller's, in values and in names."""
    usage = {"total": 3, "cost": 0.5, "note": "the prompt", "more": {"cached": 1, "why": "w"}, "the prompt": 1}
    deep = {"a": {"b": {"c": {"d": {"e": 1}}}}}

    assert counts_of(usage) == {"total": 3, "cost": 0.5, "more": {"cached": 1}}
    assert counts_of(deep) == {"a": {"b": {"c": {}}}}
    assert counts_of("the prompt") is None
