"""The way up from tick to tick: medians of holders, attestations by quorum, tenants apart, the same as made anew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from sporewright.core.rollup import finite_values, median
from sporewright.server.aggregation import Aggregation, Holders
from sporewright.server.cells import Layers, Stated
from sporewright.server.device_reports import DeviceReports
from sporewright.server.global_rollup import weighed_median, weights
from sporewright.server.holder_votes import NOBODY, Opened, holder_of
from sporewright.server.rollup_rules import judges

LEVELS = ("global", "workspace", "device", "task")
LATENCY, BEHIND, COUNT = "latency", "support:latency", "count:latency"
OPENED = Opened(frozenset({LATENCY, "can:see"}), frozenset({"x"}), 1)


def _said(device: str, option: str, dimension: str, value: float) -> Stated:
    return {("device", device, option, dimension): Layers(value, 5.0)}


def _reports(said: Mapping[str, Stated]) -> DeviceReports:
    reports = DeviceReports(LEVELS)
    for workspace, cells in said.items():
        reports.state(workspace, cells.items())
    return reports


def _alone(*devices: str) -> Holders:
    return {device: f"owner of {device}" for device in devices}


def _derived(
    said: Mapping[str, Stated], live: Mapping[str, Holders], quorum: int = 2, opened: Opened = OPENED
) -> tuple[dict[str, Stated], Stated]:
    fleet = Aggregation(_reports(said), quorum, opened)
    fleet.renew(live)
    return fleet.derived, fleet.everywhere


def _workspace(name: str, option: str, value: float, support: int, dimension: str = LATENCY) -> Stated:
    at = ("workspace", name, option)
    return {(*at, dimension): Layers(value), (*at, f"support:{dimension}"): Layers(float(support))}


def test_medians_of_the_live_then_of_the_workspaces() -> None:
    """U1, U7: a workspace is the median of its live devices, global that of the workspaces, each with its support."""
    acme = _said("A", "x", LATENCY, 1.0) | _said("B", "x", LATENCY, 3.0) | _said("dead", "x", LATENCY, 99.0)
    umbrella = _said("A", "x", LATENCY, 10.0)
    derived, everywhere = _derived(
        {"acme": acme, "umbrella": umbrella}, {"acme": _alone("A", "B"), "umbrella": {"A": "owner of another A"}}
    )
    assert derived == {"acme": _workspace("acme", "x", 2.0, 2), "umbrella": _workspace("umbrella", "x", 10.0, 1)}
    assert everywhere == {
        ("global", "", "x", LATENCY): Layers(6.0),
        ("global", "", "x", BEHIND): Layers(3.0),
    }


def test_nothing_becomes_global_that_is_not_opened() -> None:
    """U7: closed without rules; opened, only those dimensions, and only of options that are declared."""
    cells = _said("A", "x", LATENCY, 1.0) | _said("A", "x", COUNT, 3.0) | _said("A", "x", "can:see", 1.0)
    cells |= _said("A", "x", "quality", 1.0) | _said("A", "invented", LATENCY, 1.0)
    said, live = {"acme": cells}, {"acme": _alone("A")}
    assert _derived(said, live, 1, Opened())[1] == {}
    assert _derived(said, live, 1, Opened(frozenset({"quality"}), frozenset({"y"}), 1))[1] == {}
    assert {at[2:] for at in _derived(said, live, 1)[1]} == {
        ("x", dimension) for dimension in (LATENCY, BEHIND, COUNT, "can:see")
    }


def test_a_value_needs_its_support_everywhere_however_it_was_come_by() -> None:
    """U4: measured or only stated, four holders are too few in however many workspaces; the fifth makes it global."""
    for more in ({}, _said("A", "x", COUNT, 3.0)):
        said = {f"w{at}": _said("A", "x", LATENCY, 1.0) | more for at in range(7)}
        four = {f"w{at}": {"A": f"h{at % 4}"} for at in range(7)}
        opened = Opened(OPENED.dimensions, OPENED.options, 5)
        assert _derived(said, four, opened=opened)[1] == {}
        found = _derived(said, four | {"w6": {"A": "h4"}}, opened=opened)[1]
        assert found["global", "", "x", BEHIND] == Layers(5.0)
        assert (("global", "", "x", COUNT) in found) == bool(more)


def test_one_holder_in_seven_workspaces_is_one_voice() -> None:
    """U7: with the honest in a workspace each or all in one, a holder who is everywhere has one vote and no more."""
    evil = {f"evil{at}": _said("A", "x", LATENCY, 99.0) for at in range(7)}
    his = {name: {"A": "mallory"} for name in evil}
    apart = {f"w{at}": _said("A", "x", LATENCY, 1.0) for at in range(5)}
    together = {"w": {at: layers for n in range(5) for at, layers in _said(f"D{n}", "x", LATENCY, 1.0).items()}}
    opened = Opened(OPENED.dimensions, OPENED.options, 5)
    for said, live in (
        (apart, {name: {"A": f"owner of {name}"} for name in apart}),
        (together, {"w": _alone(*(f"D{n}" for n in range(5)))}),
    ):
        everywhere = _derived(said | evil, live | his, opened=opened)[1]
        assert everywhere == {("global", "", "x", LATENCY): Layers(1.0), ("global", "", "x", BEHIND): Layers(6.0)}


def test_a_holder_attests_once_everywhere() -> None:
    """U5: as many holders as workspaces must attest; one in many workspaces is one of them."""
    said = {f"w{at}": _said("A", "x", "can:see", 1.0) | _said("B", "x", "can:see", 1.0) for at in range(3)}
    same = {name: {"A": "ann", "B": "bob"} for name in said}
    assert ("global", "", "x", "can:see") in _derived(said, same)[1]
    third = {name: _said("C", "x", "can:see", 1.0) | cells for name, cells in said.items()}
    live = {name: {"A": "ann", "B": "bob", "C": "cy"} for name in said}
    assert ("global", "", "x", "can:see") in _derived(third, live, 3)[1]
    assert _derived({"w0": third["w0"]}, live, 3)[1] == {}


def test_who_is_not_named_is_one_voice_together() -> None:
    """A subject that is the own slice names no holder: six such devices count as one, there and everywhere."""
    assert holder_of("ops", "acme", "A") == "ops"
    assert holder_of("acme/B", "acme", "A") == "acme/B"
    assert holder_of("acme/A", "acme", "A") == NOBODY
    cells: Stated = {}
    for at in range(6):
        cells |= _said(f"m{at}", "x", LATENCY, 99.0)
    for at in range(5):
        cells |= _said(f"A{at}", "x", LATENCY, 1.0)
    holders = dict.fromkeys((f"m{at}" for at in range(6)), NOBODY) | _alone(*(f"A{at}" for at in range(5)))
    derived, everywhere = _derived({"acme": cells}, {"acme": holders})
    assert derived["acme"] == _workspace("acme", "x", 1.0, 6)
    assert everywhere["global", "", "x", LATENCY] == Layers(1.0)


SHARES = st.lists(st.frozensets(st.sampled_from("abcdefg"), min_size=1), min_size=1, max_size=6)
NUMBERS = st.floats(-1e300, 1e300)


@given(SHARES, st.integers(1, 9))
def test_nobody_weighs_more_than_one_voice(holders: list[frozenset[str]], support: int) -> None:
    """A holder's shares add up to one; a workspace weighs its voices, at most the support."""
    whole = weights(holders, 10**9)
    assert sum(whole, Fraction(0)) == len(frozenset(chain.from_iterable(holders)))
    assert weights(holders, support) == [min(weight, Fraction(support)) for weight in whole]
    assert all(weight == len(names) for weight, names in zip(weights([holders[0]], 10), holders[:1], strict=True))


@given(st.lists(st.tuples(NUMBERS, st.integers(1, 4)), min_size=1, max_size=7))
def test_a_weight_is_so_many_equal_votes(votes: list[tuple[float, int]]) -> None:
    """U1: the middle of the weight is the median of each value said as often as it weighs, bit for bit."""
    said = [value for value, times in votes for _ in range(times)]
    assert repr(weighed_median([(value, Fraction(times, 3)) for value, times in votes])) == repr(median(said))


def test_the_devices_of_one_holder_have_one_voice() -> None:
    """U7: a holder's devices come to their median first, so many devices outvote no other holder."""
    cells: Stated = {}
    for at in range(9):
        cells |= _said(f"liar{at}", "x", LATENCY, 100.0 + at)
    cells |= _said("A", "x", LATENCY, 1.0) | _said("B", "x", LATENCY, 2.0)
    holders = {**_alone("A", "B"), **{f"liar{at}": "mallory" for at in range(9)}}
    assert _derived({"acme": cells}, {"acme": holders})[0]["acme"] == _workspace("acme", "x", 2.0, 3)
    assert _derived({"acme": cells}, {"acme": _alone(*holders)})[0]["acme"] == _workspace("acme", "x", 103.0, 11)


def test_a_holder_attests_once() -> None:
    """U5: many devices of one holder are one witness; a device's word on itself is none, whichever its holder."""
    cells: Stated = {}
    for device in ("m1", "m2", "m3", "x"):
        cells |= _said(device, "x", "can:see", 1.0)
    one = dict.fromkeys(("m1", "m2", "m3", "x"), "mallory")
    assert _derived({"acme": cells}, {"acme": one})[0]["acme"] == {}
    assert _derived({"acme": cells}, {"acme": one}, 1)[0]["acme"] == {
        ("workspace", "acme", "x", "can:see"): Layers(1.0)
    }
    assert _derived({"acme": cells}, {"acme": dict.fromkeys(("m1", "x"), "mallory")}, 1)[0]["acme"] != {}
    assert _derived({"acme": cells}, {"acme": {"x": "mallory", "y": "mallory"}}, 1)[0]["acme"] == {}


def test_devices_of_one_name_in_two_workspaces_never_touch() -> None:
    """U7: what A of one workspace says changes nothing in the workspace of the other A."""
    own = _said("A", "x", LATENCY, 1.0)
    live = {"acme": _alone("A"), "umbrella": _alone("A")}
    for other in (_said("A", "x", LATENCY, 7.0), _said("A", "y", LATENCY, 7.0), _said("A", "x", "can:fly", 1.0)):
        assert _derived({"acme": own, "umbrella": other}, live, 1)[0]["acme"] == _workspace("acme", "x", 1.0, 1)


def test_attestations_need_their_quorum() -> None:
    """U5: enough others must attest; the option's own word does not count."""
    cells = _said("A", "x", "can:see", 1.0) | _said("x", "x", "can:see", 1.0) | _said("B", "x", "can:see", 0.0)
    live = {"acme": _alone("A", "B", "C", "x")}
    assert _derived({"acme": cells}, live)[0] == {"acme": {}}
    cells |= _said("C", "x", "can:see", 1.0)
    assert _derived({"acme": cells}, live)[0]["acme"] == {("workspace", "acme", "x", "can:see"): Layers(1.0)}


def test_gates_and_finer_levels_stay_where_they_are() -> None:
    """U7: what a device gates, spends, explores, documents, counts or breaks down by task is its own."""
    cells: Stated = {
        ("device", "A", "x", dimension): Layers(1.0)
        for dimension in ("priv:a", "reach", "budget:p", "explore", "count:latency")
    }
    cells |= {("task", "A/t", "x", LATENCY): Layers(1.0), ("device", "A", "x", "note"): Layers(b"text")}
    cells |= {("device", "A", "x", LATENCY): Layers(math.inf), ("device", "A", "", LATENCY): Layers(None, 3.0)}
    for holders in (_alone("A"), {"A": "ann", "B": "ann"}):
        assert _derived({"acme": cells}, {"acme": holders}, 1) == ({"acme": {}}, {})


def test_who_falls_silent_is_forgotten_everywhere() -> None:
    """U7: no live reporter, no cell: in the workspace and, made of the workspaces, globally."""
    fleet = Aggregation(_reports({"acme": _said("A", "x", LATENCY, 1.0)}), 1, OPENED)
    assert list(fleet.renew({"acme": _alone("A")})) == ["acme"]
    assert fleet.everywhere
    assert list(fleet.renew({"acme": _alone("A")})) == []
    assert list(fleet.renew({})) == ["acme"]
    assert (fleet.derived, fleet.everywhere) == ({"acme": {}}, {})


DEVICES, OPTIONS = ("A", "B", "C", "D", "x"), ("x", "y")
VALUES = st.sampled_from([0.0, -0.0, 1.0, 2.0, -3.5, 1e308, math.inf, math.nan])
WRITES = st.lists(
    st.tuples(
        st.sampled_from(DEVICES),
        st.sampled_from(OPTIONS),
        st.sampled_from([LATENCY, COUNT, "can:see", "reach"]),
        st.one_of(st.none(), VALUES),
    ),
    max_size=12,
)
LIVE = st.dictionaries(st.sampled_from(DEVICES), st.sampled_from(["ann", "bob", "cy"]))


def _plainly(cells: Stated, holders: Holders, quorum: int) -> Stated:
    """U1 and U5 over holders, as said: everything anew, one list after the other; a count only beside its value."""
    found: Stated = {}
    counted: Stated = {}
    for option, dimension in {at[2:] for at in cells}:
        said: dict[str, list[tuple[str, float]]] = {}
        for device, holder in holders.items():
            value = cells.get(("device", device, option, dimension), Layers()).value
            if isinstance(value, float):
                said.setdefault(holder, []).append((device, value))
        if judges(dimension):
            medians = [median(values) for votes in said.values() if (values := finite_values(votes))]
            medians = [value for value in medians if math.isfinite(value)]
            if medians and math.isfinite(result := median(medians)):
                found["workspace", "acme", option, dimension] = Layers(result)
            if medians:
                found["workspace", "acme", option, f"support:{dimension}"] = Layers(float(len(medians)))
        elif dimension == COUNT:
            medians = [median(values) for votes in said.values() if (values := finite_values(votes))]
            medians = [value for value in medians if math.isfinite(value)]
            if medians and math.isfinite(result := median(medians)):
                counted["workspace", "acme", option, COUNT] = Layers(result)
        elif dimension.startswith("can:"):
            yes = sum(any(x > 0 and name != option for name, x in votes) for votes in said.values())
            if yes >= quorum:
                found["workspace", "acme", option, dimension] = Layers(1.0)
    return found | {at: layers for at, layers in counted.items() if (*at[:3], LATENCY) in found}


@given(st.lists(st.tuples(WRITES, LIVE), min_size=1, max_size=6), st.integers(1, 2))
def test_kept_from_tick_to_tick_is_made_anew(
    ticks: list[tuple[list[tuple[str, str, str, float | None]], Holders]], quorum: int
) -> None:
    """U1, U5, U7: whatever is written, comes, goes or changes hands, each tick says what the rules say."""
    reports, cells = DeviceReports(LEVELS), dict[tuple[str, str, str, str], Layers]()
    fleet = Aggregation(reports, quorum)
    for writes, holders in ticks:
        for device, option, dimension, value in writes:
            cells["device", device, option, dimension] = Layers(value)
            reports.state("acme", [(("device", device, option, dimension), Layers(value))])
        before = repr(sorted(fleet.derived.get("acme", {}).items()))
        changed = fleet.renew({"acme": holders})
        wanted = _plainly(cells, holders, quorum)
        after = repr(sorted(fleet.derived.get("acme", {}).items()))
        assert after == repr(sorted(wanted.items()))
        # A count that stands beside no value is a change that is not shown.
        is_uncounted = all(at[3] != COUNT for at in cells)
        assert ("acme" in changed) == (before != after) if is_uncounted else "acme" in changed or before == after


def _plainly_global(said: Mapping[str, Stated], live: Mapping[str, Holders], quorum: int, opened: Opened) -> Stated:
    """Everything anew: each workspace's result with the holders that vote in it, then the weighed median."""
    found: Stated = {}
    for option, dimension in ((option, dimension) for option in opened.options for dimension in opened.dimensions):
        results: list[tuple[float, float | None, frozenset[str]]] = []
        for workspace, cells in said.items():
            derived = _plainly(cells, live[workspace], quorum)
            value = derived.get(("workspace", "acme", option, dimension), Layers()).value
            count = derived.get(("workspace", "acme", option, f"count:{dimension}"), Layers()).value
            spoken: dict[str, list[float]] = {}
            for device, holder in live[workspace].items():
                x = cells.get(("device", device, option, dimension), Layers()).value
                if isinstance(x, float) and (math.isfinite(x) if dimension == LATENCY else x > 0 and device != option):
                    spoken.setdefault(holder, []).append(x)
            names = {name for name, x in spoken.items() if dimension != LATENCY or math.isfinite(median(x))}
            if isinstance(value, float):
                results.append((value, count if isinstance(count, float) else None, frozenset(names)))
        behind = frozenset().union(*(names for *_, names in results))
        at = ("global", "", option)
        if dimension != LATENCY:
            if len(results) >= quorum and len(behind) >= quorum:
                found[*at, dimension] = Layers(1.0)
        elif results and len(behind) >= opened.support:
            weighs = weights([names for *_, names in results], opened.support)
            middle = weighed_median([(value, weight) for (value, *_), weight in zip(results, weighs, strict=True)])
            counted = [(x, weight) for (_, x, _), weight in zip(results, weighs, strict=True) if x is not None]
            if middle is not None:
                found[*at, dimension] = Layers(middle)
                found[*at, f"support:{dimension}"] = Layers(float(len(behind)))
                if counted and (count := weighed_median(counted)) is not None:
                    found[*at, f"count:{dimension}"] = Layers(count)
    return found


FINITE = st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0, -3.5, math.inf])
SAYINGS = st.lists(
    st.tuples(
        st.sampled_from(["acme", "evil", "umbrella"]),
        st.sampled_from(DEVICES),
        st.sampled_from(OPTIONS),
        st.sampled_from([LATENCY, COUNT, "can:see", "reach"]),
        st.one_of(st.none(), FINITE),
    ),
    max_size=15,
)


@given(st.lists(st.tuples(SAYINGS, st.tuples(LIVE, LIVE, LIVE)), min_size=1, max_size=5), st.integers(1, 3))
def test_what_is_global_is_made_anew_from_tick_to_tick(
    ticks: list[tuple[list[tuple[str, str, str, str, float | None]], tuple[Holders, Holders, Holders]]], support: int
) -> None:
    """U7: over several tenants that share holders, each tick says what the rules say of everything at once."""
    opened = Opened(OPENED.dimensions, OPENED.options, support)
    names = ("acme", "evil", "umbrella")
    reports, said = DeviceReports(LEVELS), {name: dict[tuple[str, str, str, str], Layers]() for name in names}
    fleet = Aggregation(reports, 2, opened)
    for sayings, holders in ticks:
        for workspace, *at, value in sayings:
            said[workspace]["device", at[0], at[1], at[2]] = Layers(value)
            reports.state(workspace, [(("device", at[0], at[1], at[2]), Layers(value))])
        live = dict(zip(names, holders, strict=True))
        before = fleet.everywhere
        list(fleet.renew(live))
        wanted = _plainly_global(said, live, 2, opened)
        assert repr(sorted(fleet.everywhere.items())) == repr(sorted(wanted.items()))
        assert (fleet.everywhere is before) == (repr(sorted(before.items())) == repr(sorted(wanted.items())))
