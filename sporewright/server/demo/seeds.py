"""The demo's declarations: options, prices, weights, priors and one gate, as a tensor config (C1)."""

from __future__ import annotations

from sporewright.server.demo.figures import PROVIDERS

__all__ = ["GATED", "LEVELS", "PRIORS", "WEIGHTS", "WORKSPACE", "demo_config"]

LEVELS = ["global", "workspace", "device"]
WORKSPACE = "demo"

# What a second is exchanged for (D1): a certain failure costs two, a dollar two hundred (a request is about 0.1 cent).
WEIGHTS = {"latency": 1.0, "failure": 2.0, "financial": 200.0}

# Optimistic on purpose (D4): an untried option looks quick, so each is tried before one is preferred.
PRIORS = {"latency": 0.1, "failure": 0.0, "financial": 0.0007}

# A user of the demo is alone with a second tab: there one holder's word is to count, else it takes five.
LEARNING = {"support": 1}

# What one workspace learns of its options is shown to the others: here they are all the visitor's.
GLOBAL = {"dimensions": [*WEIGHTS], "options": "declared"}

# An example of an operator's policy, not a statement about the provider: no upstream stands behind it.
GATED = ("replicate", "priv:eu-residency")

Seed = dict[str, object]


def demo_config() -> dict[str, object]:
    """A fresh config as JSON-able data: weights, the measured failure, the listed prices, one gate of an operator."""
    seeds = [_seed("global", "", "", dimension, "weight", weight) for dimension, weight in WEIGHTS.items()]
    for provider in PROVIDERS:
        seeds.append(_seed("global", "", provider.name, "failure", "value", provider.rate_limited))
        if provider.usd_per_request is not None:
            seeds.append(_seed("global", "", provider.name, "financial", "value", provider.usd_per_request))
    option, gate = GATED
    seeds.append(_seed("global", "", option, "failure", "value", PRIORS["failure"]))
    seeds.append(_seed("workspace", WORKSPACE, option, gate, "value", "inf"))
    return {"levels": LEVELS, "seeds": seeds, "priors": PRIORS, "learning": LEARNING, "global": GLOBAL}


def _seed(level: str, inst: str, option: str, dimension: str, kind: str, value: float | str) -> Seed:
    coordinate = {"level": level, "inst": inst, "option": option, "dim": dimension}
    return {"floor": "global", **coordinate, "kind": kind, "value": value}
