"""A push, judged: which of its cells a writer bound to the device's slice may write, and what is answered (W1–W3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from sporewright.core.tensor import Tensor
from sporewright.errors import SporewrightError, TooLargeError
from sporewright.server.cells import Coordinate, Layers, Stated, coordinate_of, layers_of, shown
from sporewright.server.settings import Settings
from sporewright.wire import Ack, Push, Refusal

__all__ = ["KEPT_ACKS", "ack_from", "acks_with", "judge"]

KEPT_ACKS = 8
"""The number of a client's newest acks that are kept, to be sent again when their push comes a second time."""


def judge(
    levels: Sequence[str],
    device: str,
    push: Push,
    kept: Callable[[Coordinate], bool],
    room: int,
    settings: Settings,
) -> tuple[Stated, Ack]:
    """The cells to commit and the ack; `kept` says which the device has by now, `room` how many more it may have.

    Each cell is put to a slice-bound writer of an empty tensor: `unset` there checks W1 and W2 and changes nothing.
    """
    writer = Tensor(levels).writer("device", device)
    accepted: Stated = {}
    refused: list[Refusal] = []
    new = 0
    for index, entry in enumerate(push.cells):
        at, layers = coordinate_of(entry), layers_of(entry)
        try:
            writer.unset(*at)
            adds = layers != Layers() and at not in accepted and not kept(at)
            _check_size(at, settings.coordinate_bytes)
            if adds and new >= room:
                raise TooLargeError(f"{shown(at)}: a device keeps at most {settings.slice_cells} cells here")
        except SporewrightError as why:
            refused.append(Refusal(index, why.code, str(why)))
            continue
        new += adds
        accepted[at] = layers
    return accepted, Ack(push.seq, len(push.cells) - len(refused), _short(refused, settings.message_bytes))


def _short(refused: Sequence[Refusal], message_bytes: int) -> tuple[Refusal, ...]:
    """The refusals with their messages cut so that one ack holds them all."""
    # 80 bytes of frame each; an ASCII character takes two at most once it is escaped in JSON.
    room = max(0, min(400, (message_bytes // max(1, len(refused)) - 80) // 2))
    return tuple(Refusal(one.index, one.code, _ascii(one.message)[:room]) for one in refused)


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _check_size(at: Coordinate, name_bytes: int) -> None:
    size = sum(len(name.encode()) for name in at)
    if size > name_bytes:
        raise TooLargeError(f"{shown(at)[:80]}: its names take {size} bytes, the limit is {name_bytes}")


def acks_with(acks: str, ack: Ack) -> str:
    """The kept acks as JSON text, with one more."""
    refused = [vars(refusal) for refusal in ack.refused]
    return json.dumps([*json.loads(acks), {"seq": ack.seq, "accepted": ack.accepted, "refused": refused}][-KEPT_ACKS:])


def ack_from(acks: str, seq: int) -> Ack:
    """The ack that was given to push `seq`; a bare one if it is too old to be kept."""
    for kept in json.loads(acks):
        if kept["seq"] == seq:
            return Ack(seq, kept["accepted"], tuple(Refusal(**refusal) for refusal in kept["refused"]))
    return Ack(seq, 0)
