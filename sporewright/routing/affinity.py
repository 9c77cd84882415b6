"""Affinity of calls that belong together: what it is worth to stay where their prompt is cached.

Kept by whoever makes the calls, in memory: providers keep a prompt for minutes. `web/src/routing/affinity.ts` is the
twin; tests/routing/affinity.json holds scripts for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sporewright.routing.preferences import Figures, Place

__all__ = ["CACHE_S", "Affinity", "Turn", "turn_of"]

CACHE_S = 300.0
"""Seconds for which a prompt is kept after its last use, by Anthropic's and OpenAI's documentation at least (2026)."""
MOST = 1000
"""So many keys are remembered; the one that was used longest ago makes room."""
NEAR = 0.02
"""Options whose scores differ by less than this share of the best are as good as each other."""
SHARE = 0.9
"""The share of a prompt's tokens that comes from a cache, before an option has told."""
STEP = 0.3
"""The weight of an answer's own share in what is known of its option."""
FADE = 0.98
"""The weight of what was known of the seconds per token, with each further answer."""
TOLD = 8
"""Answers before a speed is believed."""


MOST_TOKENS = 1e9
"""No request has more: what says so is no count."""
_SENT = ("prompt_tokens", "input_tokens", "promptTokenCount")
_ANSWERED = ("completion_tokens", "output_tokens", "candidatesTokenCount")
_CACHED = ("prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens", "cache_read_input_tokens",
    "cachedContentTokenCount")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Turn:
    """The words of an answer of itself: its tokens, how many were cached, and the seconds to its first token."""

    tokens: float
    sent: float
    cached: float | None = None
    first_s: float | None = None


@dataclass(slots=True)
class _Warm:
    option: str
    at: float
    tokens: float
    turns: int
    """Answers so far: as many may be still to come, each of which would gain by a better option."""


@dataclass(slots=True)
class _Speed:
    """The slope of first-token seconds over tokens that were read anew, by weighted least squares."""

    count: float = 0.0
    tokens: float = 0.0
    seconds: float = 0.0
    spread: float = 0.0
    together: float = 0.0

    def add(self, tokens: float, seconds: float) -> None:
        self.count = self.count * FADE + 1.0
        off = tokens - self.tokens
        self.tokens += off / self.count
        self.seconds += (seconds - self.seconds) / self.count
        self.spread = self.spread * FADE + off * (tokens - self.tokens)
        self.together = self.together * FADE + off * (seconds - self.seconds)

    @property
    def per_token_s(self) -> float:
        return max(0.0, self.together / self.spread) if self.count >= TOLD * 0.9 and self.spread > 0 else 0.0


@dataclass(slots=True)
class Affinity:
    """The options at which the prompts of keys are warm, and what is known of their caches. Time in seconds."""

    _warm: dict[str, _Warm] = field(default_factory=dict)
    _shares: dict[str, float] = field(default_factory=dict)
    _speeds: dict[str, _Speed] = field(default_factory=dict)

    def place(self, key: str, now: float, queue: Sequence[str], figures: Mapping[str, Figures]) -> Place | None:
        """The option that the call stays with, and what that is worth in units of the score; None for no other order.

        A key that is nowhere warm goes to one of the options that are as good as the best, always to the same.
        """
        warm = self._warm.get(key)
        scores = [score for option in queue if (score := figures.get(option, Figures()).get("score")) is not None]
        near = NEAR * abs(min(scores)) if scores else 0.0
        if warm is not None and warm.option in queue and 0 <= now - warm.at < CACHE_S:
            saved = self._saves(warm, now, figures.get(warm.option, Figures()))
            return {"option": warm.option, "saves": max(saved, near)}
        if not scores:
            return None
        best = min(scores)
        alike = [
            option for option in queue if figures.get(option, Figures()).get("score", best + near + 1) <= best + near
        ]
        return {"option": max(alike, key=lambda option: _hash(f"{key}\0{option}")), "saves": near}

    def heard(self, key: str, option: str, now: float, turn: Turn) -> None:
        """A call with this key was answered."""
        before = self._warm.pop(key, None)
        turns = 1 if before is None or not 0 <= now - before.at < CACHE_S else before.turns + 1
        if turn.cached is not None and turn.cached >= 0:
            if before is not None and before.option == option and 0 <= now - before.at < CACHE_S and before.tokens > 0:
                share = min(1.0, turn.cached / before.tokens)
                known = self._shares.get(option, SHARE)
                self._shares[option] = known + STEP * (share - known)
            if turn.first_s is not None:
                self._speeds.setdefault(option, _Speed()).add(max(0.0, turn.sent - turn.cached), turn.first_s)
        self._warm[key] = _Warm(option, now, turn.tokens, turns)
        if len(self._warm) > MOST:
            del self._warm[next(iter(self._warm))]

    def _saves(self, warm: _Warm, now: float, figures: Figures) -> float:
        """Money and seconds that the cached tokens save, as the order weighs them; less as the cache grows old.

        They are saved once, by not moving now, and are shared by the turns to come.
        """
        age = (now - warm.at) / CACHE_S
        tokens = warm.tokens * self._shares.get(warm.option, SHARE) * (1.0 - age * age * age * age)
        price = figures.get("price_in", 0.0)
        usd = tokens * max(0.0, price - figures.get("price_cached", price)) / 1e6
        speed = self._speeds.get(warm.option)
        seconds = 0.0 if speed is None else tokens * speed.per_token_s
        worth = usd * max(0.0, figures.get("dollar", 0.0)) + seconds * max(0.0, figures.get("second", 0.0))
        return worth / warm.turns


def turn_of(usage: Any, sent: float, first_s: float | None) -> Turn:
    """The words of an answer's usage, whoever's; `sent`: the request's tokens where it says none."""
    said = usage if isinstance(usage, Mapping) else {}
    read, cached = _count(said, _SENT), _count(said, _CACHED)
    if read is not None and "cache_read_input_tokens" in said:  # Anthropic counts what was cached apart
        read += (_count(said, ("cache_read_input_tokens",)) or 0) + (
            _count(said, ("cache_creation_input_tokens",)) or 0
        )
    read = sent if read is None else read
    return Turn(read + (_count(said, _ANSWERED) or 0), read, cached, first_s)


def _count(usage: Mapping[str, Any], names: Sequence[str]) -> float | None:
    """The first of these that is a number; a dot leads into an object."""
    for name in names:
        outer, _, inner = name.partition(".")
        found = usage.get(outer)
        found = found.get(inner) if inner and isinstance(found, Mapping) else found
        if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= MOST_TOKENS:
            return float(found)
    return None


def _hash(text: str) -> int:
    """FNV-1a with a finisher, 32 bits: the same for the same text, and as good as random."""
    found = 0x811C9DC5
    for byte in text.encode("utf-8", "replace"):
        found = (found ^ byte) * 0x01000193 & 0xFFFFFFFF
    found = (found ^ found >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    return found ^ found >> 13
