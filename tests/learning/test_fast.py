"""The work of a page for every call is written out for speed: to the last bit the plain definition of it."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from sporewright import jsontext
from sporewright.learning.belief_track import TAIL_WEIGHT, Belief, BeliefTrack
from sporewright.learning.codec import encode_option, option_text
from sporewright.learning.evidence import Evidence
from sporewright.learning.evidence_node import Evidenced, decayed, discount_of
from sporewright.learning.exploration import LOOKERS, SLOT_S, Exploration, chance
from sporewright.learning.learner import Learner
from sporewright.learning.link_function import Moments, cell_of
from sporewright.learning.prior import Declared, blank_variance, prior_of
from sporewright.learning.settings import DEFAULTS, DimensionSettings

TASKS = st.sampled_from(["", "chat", "schöne \U0001f642", '"\\'])
SECONDS = st.floats(1e-3, 1e3)
EVENTS = st.lists(st.tuples(st.floats(0.0, 5e3), TASKS, SECONDS, st.booleans(), st.booleans()), min_size=1, max_size=25)
Events = list[tuple[float, str, float, bool, bool]]


def heard(events: Events) -> tuple[Learner, float]:
    """A learner of option A after these, some of them time-outs, some failures, and the time of the last."""
    learner, now = Learner(device="d"), 0.0
    for passed, task, latency, late, failed in events:
        now += passed
        learner.learn(now, "A", Evidence(latency_s=latency, timed_out=late, failed=failed or late), task=task)
    return learner, now


def product(parts: list[tuple[float, Moments]]) -> Moments:
    """Gaussians that speak of the same thing, each blurred by its own variance."""
    precision = information = 0.0
    for blur, part in parts:
        each = 1.0 / (part.variance + blur)
        precision += each
        information += each * part.mean
    return Moments(information / precision, 1.0 / precision)


def posterior(
    track: BeliefTrack, task: str, now: float, known: DimensionSettings, prior: Moments, noise: float
) -> Belief:
    """The belief at a leaf, as the rules say it: the prior and the other leaves, then its own evidence."""
    stray = known.device_spread**2
    parts = [(0.0, prior)]
    for name, leaf in track.leaves.items():
        count = decayed(leaf.now, now, known.half_life_s)
        if name != task and count:
            parts.append((stray, Moments(leaf.now.mean, noise / count)))
    found = product(parts)
    above = Moments(found.mean, found.variance + stray)
    leaf_here = track.leaves.get(task)
    count = decayed(leaf_here.now, now, known.half_life_s) if leaf_here else 0.0
    if leaf_here is None or not count:
        return Belief(above.mean, above.variance, noise, 0.0, 0.0)
    unseen = known.drift**2 * (1.0 - discount_of(2.0 * (now - leaf_here.now.at), known.half_life_s))
    present = product([(0.0, above), (0.0, Moments(leaf_here.now.mean, noise / count + unseen))])
    own = above.variance / (above.variance + noise / count + unseen)
    before = leaf_here.before
    if before is not None and known.scale == "unit":
        past = product([(0.0, above), (0.0, Moments(before.mean, noise / before.n + known.drift**2))])
        present = leaf_here.mixed(now, known, present, past)
    excess = leaf_here.now.excess / (leaf_here.now.n + TAIL_WEIGHT)
    return Belief(present.mean, present.variance, noise, own, count, excess)


@given(EVENTS, TASKS, st.floats(0.0, 1e5))
def test_the_posterior_is_the_plain_product(events: Events, asked: str, later: float) -> None:
    """L1, L2: one pass over the leaves gives the bits of Gaussians multiplied one after the other."""
    learner, now = heard(events)
    for dimension, track in learner.tracks("A").items():
        known = DEFAULTS.dimensions[dimension]
        noise = track.noise(now + later, known)
        prior = learner.prior("A", dimension, known, noise)
        found = track.posterior(asked, now + later, known, prior, noise)
        assert found == posterior(track, asked, now + later, known, prior, noise)


@given(EVENTS, st.none() | TASKS)
def test_own_evidence_is_the_leaves_added(events: Events, task: str | None) -> None:
    """The evidence that is sent is the mean over the leaves, each as much as it stands for, their lifts taken out."""
    learner, _ = heard(events)
    for dimension, track in learner.tracks("A").items():
        known, whole = DEFAULTS.dimensions[dimension], Evidenced()
        for kind, leaf in track.leaves.items():
            if task in (None, kind) and leaf.now.n > 0:
                whole.add(leaf.now.mean - leaf.now.lift / leaf.now.n, leaf.now.n)
                whole.at = max(whole.at, leaf.now.at)
                whole.excess += leaf.now.excess
        own = learner.own("A", dimension, task=task)
        if own is None:
            assert not whole.n
            continue
        noise = track.noise(whole.at, known) if known.scale == "log" else 0.0
        value = cell_of(known.scale, Moments(whole.mean, 0.0), noise).mean + whole.excess / (whole.n + TAIL_WEIGHT)
        assert own == (value, whole.n)


@given(EVENTS)
def test_a_record_is_the_json_of_it(events: Events) -> None:
    """The text that is saved after every call is what a JSON writer makes of the record."""
    learner, _ = heard(events)
    tracks = learner.tracks("A")

    assert option_text(tracks) == jsontext.compact(encode_option(tracks))


@given(st.none() | st.floats(0.0, 1e3), st.sampled_from([0.0, 0.3, 2.0]), st.sampled_from(sorted(DEFAULTS.dimensions)))
def test_a_cell_of_a_prior_alone(value: float | None, spread: float, dimension: str) -> None:
    """Its variance without the way through leaves is that with none of them."""
    known = DEFAULTS.dimensions[dimension]
    declared = None if value is None else Declared(value, spread, 7.0)
    noise = BeliefTrack().noise(1e9, known)
    believed = [declared] if value is None or spread else [declared, Declared(value, known.spread)]
    found = [BeliefTrack().posterior("any", 1e9, known, prior_of(each, known, noise), noise) for each in believed]
    variances = [cell_of(known.scale, Moments(each.mean, each.variance), noise).variance for each in found]

    assert blank_variance(declared, known) == min(variances)


@given(st.text(max_size=3), st.text(max_size=3), st.floats(0.0, 1e9), st.floats(0.0, 50.0))
def test_a_turn_is_drawn_from_the_names(device: str, option: str, now: float, holders: float) -> None:
    """If there are few holders, the draw that could only keep a device from looking is left out."""
    found = Exploration(DEFAULTS, device).weight(now, option, holders)
    slot = math.floor(now / SLOT_S + chance(device))
    stays = chance(device, option, slot) * holders > LOOKERS * DEFAULTS.support
    heat = 0.0 if stays else DEFAULTS.temperature * (0.5 + chance(option, device, slot))

    assert found == (heat if device else DEFAULTS.temperature)
