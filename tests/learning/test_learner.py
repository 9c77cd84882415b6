"""The beliefs of a learner after what it was told (L1–L3, L10, D4)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sporewright.errors import BadValueKindError, ConfigError, DecodeError
from sporewright.learning.evidence import Evidence
from sporewright.learning.learner import Learner
from sporewright.learning.settings import DEFAULTS, LearningSettings, settings_from
from sporewright.policy.field import AddressedField

LATENCY = DEFAULTS.dimensions["latency"]
SECONDS = st.floats(0.5, 2.0)


def taught(*latencies: float, task: str = "", every_s: float = 1.0) -> Learner:
    """A learner of option A that heard these latencies, one after the other from second 0."""
    learner = Learner()
    for at, latency in enumerate(latencies):
        learner.learn(at * every_s, "A", Evidence(latency_s=latency, failed=False), task=task)
    return learner


def expected(learner: Learner, now: float, option: str = "A", dimension: str = "latency", task: str = "") -> float:
    """The expected value of one call."""
    cell = learner.cell(now, option, dimension, task=task)
    assert cell is not None
    return cell.mean


def test_the_cell_is_the_mean_of_a_log_normal() -> None:
    """Latency is believed on a log scale and written as exp(m + s²/2), s² = what is not known plus the noise."""
    learner = taught(0.8, 0.9, 0.7)
    belief = learner.belief(3.0, "A", "latency")
    assert belief is not None

    assert expected(learner, 3.0) == pytest.approx(math.exp(belief.mean + (belief.variance + belief.noise) / 2))


def test_nothing_known_is_the_prior_and_wide() -> None:
    """An option without measurements has the prior as its cell, never 0, and a wide variance."""
    learner = Learner()
    learner.declare("A", "latency", 0.4)
    learner.declare("B", "latency", 3.0, prior=True)
    cells = {option: learner.cell(0.0, option, "latency") for option in "ABC"}

    assert {option: cell and round(cell.mean, 9) for option, cell in cells.items()} == {"A": 0.4, "B": 3.0, "C": 1.0}
    assert all(cell and cell.variance > 0.1 * cell.mean**2 for cell in cells.values())


def test_own_evidence_takes_over() -> None:
    """The share of own evidence in a belief grows with every measurement."""
    learner = Learner()
    learner.declare("A", "latency", 1.0, support=200)
    shares = []
    for at in range(6):
        learner.learn(float(at), "A", Evidence(latency_s=1.0))
        belief = learner.belief(float(at), "A", "latency")
        assert belief is not None
        shares.append(belief.own)

    assert shares == sorted(shares)
    assert shares[-1] > 0.8 > shares[0]


def test_a_fleet_below_its_support_does_not_count() -> None:
    """Too few holders make a guess; the more there are, the less a majority of liars is feared."""
    learner = Learner()
    variances = []
    for support in (4, 5, 50):
        learner.declare("A", "latency", 2.0, support=support)
        belief = learner.belief(0.0, "A", "latency")
        assert belief is not None
        variances.append(belief.variance)

    assert variances[0] > 1.5 * variances[1] > 15 * variances[2]
    assert variances[2] > LATENCY.device_spread**2


def test_a_time_out_is_a_lower_bound() -> None:
    """An answer that did not come in 30 s raises a belief of 1 s, and tells one of 300 s nothing."""
    fast, slow = taught(1.0, 1.0, 1.0), taught(300.0, 300.0, 300.0)
    before = expected(fast, 3.0), expected(slow, 3.0)
    for learner in (fast, slow):
        learner.learn(3.0, "A", Evidence(latency_s=30.0, timed_out=True))
    after = expected(fast, 3.0), expected(slow, 3.0)

    assert after[0] > 1.05 * before[0]
    assert after[1] == pytest.approx(before[1], rel=1e-3)


def test_uncertainty_reopens_with_time() -> None:
    """A belief's variance grows without new evidence, slowly: a week later it is wider, and the mean is the same."""
    learner = taught(*[1.0] * 20)
    beliefs = [learner.belief(20.0 + days * 86_400.0, "A", "latency") for days in (0, 1, 7, 100, 200)]
    variances = [belief.variance for belief in beliefs if belief]

    assert variances == sorted(variances)
    assert variances[0] < 0.01
    assert 2 * variances[0] < variances[2] < 0.1
    assert variances[-1] > 1.0
    assert expected(learner, 7 * 86_400.0) == pytest.approx(1.0, rel=0.05)


def test_a_change_much_larger_than_the_noise_is_believed_at_once() -> None:
    """After 500 calls of 1 s two of 12 s move the belief all the way; a mean over them would take hours."""
    learner = taught(*[1.0 + 0.1 * (at % 3) for at in range(500)])
    learner.learn(500.0, "A", Evidence(latency_s=12.0))
    learner.learn(512.0, "A", Evidence(latency_s=12.0))

    assert expected(learner, 512.0) > 9.0


def test_an_outlier_alone_changes_little() -> None:
    """One measurement out of proportion is an outlier until a second one says the same."""
    learner = taught(*[1.0 + 0.1 * (at % 3) for at in range(500)])
    learner.learn(500.0, "A", Evidence(latency_s=12.0))

    assert expected(learner, 500.0) < 1.5


def test_what_came_back_is_known_again_at_once() -> None:
    """A spell that is over brings back all that was known before it, not two calls' worth."""
    learner = taught(*[1.0 + 0.1 * (at % 3) for at in range(500)])
    for at in range(5):
        learner.learn(500.0 + at, "A", Evidence(latency_s=12.0))
    learner.learn(600.0, "A", Evidence(latency_s=1.0))
    belief = learner.belief(600.0, "A", "latency")

    assert expected(learner, 600.0) < 1.5
    assert belief is not None
    assert belief.n > 90


def test_silence_is_news() -> None:
    """An attempt that has not answered for far longer than usual raises the belief before it ends."""
    learner = taught(*[1.0 + 0.1 * (at % 3) for at in range(50)])
    learner.began(100.0, "A")

    assert expected(learner, 101.0) < 1.5
    assert expected(learner, 130.0) > 30.0

    learner.ended(131.0, "A")
    assert expected(learner, 131.0) < 1.5


def test_an_attempt_under_way_need_not_be_made_twice() -> None:
    """While an unknown option is being tried its curiosity is what it will be once the answer is in."""
    learner = Learner()
    alone = learner.curious(0.0, "A", {"latency": 1.0})
    learner.began(0.0, "A")

    assert learner.curious(0.0, "A", {"latency": 1.0}) > 0.3 * alone


def test_a_fleet_s_word_is_looked_into_no_more_than_none() -> None:
    """The fewer stand behind a word the more there is to learn of it, up to a guess of the same size."""
    learner = Learner()
    weights = {"latency": 1.0}
    learner.declare("guess", "latency", 0.9, prior=True)
    wanted = [learner.curious(0.0, "guess", weights)]
    for support in (5, 10, 20, 40):
        learner.declare("A", "latency", 0.9, support=support)
        wanted.append(learner.curious(0.0, "A", weights))

    assert wanted == sorted(wanted)
    assert wanted[0] == wanted[1] < wanted[2] < wanted[3] < wanted[4] < 0.0


def test_nobody_is_curious_how_fast_a_failing_option_would_be() -> None:
    """A lesson from answers counts as often as there is an answer; a lesson from failures counts in full."""
    weights = {"latency": 1.0, "failure": 2.0}
    learner = Learner()
    before = learner.curious(0.0, "A", weights)
    for _ in range(6):
        learner.learn(0.0, "A", Evidence(failed=True))
    failing = learner.curious(0.0, "A", {"failure": 2.0})

    assert before < 4 * learner.curious(0.0, "A", weights) < 0.0
    assert learner.curious(0.0, "A", weights) < failing < 0.0


def test_task_kinds_share_what_they_share() -> None:
    """A kind of work that is new is expected to be like the others, less surely; its own evidence takes over."""
    learner = taught(4.0, 4.0, 4.0, task="summarise")
    other, own = learner.belief(3.0, "A", "latency", task="chat"), learner.belief(3.0, "A", "latency", task="summarise")
    assert other is not None
    assert own is not None

    assert other.mean == pytest.approx(own.mean, abs=0.1)
    assert other.variance > 2 * own.variance
    learner.learn(3.0, "A", Evidence(latency_s=1.0), task="chat")
    assert expected(learner, 3.0, task="chat") < 2.5 < 3.5 < expected(learner, 3.0, task="summarise")


def test_own_evidence_leaves_the_prior_out() -> None:
    """The evidence that may be sent is the mean of the measurements and their number, whatever was believed before."""
    answers = []
    for declared in (0.1, 10.0):
        learner = Learner()
        learner.declare("A", "failure", declared / 20)
        for failed in (True, False, False, False):
            learner.learn(0.0, "A", Evidence(failed=failed))
        answers.append(learner.own("A", "failure"))

    assert answers[0] == answers[1]
    assert answers[0] is not None
    assert (answers[0].value, answers[0].n) == (0.25, 4.0)


@given(st.lists(st.floats(0.9, 1.1), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_evidence_at_one_time_has_no_order(latencies: list[float], chance: object) -> None:
    """Measurements of one moment, none of them far off, come to the same own mean and count in any order."""
    shuffled = list(latencies)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    kept = []
    for order in (latencies, shuffled):
        learner = Learner(LearningSettings(surprise=1e9))
        for latency in order:
            learner.learn(7.0, "A", Evidence(latency_s=latency))
        leaf = learner.tracks("A")["latency"].leaves[""]
        kept.append((leaf.now.mean, leaf.now.n))

    assert kept[0] == pytest.approx(kept[1])


@given(st.lists(st.floats(1e-2, 1e2), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_an_outlier_counts_once_in_any_order(latencies: list[float], chance: object) -> None:
    """However far off some are, each counts once, and the mean of the rest stays among what was measured."""
    shuffled = list(latencies)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    for order in (latencies, shuffled):
        learner = Learner(LearningSettings(surprise=1e9))
        for latency in order:
            learner.learn(7.0, "A", Evidence(latency_s=latency))
        now = learner.tracks("A")["latency"].leaves[""].now
        assert now.n == pytest.approx(len(latencies))
        assert min(latencies) <= math.exp(now.mean) * (1.0 + 1e-9)
        assert math.exp(now.mean) <= max(latencies) * (1.0 + 1e-9)
        assert 0.0 <= now.excess <= sum(latencies)


@given(st.lists(SECONDS, min_size=1, max_size=6), st.floats(0, 1e5), st.floats(0, 1e5))
def test_decay_composes(latencies: list[float], first: float, second: float) -> None:
    """Aging twice is aging once by both (L3): asking in between changes nothing."""
    learner = taught(*latencies)
    leaf = learner.tracks("A")["latency"].leaves[""]
    start = leaf.now.at
    whole = leaf.now.n * 2.0 ** (-(first + second) / LATENCY.half_life_s)
    learner.belief(start + first, "A", "latency")
    leaf.now.age(start + first, LATENCY.half_life_s)
    leaf.now.age(start + first + second, LATENCY.half_life_s)

    assert leaf.now.n == pytest.approx(whole, abs=1e-9)


@given(
    st.lists(st.tuples(st.sampled_from(["", "chat", "code"]), SECONDS), min_size=1, max_size=12),
    st.sampled_from(["", "chat", "code", "other"]),
)
def test_the_posterior_is_the_fields(measured: list[tuple[str, float]], asked: str) -> None:
    """Mean and variance are those of the addressed field over workspace → task → device, to 1e-9 (L1, L2)."""
    learner = Learner(LearningSettings(surprise=1e9))
    for task, latency in measured:
        learner.learn(5.0, "A", Evidence(latency_s=latency), task=task)
    belief = learner.belief(5.0, "A", "latency", task=asked)
    assert belief is not None
    prior = learner.prior("A", "latency", LATENCY, belief.noise)

    half = LATENCY.device_spread**2 / 2
    field = AddressedField(
        ["workspace", "task", "device"],
        {"workspace": prior.variance / 2, "task": half, "device": half},
        prior.variance / 2,
    )
    writer = field.root_writer()
    writer.set_prior({}, "A", "latency", prior.mean)
    for task, leaf in learner.tracks("A")["latency"].leaves.items():
        at = {"workspace": "acme", "task": task or "any", "device": "d"}
        for _ in range(round(leaf.now.n)):
            writer.observe(at, "A", "latency", leaf.now.mean, belief.noise)
    trace = field.decide({"workspace": "acme", "task": asked or "any", "device": "d"}).alternative("A").trace("latency")

    assert (belief.mean, belief.variance) == pytest.approx((trace.mean, trace.variance), rel=1e-9, abs=1e-12)


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(1e-3, 1e3), st.booleans()), max_size=30))
def test_written_down_and_read_back_it_believes_the_same(events: list[tuple[float, float, bool]]) -> None:
    """`from_json(to_json())` takes every later decision alike, to the last bit."""
    learner = Learner(device="d")
    for at, latency, failed in events:
        learner.learn(at, "A", Evidence(latency_s=latency, failed=failed))
    again = Learner.from_json(learner.to_json(), device="d")

    for one in (learner, again):
        one.learn(1e4, "A", Evidence(latency_s=5.0))
    assert again.to_json() == learner.to_json()
    assert again.cell(2e4, "A", "latency") == learner.cell(2e4, "A", "latency")


def test_state_is_bounded() -> None:
    """100 options × 5 dimensions stay below 1 MB, and 100,000 observations later they are as large."""
    learner = Learner()
    sizes = []
    for at in range(101_000):
        evidence = Evidence(latency_s=1.0 + at % 7, ttft_s=0.5, failed=at % 9 == 0, cost_usd=0.01, quality=0.5)
        learner.learn(float(at), f"option-{at % 100}", evidence)
        if at in (999, 100_999):
            sizes.append(len(learner.to_json()))

    assert sizes[1] < 1_000_000
    assert sizes[1] < 1.25 * sizes[0]


LEAF = '{"options": {"A": {"latency": {"": %s}}}}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"options": 1}',
        LEAF % '{"now": [1, 2]}',
        LEAF % '{"now": [-1, 0, 0, 0]}',
        LEAF % '{"now": [1, 1e400, 0, 0]}',
        LEAF % '{"now": [1, 0, 0, 0], "before": [0, 0, 0, 0], "changed": 1}',
    ],
)
def test_what_is_no_learner_is_refused(text: str) -> None:
    """A record that is malformed is a DecodeError, never another exception."""
    with pytest.raises(DecodeError):
        Learner.from_json(text)


def test_forgetting_leaves_nothing() -> None:
    """After `forget` no option is known and none has evidence."""
    learner = taught(1.0, 2.0)
    learner.forget()

    assert (learner.options, learner.own("A", "latency")) == ([], None)


@pytest.mark.parametrize(
    "bad", [{"latency_s": -1.0}, {"latency_s": math.nan}, {"quality": 1.5}, {"cost_usd": math.inf}]
)
def test_evidence_that_is_none_is_refused(bad: dict[str, float]) -> None:
    """Negative, endless and impossible measurements are refused by name."""
    with pytest.raises(ConfigError, match=next(iter(bad))):
        Evidence(**bad)  # type: ignore[arg-type]
    with pytest.raises(BadValueKindError):
        Evidence(latency_s="fast")  # type: ignore[arg-type]


def test_settings_come_from_a_config() -> None:
    """A config names what differs from the defaults; what it misspells is refused by name."""
    settings = settings_from(
        {"temperature": 0, "dimensions": {"latency": {"half_life_s": 60}, "energy": {"prior": 2.0}}}
    )

    assert (settings.temperature, settings.dimensions["latency"].half_life_s) == (0, 60)
    assert settings.dimensions["energy"].scale == "log"
    assert settings_from(None) is DEFAULTS
    for bad in (
        {"temprature": 1},
        {"temperature": -1},
        {"dimensions": {"latency": {"half_life_s": 0}}},
        [],
        {"dimensions": 3},
    ):
        with pytest.raises(DecodeError, match="learning"):
            settings_from(bad)


def test_who_is_heard_of_again_outlives_who_is_not() -> None:
    """Beyond `options` the one heard of longest ago makes room, whether it was written down or not."""
    learner = Learner(LearningSettings(options=2))
    for second, option in enumerate("abac"):
        learner.learn(float(second), option, Evidence(latency_s=1.0))

    assert learner.options == ["a", "c"]


def test_a_fleet_does_not_hear_its_echo_through_time_outs() -> None:
    """The expected value of a lower bound depends on the prior; what is sent of it does not, over generations."""
    told = 0.0
    for _ in range(20):
        learner = Learner()
        if told:
            learner.declare("a", "latency", told, support=7.0)
        for second in range(3):
            learner.learn(float(second), "a", Evidence(latency_s=30.0, timed_out=True, failed=True))
        own = Learner.from_json(learner.to_json()).own("a", "latency")
        assert own == learner.own("a", "latency")
        assert own is not None
        told = own.value

    assert told == pytest.approx(30.0, rel=0.05)
