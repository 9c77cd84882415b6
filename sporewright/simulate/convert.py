"""`sporewright convert`: a clone of published measurements becomes the CSV that the simulator reads."""

from __future__ import annotations

import csv
import io
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from sporewright import jsontext
from sporewright.errors import ConfigError, DecodeError, StorageError
from sporewright.jsontext import listed, shown
from sporewright.simulate.sources import History, Log, Source, load_sources

__all__ = ["COLUMNS", "Measured", "clone_of", "convert", "measured"]

COLUMNS = ("source", "group", "provider", "seq", "t_s", "ok", "error", "latency_ms", "in_tokens", "out_tokens")
CHECK = re.compile(r"\S+ (.+) (?:is up|is down|has degraded performance) \((\d+) in ([\d,]+) ?ms\)")
YES, NO = ("1", "true", "yes", "ok", "success"), ("0", "false", "no", "error", "failed")
LONGEST_FIELD = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """One request: the option, when it began (None where that is not recorded), its milliseconds, its failure."""

    provider: str
    at: datetime | None
    latency_ms: float | None
    error: str = ""
    in_tokens: str = ""
    out_tokens: str = ""


def convert(clones: Path, to: Path, manifest: Path | None, names: Sequence[str]) -> list[str]:
    """Write `<to>/<file>` for each source that is read from a clone below `clones`; a line a source says what was done.

    `names`: the sources wanted, all without them. A source that is not there, or not at its commit, is skipped.
    """
    sources = load_sources(manifest)
    for name in names:
        if name not in [source.name for source in sources]:
            raise ConfigError(f"source {shown(name)} is none of {listed(source.name for source in sources)}")
    return [_converted(source, clones, to) for source in sources if not names or source.name in names]


def _converted(source: Source, clones: Path, to: Path) -> str:
    if source.history is None and source.log is None:
        return f"{source.name}: nothing to convert, {source.file} is in the form that is read"
    clone = clone_of(source, clones)
    if clone is None:
        return f"{source.name}: skipped, no clone of {source.repository} below {clones}"
    if not _has(clone, source.commit):
        return f"{source.name}: skipped, {clone} has no commit {source.commit}"
    rows = measured(source, clone)
    if not rows:
        raise DecodeError(f"{source.name}: nothing in {clone} is a measurement")
    target = to / source.file
    try:
        to.mkdir(parents=True, exist_ok=True)
        target.write_text(_csv(source, rows), "utf-8")
    except OSError as why:
        raise StorageError(f"{target}: {why.strerror}") from None
    options, failed = {row.provider for row in rows}, sum(bool(row.error) for row in rows)
    return f"{source.name}: {len(rows)} rows of {len(options)} options, {failed} failed, in {target} ({source.licence})"


def clone_of(source: Source, clones: Path) -> Path | None:
    """The clone below `clones`: `<owner>/<name>`, `<owner>+<name>` or `<name>`, bare or not, or `repo` in one."""
    owner, name = source.repository.removesuffix(".git").rstrip("/").rsplit("/", 2)[-2:]
    for folder in (clones / owner / name, clones / f"{owner}+{name}", clones / name):
        for place in (folder, folder / "repo", folder.with_name(f"{folder.name}.git")):
            if (place / ".git").exists() or (place / "HEAD").is_file():
                return place
    return None


def measured(source: Source, clone: Path) -> list[Measured]:
    """The source's measurements in their own order: by time where it is known, else as they stand in the files."""
    rows = list(_history(source, source.history, clone) if source.history else _log(source, source.log, clone))
    if all(row.at for row in rows):
        rows.sort(key=lambda row: row.at or datetime.min)
    return rows


def _history(source: Source, history: History, clone: Path) -> Iterator[Measured]:
    """A row a check that a commit's subject tells (upptime's wording), of the sites named."""
    for line in _git(clone, "log", "--reverse", "--format=%ct %s", source.commit).splitlines():
        stamp, _, subject = line.partition(" ")
        check = CHECK.match(subject)
        if check and check[1] in history.sites:
            status, took = int(check[2]), float(check[3].replace(",", ""))
            error = "" if " is down (" not in subject else f"http_{status}" if status >= 400 else "down"
            at = datetime.fromtimestamp(int(stamp), UTC)
            yield Measured(check[1], at, took or None, error if took or error else "down")


def _log(source: Source, log: Log | None, clone: Path) -> Iterator[Measured]:
    assert log is not None
    paths = _git(clone, "ls-tree", "-r", "--name-only", "-z", source.commit).split("\0")
    for path in sorted(path for path in paths if any(fnmatchcase(path, pattern) for pattern in log.files)):
        parts = path.split("/")
        if log.path_part is not None and not _is_wanted(parts[log.path_part], log):
            continue
        for place, record in _records(_git(clone, "show", f"{source.commit}:{path}"), log.format, path):
            for provider in _providers(record, parts, log):
                row = _row(place, record, provider, log)
                if row is not None:
                    yield row


def _records(text: str, form: str, path: str) -> Iterator[tuple[str, dict[str, object]]]:
    if form == "csv":
        reader = csv.DictReader(io.StringIO(text, newline=""))
        usual = csv.field_size_limit(LONGEST_FIELD)  # answers stand in some logs whole
        try:
            records = [(f"{path}:{reader.line_num}", dict(record)) for record in reader]
        except csv.Error as why:
            raise DecodeError(f"{path}:{reader.line_num + 1}: {why}") from None
        finally:
            csv.field_size_limit(usual)
        yield from records
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            record = jsontext.parse(line, f"{path}:{number}")
            if not isinstance(record, dict):
                raise DecodeError(f"{path}:{number}: an object is wanted")
            yield f"{path}:{number}", record


def _providers(record: dict[str, object], parts: Sequence[str], log: Log) -> list[str]:
    if log.path_part is not None:
        return [parts[log.path_part]]
    if log.provider:
        found = [str(record.get(log.provider) or "")]
    else:
        before, _, after = (log.latency_s or log.latency_ms).partition("{provider}")
        names = [name for name in record if name.startswith(before) and name.endswith(after)]
        found = [name[len(before) : len(name) - len(after)] for name in names]
    return [name for name in found if name and _is_wanted(name, log)]


def _is_wanted(provider: str, log: Log) -> bool:
    return not log.only or provider in log.only


def _row(place: str, record: dict[str, object], provider: str, log: Log) -> Measured | None:
    """One measurement; None where there is neither a time nor a failure, which says nothing."""

    def field(column: str) -> str:
        value = record.get(column.replace("{provider}", provider)) if column else None
        return "" if value is None else str(value)

    took = field(log.latency_s or log.latency_ms)
    is_ok = _truth(field(log.ok), f"{place}: {log.ok}") if log.ok else True
    number = _number(took, f"{place}: latency") * (1000 if log.latency_s else 1) if took and took != "None" else 0.0
    if is_ok and not number:
        return None
    at = _time(field(log.time), f"{place}: {log.time}") if log.time else None
    tokens = [_tokens(field(column)) for column in (log.in_tokens, log.out_tokens)]
    return Measured(provider, at, number or None, "" if is_ok else "failed", *tokens)


def _truth(word: str, place: str) -> bool:
    if word.strip().lower() not in (*YES, *NO):
        raise DecodeError(f"{place} is {shown(word)}, neither yes nor no")
    return word.strip().lower() in YES


def _number(word: str, place: str) -> float:
    try:
        number = float(word)
    except ValueError:
        raise DecodeError(f"{place} is {shown(word)}, no number") from None
    if not 0 <= number < float("inf"):
        raise DecodeError(f"{place} is {shown(word)}; finite and not negative is wanted")
    return number


def _time(word: str, place: str) -> datetime:
    try:
        at = datetime.fromisoformat(word)
    except ValueError:
        raise DecodeError(f"{place} is {shown(word)}, no time of ISO 8601") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _tokens(word: str) -> str:
    return word if word.isascii() and word.isdigit() else ""


def _csv(source: Source, rows: Sequence[Measured]) -> str:
    """The file's text: `seq` counts each option's rows; `t_s` are seconds since the first row, empty if unknown."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    counts: dict[str, int] = {}
    first = rows[0].at if all(row.at for row in rows) else None
    for row in rows:
        seq = counts[row.provider] = counts.get(row.provider, -1) + 1
        t_s = f"{(row.at - first).total_seconds():.3f}" if first and row.at else ""
        took = "" if row.latency_ms is None else f"{row.latency_ms:.3f}"
        head = [source.name, source.groups[0], row.provider, seq, t_s, int(not row.error), row.error]
        writer.writerow([*head, took, row.in_tokens, row.out_tokens])
    return text.getvalue()


def _has(clone: Path, commit: str) -> bool:
    return _run(clone, ["cat-file", "-e", f"{commit}^{{commit}}"]).returncode == 0


def _git(clone: Path, *words: str) -> str:
    done = _run(clone, words)
    if done.returncode:
        raise StorageError(f"{clone}: git {words[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout.decode("utf-8", "replace")


def _run(clone: Path, words: Iterable[str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", str(clone), *words], capture_output=True, check=False)
    except FileNotFoundError:
        raise ConfigError("git is not installed; the clones are read with it") from None
