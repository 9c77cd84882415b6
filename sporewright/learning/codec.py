"""Beliefs as JSON: one record an option, so that a change rewrites little (docs/reference/device-records.md).

{"<dimension>": {"<task>": {"now": [n, mean, squares, at, lift?, excess?], "before"?: the same, "changed"?: t,
                            "seen"?: calls, "since"?: calls,
                            "up"?: x, "down"?: x, "run"?: the same}}}
A dimension that is rated has a list instead (rated_codec.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring_ascii
from typing import Any

from sporewright import jsontext
from sporewright.errors import DecodeError
from sporewright.learning.belief_track import BeliefTrack
from sporewright.learning.evidence_node import Evidenced, EvidenceNode
from sporewright.learning.exploration import ExplorationBudget
from sporewright.learning.rated_codec import encode_rated, read_rated
from sporewright.learning.rated_track import RatedTrack

__all__ = ["decode_budget", "decode_option", "encode_budget", "encode_option", "number_of", "object_of", "option_text"]

# What a number may come to: beyond it something else was written there.
LARGEST = 1e15


def encode_option(tracks: Mapping[str, BeliefTrack | RatedTrack]) -> dict[str, Any]:
    """One option's record."""
    return {
        dimension: encode_rated(track)
        if isinstance(track, RatedTrack)
        else {task: _leaf(leaf) for task, leaf in track.leaves.items()}
        for dimension, track in tracks.items()
    }


def option_text(tracks: Mapping[str, BeliefTrack | RatedTrack]) -> str:
    """`encode_option` as JSON text, written at once: after every call that ends, one of these is saved."""
    return _written((dimension, _track_text(track)) for dimension, track in tracks.items())


def decode_option(record: object, place: str) -> list[tuple[str, BeliefTrack | RatedTrack]]:
    """An option's record, parsed, read back strictly: DecodeError says where it is none."""
    data = object_of(record, place)
    return [(dimension, _read_track(row, f"{place}.{dimension}")) for dimension, row in data.items()]


def encode_budget(budget: ExplorationBudget) -> dict[str, float]:
    """The use of the curiosity budget in the present window."""
    return {"window": budget.window, "calls": budget.calls, "usd": budget.usd}


def decode_budget(data: object, place: str) -> ExplorationBudget:
    """The same, parsed, read back strictly."""
    spent = object_of(data, place)
    return ExplorationBudget(
        *(number_of(spent.get(key, 0), f"{place}.{key}", 0.0) for key in ("window", "calls", "usd"))
    )


def _read_track(data: object, place: str) -> BeliefTrack | RatedTrack:
    if isinstance(data, list):
        return read_rated(data, place, number_of, object_of)
    return BeliefTrack({task: _read_leaf(raw, f"{place}.{task}") for task, raw in object_of(data, place).items()})


def _leaf(leaf: EvidenceNode) -> dict[str, Any]:
    body: dict[str, Any] = {"now": _evidence(leaf.now)}
    if leaf.before is not None:
        body |= {"before": _evidence(leaf.before), "changed": leaf.changed}
    if leaf.up or leaf.down:
        body |= {"up": leaf.up, "down": leaf.down, "run": _evidence(leaf.run)}
    return body | ({"seen": leaf.seen, "since": leaf.since} if leaf.seen else {})


def _evidence(evidence: Evidenced) -> list[float]:
    kept = [evidence.n, evidence.mean, evidence.squares, evidence.at]
    return [*kept, evidence.lift, evidence.excess] if evidence.lift or evidence.excess else kept


def _written(fields: Iterable[tuple[str, str]]) -> str:
    return "{" + ",".join([f"{encode_basestring_ascii(name)}:{text}" for name, text in fields]) + "}"


def _track_text(track: BeliefTrack | RatedTrack) -> str:
    if isinstance(track, RatedTrack):
        return jsontext.compact(encode_rated(track))
    return _written(map(_leaf_text, track.leaves.items()))


def _leaf_text(named: tuple[str, EvidenceNode]) -> tuple[str, str]:
    task, leaf = named
    if leaf.before is not None or leaf.up or leaf.down:
        return task, jsontext.compact(_leaf(leaf))
    counts = f',"seen":{leaf.seen!r},"since":{leaf.since!r}' if leaf.seen else ""
    return task, f'{{"now":[{",".join(map(repr, _evidence(leaf.now)))}]{counts}}}'


def _read_leaf(data: object, place: str) -> EvidenceNode:
    body = object_of(data, place)
    leaf = EvidenceNode(_read_evidence(body.get("now"), f"{place}.now"))
    leaf.seen, leaf.since = (number_of(body.get(count, 0.0), f"{place}.{count}", 0.0) for count in ("seen", "since"))
    if "before" in body:
        leaf.before = _read_evidence(body["before"], f"{place}.before")
        leaf.changed = number_of(body.get("changed"), f"{place}.changed")
        if not leaf.before.n > 0:
            raise DecodeError(f"{place}.before: no evidence")
    if "run" in body:
        leaf.run = _read_evidence(body["run"], f"{place}.run")
        leaf.up, leaf.down = (number_of(body.get(side, 0.0), f"{place}.{side}", 0.0) for side in ("up", "down"))
    return leaf


def _read_evidence(data: object, place: str) -> Evidenced:
    if not isinstance(data, list) or len(data) not in (4, 5, 6):
        raise DecodeError(f"{place}: {jsontext.shown(data)} is not [n, mean, squares, at, lift?, excess?]")
    return Evidenced(
        *(number_of(x, f"{place}[{i}]", 0.0 if i in (0, 2, 4, 5) else -LARGEST) for i, x in enumerate(data))
    )


def number_of(data: object, place: str, least: float = -LARGEST) -> float:
    """A number from JSON within what can be computed with."""
    if (
        isinstance(data, bool)
        or not isinstance(data, int | float)
        or not (math.isfinite(data) and least <= data <= LARGEST)
    ):
        raise DecodeError(f"{place}: {jsontext.shown(data)} is not a number in [{least:g}, {LARGEST:g}]")
    return float(data)


def object_of(data: object, place: str) -> dict[str, Any]:
    """An object from JSON."""
    if not isinstance(data, dict):
        raise DecodeError(f"{place}: an object is wanted, not {jsontext.shown(data)}")
    return data
