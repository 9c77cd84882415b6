"""Each baseline does what its publication says, and each policy lasts through a run."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from sporewright.errors import ConfigError
from sporewright.learning.settings import DEFAULTS
from sporewright.routing.attempt_chain import Ended
from sporewright.routing.plan import PLAN, Outcome
from sporewright.simulate.chance import Draws
from sporewright.simulate.course import Course
from sporewright.simulate.policies import POLICIES, RESTLESS, checked, maker
from sporewright.simulate.policy import Attempt, Policy, Setting
from sporewright.simulate.scenario import Scenario
from sporewright.simulate.study import Material
from sporewright.simulate.world import World

OPTIONS = ["busy", "fair", "quick", "slow"]


def made(name: str, material: Material, seed: int = 3) -> Policy:
    """The policy for a run of 400 calls."""
    course = Course(material.rows, Scenario("t", "t"), span_s=400.0, rate=1.0, timeout_s=30.0)
    world = World(course, Draws(0, 400, OPTIONS))
    setting = Setting(OPTIONS, random.Random(seed), calls=400, changes=1, usd_s=0.0, world=world)
    return maker(name, DEFAULTS)(setting)


def ended(option: str, seconds: float, outcome: Outcome = "ok") -> Attempt:
    """An attempt that ended so."""
    return Attempt(Ended(option, outcome, "CALLING", PLAN["transitions"]["CALLING"][outcome]["do"]), seconds, 0.0)


@pytest.mark.parametrize("name", [*POLICIES, *RESTLESS])
def test_every_policy_orders_everybody(name: str, material: Material) -> None:
    """Whatever it has seen, its order is a permutation of the options there are."""
    policy = made(name, material)
    for call in range(60):
        there = OPTIONS if call > 20 else OPTIONS[:3]
        order = policy.order(float(call), there)
        assert sorted(order) == sorted(there)
        policy.started(float(call), order[0])
        policy.ended(call + 0.5, ended(order[0], 0.5, "ok" if call % 3 else "timed_out"))


def test_fixed_keeps_its_order_and_differs_by_seed(material: Material) -> None:
    """One order a run, drawn."""
    fixed = made("fixed", material)

    assert len({tuple(fixed.order(float(call), OPTIONS)) for call in range(9)}) == 1
    assert len({tuple(made("fixed", material, seed).order(0.0, OPTIONS)) for seed in range(30)}) > 5


def test_round_robin_takes_turns(material: Material) -> None:
    """Each option leads as often as any other."""
    policy = made("round-robin", material)

    assert set(Counter(policy.order(0.0, OPTIONS)[0] for _ in range(40)).values()) == {10}


def test_lowest_latency_is_the_mean_of_ten(material: Material) -> None:
    """The eleventh newest answer is forgotten; no sample is tried first; a refusal teaches nothing."""
    policy = made("lowest-latency", material)
    for option, seconds in (("fair", 2.0), ("quick", 9.0), ("slow", 3.0)):
        policy.ended(0.0, ended(option, seconds))
    policy.ended(0.0, ended("busy", 0.1, "rate_limited"))
    assert policy.order(0.0, OPTIONS)[0] == "busy"
    policy.ended(0.0, ended("busy", 0.1, "timed_out"))
    assert list(policy.order(0.0, OPTIONS)) == ["fair", "slow", "quick", "busy"]
    for _ in range(10):
        policy.ended(0.0, ended("quick", 1.0))
    assert policy.order(0.0, OPTIONS)[0] == "quick"


def test_least_busy_counts_what_is_out(material: Material) -> None:
    """A call that has ended is not busy any more."""
    policy = made("least-busy", material)
    for option in ("busy", "fair", "quick"):
        policy.started(0.0, option)

    assert policy.order(0.0, OPTIONS)[0] == "slow"
    policy.started(0.0, "slow")
    policy.ended(1.0, ended("fair", 1.0))
    assert policy.order(1.0, OPTIONS)[0] == "fair"


def test_peak_ewma_rises_at_once_and_falls_slowly(material: Material) -> None:
    """A slow answer counts in full; ten seconds later a quick one counts for 1 − 1/e."""
    policy = made("p2c-peak-ewma", material)
    for now, seconds in ((0.0, 5.0), (10.0, 1.0)):
        policy.started(now, "quick")
        policy.ended(now, ended("quick", seconds))

    kept = math.exp(-1.0)
    assert policy._load("quick") == pytest.approx(kept * 5.0 + (1 - kept) * 1.0)  # type: ignore[attr-defined]
    firsts = Counter(policy.order(10.0, OPTIONS)[0] for _ in range(300))
    assert firsts["quick"] == 0, "of two it is the worse one whichever the other is"


def test_ucb1_plays_each_arm_and_then_the_promising_one(material: Material) -> None:
    """Unplayed arms first; then mean plus √(2 ln n / nᵢ)."""
    policy = made("ucb1", material)
    played = []
    for call in range(4):
        option = policy.order(float(call), OPTIONS)[0]
        policy.started(float(call), option)
        policy.ended(float(call), ended(option, 1.0 if option == "quick" else 9.0))
        played.append(option)

    assert sorted(played) == OPTIONS
    assert policy.order(9.0, OPTIONS)[0] == "quick"
    assert policy._index("quick") == pytest.approx(0.9 + math.sqrt(2 * math.log(4)))  # type: ignore[attr-defined]


def test_discounted_thompson_forgets_every_arm(material: Material) -> None:
    """An idle arm's evidence shrinks by 0.95 at each play of another."""
    policy = made("discounted-thompson", material)
    policy.ended(0.0, ended("quick", 0.0))
    for _ in range(10):
        policy.ended(0.0, ended("slow", 20.0))

    assert policy._sum["quick"] == pytest.approx(0.95**10)  # type: ignore[attr-defined]
    assert policy._lost["slow"] == pytest.approx(sum(0.95**at for at in range(10)))  # type: ignore[attr-defined]


def test_a_sliding_window_forgets_what_left_it(material: Material) -> None:
    """After τ plays of others nothing is left of an arm, and it is played anew."""
    policy = made("sliding-window-ucb", material)
    tau = int(2 * math.sqrt(400 * math.log(400)))
    for option in ["quick"] + ["slow"] * tau:
        policy.started(0.0, option)
        policy.ended(0.0, ended(option, 1.0))

    assert policy._index("quick") == math.inf  # type: ignore[attr-defined]


def test_epsilon_greedy_strays_one_time_in_ten(material: Material) -> None:
    """A tenth of the calls are drawn among all, so three in forty lead elsewhere with four options."""
    policy = made("epsilon-greedy", material)
    for option in OPTIONS:
        policy.started(0.0, option)
        policy.ended(0.0, ended(option, 0.1 if option == "fair" else 5.0))

    strays = sum(policy.order(0.0, OPTIONS)[0] != "fair" for _ in range(4000))
    assert 230 < strays < 370


def test_ours_learns_what_is_quick(material: Material) -> None:
    """After each option was tried, the quick one leads."""
    policy = made("ours", material)
    now = 0.0
    for _ in range(30):
        option = policy.order(now, OPTIONS)[0]
        policy.started(now, option)
        seconds = {"quick": 1.0, "fair": 2.0, "slow": 6.0, "busy": 1.5}[option]
        now += seconds
        policy.ended(now, ended(option, seconds))

    assert policy.order(now, OPTIONS)[0] == "quick"


def test_a_policy_that_is_none_is_named() -> None:
    """With those there are."""
    with pytest.raises(ConfigError, match="policy 'luck' is none of ours, fixed"):
        checked("luck")


def taught(name: str, material: Material, **seconds: float) -> Policy:
    """The policy after twenty answers of each of these options, one option after another, ten seconds apart."""
    policy = made(name, material)
    for at in range(20):
        for option, took in seconds.items():
            policy.started(10.0 * at, option)
            policy.ended(10.0 * at, ended(option, took))
    return policy


@pytest.mark.parametrize("name", [f"{each}{':epsilon=0' * (each == 'mean-of-ten')}" for each in RESTLESS])
def test_who_expects_change_takes_the_quickest(name: str, material: Material) -> None:
    """An unmeasured option comes first, the quickest of the others next; one that just failed comes last."""
    policy = taught(name, material, quick=1.0, fair=2.0, slow=6.0)

    assert list(policy.order(200.0, OPTIONS)[:2]) == ["busy", "quick"]
    policy.started(200.0, "busy")
    policy.ended(200.0, ended("busy", 0.5, "server_error"))
    policy.started(200.0, "quick")
    policy.ended(200.0, ended("quick", 0.5, "server_error"))
    assert set(policy.order(201.0, OPTIONS)[2:]) == {"busy", "quick"}
    assert policy.order(201.0, OPTIONS)[0] == "fair"


def test_a_level_wanders_while_nobody_looks(material: Material) -> None:
    """A Kalman filter's lower bound falls with time, so that the second is looked at again; not if nothing wanders."""
    restless, still = (taught(f"kalman:{each}", material, quick=1.0, fair=1.4) for each in ("drift=2", "drift=0"))
    for policy in (restless, still):
        for at in range(400):
            policy.started(200.0 + 10.0 * at, "quick")
            policy.ended(200.0 + 10.0 * at, ended("quick", 1.0))

    assert restless.order(4200.0, ["fair", "quick"])[0] == "fair"
    assert still.order(4200.0, ["fair", "quick"])[0] == "quick"


def test_a_change_makes_an_option_forget(material: Material) -> None:
    """A CUSUM takes some answers of a new size for a new regime; without a threshold in reach they are averaged."""
    alert, deaf = (taught(f"cusum:{each}", material, quick=1.0, fair=2.0) for each in ("threshold=5", "threshold=1e9"))
    for policy in (alert, deaf):
        for at in range(4):
            policy.started(201.0 + at, "quick")
            policy.ended(201.0 + at, ended("quick", 3.0))

    assert alert.order(205.0, ["fair", "quick"])[0] == "fair"
    assert deaf.order(205.0, ["fair", "quick"])[0] == "quick"


def test_a_cusum_looks_at_everybody_once_in_a_while(material: Material) -> None:
    """Longer after the last look for who is slower."""
    policy = taught("cusum:look_s=100", material, quick=1.0, fair=2.0)

    heads = []
    for now in (250.0, 330.0, 400.0):
        policy.started(now, "quick")
        policy.ended(now, ended("quick", 1.0))
        heads.append(policy.order(now, ["fair", "quick"])[0])
    assert heads == ["quick", "quick", "fair"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("kalman:bond=1", "kalman has no parameter 'bond'; it has"),
        ("kalman:bound", "'bound' is no parameter=number"),
        ("ours:zeal=1", "learning has no setting 'zeal'"),
        ("ours:latency.zeal=1", "learning has no setting 'latency.zeal'"),
        ("ours:none.noise=1", "learning has no setting 'none.noise'"),
    ],
)
def test_a_parameter_that_is_none_is_named(spec: str, says: str) -> None:
    """With what there is."""
    with pytest.raises(ConfigError, match=says):
        checked(spec)


def test_parameters_are_set(material: Material) -> None:
    """Each set of parameters makes a separate class; ours takes settings, and those of a dimension."""
    assert type(made("kalman:bound=2", material)).BOUND == 2.0  # type: ignore[attr-defined]
    assert type(made("kalman", material)).BOUND == 0.5  # type: ignore[attr-defined]
    assert checked("ours:support=3,latency.noise=0.1") == "ours:support=3,latency.noise=0.1"
    made("ours:support=3,latency.noise=0.1", material)
