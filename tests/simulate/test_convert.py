"""`sporewright convert`: clones become measurements, row by row, and what is not there is said."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sporewright.errors import SporewrightError
from sporewright.simulate.convert import convert
from sporewright.simulate.measurements import read_latency
from sporewright.simulate.sources import load_sources

HEAD = 'about = "a"\nrepository = "https://example.org/who/what"\nlicence = "MIT"\n'
CHECKS = (
    (100, "🟩 One Site is up (200 in 1,250 ms) [skip ci] [upptime]"),
    (160, "🟥 One Site is down (503 in 30 ms) [skip ci] [upptime]"),
    (160, "🟨 Other has degraded performance (200 in 7000 ms) [skip ci] [upptime]"),
    (220, "🟥 Other is down (0 in 0 ms) [skip ci] [upptime]"),
    (220, "🟥 Other is down (200 in 90 ms) [skip ci] [upptime]"),
    (280, "🟩 Not Wanted is up (200 in 1 ms) [skip ci] [upptime]"),
    (280, ":pencil: Update summary in README [skip ci] [upptime]"),
)


def committed(folder: Path, files: dict[str, str], subject: str = "s", at: int = 1) -> str:
    """Commit these files in a repository that is made where there is none; its name."""
    git = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    if not (folder / ".git").exists():
        folder.mkdir(parents=True)
        subprocess.run([*git, "init", "-q"], check=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    stamp = {"GIT_COMMITTER_DATE": f"@{at} +0000", "GIT_AUTHOR_DATE": f"@{at} +0000", "PATH": "/usr/bin:/bin"}
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", subject], check=True, env=stamp)
    done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def manifest(tmp_path: Path, commit: str, reader: str) -> Path:
    """A manifest of one source."""
    file = tmp_path / "sources.toml"
    file.write_text(f'[[source]]\nname = "it"\ncommit = "{commit}"\n{HEAD}{reader}\n')
    return file


def test_a_status_repository_tells_its_checks(tmp_path: Path) -> None:
    """Time, status and milliseconds from each commit's subject; what failed keeps its status, or has none."""
    for at, subject in CHECKS:
        commit = committed(tmp_path / "who" / "what", {}, subject, at)
    file = manifest(tmp_path, commit, '[source.history]\nsites = ["One Site", "Other"]')

    said = convert(tmp_path, tmp_path / "out", file, [])

    assert said == [f"it: 5 rows of 2 options, 3 failed, in {tmp_path / 'out' / 'it.csv'} (MIT)"]
    rows = read_latency(tmp_path / "out" / "it.csv", "it")
    assert [(row.seconds, row.ending, row.at) for row in rows["One Site"]] == [
        (1.25, {"kind": "status", "status": 200}, 0.0),
        (0.03, {"kind": "status", "status": 503}, 60.0),
    ]
    assert [(row.seconds, row.ending["kind"], row.at) for row in rows["Other"]] == [
        (7.0, "status", 60.0),
        (0.5, "network", 120.0),
        (0.09, "network", 120.0),
    ]


def test_a_log_of_lines_by_the_name_of_its_folder(tmp_path: Path) -> None:
    """Options are parts of paths; those not wanted, and rows that tell neither a time nor a failure, are left out."""
    lines = [{"took": 2.0, "in": 7}, {"took": None}, {"took": "1.5", "in": [1]}]
    text = "\n".join(json.dumps(line) for line in lines) + "\n\n"
    commit = committed(tmp_path / "who+what" / "repo", {"r/a/1.json": text, "r/b/1.json": text, "x.json": "no"})
    reader = (
        'files = ["r/*/*.json"]\nformat = "jsonl"\npath_part = 1\nonly = ["b"]\nlatency_s = "took"\nin_tokens = "in"'
    )
    file = manifest(tmp_path, commit, f"[source.log]\n{reader}")

    convert(tmp_path, tmp_path, file, ["it"])

    rows = read_latency(tmp_path / "it.csv", "it")
    assert {option: [(row.seconds, row.in_tokens, row.at) for row in found] for option, found in rows.items()} == {
        "b": [(2.0, 7, None), (1.5, 0, None)]
    }


def test_a_log_with_columns_of_each_option(tmp_path: Path) -> None:
    """`{provider}` in a column's name stands for every option there is; rows come in order of time."""
    text = "when,a took,a ok,b took,b ok\n2024-01-01 00:01:00,20,True,,False\n2024-01-01T00:00:00Z,10,True,30,True\n"
    commit = committed(tmp_path / "what", {"log.csv": text})
    reader = 'files = ["log.csv"]\nlatency_ms = "{provider} took"\nok = "{provider} ok"\ntime = "when"'
    file = manifest(tmp_path, commit, f"[source.log]\n{reader}")

    convert(tmp_path, tmp_path, file, [])

    rows = read_latency(tmp_path / "it.csv", "it")
    assert [(row.seconds, row.is_ok, row.at) for row in rows["a"]] == [(0.01, True, 0.0), (0.02, True, 60.0)]
    assert [(row.seconds, row.is_ok, row.at) for row in rows["b"]] == [(0.03, True, 0.0), (0.5, False, 60.0)]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """A source without a clone, or without its commit in it, is skipped in a line."""
    file = manifest(tmp_path, "f" * 40, '[source.history]\nsites = ["x"]')

    assert convert(tmp_path, tmp_path, file, [])[0].startswith("it: skipped, no clone of https://example.org")
    committed(tmp_path / "what", {})
    assert convert(tmp_path, tmp_path, file, []) == [f"it: skipped, {tmp_path / 'what'} has no commit {'f' * 40}"]
    every = convert(tmp_path / "none", tmp_path, None, [])
    assert len(every) == len(load_sources())
    assert all("skipped" in line or "nothing to convert" in line for line in every)


@pytest.mark.parametrize(
    ("reader", "text", "says"),
    [
        ('files = ["l.csv"]\nprovider = "p"\nlatency_s = "s"', "p,s\na,fast\n", "l.csv:2: latency is 'fast', no num"),
        ('files = ["l.csv"]\nprovider = "p"\nlatency_s = "s"', "p,s\na,-1\n", "l.csv:2: latency is '-1'; finite"),
        ('files = ["l.csv"]\nprovider = "p"\nlatency_s = "s"\nok = "k"', "p,s,k\na,1,so\n", "l.csv:2: k is 'so'"),
        ('files = ["l.csv"]\nprovider = "p"\nlatency_s = "s"\ntime = "t"', "p,s,t\na,1,now\n", "l.csv:2: t is 'now'"),
        ('files = ["l.csv"]\nprovider = "p"\nlatency_s = "s"\nformat = "jsonl"', "[1]\n", "l.csv:1: an object is"),
        ('files = ["l.csv"]\nprovider = "p"\nlatency_s = "s"\nformat = "jsonl"', "{\n", "l.csv:1: "),
        ('files = ["l.csv"]\nprovider = "p"\nlatency_s = "s"', "p,s\na,\n", "it: nothing in .* is a measurement"),
        ('files = ["l.csv"]\nprovider = "p"', "", r"source\[0\].log: one of latency_s and latency_ms"),
        ('files = ["l.csv"]\nlatency_s = "s"', "", r"source\[0\].log: one of provider, path_part"),
        ('files = ["l.csv"]\nlatency_s = "s"\nformat = "xml"', "", r"source\[0\].log.format: 'xml'"),
        ('files = "l.csv"\nlatency_s = "s"', "", r"source\[0\].log.files: 'l.csv' is no tuple"),
        ('latency_s = "s"', "", r"source\[0\].log: files is needed"),
        ('file = ["l.csv"]', "", r"source\[0\].log.file: there is no such field"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, reader: str, text: str, says: str) -> None:
    """The line of the log, or the field of the manifest."""
    commit = committed(tmp_path / "what", {"l.csv": text})
    file = manifest(tmp_path, commit, f"[source.log]\n{reader}")

    with pytest.raises(SporewrightError, match=says):
        convert(tmp_path, tmp_path, file, [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("source = 3", "a list of"),
        ("x = [", "sources.toml: "),
        ("source = [3]", r"source\[0\]: a table is wanted"),
        (f'[[source]]\nname = "it"\ncommit = "c"\n{HEAD}' * 2, "two sources are called 'it'"),
        (f'[[source]]\nname = "it"\n{HEAD}', r"source\[0\]: commit is needed"),
        (f'[[source]]\nname = "it"\ncommit = "c"\ntimeout_s = -1\n{HEAD}', r"timeout_s: -1 is no float"),
        (
            f'[[source]]\nname = "it"\ncommit = "c"\n{HEAD}[source.history]\nsites = ["x"]\n[source.log]\n',
            "as a history or as a log",
        ),
    ],
)
def test_a_manifest_that_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    """The place in it."""
    file = tmp_path / "sources.toml"
    file.write_text(text)

    with pytest.raises(SporewrightError, match=says):
        load_sources(file)


def test_no_such_source_and_no_such_manifest(tmp_path: Path) -> None:
    """The names that there are; the file that is not."""
    with pytest.raises(SporewrightError, match="source 'x' is none of"):
        convert(tmp_path, tmp_path, None, ["x"])
    with pytest.raises(SporewrightError, match="No such file"):
        load_sources(tmp_path / "none.toml")
