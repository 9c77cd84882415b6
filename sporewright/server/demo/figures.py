"""Every number that the demo takes from the world, each with its source; the other modules only compute with them.

Latency and failure: ray-project/llmperf-leaderboard, raw_data, December 2023 to January 2024, Apache-2.0; Llama 2 70B
chat, end to end, 550 tokens in and about 150 out, 150 requests a provider. Prices: PyPI litellm 1.109.1,
model_prices_and_context_window_backup.json, MIT. The servers are stand-ins on loopback: no provider is ever called.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["IN_TOKENS", "OUT_TOKENS", "PROVIDERS", "SOURCES", "TIME_FACTOR", "Figures"]

SOURCES = {
    "latency": "ray-project/llmperf-leaderboard, raw_data, Dec 2023 – Jan 2024, Apache-2.0",
    "prices": "PyPI litellm 1.109.1, model_prices_and_context_window_backup.json, MIT",
}

# The measured requests themselves.
IN_TOKENS = 550
OUT_TOKENS = 150

# The demo runs four times faster than the providers did, so that twenty calls are over while one watches.
TIME_FACTOR = 0.25

# The 95th percentile of a normal distribution, in standard deviations.
_Z95 = 1.6449


@dataclass(frozen=True)
class Figures:
    """One provider as measured: seconds end to end, the share of HTTP 429, USD per million tokens in and out."""

    name: str
    p50_s: float
    p95_s: float
    rate_limited: float
    usd_per_mtok: tuple[float, float] | None
    """None: the price list has no such model."""
    price_id: str = ""

    @property
    def sigma(self) -> float:
        """Spread of the log-normal that has this median and this 95th percentile."""
        return math.log(self.p95_s / self.p50_s) / _Z95

    @property
    def usd_per_request(self) -> float | None:
        """The cost of one measured request, in USD; None where the price list has no such model."""
        if self.usd_per_mtok is None:
            return None
        per_in, per_out = self.usd_per_mtok
        return round((IN_TOKENS * per_in + OUT_TOKENS * per_out) / 1e6, 9)


PROVIDERS: tuple[Figures, ...] = (
    Figures("groq", 0.806, 0.942, 0.0, None),  # its Llama 2 is not in the price list: the page shows a prior
    Figures("anyscale", 2.261, 3.163, 0.0, (1.0, 1.0), "anyscale/meta-llama/Llama-2-70b-chat-hf"),
    Figures("together", 2.440, 3.051, 0.0, (0.9, 0.9), "together-ai-41.1b-80b"),
    Figures("fireworks", 3.774, 4.217, 0.0, (0.9, 0.9), "fireworks_ai/accounts/fireworks/models/llama-v2-70b-chat"),
    Figures("perplexity", 4.973, 5.749, 0.013, (0.7, 2.8), "perplexity/llama-2-70b-chat"),
)
