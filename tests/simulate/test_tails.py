"""Ours where an option stalls now and then: as slow as its mean says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sporewright.simulate.scenario import load_scenario
from sporewright.simulate.study import Material, Trial, play

MATERIAL = Material({}, {"conv": [float(at) for at in range(100)]})


@pytest.mark.parametrize("world", ["tails-2x25", "tails-5x8", "tails-10x8", "tails-20x5"])
def test_stalls_count_with_their_mean(world: str) -> None:
    """Against 1.0 s, 0.7 s with stalls costs no more than half as much again as a mean of ten, and 20 s."""
    scenario = replace(load_scenario(world), gap_s=3.0, calls=1000)
    ours, theirs = (play(MATERIAL, Trial(scenario, policy, 0)).regret for policy in ("ours", "lowest-latency"))

    assert ours <= 1.5 * theirs + 20.0
