"""The size of a request to a model: its tokens by the length of its texts, and the limit that it sets its answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["TokenCount", "tokens_of"]

CHARS_A_TOKEN = 4
BINARY = frozenset(("data", "bytes", "image_url", "file_data"))
"""Fields that hold files: their length says nothing of tokens."""
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
DEEPEST = 32


class TokenCount(NamedTuple):
    """Tokens of a request, estimated, and the most that its answer may have; None: it sets no limit."""

    tokens_in: float = 0.0
    max_tokens: float | None = None


def tokens_of(body: Any) -> TokenCount:
    """The size of a request as it was read from JSON; nothing of what is no object."""
    if not isinstance(body, Mapping):
        return TokenCount()
    nested = body.get("generationConfig")
    tables = [body, nested] if isinstance(nested, Mapping) else [body]
    found = [table[name] for table in tables for name in LIMITS if name in table]
    limits = [each for each in found if isinstance(each, int | float) and not isinstance(each, bool) and each > 0]
    return TokenCount(float(math.ceil(_chars(body, DEEPEST) / CHARS_A_TOKEN)), float(limits[0]) if limits else None)


def _chars(data: Any, depth: int) -> int:
    """The characters of all texts within, names and files left out."""
    if isinstance(data, str):
        return 0 if data.startswith("data:") else len(data)
    if depth == 0:
        return 0
    if isinstance(data, Mapping):
        return sum(_chars(value, depth - 1) for name, value in data.items() if name not in BINARY)
    return sum(_chars(value, depth - 1) for value in data) if isinstance(data, list) else 0
