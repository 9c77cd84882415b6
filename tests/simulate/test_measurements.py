"""Measurements are read as their columns say, and what is wrong in them is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sporewright.errors import DecodeError, StorageError
from sporewright.simulate.measurements import FAILED_S, read_answers, read_arrivals, read_latency

HEAD = "group,provider,ok,latency_ms,error"


def written(folder: Path, *lines: str) -> Path:
    """A file of these lines."""
    file = folder / "data.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_rows_are_seconds_and_endings(tmp_path: Path) -> None:
    """Seconds from milliseconds, 0.5 without any; `http_…` is a status, any other error the network's failure."""
    file = written(tmp_path, HEAD, "g,b,1,1500,", "g,a,0,,http_429", "g,a,0,250,code_-1", "other,c,1,1,")

    found = read_latency(file, "g")

    assert list(found) == ["a", "b"]
    assert [(row.seconds, row.ending, row.is_ok) for row in found["a"]] == [
        (FAILED_S, {"kind": "status", "status": 429}, False),
        (0.25, {"kind": "network"}, False),
    ]
    assert found["b"][0].seconds == 1.5
    assert found["b"][0].is_ok


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("g,a,1,fast,", "latency_ms is 'fast'"),
        ("g,a,1,-1,", "latency_ms is -1.0"),
        ("g,a,1,inf,", "latency_ms is inf"),
        ("g,a,1,1e308,", "latency_ms is 1e+308, more than 1e+12"),
        ("g,a,yes,1,", "ok is 'yes'"),
        ("g,a,1", "not the 5 fields"),
        ("g,a,1,5,,more", "not the 5 fields"),
        ("g", "not the 5 fields"),
        ("g,,1,5,", "provider is empty"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, says: str) -> None:
    """A DecodeError with the file, the line and the value."""
    file = written(tmp_path, HEAD, line)

    with pytest.raises(DecodeError, match=r"data\.csv:2") as caught:
        read_latency(file, "g")
    assert says in str(caught.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """A group, a column, a trace, a file."""
    file = written(tmp_path, HEAD, "g,a,1,1,")

    with pytest.raises(DecodeError, match="no row of group 'h'; there are g"):
        read_latency(file, "h")
    with pytest.raises(DecodeError, match="no column trace, t_s"):
        read_arrivals(file, "conv")
    with pytest.raises(DecodeError, match="trace 'conv' has 1 arrivals"):
        read_arrivals(written(tmp_path, "trace,t_s", "conv,1", "code,2"), "conv")
    with pytest.raises(StorageError, match="No such file"):
        read_latency(tmp_path / "none.csv", "g")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A DecodeError with the line, not a traceback."""
    file = tmp_path / "data.csv"
    file.write_bytes(b"\xef\xbb\xbfgroup,provider,ok,latency_ms\n\xff\xfe,a,1,1\n")

    with pytest.raises(DecodeError, match=r"data\.csv:2: invalid start byte, b'\\xff'"):
        read_latency(file, "g")


def test_what_csv_cannot_read_is_named_with_its_line(tmp_path: Path) -> None:
    """A field that never ends, as after a quote that is not closed."""
    file = written(tmp_path, HEAD, "g,a,1,1,", f"g,{'x' * 200_000},1,1,")

    with pytest.raises(DecodeError, match=r"data\.csv:3: field larger"):
        read_latency(file, "g")


def test_a_spreadsheet_s_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    """The byte order mark that some write before UTF-8."""
    file = written(tmp_path, f"\ufeff{HEAD}", "g,a,1,1500,")

    assert read_latency(file, "g")["a"][0].seconds == 1.5


def test_arrivals_ascend(tmp_path: Path) -> None:
    """Whatever their order in the file."""
    file = written(tmp_path, "trace,t_s", "conv,2", "code,9", "conv,1")

    assert read_arrivals(file, "conv") == (1.0, 2.0)


def test_answers_have_a_score_a_model(tmp_path: Path) -> None:
    """Every column that says nothing about the question is a model's."""
    file = written(tmp_path, "split,qid,task,metric,prompt_chars,m1,m2", "train,0,sums,em,40,0.5,1")

    (answer,) = read_answers(file)
    with pytest.raises(DecodeError, match=r"data\.csv:2: m is 1\.5"):
        read_answers(written(tmp_path, "task,prompt_chars,m", "sums,40,1.5"))

    assert (answer.task, answer.prompt_chars, answer.scores) == ("sums", 40, {"m1": 0.5, "m2": 1.0})
