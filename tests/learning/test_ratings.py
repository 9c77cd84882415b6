"""The lessons of ratings: kinds of work are pooled as far as they are alike, change is noticed, records say it all."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from sporewright.errors import ConfigError, DecodeError
from sporewright.learning.belief_track import Belief, BeliefTrack
from sporewright.learning.doubt import Doubt
from sporewright.learning.evidence import Evidence
from sporewright.learning.learner import Learner
from sporewright.learning.rated_track import RatedTrack
from sporewright.learning.settings import DEFAULTS, LearningSettings, settings_from

QUALITY = DEFAULTS.dimensions["quality"]
OPTIONS = ("a", "b", "c")


def rate(learner: Learner, option: str, quality: float, task: str = "", now: float = 0.0) -> None:
    """One rating."""
    learner.learn(now, option, Evidence(quality=quality), task=task)


def believed(learner: Learner, option: str, task: str = "", now: float = 0.0) -> Belief:
    """The deficit that is expected of it."""
    found = learner.belief(now, option, "quality", task=task)
    assert found is not None
    return found


def rated(learner: Learner, skills: dict[str, dict[str, float]], times: int, seed: int = 1) -> None:
    """Each option rated so often at each kind of work, right or wrong as its skill has it."""
    drawn = random.Random(seed)
    for _ in range(times):
        for task, row in skills.items():
            for option, skill in row.items():
                rate(learner, option, float(drawn.random() < skill), task)


def test_kinds_that_are_alike_are_pooled() -> None:
    """If no option has a strength of its own, few ratings of a kind change little of what is expected."""
    learner = Learner()
    rated(learner, {f"t{at}": {"a": 0.8, "b": 0.5} for at in range(20)}, 20)

    deficits = [believed(learner, "a", f"t{at}").mean for at in range(20)]
    assert max(deficits) - min(deficits) < 0.1
    assert believed(learner, "a", "never seen").mean == pytest.approx(0.2, abs=0.06)


def test_kinds_that_differ_are_told_apart() -> None:
    """If options have their strengths, a kind's own ratings are what is believed of it."""
    learner = Learner()
    rated(learner, {"sums": {"a": 0.9, "b": 0.3}, "words": {"a": 0.3, "b": 0.9}, "both": {"a": 0.5, "b": 0.6}}, 60)

    assert believed(learner, "a", "sums").mean < 0.25 < 0.55 < believed(learner, "a", "words").mean
    assert believed(learner, "a", "sums").own > 0.7
    assert believed(learner, "a", "new").variance > believed(learner, "a", "sums").variance


def test_a_hard_kind_says_nothing_against_who_was_asked() -> None:
    """That all options do badly at a kind is the kind's: it is expected of one that was never asked there, too."""
    learner = Learner()
    skills = {f"easy{at}": {"a": 0.9, "b": 0.9, "c": 0.9} for at in range(4)}
    rated(learner, skills | {"hard": {"a": 0.2, "b": 0.2}, "harder": {"a": 0.1, "b": 0.1}}, 40)

    assert believed(learner, "c", "hard").mean > 0.5
    assert believed(learner, "c", "easy0").mean < 0.2


def test_one_outlier_is_no_change_and_a_fall_is_one() -> None:
    """An option's old rating is dropped within a few ratings of a fall, whatever the number of kinds."""
    learner = Learner()
    for at in range(400):
        rate(learner, "a", 0.9 + 0.02 * (at % 3), f"t{at % 20}")
    before = believed(learner, "a", "t1").mean
    rate(learner, "a", 0.3, "t1")
    assert believed(learner, "a", "t1").mean == pytest.approx(before, abs=0.1)

    for at in range(10):
        rate(learner, "a", 0.5, f"t{at}")
    assert believed(learner, "a", "t19").mean > 0.35


def test_a_quiet_device_keeps_what_it_knew_and_is_less_sure() -> None:
    """Ratings age by further ratings; a week changes no mean and adds the drift to the variance."""
    learner = Learner()
    rated(learner, {"": {"a": 0.8}}, 50)
    now, later = believed(learner, "a"), believed(learner, "a", now=30 * 86_400.0)

    assert later.mean == now.mean
    assert later.variance == pytest.approx(now.variance + QUALITY.drift**2, rel=1e-6)
    assert later.n == now.n


def test_nothing_known_is_the_prior() -> None:
    """The declared value, or the guess; a new declaration is believed at once."""
    learner = Learner()
    assert believed(learner, "a").mean == pytest.approx(QUALITY.prior)
    rate(learner, "b", 1.0)
    learner.declare("a", "quality", 0.1)
    learner.declare("b", "quality", 0.5)
    assert believed(learner, "a").mean == pytest.approx(0.1, abs=0.05)
    assert believed(learner, "b").mean < 0.5


def test_kinds_make_room_and_stay_known_at_large() -> None:
    """The kind rated longest ago goes; what it told of the option at large is kept."""
    learner = Learner(LearningSettings(tasks=4))
    told: list[tuple[str, str, list[str]]] = []
    learner.evicts = lambda option, dimension, kinds: told.append((option, dimension, list(kinds)))
    for at in range(30):
        rate(learner, "a", 0.2, f"t{at}")

    assert learner.tasks("a") == ["", "t27", "t28", "t29"]
    assert told[0] == ("a", "quality", ["t0"])
    assert believed(learner, "a", "other").mean > 0.6
    own = learner.own("a", "quality")
    assert own is not None
    assert own.n > 20


def test_a_long_run_of_surprises_is_bounded_too() -> None:
    """Its kinds of work are as many as those that are remembered."""
    learner = Learner(LearningSettings(tasks=3))
    for at in range(40):
        rate(learner, "a", 0.5 + 0.05 * (at % 2), f"t{at}")
    track = learner.tracks("a")["quality"]
    assert isinstance(track, RatedTrack)
    assert len(track.run) <= 3


def test_a_record_says_all_of_it() -> None:
    """Written down and read back the beliefs are the same, a run of surprises included."""
    learner = Learner()
    rated(learner, {"sums": {"a": 0.9, "b": 0.3}, "words": {"a": 0.3, "b": 0.9}}, 20)
    rate(learner, "a", 0.0, "sums")
    text = learner.to_json()
    back = Learner.from_json(text)

    assert back.to_json() == text
    for option in "ab":
        for task in ("sums", "words", ""):
            assert believed(back, option, task) == pytest.approx(believed(learner, option, task))
    for each in (learner, back):
        for _ in range(5):
            rate(each, "a", 0.0, "sums")
    assert believed(back, "a", "sums") == pytest.approx(believed(learner, "a", "sums"), rel=0.05)


def test_records_of_earlier_versions_are_read() -> None:
    """Qualities that were learned by the clock become ratings; of other settings, what their learner can use."""
    old = '{"options":{"a":{"quality":{"":{"now":[3.0,0.25,0.2,7.0]},"sums":{"now":[5.0,0.75,0.5,9.0]}}}}}'
    learner = Learner.from_json(old)

    assert learner.own("a", "quality", task="sums") == pytest.approx((0.75, 5.0))
    assert believed(learner, "a", "sums").mean > believed(learner, "a").mean
    assert learner.own("a", "quality", task="words") is None
    plain = settings_from({"dimensions": {"quality": {"rated": False}}})
    assert Learner.from_json(learner.to_json(), plain).own("a", "quality") is None
    assert isinstance(Learner.from_json(old, plain).tracks("a")["quality"], BeliefTrack)


@pytest.mark.parametrize(
    "row",
    [
        "[]",
        "[{}]",
        "[{},[0,0,0]]",
        "[{},[0,0,0,0],1]",
        '[{"t":[1,2,3,"x"]},[0,0,0,0]]',
        "[{},[0,0,0,0],1,0,[0,0,0,0],0,[]]",
        "[{},[-1,0,0,0]]",
    ],
)
def test_what_is_no_record_is_refused(row: str) -> None:
    """DecodeError names the place."""
    with pytest.raises(DecodeError, match="quality"):
        Learner.from_json(f'{{"options":{{"a":{{"quality":{row}}}}}}}')


def test_forgetting_forgets_ratings() -> None:
    """A dimension, an option, everything."""
    learner = Learner()
    for option in OPTIONS:
        rate(learner, option, 0.0)
    learner.forget("a", "quality")
    learner.forget("b")
    assert [believed(learner, option).n for option in OPTIONS] == [0.0, 0.0, 1.0]
    learner.forget()
    assert [believed(learner, option).n for option in OPTIONS] == [0.0, 0.0, 0.0]


def test_options_make_room() -> None:
    """The one heard of longest ago goes, its ratings as well."""
    learner = Learner(LearningSettings(options=2))
    for option in OPTIONS:
        rate(learner, option, 0.0)
    assert [believed(learner, option).n for option in OPTIONS] == pytest.approx([0.0, 1.0, 1.0], abs=0.01)


def test_curiosity_draws_from_the_belief() -> None:
    """About an option whose ratings are out, draws fall on both sides, wider for the less known; at least one each."""
    learner = Learner(device="d")
    rated(learner, {"": {"a": 0.7}}, 60)
    drawn = {option: [learner.curious(at * 1.0, option, {"quality": 1.0}) for at in range(100)] for option in "ab"}

    assert all(min(each) < 0.0 < max(each) for each in drawn.values())
    assert max(drawn["a"]) < 0.5 * max(drawn["b"])


def test_a_failing_option_is_drawn_of_less() -> None:
    """A draw counts as often as there is an answer."""
    doubt = Doubt()
    doubt.draw(0.5)
    assert doubt.stray == 0.5
    doubt.add("failure", 0.01, 0.75)
    assert doubt.stray == 0.125


def test_rated_is_a_setting() -> None:
    """Any dimension in [0, 1] can be rated; what is neither true nor false is refused."""
    learner = Learner(settings_from({"dimensions": {"tone": {"scale": "unit", "rated": True}}}))
    learner.learn(0.0, "a", Evidence(more={"tone": 0.5}))
    assert isinstance(learner.tracks("a")["tone"], RatedTrack)
    with pytest.raises(ConfigError, match="rated"):
        replace(QUALITY, rated=1)  # type: ignore[arg-type]


def test_many_options_are_estimated_in_turns() -> None:
    """Beyond 64 options how hard a kind is is estimated with everything else, seldom; nothing is lost by it."""
    learner = Learner()
    rated(learner, {"hard": {f"o{at}": 0.1 for at in range(70)}, "easy": {f"o{at}": 0.9 for at in range(70)}}, 6)

    assert believed(learner, "o3", "hard").mean > 0.7 > 0.3 > believed(learner, "o3", "easy").mean
