"""A push, judged: which of its cells a writer bound to the device's slice may write, and what is answered (W1–W3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sporewright.core.tensor import Tensor
from sporewright.errors import SporewrightError, TooLargeError
from sporewright.server.cells import Coordinate, Layers, Stated, coordinate_of, layers_of, shown
from sporewright.server.room import Room
from sporewright.server.settings import Settings
from sporewright.wire import Ack, Push, Refusal

__all__ = ["KEPT_ACKS", "ack_from", "acks_with", "judge"]

KEPT_ACKS = 8
"""The number of a client's newest acks that are kept, to be sent again when their push comes a second time."""
ACKS_BYTES = 64 * 1024
# What one refusal, and all of one ack, say in words.
REASON_BYTES, REASONS_BYTES = 400, 16 * 1024
_compact = json.JSONEncoder(separators=(",", ":")).encode


def judge(
    levels: Sequence[str],
    device: str,
    push: Push,
    kept: Callable[[Coordinate], bool],
    left: int,
    room: Room,
    settings: Settings,
) -> tuple[Stated, Ack]:
    """The cells to commit and the ack; `kept` says which the device has by now, `left` how many more it may have.

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
            if adds and new >= left:
                raise TooLargeError(f"{shown(at)[:200]}: a device keeps at most {settings.slice_cells} cells here")
            if adds:
                room.take(at)
        except SporewrightError as why:
            refused.append(Refusal(index, why.code, str(why)))
            continue
        new += adds
        accepted[at] = layers
    return accepted, Ack(push.seq, len(push.cells) - len(refused), _short(refused, settings.message_bytes))


def _short(refused: Sequence[Refusal], message_bytes: int) -> tuple[Refusal, ...]:
    """The refusals with their messages cut so that one ack holds them all, and the store a few of them.

    The first ones say why in full; after that the code says it alone.
    """
    # 80 bytes of frame each; an ASCII character takes two at most once it is escaped in JSON.
    left = min(REASONS_BYTES, (message_bytes - 80 * len(refused)) // 2)
    short = []
    for one in refused:
        message = _ascii(one.message)[:REASON_BYTES]
        message = message if len(message) <= left else ""
        left -= len(message)
        short.append(Refusal(one.index, one.code, message))
    return tuple(short)


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _check_size(at: Coordinate, name_bytes: int) -> None:
    size = sum(len(name.encode()) for name in at)
    if size > name_bytes:
        raise TooLargeError(f"{shown(at)[:80]}: its names take {size} bytes, the limit is {name_bytes}")


def acks_with(acks: str, ack: Ack) -> str:
    """The kept acks as JSON text, with one more; the older ones only as far as all take no more than `ACKS_BYTES`."""
    kept = [_compact({"seq": ack.seq, "accepted": ack.accepted, "refused": _runs(ack.refused)})]
    size = len(kept[0])
    for older in reversed(json.loads(acks)[1 - KEPT_ACKS :]):
        text = _compact(older)
        size += len(text)
        if size > ACKS_BYTES:
            break
        kept.insert(0, text)
    return f"[{','.join(kept)}]"


def _runs(refused: Sequence[Refusal]) -> list[tuple[int, int, str, str]]:
    """Refusals as (first index, how many, code, message): those in a row that say the same are one."""
    runs: list[tuple[int, int, str, str]] = []
    for one in refused:
        first, count, *says = runs[-1] if runs else (-1, 0, "", "")
        if one.index == first + count and says == [one.code, one.message]:
            runs[-1] = (first, count + 1, one.code, one.message)
        else:
            runs.append((one.index, 1, one.code, one.message))
    return runs


def _refusals(kept: Sequence[Any]) -> Iterator[Refusal]:
    for each in kept:
        if isinstance(each, dict):  # as they were kept before runs were
            yield Refusal(**each)
        else:
            first, count, code, message = each
            yield from (Refusal(index, code, message) for index in range(first, first + count))


def ack_from(acks: str, seq: int) -> Ack:
    """The ack that was given to push `seq`; a bare one if it is too old to be kept."""
    for kept in json.loads(acks):
        if kept["seq"] == seq:
            return Ack(seq, kept["accepted"], tuple(_refusals(kept["refused"])))
    return Ack(seq, 0)
