"""The reference of the command line, drawn from the commands themselves: `docs/reference/cli.md`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup

from sporewright.cli import app

__all__ = ["DOCUMENT", "reference"]

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "reference" / "cli.md"
WIDTH = 100
HEAD = """\
# Command line

<!-- Written by `make docs` from sporewright/cli.py. -->

`pip install 'sporewright[server]'` brings every command but `simulate`, which needs the extra
`simulate`. An error is one line on standard error, with its [code](errors.md), and exit code 2.
"""


def reference() -> str:
    """Every command with its arguments and options, as Markdown."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return "\n".join([HEAD, *(line for name in group.commands for line in _command(name, group.commands[name]))])


def _command(name: str, command: Any) -> Iterator[str]:
    yield f"## sporewright {name}\n"
    yield f"{textwrap.fill(command.help or '', WIDTH)}\n"
    for parameter in command.params:
        if parameter.name != "help":
            text = f"- {_names(parameter)}: {_meaning(parameter)}"
            yield textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    yield ""


def _names(parameter: Any) -> str:
    if isinstance(parameter, TyperArgument):
        return f"`{(parameter.name or '').upper()}`"
    names = [*parameter.opts, *parameter.secondary_opts]
    return ", ".join(f"`{name}`" for name in names)


def _meaning(parameter: Any) -> str:
    help_text = str(getattr(parameter, "help", None) or "").strip()
    facts = []
    if parameter.required:
        facts.append("required")
    elif isinstance(parameter.default, (str, int, float)) and not isinstance(parameter.default, bool):
        facts.append(f"default `{parameter.default}`" if parameter.default != "" else "")
    variable = getattr(parameter, "envvar", None)
    if variable:
        facts.append(f"variable `{variable}`")
    return " ".join([help_text, *([f"({', '.join(filter(None, facts))})"] if any(facts) else [])])
