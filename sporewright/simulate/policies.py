"""The policies by name: ours, and what people use instead."""

from __future__ import annotations

from functools import partial

from sporewright.errors import ConfigError
from sporewright.jsontext import shown
from sporewright.learning.settings import LearningSettings
from sporewright.simulate import bandits, baselines
from sporewright.simulate.ours import Ours
from sporewright.simulate.policy import Maker

__all__ = ["BASELINES", "OURS", "POLICIES", "checked", "maker"]


OURS = "ours"
BASELINES: dict[str, Maker] = {
    "fixed": baselines.Fixed,
    "random": baselines.RandomOrder,
    "round-robin": baselines.RoundRobin,
    "lowest-latency": baselines.LowestLatency,
    "least-busy": baselines.LeastBusy,
    "p2c-peak-ewma": baselines.PeakEwma,
    "ucb1": bandits.Ucb1,
    "discounted-thompson": bandits.DiscountedThompson,
    "sliding-window-ucb": bandits.SlidingWindowUcb,
    "epsilon-greedy": bandits.EpsilonGreedy,
    "oracle": baselines.Oracle,
}
POLICIES = (OURS, *BASELINES)


def maker(name: str, settings: LearningSettings) -> Maker:
    """What makes that policy for a run; the settings are ours alone."""
    return partial(Ours, settings=settings) if name == OURS else BASELINES[checked(name)]


def checked(name: str) -> str:
    """The name of a policy; ConfigError names those there are."""
    if name in POLICIES:
        return name
    raise ConfigError(f"policy {shown(name)} is none of {', '.join(POLICIES)}")
