"""The publication for a workspace: differences, horizons and parts, without a server around them."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from sporewright.server.broadcast import Broadcast
from sporewright.server.cells import Coordinate, Layers, Stated, coordinate_of, entry_of, layers_of
from sporewright.server.publication import changes, forget, publish
from sporewright.server.rollup_rules import attests, judges, overlay
from sporewright.server.store.contract import Publication
from sporewright.wire import Delta, Limits, Message, Snapshot, decode

LIMITS = Limits()


def _at(option: str, dimension: str = "latency", level: str = "workspace", instance: str = "acme") -> Coordinate:
    return (level, instance, option, dimension)


def updates(publication: Publication, base: int | None, limits: Limits) -> tuple[Message, ...]:
    """The updates as a device reads them; each within the limits, and its head says what the session is told."""
    found = []
    for frame in Broadcast(limits).made(publication, base):
        message = decode(frame.data, limits)
        assert isinstance(message, Delta | Snapshot)
        assert replace(message, cells=()) == frame.message
        found.append(message)
    return tuple(found)


def _apply(told: Stated, messages: object) -> Stated:
    for message in messages:  # type: ignore[attr-defined]
        if isinstance(message, Snapshot) and message.part == 1:
            told = {}
        told = told | {coordinate_of(entry): layers_of(entry) for entry in message.cells}
    return {at: layers for at, layers in told.items() if layers != Layers()}


def test_only_what_differs_is_published() -> None:
    """Equal cells, NaN included, are not published again; −0.0 is not 0.0; what is gone leaves a tombstone once."""
    publication = Publication()
    wanted = {_at("a"): Layers(math.nan), _at("b"): Layers(0.0), _at("c"): Layers(1.0, 2.0)}
    publish(publication, changes(publication, wanted), 1)
    assert (
        changes(publication, {_at("a"): Layers(float("nan")), _at("b"): Layers(0.0), _at("c"): Layers(1.0, 2.0)}) == {}
    )
    fewer = {_at("a"): Layers(math.nan), _at("b"): Layers(-0.0)}
    assert repr(changes(publication, fewer)) == repr({_at("b"): Layers(-0.0), _at("c"): Layers()})
    publish(publication, changes(publication, fewer), 2)
    assert changes(publication, fewer) == {}


@pytest.mark.parametrize("seed", range(20))
def test_any_device_ends_with_what_is_shown(seed: int) -> None:
    """Whenever a device looks, and however far behind it is, it ends with exactly the cells in the publication."""
    rng = random.Random(seed)
    limits = Limits(message_bytes=400, cells=5)
    publication, wanted = Publication(), dict[Coordinate, Layers]()
    devices: list[tuple[int | None, Stated]] = [(None, {}) for _ in range(4)]
    for revision in range(1, 60):
        for _ in range(rng.randrange(4)):
            option = rng.choice("abcdefghij")
            wanted = {**wanted, _at(option): Layers(rng.random())} if rng.random() < 0.6 else wanted
            wanted = {at: layers for at, layers in wanted.items() if rng.random() < 0.9}
        differ = changes(publication, wanted)
        if differ:
            publish(publication, differ, revision)
        if revision > 10:
            forget(publication, revision - 10)
        for number, (base, told) in enumerate(devices):
            if rng.random() < 0.2:
                news = updates(publication, base, limits)
                devices[number] = (publication.head, _apply(told, news))
                assert devices[number][1] == wanted


def test_a_delta_within_the_horizon_a_snapshot_beyond() -> None:
    """The floor itself is still within; a revision of the future, or none, gets everything."""
    publication = Publication()
    publish(publication, {_at("a"): Layers(1.0), _at("b"): Layers(1.0)}, 3)
    publish(publication, {_at("a"): Layers()}, 5)
    publish(publication, {_at("b"): Layers(2.0)}, 9)
    forget(publication, 5)
    assert updates(publication, 5, LIMITS) == (Delta(5, 9, (entry_of(_at("b"), Layers(2.0)),)),)
    assert updates(publication, 9, LIMITS) == ()
    for base in (None, 4, 10):
        assert updates(publication, base, LIMITS) == (Snapshot(9, 1, 1, (entry_of(_at("b"), Layers(2.0)),)),)


def test_an_empty_publication_is_a_snapshot_of_nothing() -> None:
    """A first visitor learns where it stands even when there is nothing to see."""
    assert updates(Publication(), None, LIMITS) == (Snapshot(0, 1, 1, ()),)


@pytest.mark.parametrize(
    ("dimension", "judged", "attested"),
    [
        ("latency", True, False), ("quality", True, False), ("private", True, False), ("reachable", True, False),
        ("can:vision", False, True), ("priv:vision", False, False), ("reach", False, False),
        ("budget:free", False, False), ("explore", False, False),
        ("count:latency", False, False), ("support:latency", False, False), ("own:latency", False, False),
    ],
)  # fmt: skip
def test_roles_of_dimensions(dimension: str, judged: bool, attested: bool) -> None:
    """U7, D1–D4: judgement and attestation go up, each its own way; gates, budgets and curiosity do not."""
    assert (judges(dimension), attests(dimension)) == (judged, attested)


def test_derived_lies_over_declared_layer_by_layer() -> None:
    """U7: the derived value hides the declared one, the declared weight stays and prices it."""
    declared = {_at("x"): Layers(1.0, 2.0), _at("y"): Layers(3.0)}
    merged = overlay(declared, {_at("x"): Layers(9.0)}, {_at("z"): Layers(4.0)})
    assert merged == {_at("x"): Layers(9.0, 2.0), _at("y"): Layers(3.0), _at("z"): Layers(4.0)}
    assert declared == {_at("x"): Layers(1.0, 2.0), _at("y"): Layers(3.0)}
