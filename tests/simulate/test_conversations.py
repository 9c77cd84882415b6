"""Affinity on a day of simulated conversations: it finds nearly every prompt, and leaves a provider that slows."""

from __future__ import annotations

from statistics import mean

import pytest

from tests.simulate.conversations import PROVIDERS, Outcome, affine, best, run, sticky, walk

SEEDS = (1, 2, 3)


def slowed(provider: str, factor: float) -> dict[str, list[Outcome]]:
    """Each policy, a run a seed, where this provider is slow in the middle of the day."""

    def slow(option: str, now: float) -> float:
        return factor if option == provider and 6_000 < now < 14_000 else 1.0

    days = [walk(seed, slow=slow, talks=150) for seed in SEEDS]
    return {name: [run(day, policy) for day in days] for name, policy in
            (("best", best), ("affine", affine), ("sticky", sticky))}  # fmt: skip


def test_it_finds_nearly_every_prompt_that_one_who_never_moves_finds() -> None:
    """At least 95 of 100, at the cost of the plain order (measured: 99 of 100)."""
    found = slowed("a", 1.0)

    assert sum(one.hits for one in found["affine"]) >= 0.95 * sum(one.hits for one in found["sticky"])
    assert mean(one.cost for one in found["affine"]) <= 1.01 * mean(one.cost for one in found["best"])


@pytest.mark.parametrize("factor", [2.0, 5.0])
def test_it_leaves_a_provider_that_slows(factor: float) -> None:
    """At the cost of the plain order (measured: 0.997 to 1.012 of it), whichever of the three it is."""
    runs = [slowed(provider, factor) for provider in PROVIDERS]
    costs = {name: mean(one.cost for each in runs for one in each[name]) for name in ("affine", "best")}

    assert costs["affine"] <= 1.02 * costs["best"]
