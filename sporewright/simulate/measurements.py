"""Real measurements read from CSV: what each provider's requests took, when calls arrived, what answers were worth."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sporewright.errors import DecodeError, StorageError
from sporewright.jsontext import listed, shown
from sporewright.routing.classify import Ending

__all__ = ["FAILED_S", "Answer", "Row", "groups_of", "read_answers", "read_arrivals", "read_latency"]

LARGEST = 1e12
"""No measurement is larger: milliseconds of thirty years. Beyond it sums and squares stop being numbers."""
FAILED_S = 0.5
"""Seconds that a failed row without a latency takes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured request: how long it took in seconds, and how it ended; tokens are 0 where they were not told.

    `at`: when it was made, in seconds of its recording; None where that is not recorded.
    """

    seconds: float
    ending: Ending
    in_tokens: int = 0
    out_tokens: int = 0
    at: float | None = None

    @property
    def is_ok(self) -> bool:
        """True if it was answered."""
        return self.ending["kind"] == "status" and 200 <= self.ending.get("status", 0) < 300


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of a known task: its length in characters, and what each model's answer to it scored, 0 to 1."""

    task: str
    prompt_chars: int
    scores: Mapping[str, float]


def read_latency(path: Path, group: str) -> dict[str, tuple[Row, ...]]:
    """provider → its rows of that group, providers in code-point order.

    Columns: `group`, `provider`, `ok` (0 or 1), `latency_ms` (may be empty in a failed row), optional `error`
    (`http_<status>`; anything else is a failure of the network), `in_tokens`, `out_tokens`, `t_s` (when it was made).
    """
    found: dict[str, list[Row]] = {}
    groups: set[str] = set()
    for place, record in _records(path, ("group", "provider", "ok", "latency_ms")):
        groups.add(record["group"])
        if not record["provider"]:
            raise DecodeError(f"{place}: provider is empty")
        if record["group"] == group:
            found.setdefault(record["provider"], []).append(_row(place, record))
    if not found:
        raise DecodeError(f"{path}: no row of group {shown(group)}; there are {listed(sorted(groups))}")
    return {provider: tuple(rows) for provider, rows in sorted(found.items())}


def groups_of(path: Path) -> list[str]:
    """The groups that a file of measured requests has, in code-point order."""
    return sorted({record["group"] for _, record in _records(path, ("group",))})


def read_arrivals(path: Path, trace: str) -> tuple[float, ...]:
    """The seconds at which the calls of a trace arrived, ascending. Columns: `trace`, `t_s`."""
    times = [
        _number(place, record, "t_s") for place, record in _records(path, ("trace", "t_s")) if record["trace"] == trace
    ]
    if len(times) < 2:
        raise DecodeError(f"{path}: trace {shown(trace)} has {len(times)} arrivals; at least 2 are wanted")
    return tuple(sorted(times))


def read_answers(path: Path) -> list[Answer]:
    """Every question. Columns: `task`, `prompt_chars`, and one a model with its score; `split`, `qid`, `metric` too."""
    about = ("split", "qid", "task", "metric", "prompt_chars")
    answers = []
    for place, record in _records(path, ("task", "prompt_chars")):
        scores = {model: _score(place, record, model) for model in record if model not in about}
        answers.append(Answer(record["task"], int(_number(place, record, "prompt_chars")), scores))
    return answers


def _row(place: str, record: Mapping[str, str]) -> Row:
    in_tokens, out_tokens = (int(_optional(place, record, name, 0.0)) for name in ("in_tokens", "out_tokens"))
    at = _number(place, record, "t_s") if record.get("t_s") else None
    if record["ok"] == "1":
        took = _number(place, record, "latency_ms") / 1000
        return Row(took, {"kind": "status", "status": 200}, in_tokens, out_tokens, at)
    if record["ok"] != "0":
        raise DecodeError(f"{place}: ok is {shown(record['ok'])}, neither 0 nor 1")
    seconds = _optional(place, record, "latency_ms", FAILED_S * 1000) / 1000
    return Row(seconds, _failure(record.get("error") or ""), in_tokens, out_tokens, at)


def _failure(error: str) -> Ending:
    kind, _, status = error.partition("_")
    if kind == "http" and status.isascii() and status.isdigit() and 400 <= int(status) <= 999:
        return {"kind": "status", "status": int(status)}
    return {"kind": "network"}


def _optional(place: str, record: Mapping[str, str], column: str, absent: float) -> float:
    return _number(place, record, column) if record.get(column) else absent


def _score(place: str, record: Mapping[str, str], model: str) -> float:
    score = _number(place, record, model)
    if score > 1:
        raise DecodeError(f"{place}: {model} is {score!r}; a score is at most 1")
    return score


def _number(place: str, record: Mapping[str, str], column: str) -> float:
    try:
        number = float(record[column])
    except (TypeError, ValueError):
        raise DecodeError(f"{place}: {column} is {shown(record[column])}, no number") from None
    if not (math.isfinite(number) and number >= 0):
        raise DecodeError(f"{place}: {column} is {number!r}; finite and not negative is wanted")
    if number > LARGEST:
        raise DecodeError(f"{place}: {column} is {number!r}, more than {LARGEST:g}")
    return number


def _records(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row with its place for a message; StorageError for a file that cannot be read, DecodeError for no CSV."""
    reader = csv.DictReader(io.StringIO(_text(path), newline=""))
    try:
        head = reader.fieldnames or ()
        missing = [name for name in columns if name not in head]
        if missing:
            raise DecodeError(f"{path}: no column {listed(missing)}")
        for record in reader:
            place = f"{path}:{reader.line_num}"
            if None in record or None in record.values():
                raise DecodeError(f"{place}: not the {len(head)} fields of the first line")
            yield place, record
    except csv.Error as why:
        raise DecodeError(f"{path}:{reader.line_num + 1}: {why}") from None


def _text(path: Path) -> str:
    """A whole file, whether or not it begins with the mark that some spreadsheets write."""
    try:
        raw = path.read_bytes()
    except OSError as why:
        raise StorageError(f"{path}: {why.strerror}") from None
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as why:
        line = raw.count(b"\n", 0, why.start) + 1
        raise DecodeError(f"{path}:{line}: {why.reason}, {raw[why.start : why.end]!r}, is no UTF-8") from None
