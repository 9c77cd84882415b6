"""The evidence that an attempt's end gives, by the plan's actions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sporewright.learning.evidence import Evidence

__all__ = ["cost_of", "evidence_of"]


def evidence_of(
    actions: Sequence[str],
    outcome: str,
    latency_s: float | None,
    *,
    ttft_s: float | None = None,
    cost_usd: float | None = None,
) -> Evidence | None:
    """The evidence that the actions ask for; None where the end of the attempt teaches nothing.

    A time-out only says that the answer takes longer than was waited, and so does an end by the call's deadline; a slow
    start, that its first token does. How fast an option fails is not how fast it is: a latency counts with
    `learn_latency` alone. A measurement that is negative, not finite or missing is none.
    """
    timed = "learn_latency" in actions
    failed = True if "learn_failure" in actions else False if "learn_ok" in actions else None
    latency = latency_s if timed and _measures(latency_s) else None
    late = outcome == "slow_start"
    waited = latency_s if late else ttft_s if timed else None
    ttft = waited if _measures(waited) else None
    cost = cost_usd if failed is not None and _measures(cost_usd) else None
    if latency is None and ttft is None and failed is None:
        return None
    return Evidence(
        latency,
        ttft,
        timed_out=late or outcome in ("timed_out", "deadline"),
        failed=failed,
        cost_usd=cost,
        limited="cool_down" in actions,
    )


def cost_of(body: Mapping[str, Any], price: Callable[[str], float | None]) -> float | None:
    """The charge in USD: as told, else tokens × price per million; None where neither is known.

    Cached tokens are a part of those in; where `price:cached` is declared, they cost that instead.
    """
    if "cost_usd" in body:
        return float(body["cost_usd"])
    cached = body.get("tokens_cached", 0)
    cheap = price("price:cached") if cached else None
    anew = (
        {**body, "tokens_in": max(0, body["tokens_in"] - cached)} if cheap is not None and "tokens_in" in body else body
    )
    total = None if anew is body or cheap is None else cached * cheap / 1e6
    for tokens, dimension in (("tokens_in", "price:in"), ("tokens_out", "price:out")):
        each = price(dimension) if tokens in anew else None
        if each is not None:
            total = (total or 0.0) + anew[tokens] * each / 1e6
    return total


def _measures(x: float | None) -> bool:
    return x is not None and math.isfinite(x) and x >= 0
