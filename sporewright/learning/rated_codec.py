"""An option's ratings as JSON: [leaves, residuals], and with a run of surprises [up, down, surprises, shift, run].

A rating is [n, mean, seen, at]; leaves and run are {"<kind of work>": rating}. A list where other dimensions have an
object: a record says by itself how its dimension was learned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sporewright import jsontext
from sporewright.errors import DecodeError
from sporewright.learning.rated_track import RatedTrack, Rating

__all__ = ["encode_rated", "read_rated"]

Read = Callable[..., Any]


def encode_rated(track: RatedTrack) -> list[Any]:
    """One option's ratings."""
    body: list[Any] = [_kinds(track.leaves), _rating(track.residuals)]
    if track.up or track.down:
        body += [track.up, track.down, _rating(track.surprises), track.shift, _kinds(track.run)]
    return body


def read_rated(data: list[Any], place: str, number: Read, fields: Read) -> RatedTrack:
    """The same read back strictly; `number` and `fields` read a number and an object, or raise DecodeError."""
    if len(data) not in (2, 7):
        raise DecodeError(
            f"{place}: {jsontext.shown(data)} is not [leaves, residuals, up?, down?, surprises?, shift?, run?]"
        )

    def rating(raw: object, at: str) -> Rating:
        if not isinstance(raw, list) or len(raw) != 4:
            raise DecodeError(f"{at}: {jsontext.shown(raw)} is not [n, mean, seen, at]")
        n, mean, seen, time = raw
        return Rating(
            number(n, f"{at}[0]", 0.0),
            number(mean, f"{at}[1]"),
            number(seen, f"{at}[2]", 0.0),
            number(time, f"{at}[3]"),
        )

    def kinds(raw: object, at: str) -> dict[str, Rating]:
        return {kind: rating(each, f"{at}.{kind}") for kind, each in fields(raw, at).items()}

    track = RatedTrack(kinds(data[0], f"{place}[0]"), rating(data[1], f"{place}[1]"))
    if len(data) > 2:
        track.up, track.down = (number(data[at], f"{place}[{at}]", 0.0) for at in (2, 3))
        track.surprises, track.run = rating(data[4], f"{place}[4]"), kinds(data[6], f"{place}[6]")
        track.shift = number(data[5], f"{place}[5]")
    return track


def _kinds(leaves: Mapping[str, Rating]) -> dict[str, list[float]]:
    return {kind: _rating(leaf) for kind, leaf in leaves.items()}


def _rating(rating: Rating) -> list[float]:
    return [rating.n, rating.mean, rating.seen, rating.at]
