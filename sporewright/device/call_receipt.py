"""The receipt of one native call: what it tells of the call and of each attempt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Attempt", "Receipt", "counts_of"]

# Deeper than any provider's usage; a name is a word of the provider's, too: those of the APIs are short and plain.
_DEEPEST = 4
_NAME = re.compile(r"\w{1,40}", re.ASCII)


@dataclass
class Attempt:
    """One attempt as the receipt tells it; times in seconds, `usage` as the provider counted it.

    Of what was thrown `reason` is the name alone: its text may quote a key or an answer.
    `tokens`, `in` and `out`: as the learner was told.
    """

    option: str
    outcome: str
    reason: str
    status: int | None = None
    key: int | None = None
    """Number of the key that was used, if the option has several."""
    latency: float = 0.0
    duration: float = 0.0
    bytes: int = 0
    retry_after: float | None = None
    usage: Any = None
    tokens: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Receipt:
    """The account of one routed call: the option that answered, the order, every attempt, options skipped and why."""

    queue: list[str]
    option: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    task: str | None = None
    """The kind of work that was told."""
    cursor: dict[str, str] | None = None
    """The call's own part of the cursor, its kind of work included; None if it had none."""
    preferences: dict[str, Any] | None = None
    """The preferences of the call (`asked`) and the learned order (`from`); None if it has none."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    def __repr__(self) -> str:
        attempts = ", ".join(f"{each.option} {each.outcome}" for each in self.attempts) or "no attempt"
        skipped = "".join(f"; {option} skipped: {why}" for option, why in self.skipped.items())
        return f"<Receipt {'answered by ' + self.option if self.option else 'not answered'}: {attempts}{skipped}>"


def counts_of(usage: Any, depth: int = 0) -> Any:
    """Numbers and what holds them: a provider's own words, which might repeat the caller's, are left out."""
    if isinstance(usage, (int, float)):
        return usage
    if not isinstance(usage, dict) or depth >= _DEEPEST:
        return None
    counts = {name: counts_of(value, depth + 1) for name, value in usage.items() if _NAME.fullmatch(name)}
    return {name: value for name, value in counts.items() if value is not None}
