"""The command line: serve, demo, token, resolve. Errors are one line and an exit code, never a traceback."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from sporewright.core.config import TensorConfig
from sporewright.core.resolve import Resolution
from sporewright.errors import ConfigError, SporewrightError

try:
    import typer
    from rich.console import Console
    from rich.table import Table
except ModuleNotFoundError as missing:
    sys.exit(f"sporewright: {missing.name} is not installed; pip install 'sporewright[server]' brings the commands")

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="A self-learning, multi-objective router.")


def _server(module: str) -> Any:
    """A module of the server; ConfigError names the extra if it is missing."""
    from importlib import import_module

    try:
        return import_module(f"sporewright.server.{module}")
    except ModuleNotFoundError as why:
        raise ConfigError(f"{why.name} is not installed; pip install 'sporewright[server]' brings the server") from None


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    database: Annotated[str | None, typer.Option(help="sqlite:///path, postgresql://… or memory://")] = None,
    config: Annotated[Path | None, typer.Option(help="The operator's tensor, as JSON.")] = None,
    dist: Annotated[Path | None, typer.Option(help="The built page, served at /.")] = None,
) -> None:
    """Run the orchestrator; flags win over SPOREWRIGHT_* variables."""
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
    database: Annotated[str | None, typer.Option(help="As in serve; a throw-away file without it.")] = None,
) -> None:
    """Run the orchestrator, five upstreams and the inspector on loopback, until Ctrl-C."""
    _server("demo").run_demo(host, port, open_browser, database)


@app.command()
def token(
    workspace: Annotated[str, typer.Option(help="The workspace the device belongs to.")],
    device: Annotated[str, typer.Option(help="The device: its slice.")],
    holder: Annotated[str, typer.Option(help="Who holds the token; workspace/device without it.")] = "",
    ttl: Annotated[float | None, typer.Option(help="Seconds until it expires.")] = None,
    database: Annotated[str | None, typer.Option(help="Whose key file signs, as in serve.")] = None,
) -> None:
    """Print a signed token for one device."""
    settings = _server("settings").load_settings(database=database)
    tokens = _server("app").tokens_of(settings, _server("clock").SystemClock())
    print(tokens.mint(workspace, device, holder=holder, ttl_s=settings.token_ttl_s if ttl is None else ttl))


@app.command()
def resolve(
    config: Annotated[Path, typer.Option(help="A tensor as data: levels and seeds, as JSON.")],
    cursor: Annotated[list[str] | None, typer.Option(help="level=instance; may be repeated.")] = None,
    explain: Annotated[bool, typer.Option(help="Show what each score is made of, and what was dropped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the queue of a config at a cursor."""
    try:
        tensor = TensorConfig.from_json(config.read_bytes()).build()
    except OSError as why:
        raise ConfigError(f"config {config}: {why.strerror}") from None
    resolution = tensor.explain(_cursor(cursor or []))
    if as_json:
        queue = [ranked.option for ranked in resolution.ranked]
        print(json.dumps(resolution.to_dict() if explain else {"queue": queue}, indent=2))
    elif explain:
        _show(resolution)
    else:
        print("\n".join(_plain(ranked.option) for ranked in resolution.ranked))


def _cursor(words: list[str]) -> dict[str, str]:
    cursor = {}
    for word in words:
        level, equals, instance = word.partition("=")
        if not equals:
            raise ConfigError(f"--cursor {word!r}: level=instance is wanted")
        cursor[level] = instance
    return cursor


def _plain(text: str) -> str:
    """A name for a terminal: what would move its cursor, or cannot be written at all, is escaped."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _show(resolution: Resolution) -> None:
    # Names are data: neither markup nor emoji codes.
    console = Console(markup=False, emoji=False)
    table = Table("#", "option", "score", "dimension", "value", "weight", "product", "value from", "weight from")
    for place, ranked in enumerate(resolution.ranked, start=1):
        for at, term in enumerate(ranked.terms):
            head = (str(place), _plain(ranked.option), f"{ranked.score:g}") if at == 0 else ("", "", "")
            value = f"{term.value:g}{' (prior)' if term.prior else ''}"
            weight = "–" if term.weight is None else f"{term.weight:g}"
            table.add_row(
                *head,
                _plain(term.dimension),
                value,
                weight,
                f"{term.product:g}",
                _source(term.value_source),
                _source(term.weight_source),
            )
    console.print(table)
    if resolution.dropped:
        drops = Table("dropped", "gate", "value", "set at")
        for dropped in resolution.dropped:
            place_of_gate = _source((dropped.level, dropped.instance))
            drops.add_row(_plain(dropped.option), _plain(dropped.dimension), f"{dropped.value:g}", place_of_gate)
        console.print(drops)


def _source(source: tuple[str, str] | None) -> str:
    if source is None:
        return "–"
    return _plain(source[0] if source[1] == "" else f"{source[0]} {source[1]}")


def main() -> None:
    """Run a command; an error of ours is one line on standard error and exit code 2."""
    try:
        app()
    except SporewrightError as why:
        print(f"sporewright: {why.code}: {why}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
