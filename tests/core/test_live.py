"""Live queues: what a write costs and what it changes (R1–R7)."""

from __future__ import annotations

import math
import random
import tracemalloc
from typing import Any

import pytest

from sporewright.core import resolve
from sporewright.core.live.table import SPARE, Table
from sporewright.core.tensor import Tensor
from sporewright.errors import ConfigError, UnknownLevelError
from tests.core.live_driver import in_columns
from tests.strategies import LEVELS

CURSOR = {"workspace": "acme", "device": "A"}


def ranked(*options: str) -> Tensor:
    """Options by their latency alone, the first the cheapest."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    writer.set_weight("global", "", "latency", 1.0)
    for at, option in enumerate(options):
        writer.set_value("global", "", option, "latency", float(at))
    return tensor


@pytest.fixture
def fleet() -> Tensor:
    """A hundred options, o00 the cheapest."""
    return ranked(*(f"o{at:02}" for at in range(100)))


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each option that is scored by itself, and "*" for all of them at once, by watching the real scoring."""
    seen: list[str] = []
    add_up, weigh = Table.add_up, Table.weigh

    def adding(self: Table, option: str) -> Any:
        seen.append(option)
        return add_up(self, option)

    def weighing(self: Table) -> None:
        seen.append("*")
        weigh(self)

    monkeypatch.setattr(Table, "add_up", adding)
    monkeypatch.setattr(Table, "weigh", weighing)
    return seen


def test_an_unchanged_tensor_costs_nothing(fleet: Tensor, scored: list[str]) -> None:
    """Asking again, or after a write that this cursor does not read, scores no option."""
    queue = fleet.watch(CURSOR, 3)
    writer = fleet.writer("global")
    writer.set_value("device", "B", "o99", "latency", -1.0)
    writer.set_weight("workspace", "other", "latency", -1.0)

    assert queue.order() == queue.order() == ["o00", "o01", "o02"]
    assert (queue.total, queue.revision) == (100, 1)
    assert scored == ["*"]


def test_a_write_costs_the_options_it_concerns(fleet: Tensor, scored: list[str]) -> None:
    """However often a cell is written to, its option is scored once and only at the next read."""
    queue = fleet.watch(CURSOR, 2)
    writer = fleet.writer("global")
    for x in (5.0, -2.0, -1.0):
        writer.set_value("device", "A", "o99", "latency", x)
    writer.set_option_weight("workspace", "acme", "o98", "latency", 0.0)
    assert scored == ["*"]

    assert queue.order() == ["o99", "o00"]
    assert sorted(scored) == ["*", "o98", "o99"]


def test_what_is_known_of_a_write_is_not_looked_for(fleet: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a cell at the finest level, a scalar without a weight above it: no other cell of the option is read."""
    folded: list[str] = []
    refold = Table._refold

    def refolding(self: Table, option: str, slot: int | None) -> None:
        folded.append(option)
        refold(self, option, slot)

    monkeypatch.setattr(Table, "_refold", refolding)
    queue = fleet.watch(CURSOR, 2)
    fleet.put(2, "A", "o98", "latency", 0.5, 2.0)
    assert queue.order() == fleet.resolve(CURSOR)[:2]
    assert folded.copy() == ["o98"]  # the first weight of its own in this dimension
    folded.clear()

    fleet.put(2, "A", "o98", "latency", -0.5, 2.0)
    fleet.merge(1, "acme", "o98", "latency", 7.0, None)  # hidden by the finer one
    fleet.merge(2, "A", "o98", "latency", -3.0, None)
    fleet.merge(1, "acme", "o97", "latency", 8.0, None)
    fleet.put(2, "A", "o97", "latency", -4.0, math.inf)  # R4: a weight that is not finite adds nothing
    fleet.merge(0, "", "o96", "seen", 1.0, None)
    fleet.merge(2, "A", "o96", "latency", -1.0, None)
    assert queue.order() == fleet.resolve(CURSOR)[:2] == ["o98", "o96"]
    assert folded == []

    fleet.put(2, "A", "o98", "latency", -0.5, 2.0)
    fleet.put(2, "A", "o98", "latency", 9.0, None)  # whose weight is it now?
    fleet.merge(2, "A", "o98", "latency", 9.5, 1.0)
    fleet.merge(1, "acme", "o95", "latency", math.inf, None)
    fleet.merge(2, "A", "o94", "latency", b"a document", None)
    assert queue.order() == fleet.resolve(CURSOR)[:2] == ["o96", "o00"]
    assert sorted(folded) == ["o94", "o95", "o98"]


def test_a_shared_weight_concerns_every_option(fleet: Tensor, scored: list[str]) -> None:
    """A write in the shared slot re-scores all, once, at the next read."""
    queue = fleet.watch(CURSOR, 2)
    for x in (2.0, -1.0):
        fleet.writer("global").set_weight("device", "A", "latency", x)

    assert queue.order() == ["o99", "o98"]
    assert scored == ["*", "*"]


@pytest.mark.parametrize("count", [1, 20, 63, 100], ids=str)
def test_few_and_many_changes_give_the_same_queue(fleet: Tensor, count: int) -> None:
    """Moving a few options and sorting many anew both end at the definition, with options that come and go."""
    queue = fleet.watch(CURSOR)
    writer, chance = fleet.writer("global"), random.Random(7)
    for at in range(count):
        writer.set_value("device", "A", f"o{at:02}", "latency", chance.uniform(-100, 200))
    assert queue.order() == fleet.resolve(CURSOR)

    for at in range(count):
        writer.set_value("device", "A", f"o{at:02}", "reach", float("inf"))
        writer.set_value("device", "A", f"new{at}", "latency", 50.0)
    assert queue.order() == fleet.resolve(CURSOR)
    assert queue.total == 100

    fleet.clear("device", "A")
    assert queue.order() == [f"o{at:02}" for at in range(100)]


def test_most_options_may_go_before_anybody_asks(fleet: Tensor) -> None:
    """A change of everything forgets what was sorted before, however little is left."""
    queue = fleet.watch({})
    fleet.clear("global", "")
    fleet.writer("global").set_value("global", "", "last", "latency", 1.0)
    fleet.writer("global").set_weight("global", "", "latency", 2.0)

    assert (queue.order(), queue.total) == (["last"], 1)


def test_the_revision_moves_with_the_head_alone(fleet: Tensor) -> None:
    """A change behind the limit, or back before the next read, is none."""
    queue = fleet.watch(CURSOR, 2)
    writer = fleet.writer("global")
    writer.set_value("device", "A", "o50", "latency", 70.0)
    assert queue.revision == 1
    writer.set_value("device", "A", "o00", "latency", 70.0)
    writer.unset("device", "A", "o00", "latency")
    assert queue.revision == 1
    writer.unset("global", "", "o00", "latency")
    assert (queue.order(), queue.revision, queue.total) == (["o01", "o02"], 2, 99)


def test_the_order_given_out_is_the_callers(fleet: Tensor) -> None:
    """Changing the list or the cursor one passed in changes nothing inside."""
    cursor = dict(CURSOR)
    queue = fleet.watch(cursor, 2)
    queue.order().clear()
    cursor["device"] = "B"
    fleet.writer("global").set_value("device", "B", "o99", "latency", -1.0)
    fleet.writer("global").set_value("device", "A", "o98", "latency", 0.5)

    assert queue.order() == ["o00", "o98"]


@pytest.mark.parametrize("limit", [None, 0, 1, 1000])
def test_a_limit_cuts_the_queue(fleet: Tensor, limit: int | None) -> None:
    """R6: the head is `resolve(cursor)[:limit]`; `total` counts the whole queue."""
    queue = fleet.watch(CURSOR, limit)

    assert queue.order() == fleet.resolve(CURSOR)[:limit]
    assert queue.total == 100


@pytest.mark.parametrize("limit", [None, 0, 1, 3])
def test_a_queue_among_some_is_the_order_without_the_others(
    fleet: Tensor, scored: list[str], limit: int | None
) -> None:
    """R5, R6: the same order with the others left out; a write to one of those is not even looked at."""
    among = ["o70", "o03", "o12", "o99", "unknown", ""]

    def wanted() -> list[str]:
        return [option for option in fleet.resolve(CURSOR) if option in among][:limit]

    queue = fleet.watch(CURSOR, limit, among=among)
    assert (queue.order(), queue.total) == (wanted(), 4)

    writer = fleet.writer("global")
    scored.clear()
    writer.set_value("global", "", "o50", "latency", -7.0)
    unmoved = queue.order()
    assert scored == []
    assert unmoved == wanted()
    writer.set_value("global", "", "o99", "latency", -7.0)
    writer.set_value("global", "", "unknown", "latency", -8.0)
    assert (queue.order(), queue.total) == (wanted(), 5)
    writer.set_weight("global", "", "latency", -1.0)
    assert queue.order() == wanted()


def test_what_cannot_be_watched(fleet: Tensor) -> None:
    """T3: a level that does not exist, or a limit that counts nothing, is refused and leaves no listener behind."""
    with pytest.raises(UnknownLevelError, match="galaxy"):
        fleet.watch({"galaxy": ""})
    for limit in (-1, 1.5, "1", True):
        with pytest.raises(ConfigError, match=f"at least 0, not {limit!r}"):
            fleet.watch(CURSOR, limit)  # type: ignore[arg-type]

    assert fleet._followed == [{}, {}, {}]


def test_closing_stops_following(fleet: Tensor, scored: list[str]) -> None:
    """A closed queue is empty, keeps its revision, listens no more, and may be closed again; others go on."""
    queue, other = fleet.watch(CURSOR), fleet.watch(CURSOR)
    queue.close()
    queue.close()
    scored.clear()
    fleet.writer("global").set_weight("global", "", "latency", -1.0)

    assert (queue.order(), queue.total, queue.revision) == ([], 0, 1)
    assert other.order()[0] == "o99"
    assert scored == ["*"]
    other.close()
    assert fleet._followed == [{}, {}, {}]


def test_what_came_and_went_unseen_was_never_there(fleet: Tensor) -> None:
    """An option written and unset before a read leaves no trace; one that stays is counted at once."""
    queue = fleet.watch(CURSOR, 2)
    writer = fleet.writer("global")
    writer.set_value("device", "A", "ghost", "latency", -1.0)
    writer.unset("device", "A", "ghost", "latency")
    assert queue.total == 100

    writer.set_value("device", "A", "guest", "latency", -1.0)
    assert queue.total == 101
    writer.unset("device", "A", "guest", "latency")
    writer.set_value("device", "A", "other", "latency", -1.0)
    assert queue.order() == ["other", "o00"]


@pytest.mark.parametrize("options", [["o02"], ["o02", "o01"]])
def test_values_that_nobody_weighs_move_nothing(fleet: Tensor, options: list[str]) -> None:
    """One or many, at the finest level, where all there is to know of them is known."""
    queue = fleet.watch(CURSOR, 3)
    for option in options:
        fleet.writer("device", "A").set_value("device", "A", option, "quality", 5.0)

    assert queue.order() == fleet.resolve(CURSOR)[:3] == ["o00", "o01", "o02"]
    assert queue.revision == 1


def test_a_dimension_that_nobody_weighs_only_gates(fleet: Tensor) -> None:
    """R2, R4: its finite values move nothing, its gates drop, and the first weight it gets counts for everybody."""
    queue = fleet.watch(CURSOR, 2)
    writer = fleet.writer("global")
    writer.set_value("device", "A", "o00", "quality", 300.0)
    assert queue.order() == ["o00", "o01"]
    writer.set_value("device", "A", "o01", "quality", float("inf"))
    assert queue.order() == ["o00", "o02"]

    writer.set_weight("workspace", "acme", "quality", 1.0)
    assert queue.order() == ["o02", "o03"]
    writer.set_option_weight("global", "", "o00", "quality", -1.0)
    assert queue.order() == ["o00", "o02"]


@pytest.mark.parametrize("own", [False, True])
def test_a_queue_over_columns_starts_as_the_definition(fleet: Tensor, own: bool) -> None:
    """A queue over cells in arrays starts from those, unless an option has a weight of its own (F3)."""
    with in_columns():
        tensor = Tensor.from_json(fleet.to_json())
        if own:
            tensor.writer("global").set_option_weight("global", "", "o99", "latency", -1.0)
        tensor.writer("global").set_weight("global", "", "never seen", 2.0)
        assert tensor.store.options is not None
        queue = tensor.watch(CURSOR, 3)

        assert queue.order() == resolve.resolve(tensor.slices(CURSOR))[:3]
        assert queue.order()[0] == ("o99" if own else "o00")


def test_a_whole_queue_grows_with_its_options() -> None:
    """R6: without a limit nothing is ever left out, however many options come after the start."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    writer.set_weight("global", "", "latency", 1.0)
    queue = tensor.watch(CURSOR)
    for at in range(200):
        writer.set_value("device", "A", f"o{at}", "latency", float(at * 7 % 200))
        assert len(queue.order()) == at + 1

    assert queue.order() == resolve.resolve(tensor.slices(CURSOR))


def test_a_long_queue_is_not_sorted_anew_for_a_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five thousand options ten are read: five hundred writes find the smallest at the start and never again."""
    tensor, chance = Tensor(LEVELS), random.Random(3)
    writer = tensor.writer("global")
    writer.set_weight("global", "", "latency", 1.0)
    for at in range(5000):
        writer.set_value("global", "", f"o{at:04}", "latency", chance.random())
    found: list[int] = []
    smallest = Table.smallest
    monkeypatch.setattr(Table, "smallest", lambda self, count: (found.append(count), smallest(self, count))[1])
    queue = tensor.watch(CURSOR, 10)
    for _ in range(500):
        writer.set_value("device", "A", f"o{chance.randrange(5000):04}", "latency", chance.random())
        queue.order()

    assert queue.order() == tensor.resolve(CURSOR)[:10]
    assert len(found) == 1
    assert found[0] < 100


@pytest.mark.parametrize("limit", [None, 10])
def test_a_watch_weighs_what_its_options_weigh(limit: int | None) -> None:
    """Memory grows in proportion to the options, by at most 400 bytes each, and `close` gives it back."""
    grown = {}
    for count in (2000, 4000):
        tensor = Tensor(LEVELS)
        writer = tensor.writer("global")
        for dimension in ("failure", "financial", "latency"):
            writer.set_weight("global", "", dimension, 1.0)
            for at in range(count):
                writer.set_value("global", "", f"o{at:04}", dimension, at * 0.5)
        tensor.watch(CURSOR, limit).close()
        tracemalloc.start()
        queue = tensor.watch(CURSOR, limit)
        for at in range(0, count, 3):
            writer.set_value("device", "A", f"o{at:04}", "latency", float(-at))
            queue.order()
        with_cells = tracemalloc.get_traced_memory()[0]
        queue.close()
        grown[count] = with_cells - tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()

    assert 1.6 < grown[4000] / grown[2000] < 2.5
    assert 50 * 4000 < grown[4000] < 400 * 4000


def test_a_watch_that_nobody_reads_keeps_no_account_of_strangers() -> None:
    """Its memory is bounded by its own options, whatever is written meanwhile; what it says then is right."""
    tensor = ranked(*(f"o{at}" for at in range(10)))
    writer = tensor.writer("global")
    queues = [tensor.watch(CURSOR, 5, among=among) for among in (None, ["o1", "o2"])]
    tracemalloc.start()
    for at in range(5000):
        writer.set_value("device", "A", f"x{at}", "latency", 1.0)
        writer.unset("device", "A", f"x{at}", "latency")
    writer.set_value("device", "A", "o1", "latency", 9.0)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert held < 50_000
    assert queues[0].order() == ["o0", "o2", "o3", "o4", "o5"]
    assert queues[1].order() == ["o2", "o1"]


def test_options_that_have_gone_weigh_nothing() -> None:
    """A queue whose options leave one after another gives their places back; those that come again are there again."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    writer.set_weight("global", "", "latency", 1.0)
    queue = tensor.watch(CURSOR, 5)
    for _ in range(2):
        for at in range(1000):
            writer.set_value("device", "A", f"o{at:03}", "latency", float(at))
            queue.order()
        for at in range(990):
            writer.unset("device", "A", f"o{at:03}", "latency")
            queue.order()

        assert len(queue._table._names) <= 2 * 10 + 2 * SPARE
        assert queue.order() == resolve.resolve(tensor.slices(CURSOR))[:5]


def test_a_listener_may_ask_a_queue_while_many_cells_are_announced() -> None:
    """A live queue equals `resolve` at every moment at which it can be read."""
    tensor = Tensor(LEVELS)
    writer = tensor.writer("global")
    writer.set_weight("global", "", "latency", 1.0)
    tensor.put_many(0, "", {(f"o{at:02}", "latency"): (float(at), None) for at in range(20)})
    queue, heard = tensor.watch(CURSOR, 5), []
    tensor.listen(lambda *_: heard.append(queue.order() == tensor.resolve(CURSOR)[:5]))
    tensor.put_many(2, "A", {(f"o{at:02}", "latency"): (-float(at), None) for at in range(20)})
    tensor.clear("device", "A")

    assert heard == [True] * 40
