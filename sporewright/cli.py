"""The command line: serve, demo, token, resolve, replay, simulate, convert. Errors are one line, never a traceback."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

from sporewright.core.config import TensorConfig
from sporewright.core.resolve import Resolution
from sporewright.errors import ConfigError, SporewrightError
from sporewright.jsontext import parse

try:
    import typer
    from rich import box
    from rich.console import Console, JustifyMethod
    from rich.table import Table
except ModuleNotFoundError as missing:
    sys.exit(f"sporewright: {missing.name} is not installed; pip install 'sporewright[server]' brings the commands")

__all__ = ["app", "main"]

MOST_BYTES = 64 * 1024 * 1024
"""The largest config that is read: far above any that a person or a program writes, below what fills a memory."""

# A table is laid out for a terminal of at least this many columns; into a file or a pipe it takes the width it needs.
NARROWEST, UNBOUNDED = 80, 100_000

app = typer.Typer(no_args_is_help=True, add_completion=False, help="A self-learning, multi-objective router.")
keys = typer.Typer(no_args_is_help=True, help="The keys that sign tokens; a running server takes changes over.")
app.add_typer(keys, name="keys")
Database = Annotated[str | None, typer.Option(help="Database beside which the keys are, as in serve.")]


def _server(module: str) -> Any:
    """A module of the server."""
    return _room(f"sporewright.server.{module}", "server")


def _room(module: str, extra: str) -> Any:
    """A module that an extra brings; ConfigError names the extra if it is missing."""
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as why:
        raise ConfigError(f"{why.name} is not installed; pip install 'sporewright[{extra}]' brings it") from None


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    database: Annotated[str | None, typer.Option(help="sqlite:///path, postgresql://… or memory://")] = None,
    config: Annotated[
        Path | None, typer.Option(help="What the operator declares: levels, seeds and more, as JSON.")
    ] = None,
    dist: Annotated[Path | None, typer.Option(help="The built page, served at /.")] = None,
) -> None:
    """Run the orchestrator. Flags override SPOREWRIGHT_* variables of the environment."""
    settings = _server("settings").load_settings(host=host, port=port, database=database, config=config, dist=dist)
    built = Path(__file__).resolve().parents[1] / "web" / "dist"
    if settings.dist is None and built.is_dir():
        settings = settings.model_copy(update={"dist": built})
    _server("run").serve(settings)


@app.command()
def demo(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="Port of the inspector.")] = 8787,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", envvar="OPEN", help="Open a browser.")] = True,
    database: Annotated[str | None, typer.Option(help="Database, as in serve. Default: a temporary file.")] = None,
) -> None:
    """Run the orchestrator, five demo providers and the inspector on this machine, until Ctrl-C."""
    _server("demo").run_demo(host, port, open_browser, database)


@app.command()
def token(
    workspace: Annotated[str, typer.Option(help="Workspace that the device belongs to.")],
    device: Annotated[str, typer.Option(help="Name of the device. The token lets it write its own cells only.")],
    holder: Annotated[
        str,
        typer.Option(
            help="Who holds the token, a user for instance. All devices of one holder have one vote, in every "
            "workspace."
        ),
    ] = "operator",
    ttl: Annotated[float | None, typer.Option(help="Seconds until it expires.")] = None,
    role: Annotated[str, typer.Option(help="device, or reader: one that writes nothing.")] = "device",
    database: Annotated[str | None, typer.Option(help="Database whose key file signs the token, as in serve.")] = None,
) -> None:
    """Print a signed token for one device."""
    settings = _server("settings").load_settings(database=database)
    tokens = _server("app").tokens_of(settings, _server("clock").SystemClock())
    lifetime = settings.token_ttl_s if ttl is None else ttl
    print(tokens.mint(workspace, device, holder=holder, ttl_s=lifetime, role=role))


@keys.command("add")
def add_key(
    kid: Annotated[str, typer.Argument(help="Its name, which tokens carry.")],
    algorithm: Annotated[str, typer.Option(help="HS256, EdDSA or ES256.")] = "EdDSA",
    public: Annotated[Path | None, typer.Option(help="PEM of a public key whose other half signs elsewhere.")] = None,
    database: Database = None,
) -> None:
    """Make a key, or add a public one. From now on the newest key that can signs new tokens."""
    keyring, ring = _server("keyring"), _ring(database)
    jwk = keyring.new_key(kid, algorithm) if public is None else keyring.public_key(kid, _read(public, "public key"))
    with ring.changing() as data:
        data["keys"].append(jwk)


@keys.command("retire")
def retire_key(
    kid: Annotated[str, typer.Argument(help="Its name; `secret` is the server's own.")], database: Database = None
) -> None:
    """Take no token that this key has signed; sessions that stand on one end."""
    with _ring(database).changing() as data:
        if kid != "secret" and kid not in [key["kid"] for key in data["keys"]]:
            raise ConfigError(f"there is no key {kid!r}")
        data["retired"] = sorted({*data["retired"], kid})


@keys.command("list")
def list_keys(database: Database = None) -> None:
    """Print the keys, oldest first: name, algorithm, and what each is for."""
    now = _ring(database).now
    rows = [("secret", "HS256", True), *((key.kid, key.algorithm, key.signs) for key in now.keys.values())]
    for kid, algorithm, signs in rows:
        state = "retired" if kid in now.retired else "signs and verifies" if signs else "verifies"
        print(f"{_plain(kid)}\t{algorithm}\t{state}")


@app.command()
def revoke(
    token_name: Annotated[str | None, typer.Option("--token", help="The `jti` of a token.")] = None,
    device: Annotated[str | None, typer.Option(help="workspace/device.")] = None,
    holder: Annotated[str | None, typer.Option(help="A holder: all tokens of all devices.")] = None,
    undo: Annotated[bool, typer.Option(help="Take the revocation back.")] = False,
    database: Database = None,
) -> None:
    """Revoke a token, a device or a holder: sessions end within a tick, and no new one begins."""
    named = {kind: name for kind, name in (("token", token_name), ("device", device), ("holder", holder)) if name}
    if not named or (device and device.count("/") != 1):
        raise ConfigError("revoke: name a --token, a --device as workspace/device, or a --holder")
    with _ring(database).changing() as data:
        for kind, name in named.items():
            before = set(data["revoked"].get(kind, []))
            data["revoked"][kind] = sorted(before - {name} if undo else before | {name})


def _ring(database: str | None) -> Any:
    return _server("app").ring_of(_server("settings").load_settings(database=database))


@app.command()
def resolve(
    config: Annotated[Path, typer.Option(help="Config file: levels and seeds, as JSON.")],
    cursor: Annotated[
        list[str] | None, typer.Option(help="level=instance, for instance workspace=acme. Repeatable.")
    ] = None,
    explain: Annotated[bool, typer.Option(help="Show the terms of each score, and what was dropped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the order of the options of a config at a cursor."""
    resolution = TensorConfig.from_json(_read(config)).build().explain(_cursor(cursor or []))
    if as_json:
        queue = [ranked.option for ranked in resolution.ranked]
        print(json.dumps(resolution.to_dict() if explain else {"queue": queue}, indent=2))
    elif explain:
        _show(resolution)
    else:
        sys.stdout.writelines(f"{_plain(ranked.option)}\n" for ranked in resolution.ranked)


@app.command()
def replay(
    receipt: Annotated[Path, typer.Argument(help="Receipt of a page's call as JSON, or a list of receipts.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with attempts and skipped options.")] = False,
) -> None:
    """Replay a routed call from its receipt and print its order. Fails if the decisions differ."""
    from sporewright.routing.replay import replay as decide

    data = parse(_read(receipt, "receipt"), "receipt")
    several = data if isinstance(data, list) else [data]
    replayed = [decide(each) for each in several]
    if as_json:
        found = [each.to_dict() for each in replayed]
        print(json.dumps(found if isinstance(data, list) else found[0], indent=2))
        return
    for at, each in enumerate(replayed):
        sys.stdout.writelines(["\n"] * (at > 0) + [f"{_plain(option)}\n" for option in each.order])


def _read(config: Path, what: str = "config") -> bytes:
    """The file's bytes; ConfigError when it cannot be read or has no end in sight."""
    named = f"{what} {_plain(str(config))}"
    try:
        with config.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as why:
        raise ConfigError(f"{named}: {why.strerror}") from None
    if len(text) > MOST_BYTES:
        raise ConfigError(f"{named}: larger than {MOST_BYTES} bytes")
    return text


@app.command()
def simulate(
    latency: Annotated[
        list[Path], typer.Option(help="Measured requests, as CSV: group, provider, ok, latency_ms, error; repeatable.")
    ],
    arrivals: Annotated[Path, typer.Option(help="When calls arrived, as CSV: trace, t_s.")],
    group: Annotated[
        list[str] | None, typer.Option(help="Alternatives to each other; repeatable, every group without it.")
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="Name of a built-in scenario, or a file; repeatable.")
    ] = None,
    policy: Annotated[list[str] | None, typer.Option(help="Policies to compare, the first with the others.")] = None,
    seeds: Annotated[int, typer.Option(help="Number of runs, with seeds 0 to n − 1.")] = 5,
    jobs: Annotated[int, typer.Option(help="Number of processes; the output does not depend on it.")] = 1,
    report: Annotated[Path | None, typer.Option(help="Write charts as one HTML file.")] = None,
    gap: Annotated[list[float] | None, typer.Option(help="Seconds between calls, on average; repeatable.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds that callers wait, where it is more than 30.")] = None,
) -> None:
    """Replay measurements through this router and through other policies; print what each would have cost."""
    command = _room("sporewright.simulate.command", "simulate")
    measured = command.Measurements(latency, arrivals, group or [], timeout)
    command.simulate(measured, scenario or ["stationary"], policy or [], seeds, jobs, report, gap or [])


@app.command()
def convert(
    clones: Annotated[Path, typer.Option(help="The folder in which you cloned the sources' repositories.")],
    to: Annotated[Path, typer.Option(help="The folder to write CSV files to.")] = Path("measurements"),
    sources: Annotated[Path | None, typer.Option(help="A manifest of your own, as TOML.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only this one of the sources; repeatable.")] = None,
) -> None:
    """Make the measurements of public repositories into files that `simulate` reads; nothing is fetched."""
    for line in _room("sporewright.simulate.convert", "simulate").convert(clones, to, sources, source or []):
        print(_plain(line))


def _cursor(words: list[str]) -> dict[str, str]:
    cursor: dict[str, str] = {}
    for word in words:
        level, equals, instance = word.partition("=")
        if not equals:
            raise ConfigError(f"--cursor {word!r}: expected level=instance")
        if level in cursor:
            raise ConfigError(f"--cursor {word!r}: {level!r} is already {cursor[level]!r}")
        cursor[level] = instance
    return cursor


def _plain(text: str) -> str:
    """A name for a terminal: what would move its cursor, or cannot be written at all, is escaped."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _table(*columns: str) -> Table:
    """A table that folds a long name and never cuts it; columns of numbers, marked by ">", stay whole."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in columns:
        numbers = column.startswith(">")
        justify: JustifyMethod = "right" if numbers else "left"
        table.add_column(column.lstrip(">"), overflow="fold", no_wrap=numbers, justify=justify)
    return table


def _show(resolution: Resolution) -> None:
    """The terms of each score, option by option, and the gate of each drop."""
    bounded = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    # Names are data: neither markup nor emoji codes.
    console = Console(markup=False, emoji=False, highlight=False)
    console.width = max(console.width, NARROWEST) if bounded else UNBOUNDED
    if not resolution.ranked:
        console.print("no option is left here")
    else:
        console.print(_terms(resolution))
    if resolution.dropped:
        drops = _table("dropped", "gate", ">value", "set at")
        for dropped in resolution.dropped:
            place_of_gate = _source((dropped.level, dropped.instance))
            drops.add_row(_plain(dropped.option), _plain(dropped.dimension), f"{dropped.value:g}", place_of_gate)
        console.print(drops)


def _terms(resolution: Resolution) -> Table:
    table = _table(">#", "option", ">score", "dimension", ">value", ">weight", ">product", "value from", "weight from")
    for place, ranked in enumerate(resolution.ranked, start=1):
        for at, term in enumerate(ranked.terms):
            head = (str(place), _plain(ranked.option), f"{ranked.score:g}") if at == 0 else ("", "", "")
            table.add_row(
                *head,
                _plain(term.dimension),
                f"{term.value:g}",
                "-" if term.weight is None else f"{term.weight:g}",
                f"{term.product:g}",
                _source(term.value_source) + (" (prior)" if term.prior else ""),
                _source(term.weight_source),
            )
    return table


def _source(source: tuple[str, str] | None) -> str:
    if source is None:
        return "-"
    return _plain(source[0] if source[1] == "" else f"{source[0]} {source[1]}")


def main() -> None:
    """Run a command. A `SporewrightError` becomes one line on standard error and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever this terminal cannot write is spelled out
    try:
        app()
    except SporewrightError as why:
        print(f"sporewright: {why.code}: {why}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
