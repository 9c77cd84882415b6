"""The world does what a scenario says, and its averages are those of its draws."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

import pytest

from sporewright.errors import ConfigError
from sporewright.simulate.baselines import LowestLatency
from sporewright.simulate.chance import Draws, generator
from sporewright.simulate.course import Course, State
from sporewright.simulate.measurements import Row
from sporewright.simulate.policy import Setting
from sporewright.simulate.run import run
from sporewright.simulate.scenario import Change, Scenario
from sporewright.simulate.study import Material
from sporewright.simulate.world import NOTHING_S, World

SPAN_S = 1000.0


def world_of(material: Material, *changes: Change, seed: int = 1, usd_s: float = 0.0, calls: int = 50) -> World:
    """A world of a thousand seconds, one call a second on average."""
    scenario = Scenario("t", "t", change=changes, usd_s=usd_s)
    draws = Draws(seed, calls, sorted(material.rows))
    return World(Course(material.rows, scenario, span_s=SPAN_S, rate=1.0, timeout_s=30.0), draws)


def test_averages_are_those_of_the_draws(material: Material) -> None:
    """The mean of many attempts comes near the quote, for every option."""
    n = 4000
    world = world_of(material, calls=n)
    for option in world.options:
        tries = [world.attempt(0.0, call, option, 0) for call in range(n)]

        failing = sum(each.ending != {"kind": "status", "status": 200} for each in tries) / n
        assert sum(each.seconds for each in tries) / n == pytest.approx(world.quote(0.0, option).cost, rel=0.05)
        assert failing == pytest.approx(world.quote(0.0, option).failing, abs=0.02)


def test_draws_do_not_depend_on_who_asks(material: Material) -> None:
    """The same call, option and attempt end alike in whatever order they are asked for."""
    one, other = world_of(material), world_of(material)
    keys = [(call, option, attempt) for call in range(10) for option in one.options for attempt in (0, 1)]

    forward = {key: one.attempt(0.0, *key) for key in keys}
    backward = {key: other.attempt(0.0, *key) for key in reversed(keys)}
    assert forward == backward


def test_an_outage_has_a_beginning_and_an_end(material: Material) -> None:
    """At its end the option is back; in between it refuses with 503 and is not admissible."""
    world = world_of(material, Change("outage", "@1", 0.2, 0.4))

    found = [world.admits(now, "quick") for now in (199.9, 200.0, 399.9, 400.0)]
    assert found == [True, False, False, True]
    assert world.attempt(300.0, 0, "quick", 0).ending == {"kind": "status", "status": 503}
    assert world.best(300.0) == pytest.approx(world.quote(300.0, "fair").cost)
    assert world.best(500.0) == pytest.approx(world.quote(500.0, "quick").cost)


def test_a_limit_admits_its_share(material: Material) -> None:
    """A bucket of ten seconds' worth at a third of one call a second: 3 at once, then one in three seconds."""
    world = world_of(material, Change("limit", "quick", share=1 / 3, burst_s=10.0))

    taken = [world.attempt(0.0, call, "quick", 0).ending.get("status") for call in range(5)]
    assert taken == [200, 200, 200, 429, 429]
    assert not world.admits(1.0, "quick")
    assert world.admits(3.1, "quick")
    assert world.quote(1.0, "quick").failing == 1.0


def test_a_crowd_is_refused(material: Material) -> None:
    """Beyond `most` in flight; one that is over gives its place back."""
    world = world_of(material, Change("concurrency", "quick", most=1))

    assert world.attempt(0.0, 0, "quick", 0).ending["status"] == 200
    assert world.attempt(0.0, 1, "quick", 0).ending["status"] == 429
    world.over("quick")
    world.over("quick")
    assert world.attempt(0.0, 2, "quick", 0).ending["status"] == 200


def test_drift_swaps_the_rows(material: Material) -> None:
    """While it lasts the best costs what the worst does; the original order is what ranks mean."""
    world = world_of(material, Change("rows", "@1", 0.25, 0.75, source="@-1"))

    worst = max(world.options, key=lambda option: world.quote(0.0, option).index)
    assert world.quote(500.0, "quick") == world.quote(500.0, worst)
    assert world.quote(750.0, "quick") == world.quote(0.0, "quick")


def test_an_option_that_is_not_there_yet(material: Material) -> None:
    """It is neither offered nor admissible before it appears."""
    world = world_of(material, Change("absent", "quick", 0.0, 0.5))

    assert "quick" not in world.existing(499.0)
    assert "quick" in world.existing(500.0)
    assert not world.admits(0.0, "quick")


def test_slowness_prices_and_cold_starts_cost(material: Material) -> None:
    """Each moves the average by what it says; a call keeps the option warm."""
    plain = world_of(material).quote(0.0, "fair").cost
    slow = world_of(material, Change("slow", "fair", factor=2.0))
    dear = world_of(material, Change("price", "fair", usd=0.01), usd_s=100.0)
    cold = world_of(material, Change("cold", "fair", idle_s=30.0, extra_s=3.0))

    assert slow.quote(0.0, "fair").cost == pytest.approx(2 * plain)
    assert dear.quote(0.0, "fair").cost == pytest.approx(plain + 1.0)
    assert dear.attempt(0.0, 0, "fair", 0).usd == 0.01
    assert cold.quote(0.0, "fair").cost == pytest.approx(plain + 3.0)
    first, second = cold.attempt(0.0, 0, "fair", 0), cold.attempt(10.0, 0, "fair", 0)
    assert first.seconds - second.seconds == pytest.approx(3.0)
    assert cold.quote(41.0, "fair").cost == pytest.approx(plain + 3.0)


def test_what_takes_too_long_ends_at_the_time_out(material: Material) -> None:
    """It costs the time-out and is a failure, in the draw and on average."""
    world = world_of(material, Change("slow", "slow", factor=100.0))

    assert world.attempt(0.0, 0, "slow", 0).ending == {"kind": "timeout"}
    assert (world.quote(0.0, "slow").cost, world.quote(0.0, "slow").failing) == (30.0, 1.0)


def test_the_best_order_is_the_cheapest_of_all(material: Material) -> None:
    """Trying by cost per success is no dearer than any permutation."""
    from itertools import permutations

    world = world_of(material, Change("slow", "quick", factor=1.7))

    def cost(order: tuple[str, ...], quotes: Mapping[str, tuple[float, float]]) -> float:
        total = NOTHING_S
        for option in reversed(order):
            total = quotes[option][0] + quotes[option][1] * total
        return total

    quotes = {o: (world.quote(0.0, o).cost, world.quote(0.0, o).failing) for o in world.options}
    assert world.best(0.0) == pytest.approx(min(cost(order, quotes) for order in permutations(world.options)))


def test_a_source_is_one_option(material: Material) -> None:
    """A change cannot take the rows of all options together."""
    with pytest.raises(ConfigError, match="more than one option"):
        world_of(material, Change("rows", "@1", source="*"))


class PlainWorld(World):
    """The same without any memory: every question is answered from the course anew."""

    def _at(self, now: float) -> dict[str, State]:
        self._enter(max(0, bisect_right(self._course.starts, now) - 1))
        return self._states

    def best(self, now: float) -> float:
        """The least a call can cost now, reckoned anew."""
        self._at(now)
        return self._cheapest(now)


@pytest.mark.parametrize(
    "changes",
    [
        (),
        (Change("outage", "@1", 0.2, 0.4), Change("slow", "@2", 0.3, 0.7, factor=3.0), Change("absent", "slow", 0.5)),
        (Change("limit", "*", share=1 / 3, burst_s=10.0), Change("price", "@1", 0.5, usd=0.01)),
        (Change("cold", "*", idle_s=3.0, extra_s=2.0), Change("concurrency", "quick", 0.1, 0.9, most=1)),
    ],
)
def test_what_is_remembered_changes_nothing(material: Material, changes: tuple[Change, ...]) -> None:
    """Bit for bit: a run in a world that remembers is the run in the plain one."""
    scenario = Scenario("t", "t", change=changes, usd_s=100.0)
    course = Course(material.rows, scenario, span_s=SPAN_S, rate=0.3, timeout_s=30.0)
    accounts = []
    for kind in (World, PlainWorld):
        draws = Draws(5, 300, course.options)
        world = kind(course, draws)
        setting = Setting(course.options, generator(5, "policy"), 300, len(changes), 100.0, world)
        arrivals = [SPAN_S * at / 300 for at in range(300)]
        accounts.append(run(world, LowestLatency(setting), arrivals, draws, 100.0))

    assert accounts[0] == accounts[1]


def timed(*times: float, seconds: float) -> tuple[Row, ...]:
    """Answers that were measured at these times, each a little slower than the one before."""
    return tuple(Row(seconds + at, {"kind": "status", "status": 200}, at=time) for at, time in enumerate(times))


def test_a_series_is_replayed_in_its_own_order() -> None:
    """Each part of the run has the rows of that part of the recording, and a change lies on top."""
    rows = {"a": timed(*range(40), seconds=1.0), "b": timed(*range(20), seconds=100.0)}
    scenario = Scenario("t", "t", series="order", change=(Change("slow", "a", 0.75, factor=2.0),))

    course = Course(rows, scenario, span_s=SPAN_S, rate=1.0, timeout_s=1000.0)

    assert course.starts == [0.0, 500.0, 750.0]
    assert [[row.seconds for row in states["a"].rows] for states in course.states] == [
        [float(at) for at in range(1, 21)],
        [float(at) for at in range(21, 41)],
        [float(at) for at in range(21, 41)],
    ]
    assert course.states[2]["a"].quote.cost == pytest.approx(2 * course.states[1]["a"].quote.cost)


def test_a_series_is_replayed_at_its_own_times() -> None:
    """A part in which nothing was measured takes the rows before it, and one before the first takes the first."""
    rows = {"a": timed(*[0.0] * 30, 3.9, 10.0, seconds=1.0), "b": timed(*[6.0] * 32, seconds=100.0)}
    scenario = Scenario("t", "t", series="time")

    course = Course(rows, scenario, span_s=10.0, rate=1.0, timeout_s=1000.0)

    assert len(course.states) == 3
    assert [[row.at for row in states["a"].rows][-1] for states in course.states] == [0.0, 3.9, 10.0]
    assert [len(states["b"].rows) for states in course.states] == [32, 32, 32]
    with pytest.raises(ConfigError, match="have no times"):
        Course({"a": (Row(1.0, {"kind": "status", "status": 200}),)}, scenario, span_s=10.0, rate=1.0, timeout_s=30.0)
