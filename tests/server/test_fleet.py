"""The way up from tick to tick: medians of holders, attestations by quorum, tenants apart, the same as made anew."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from sporewright.core.rollup import finite_values, median
from sporewright.server.cells import Layers, Stated
from sporewright.server.fleet import Fleet, Holders
from sporewright.server.reports import Reports
from sporewright.server.tick import judges

LEVELS = ("global", "workspace", "device", "task")
LATENCY, BEHIND, COUNT = "latency", "support:latency", "count:latency"


def _said(device: str, option: str, dimension: str, value: float) -> Stated:
    return {("device", device, option, dimension): Layers(value, 5.0)}


def _reports(said: Mapping[str, Stated]) -> Reports:
    reports = Reports(LEVELS)
    for workspace, cells in said.items():
        reports.state(workspace, cells.items())
    return reports


def _alone(*devices: str) -> Holders:
    return {device: f"owner of {device}" for device in devices}


def _derived(
    said: Mapping[str, Stated], live: Mapping[str, Holders], quorum: int = 2
) -> tuple[dict[str, Stated], Stated]:
    fleet = Fleet(_reports(said), quorum)
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
        {"acme": acme, "umbrella": umbrella}, {"acme": _alone("A", "B"), "umbrella": _alone("A")}
    )
    assert derived == {"acme": _workspace("acme", "x", 2.0, 2), "umbrella": _workspace("umbrella", "x", 10.0, 1)}
    assert everywhere == {
        ("global", "", "x", LATENCY): Layers(6.0),
        ("global", "", "x", BEHIND): Layers(2.0),
    }


def test_the_devices_of_one_holder_have_one_voice() -> None:
    """U7: a holder's devices come to their median first, so many devices outvote nobody."""
    cells: Stated = {}
    for at in range(9):
        cells |= _said(f"liar{at}", "x", LATENCY, 100.0 + at)
    cells |= _said("A", "x", LATENCY, 1.0) | _said("B", "x", LATENCY, 2.0)
    holders = {**_alone("A", "B"), **{f"liar{at}": "mallory" for at in range(9)}}
    assert _derived({"acme": cells}, {"acme": holders})[0]["acme"] == _workspace("acme", "x", 2.0, 3)
    assert _derived({"acme": cells}, {"acme": _alone(*holders)})[0]["acme"] == _workspace("acme", "x", 103.0, 11)


def test_a_holder_attests_once() -> None:
    """U5: many devices of one holder are one witness; a device's word on itself is none, whoever holds it."""
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
    fleet = Fleet(_reports({"acme": _said("A", "x", LATENCY, 1.0)}), 1)
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
    """U1, U5, U7: whatever is written, whoever comes, goes or changes hands, each tick says what the rules say."""
    reports, cells = Reports(LEVELS), dict[tuple[str, str, str, str], Layers]()
    fleet = Fleet(reports, quorum)
    for writes, holders in ticks:
        for device, option, dimension, value in writes:
            cells["device", device, option, dimension] = Layers(value)
            reports.state("acme", [(("device", device, option, dimension), Layers(value))])
        before = repr(sorted(fleet.derived.get("acme", {}).items()))
        changed = fleet.renew({"acme": holders})
        wanted = _plainly(cells, holders, quorum)
        after = repr(sorted(fleet.derived.get("acme", {}).items()))
        assert after == repr(sorted(wanted.items()))
        # A count that stands beside no value is a change that nobody is shown.
        is_uncounted = all(at[3] != COUNT for at in cells)
        assert ("acme" in changed) == (before != after) if is_uncounted else "acme" in changed or before == after
