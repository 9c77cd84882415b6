"""Public measurements as a manifest: where they are, under what licence, and how a reader takes them from a clone."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from sporewright.errors import ConfigError, DecodeError, StorageError
from sporewright.jsontext import listed, shown
from sporewright.simulate.fields import table

__all__ = ["DataSet", "History", "Log", "Source", "load_sources"]

FORMATS = ("csv", "jsonl")


@dataclass(frozen=True, slots=True)
class History:
    """The way to read a status repository: each commit that tells a check is a row, each site an option."""

    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """The way to read a benchmark's log: its files, and the meaning of its columns.

    `files`: patterns of paths in the repository. The option is the column `provider`, or the part of the path that
    `path_part` counts from 0; a column name with `{provider}` in it stands for one column an option. `only`: the
    options kept, all without it. One of `latency_s` and `latency_ms` names the end-to-end time. `ok`: a column that
    says whether it was answered; `time`: when it began, as ISO 8601.
    """

    files: tuple[str, ...]
    format: str = "csv"
    provider: str = ""
    path_part: int | None = None
    only: tuple[str, ...] = ()
    latency_s: str = ""
    latency_ms: str = ""
    ok: str = ""
    time: str = ""
    in_tokens: str = ""
    out_tokens: str = ""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One group of alternatives in a file of measurements; `timeout_s`: what a caller of such work would wait for."""

    name: str
    source: str
    file: str
    group: str
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One place of measurements. Without `history` and `log` its file is had in the project's own form already."""

    name: str
    about: str
    repository: str
    commit: str
    licence: str
    file: str
    groups: tuple[str, ...]
    timeout_s: float | None = None
    history: History | None = None
    log: Log | None = None

    @property
    def data_sets(self) -> list[DataSet]:
        """One a group."""
        return [DataSet(group, self.name, self.file, group, self.timeout_s) for group in self.groups]


def load_sources(path: Path | None = None) -> list[Source]:
    """The sources of a manifest in their order, those that come with the package without one; errors name the place."""
    place = str(path) if path else "sources.toml"
    try:
        text = (path or resources.files("sporewright.simulate") / "sources.toml").read_text("utf-8")
        data = tomllib.loads(text)
    except OSError as why:
        raise StorageError(f"{place}: {why.strerror}") from None
    except ValueError as why:  # no UTF-8, no TOML, or a number of too many digits
        raise DecodeError(f"{place}: {why}") from None
    except RecursionError:
        raise DecodeError(f"{place}: nested too deep") from None
    given = data.get("source")
    if not isinstance(given, list) or set(data) != {"source"}:
        raise DecodeError(f"{place}: a list of [[source]] is wanted")
    sources = [_source(each, f"{place}.source[{at}]") for at, each in enumerate(given)]
    for name in {source.name for source in sources}:
        if sum(source.name == name for source in sources) > 1:
            raise ConfigError(f"{place}: two sources are called {shown(name)}")
    return sources


def _source(data: object, place: str) -> Source:
    given = dict(table(Source, data, place))
    history, log = given.pop("history", None), given.pop("log", None)
    if history is not None and log is not None:
        raise ConfigError(f"{place}: a source is read as a history or as a log, not both")
    given.setdefault("file", f"{given.get('name')}.csv")
    given.setdefault("groups", [given.get("name")])
    return Source(
        **_filled(Source, given, place),
        history=None if history is None else _part(History, history, f"{place}.history"),
        log=None if log is None else _log(log, f"{place}.log"),
    )


def _log(data: object, place: str) -> Log:
    log: Log = _part(Log, data, place)
    if log.format not in FORMATS:
        raise ConfigError(f"{place}.format: {shown(log.format)} is none of {listed(FORMATS)}")
    if bool(log.latency_s) is bool(log.latency_ms):
        raise ConfigError(f"{place}: one of latency_s and latency_ms is wanted")
    ways = [bool(log.provider), log.path_part is not None, "{provider}" in log.latency_s + log.latency_ms]
    if sum(ways) != 1:
        raise ConfigError(f"{place}: one of provider, path_part and a column with {{provider}} in it says the option")
    return log


def _part(kind: type[Any], data: object, place: str) -> Any:
    return kind(**_filled(kind, table(kind, data, place), place))


def _filled(kind: type[Any], data: Mapping[str, object], place: str) -> dict[str, Any]:
    """The fields of a dataclass by their declared types; what has no default must be given."""
    found = {}
    for each in fields(kind):
        if each.name in data:
            found[each.name] = _value(str(each.type), data[each.name], f"{place}.{each.name}")
        elif each.name not in ("history", "log") and each.default is each.default_factory:
            raise DecodeError(f"{place}: {each.name} is needed")
    return found


def _value(wanted: str, value: object, place: str) -> object:
    if wanted == "str" and isinstance(value, str) and value:
        return value
    if wanted.startswith("tuple") and _is_names(value):
        return tuple(value)  # type: ignore[arg-type]
    if wanted.startswith("int") and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if wanted.startswith("float") and isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise DecodeError(f"{place}: {shown(value)} is no {wanted.partition(' ')[0].partition('[')[0]} of a use here")


def _is_names(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(e, str) and e for e in value)
