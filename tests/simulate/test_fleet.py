"""A fleet learns together through the server's own way up, and liars do not lead it astray."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sporewright.errors import ConfigError
from sporewright.simulate.account import mean
from sporewright.simulate.fleet import play_fleet
from sporewright.simulate.scenario import Fleet, Scenario, load_scenario
from sporewright.simulate.study import Material

SMALL = Scenario("small", "s", fleet=Fleet(devices=24, calls_each=10, spread_s=240.0, tick_s=10.0))


def test_together_they_regret_less(material: Material) -> None:
    """A device that starts later starts from what the others saw; a run is its seed."""
    alone = [play_fleet(material, SMALL, seed, together=False) for seed in range(2)]
    together = [play_fleet(material, SMALL, seed) for seed in range(2)]

    assert mean(each.everybody for each in together) < 0.7 * mean(each.everybody for each in alone)
    assert together[0] == play_fleet(material, SMALL, 0)


def test_liars_are_outvoted(material: Material) -> None:
    """With three in ten lying the honest are still better off than alone."""
    assert SMALL.fleet is not None
    lying = replace(SMALL, fleet=replace(SMALL.fleet, liars=0.3))

    among = mean(play_fleet(material, lying, seed).honest for seed in range(2))
    assert among < mean(play_fleet(material, SMALL, seed, together=False).everybody for seed in range(2))


def test_a_scenario_without_a_fleet_is_none(material: Material) -> None:
    """It is named."""
    with pytest.raises(ConfigError, match="'stationary' has no fleet"):
        play_fleet(material, load_scenario("stationary"), 0)
