"""Live queues are the plain definition, bit for bit, whatever happens (R1–R8); numpy or not, short heads or long."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from array import array
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from sporewright.core import resolve
from sporewright.core.live import LiveQueue
from sporewright.core.live import queue as live_queue
from sporewright.core.live import scores as live_scores
from sporewright.core.live.head import Head
from sporewright.core.tensor import Tensor
from tests.core.live_driver import KINDS, bits
from tests.core.sizes import narrow, patched
from tests.strategies import (
    LEVELS,
    Write,
    built,
    cursors,
    dimensions,
    instances,
    options,
    scalars,
    values,
    writes,
)

ROOT = Path(__file__).resolve().parents[2]
STEPS = 100_000
levels = st.sampled_from(range(len(LEVELS)))
NO_NUMPY = sys.maxsize


class LiveQueues(RuleBasedStateMachine):
    """A tensor with any number of live queues, each compared with the plain rules after every step."""

    queues = Bundle("queues")

    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def start(self, kind: str) -> None:
        """An empty tensor; heads and numpy of one kind of sizes."""
        self.stack = ExitStack()
        self.stack.enter_context(KINDS[kind]())
        self.stack.enter_context(patched(live_scores, {"WIDE": live_scores.WIDE}))
        self.tensor = Tensor(LEVELS)
        self.open: dict[int, tuple[LiveQueue, dict[str, str], int | None, set[str] | None]] = {}
        self.said: dict[int, tuple[list[str], int]] = {}

    @rule(
        target=queues,
        cursor=cursors,
        limit=st.none() | st.integers(0, 4),
        among=st.none() | st.sets(options, max_size=4),
    )
    def watch(self, cursor: dict[str, str], limit: int | None, among: set[str] | None) -> int:
        """A queue is opened at some cursor."""
        queue = self.tensor.watch(cursor, limit, among=among)
        self.open[id(queue)] = (queue, cursor, limit, among)
        self.said[id(queue)] = ([], 0)
        return id(queue)

    @rule(key=consumes(queues))
    def close(self, key: int) -> None:
        """A queue is closed: empty, and deaf from now on."""
        queue = self.open.pop(key)[0]
        queue.close()
        assert (queue.order(), queue.total) == ([], 0)

    @rule(numpy=st.booleans())
    def numpy_comes_or_goes(self, numpy: bool) -> None:
        """The same queue goes on with numpy or without."""
        live_scores.WIDE = 1 if numpy else NO_NUMPY

    @rule(moves=writes)
    def write(self, moves: list[Write]) -> None:
        """Some writes."""
        for move in moves:
            move.apply(self.tensor)

    @rule(level=st.sampled_from(LEVELS), instance=instances, dimension=dimensions, weight=scalars)
    def weigh(self, level: str, instance: str, dimension: str, weight: float) -> None:
        """A shared weight."""
        self.tensor.writer("global").set_weight(level, instance, dimension, weight)

    @rule(level=st.sampled_from(LEVELS), instance=instances)
    def clear(self, level: str, instance: str) -> None:
        """A whole instance goes."""
        before = len(self.tensor.cells())
        assert before - self.tensor.clear(level, instance) == len(self.tensor.cells())

    @rule(level=st.sampled_from(LEVELS), instance=instances, option=options, dimension=dimensions)
    def unset(self, level: str, instance: str, option: str, dimension: str) -> None:
        """One cell goes (W4)."""
        self.tensor.writer("global").unset(level, instance, option, dimension)

    @rule(
        level=levels,
        instance=instances,
        option=options,
        dimension=dimensions,
        value=st.none() | values,
        weight=st.none() | scalars,
    )
    def put(self, level: int, instance: str, option: str, dimension: str, value: Any, weight: float | None) -> None:
        """A whole cell is stated."""
        self.tensor.put(level, instance, option, dimension, value, weight)

    @rule(moves=writes, floor=st.sampled_from(LEVELS))
    def restore(self, moves: list[Write], floor: str) -> None:
        """Cells arrive as JSON, through a writer that may refuse some."""
        self.tensor.writer(floor).apply_json(built(moves).to_json())

    @rule(start=levels, end=levels, instance=instances, quorum=st.none() | st.integers(0, 2))
    def roll_up(self, start: int, end: int, instance: str, quorum: int | None) -> None:
        """Evidence goes up."""
        if quorum is None:
            self.tensor.roll_up(LEVELS[start], LEVELS[end], instance)
        else:
            self.tensor.corroborate(LEVELS[start], LEVELS[end], instance, quorum)

    @invariant()
    def every_queue_is_the_definition(self) -> None:
        """Head, total, scores; the revision moves exactly when the head does."""
        for key, (queue, cursor, limit, among) in getattr(self, "open", {}).items():
            ranked = resolve.explain(self.tensor.slices(cursor), [("", "")] * len(LEVELS)).ranked
            whole = [each for each in ranked if among is None or each.option in among]
            order = queue.order()
            assert order == [each.option for each in whole][:limit]
            assert queue.total == len(whole)
            table = queue._table
            for each in whole:
                assert bits(table._scores[table.slots[each.option]]) == bits(each.score)
            before, revision = self.said[key]
            assert (order == before) == (queue.revision == revision)
            self.said[key] = (order, queue.revision)

    def teardown(self) -> None:
        """The sizes are as they were."""
        if hasattr(self, "stack"):
            self.stack.close()


LiveQueues.TestCase.settings = settings(max_examples=120, stateful_step_count=25, deadline=None)
TestLiveQueues = LiveQueues.TestCase


def test_many_random_steps() -> None:
    """A hundred thousand seeded steps, every queue compared after each (the browser walks ten thousand others).

    In two separate processes, which no coverage slows down.
    """
    walks = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.core.live_driver", str(STEPS // 2), str(seed)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for seed in range(2)
    ]
    said = [walk.communicate()[0] for walk in walks]

    assert said == [f"{STEPS // 2} steps: every queue was the definition's\n"] * 2


# --- many options at once -------------------------------------------------------------------------------------------

numbers = st.floats(-2, 2) | st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324])
weights = st.floats(-2, 2) | st.sampled_from([0.0, 1e308, -1e308])


@st.composite
def terms_of(draw: Any) -> tuple[list[live_scores.Term], int]:
    """Some dimensions over some slots, a few with own weights."""
    count = draw(st.integers(1, 12))
    slots = st.integers(0, count - 1)
    made: list[live_scores.Term] = []
    for _ in range(draw(st.integers(0, 7))):
        column = array("d", draw(st.lists(numbers, min_size=count, max_size=count)))
        made.append((draw(weights), column, draw(st.none() | st.dictionaries(slots, weights, max_size=3))))
    return made, count


@given(terms_of())
def test_a_score_is_added_as_the_rules_say(made: tuple[list[live_scores.Term], int]) -> None:
    """R3: loops in threes and numpy give the bits of one multiply and one add after another."""
    terms, count = made
    wanted = []
    for slot in range(count):
        score = 0.0
        for shared, column, own in terms:
            score += (own or {}).get(slot, shared) * column[slot]
        wanted.append(bits(score))

    for wide in (1, NO_NUMPY):
        with patched(live_scores, {"WIDE": wide}):
            assert [bits(x) for x in live_scores.weigh(terms, count)] == wanted


@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, math.inf, -math.inf, math.nan]), min_size=1, max_size=20),
    st.integers(0, 2**20 - 1),
    st.integers(1, 25),
    st.randoms(use_true_random=False),
)
def test_the_smallest_are_the_head_of_the_order(scores: list[float], mask: int, count: int, chance: Any) -> None:
    """R5: of the ranked alone, equal scores by name wherever the names stand, NaN last; by loops and by numpy."""
    names = [f"o{at:02}" for at in range(len(scores))]
    ranked = bytearray(mask >> at & 1 for at in range(len(scores)))
    shuffled = names[:]
    chance.shuffle(shuffled)
    for stand, in_order in ((names, True), (shuffled, False)):
        for chosen in (None, ranked):
            slots = [at for at in range(len(scores)) if chosen is None or chosen[at]]
            wanted = sorted(slots, key=lambda at: resolve.rank_key(stand[at], scores[at]))[:count]
            for wide in (1, NO_NUMPY):
                with patched(live_scores, {"WIDE": wide}):
                    found = live_scores.smallest(array("d", scores), stand, chosen, count, in_order)
                    assert found == wanted
                    assert live_scores.smallest(list(scores), stand, chosen, count, in_order) == wanted


@pytest.mark.parametrize("numpy", [True, False])
def test_a_long_queue_of_which_the_head_is_read(numpy: bool) -> None:
    """A head of three thousand options runs short, grows long, is filled anew, and is always the definition's."""
    count = 3000
    chance = np.random.default_rng(5)
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    for at, (x, y) in enumerate(chance.random((count, 2)).tolist()):
        writer.set_value("global", "", f"o{at:04}", "latency", x)
        writer.set_value("global", "", f"o{at:04}", "financial", round(y, 2))
    writer.set_weight("global", "", "latency", 1.0)
    with nullcontext() if numpy else narrow():
        queue = tensor.watch({"device": "A"}, 10)
        lengths = set()
        for step in range(400):
            # First the best ones leave until the head runs short, then everybody comes to the front.
            option = queue.order()[0] if step < 150 else f"o{step * 7 % count:04}"
            writer.set_value("device", "A", option, "latency", 2.0 + step if step < 150 else -float(step))
            if step == 200:
                writer.set_weight("global", "", "financial", float(step))
            if step % 20 == 0:
                assert queue.order() == tensor.resolve({"device": "A"})[:10]
            lengths.add(len(queue._head.names))
        assert queue.order() == tensor.resolve({"device": "A"})[:10]
        assert max(lengths) <= 2 * live_queue.LEAST + live_queue.LEAST < count


def test_a_head_holds_the_smallest_alone() -> None:
    """A key beyond the largest one held is left out; one that is not held is not taken out."""
    head = Head()
    head.fill([0.0, 1.0, 1.0, math.nan], ["z", "a", "c", "n"], complete=False)
    head.insert(math.nan, "o")
    head.insert(1.0, "b")
    head.insert(math.nan, "m")
    head.remove(1.0, "x")
    head.remove(7.0, "a")
    assert head.names == ["z", "a", "b", "c", "m", "n"]
    head.remove(math.nan, "m")
    assert head.names == ["z", "a", "b", "c", "n"]

    head.trim(3)
    head.insert(1.0, "bb")
    assert (head.names, head.complete) == (["z", "a", "b"], False)


def test_bits_are_bits() -> None:
    """The comparison of scores tells −0.0 from 0.0, and no NaN from another."""
    assert bits(0.0) != bits(-0.0)
    assert bits(math.nan) == bits(struct.unpack("<d", b"\1\0\0\0\0\0\xf8\xff")[0])
