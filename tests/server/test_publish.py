"""What a workspace is shown: differences, horizons and parts, without a server around them."""

from __future__ import annotations

import math
import random

import pytest

from sporewright.server.cells import Coordinate, Layers, Stated, coordinate_of, entry_of, layers_of
from sporewright.server.publish import changes, forget, put_on, updates
from sporewright.server.reports import Reports
from sporewright.server.store.contract import Shelf
from sporewright.server.tick import attests, derive, judges, overlay
from sporewright.wire import Delta, Limits, Snapshot, encode

LIMITS = Limits()


def _at(option: str, dimension: str = "latency", level: str = "workspace", instance: str = "acme") -> Coordinate:
    return (level, instance, option, dimension)


def _apply(told: Stated, messages: object) -> Stated:
    for message in messages:  # type: ignore[attr-defined]
        if isinstance(message, Snapshot) and message.part == 1:
            told = {}
        told = told | {coordinate_of(entry): layers_of(entry) for entry in message.cells}
    return {at: layers for at, layers in told.items() if layers != Layers()}


def test_only_what_differs_is_published() -> None:
    """Equal cells, NaN included, are not published again; −0.0 is not 0.0; what is gone leaves a tombstone once."""
    shelf = Shelf()
    wanted = {_at("a"): Layers(math.nan), _at("b"): Layers(0.0), _at("c"): Layers(1.0, 2.0)}
    put_on(shelf, changes(shelf, wanted), 1)
    assert changes(shelf, {_at("a"): Layers(float("nan")), _at("b"): Layers(0.0), _at("c"): Layers(1.0, 2.0)}) == {}
    fewer = {_at("a"): Layers(math.nan), _at("b"): Layers(-0.0)}
    assert repr(changes(shelf, fewer)) == repr({_at("b"): Layers(-0.0), _at("c"): Layers()})
    put_on(shelf, changes(shelf, fewer), 2)
    assert changes(shelf, fewer) == {}


@pytest.mark.parametrize("seed", range(20))
def test_any_device_ends_with_what_is_shown(seed: int) -> None:
    """Whenever a device looks, and however far behind it is, it ends with exactly the cells on the shelf."""
    rng = random.Random(seed)
    limits = Limits(message_bytes=400, cells=5)
    shelf, wanted = Shelf(), dict[Coordinate, Layers]()
    devices: list[tuple[int | None, Stated]] = [(None, {}) for _ in range(4)]
    for revision in range(1, 60):
        for _ in range(rng.randrange(4)):
            option = rng.choice("abcdefghij")
            wanted = {**wanted, _at(option): Layers(rng.random())} if rng.random() < 0.6 else wanted
            wanted = {at: layers for at, layers in wanted.items() if rng.random() < 0.9}
        differ = changes(shelf, wanted)
        if differ:
            put_on(shelf, differ, revision)
        if revision > 10:
            forget(shelf, revision - 10)
        for number, (base, told) in enumerate(devices):
            if rng.random() < 0.2:
                news = updates(shelf, base, limits)
                assert all(len(encode(message, limits)) <= 400 for message in news)
                devices[number] = (shelf.head, _apply(told, news))
                assert devices[number][1] == wanted


def test_a_delta_within_the_horizon_a_snapshot_beyond() -> None:
    """The floor itself is still within; a revision of the future, or none, gets everything."""
    shelf = Shelf()
    put_on(shelf, {_at("a"): Layers(1.0), _at("b"): Layers(1.0)}, 3)
    put_on(shelf, {_at("a"): Layers()}, 5)
    put_on(shelf, {_at("b"): Layers(2.0)}, 9)
    forget(shelf, 5)
    assert updates(shelf, 5, LIMITS) == (Delta(5, 9, [entry_of(_at("b"), Layers(2.0))]),)
    assert updates(shelf, 9, LIMITS) == ()
    for base in (None, 4, 10):
        assert updates(shelf, base, LIMITS) == (Snapshot(9, 1, 1, [entry_of(_at("b"), Layers(2.0))]),)


def test_an_empty_shelf_is_a_snapshot_of_nothing() -> None:
    """A first visitor learns where it stands even when there is nothing to see."""
    assert updates(Shelf(), None, LIMITS) == (Snapshot(0, 1, 1, []),)


@pytest.mark.parametrize(
    ("dimension", "judged", "attested"),
    [
        ("latency", True, False), ("quality", True, False), ("private", True, False), ("reachable", True, False),
        ("can:vision", False, True), ("priv:vision", False, False), ("reach", False, False),
        ("budget:free", False, False), ("explore", False, False),
    ],
)  # fmt: skip
def test_roles_of_dimensions(dimension: str, judged: bool, attested: bool) -> None:
    """U7, D1–D4: judgement and attestation go up, each its own way; gates, budgets and curiosity do not."""
    assert (judges(dimension), attests(dimension)) == (judged, attested)


def _said(device: str, option: str, dimension: str, value: float) -> Stated:
    return {("device", device, option, dimension): Layers(value, 5.0)}


def _reports(said: dict[str, Stated]) -> Reports:
    reports = Reports(("global", "workspace", "device", "task"))
    for workspace, cells in said.items():
        reports.state(workspace, cells.items())
    return reports


def test_medians_of_the_live_then_of_the_workspaces() -> None:
    """U1, U7: a workspace is the median of its live devices, global is that of the workspaces, not of devices."""
    acme = _said("A", "x", "latency", 1.0) | _said("B", "x", "latency", 3.0) | _said("dead", "x", "latency", 99.0)
    umbrella = _said("A", "x", "latency", 10.0)
    derived, everywhere = derive(_reports({"acme": acme, "umbrella": umbrella}), lambda _, device: device != "dead", 2)
    assert derived == {
        "acme": {("workspace", "acme", "x", "latency"): Layers(2.0)},
        "umbrella": {("workspace", "umbrella", "x", "latency"): Layers(10.0)},
    }
    assert everywhere == {("global", "", "x", "latency"): Layers(6.0)}


def test_devices_of_one_name_in_two_workspaces_never_touch() -> None:
    """U7: what A of one workspace says changes nothing in the workspace of the other A."""
    own = _said("A", "x", "latency", 1.0)
    for other in (_said("A", "x", "latency", 7.0), _said("A", "y", "latency", 7.0), _said("A", "x", "can:fly", 1.0)):
        derived, _ = derive(_reports({"acme": own, "umbrella": other}), lambda *_: True, 1)
        assert derived["acme"] == {("workspace", "acme", "x", "latency"): Layers(1.0)}


def test_attestations_need_their_quorum() -> None:
    """U5: enough others must attest; the option's own word does not count."""
    cells = _said("A", "x", "can:see", 1.0) | _said("x", "x", "can:see", 1.0) | _said("B", "x", "can:see", 0.0)
    assert derive(_reports({"acme": cells}), lambda *_: True, 2)[0] == {"acme": {}}
    cells |= _said("C", "x", "can:see", 1.0)
    assert derive(_reports({"acme": cells}), lambda *_: True, 2)[0]["acme"] == {
        ("workspace", "acme", "x", "can:see"): Layers(1.0)
    }


def test_gates_and_finer_levels_stay_where_they_are() -> None:
    """U7: what a device gates, spends, explores, documents or breaks down by task is its own."""
    cells: Stated = {
        ("device", "A", "x", dimension): Layers(1.0) for dimension in ("priv:a", "reach", "budget:p", "explore")
    }
    cells |= {("task", "A/t", "x", "latency"): Layers(1.0), ("device", "A", "x", "note"): Layers(b"text")}
    cells |= {("device", "A", "x", "latency"): Layers(math.inf), ("device", "A", "", "latency"): Layers(None, 3.0)}
    assert derive(_reports({"acme": cells}), lambda *_: True, 1) == ({"acme": {}}, {})


def test_derived_lies_over_declared_layer_by_layer() -> None:
    """U7: the derived value hides the declared one, the declared weight stays and prices it."""
    declared = {_at("x"): Layers(1.0, 2.0), _at("y"): Layers(3.0)}
    merged = overlay(declared, {_at("x"): Layers(9.0)}, {_at("z"): Layers(4.0)})
    assert merged == {_at("x"): Layers(9.0, 2.0), _at("y"): Layers(3.0), _at("z"): Layers(4.0)}
    assert declared == {_at("x"): Layers(1.0, 2.0), _at("y"): Layers(3.0)}
