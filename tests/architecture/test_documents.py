"""The documents hold: lines, lengths, links, the site's list of pages, tables drawn from code, first sentences."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import sporewright
from sporewright import errors
from sporewright.core.config import KINDS
from sporewright.device.calls import CALLS, PUSHES
from sporewright.device.events import EFFECTS, EVENTS
from sporewright.device.native import NativeDevice
from sporewright.routing import terms
from sporewright.routing.dialects.providers import DIALECTS
from sporewright.routing.plan import PLAN
from sporewright.server.settings import Settings
from sporewright.wire import TYPES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()
DOCUMENTS = [name for name in LISTED if (ROOT / name).exists()]
ROUTER_EVENTS = re.search(
    r"interface RouterEvents \{(.*?)\n\}", (ROOT / "web" / "src" / "types.ts").read_text(encoding="utf-8"), re.DOTALL
)[1]  # type: ignore[index]
DRAWN = ("reference/cli.md", "reference/typescript/all-types.md")
"""Pages that `make docs` makes; they are not committed."""

WIDTH, LENGTH = 100, 250
NOT_YET = {
    "docs/explanation/learning.md": "written anew with the learner",
    "docs/explanation/simulate.md": "its figures are measured anew with the learner",
}
"""Documents that are still wide, or long as well; each leaves this list with its rewriting."""
WIDE_TABLES = {
    "docs/reference/faults.md": "written by `make faults WRITE=1`, a row for each fault",
}
LONG = {
    "CHANGELOG.md": "a history, a line a change",
    "docs/reference/faults.md": "written by `make faults WRITE=1`, a row for each fault",
}


def lines_of(name: str) -> list[str]:
    """The lines of a document."""
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name not in NOT_YET])
def test_lines_of_documents_end_at_100_columns(name: str) -> None:
    """A reader of the plain text sees whole lines; only listed tables are wider."""
    wide = [
        (number, len(line))
        for number, line in enumerate(lines_of(name), start=1)
        if len(line) > WIDTH and not (line.startswith("|") and name in WIDE_TABLES)
    ]

    assert wide == []


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name not in {*LONG, *NOT_YET}])
def test_documents_have_at_most_250_lines(name: str) -> None:
    """A document has one subject."""
    assert len(lines_of(name)) <= LENGTH


def test_the_exceptions_are_still_needed() -> None:
    """A document that is listed as wide or long exists, and one that is listed for later has a long line."""
    assert {*WIDE_TABLES, *LONG, *NOT_YET} <= set(DOCUMENTS)
    assert [name for name in NOT_YET if all(len(line) <= WIDTH for line in lines_of(name))] == []


def pages_in(nav: list[Any]) -> Iterator[str]:
    """The pages of a `nav`, in order."""
    for entry in nav:
        inner = next(iter(entry.values())) if isinstance(entry, dict) else entry
        if isinstance(inner, str):
            yield inner
        else:
            yield from pages_in(inner)


def test_the_site_lists_every_page_once() -> None:
    """`nav` in zensical.toml names each document below docs/, and those that are drawn."""
    named = list(pages_in(tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]))
    there = [name.removeprefix("docs/") for name in DOCUMENTS if name.startswith("docs/")]

    assert sorted(named) == sorted([*there, *DRAWN])


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_of_documents_lead_somewhere(name: str) -> None:
    """A relative link names a file; that a page has the anchor is checked by `make docs`."""
    text = re.sub(r"```.*?```|`[^`]*`", "", "\n".join(lines_of(name)), flags=re.DOTALL)
    here = (ROOT / name).parent
    drawn = {(DOCS / each).resolve() for each in DRAWN}
    dead = [
        target
        for target in LINK.findall(text)
        if not re.match(r"[a-z]+:|#", target)
        and not (path := (here / target.partition("#")[0]).resolve()).exists()
        and path not in drawn
    ]

    assert dead == []


def rows_of(name: str) -> list[list[str]]:
    """The cells of every table's rows in a page of the reference."""
    rows = [line.strip("|").split(" | ") for line in lines_of(f"docs/reference/{name}") if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in row] for row in rows]


def test_every_error_is_in_the_reference() -> None:
    """docs/reference/errors.md names each code with its class."""
    named = {row[0]: row[1] for row in rows_of("errors.md") if row[1].endswith("Error")}

    assert named == {code: kind.__name__ for code, kind in errors.CODES.items()}


MESSAGES = [get_args(get_type_hints(shape)["type"])[0] for shape in (*EVENTS, *EFFECTS)]
TERMS = {
    "plan.md": [*terms.STATES, *terms.OUTCOMES, *terms.ACTIONS, *set(PLAN) - {"version"}],
    "bridge.md": [*CALLS, *PUSHES, *MESSAGES],
    "wire.md": TYPES,
    "dialects.md": DIALECTS,
    "config.md": KINDS,
    "page-api.md": re.findall(r"^  (\w+): ", ROUTER_EVENTS, flags=re.MULTILINE),
}
"""The terms that each page of the reference has to name."""


@pytest.mark.parametrize("page", TERMS)
def test_the_reference_leaves_nothing_out(page: str) -> None:
    """Every state, outcome, action, call, push, event, effect, message, dialect and kind of seed is described."""
    text = re.sub(r"```.*?```", "", "\n".join(lines_of(f"docs/reference/{page}")), flags=re.DOTALL)
    named = set(re.findall(r"`([^`]+)`", text))

    assert [name for name in TERMS[page] if name not in named] == []


SIZES = {"KiB": 2**10, "MiB": 2**20}


def number(text: str) -> float:
    """A number as the tables write it."""
    digits, _, unit = text.partition(" ")
    return float(digits) * SIZES.get(unit, 1)


def test_every_limit_is_in_the_reference() -> None:
    """docs/reference/limits.md names each limit of the plan with its default."""
    named = {row[0]: number(row[1]) for row in rows_of("limits.md") if row[0] != "limit"}

    assert named == PLAN["limits"]


def test_every_setting_of_the_server_is_in_the_reference() -> None:
    """docs/reference/server-settings.md names each setting, with its default where that is a plain number."""
    named = {row[0]: row[1] for row in rows_of("server-settings.md") if not row[0].startswith("/")}
    named |= dict(zip(("host", "port"), named.pop("host`, `port").split(", "), strict=True))
    defaults = {name: field.default for name, field in Settings.model_fields.items()}

    assert set(named) - {"setting", "address"} == set(defaults)
    for name, default in defaults.items():
        if isinstance(default, int | float) and re.fullmatch(r"\d+( [KM]iB)?", named[name]):
            assert number(named[name]) == default


CLAUSES = {"who", "whom", "whose", "what", "which", "where", "as", "it", "they", "of", "and", "how", "why"}
"""A description that begins so is half a sentence: it says what something answers, not what it is."""


def described(name: str, thing: Any) -> Iterator[tuple[str, str]]:
    """The docstrings of a public name and of its public members."""
    yield name, inspect.getdoc(thing) or ""
    if isinstance(thing, type):
        for member, value in vars(thing).items():
            if not member.startswith("_") and (callable(value) or isinstance(value, property | classmethod)):
                yield f"{name}.{member}", inspect.getdoc(getattr(thing, member)) or ""


PUBLIC = [(name, getattr(sporewright, name)) for name in sporewright.__all__ if name != "__version__"]
PUBLIC += [("NativeDevice", NativeDevice), *((kind.__name__, kind) for kind in errors.CODES.values())]


@pytest.mark.parametrize(
    ("name", "text"), [pytest.param(*each, id=each[0]) for entry in PUBLIC for each in described(*entry)]
)
def test_public_names_are_described_by_a_sentence(name: str, text: str) -> None:
    """A description in the reference begins with a sentence or a noun phrase that ends with a full stop."""
    first = text.partition("\n\n")[0]

    assert first.endswith((".", ":")), name
    assert first[0].isupper() or not first[0].isalpha() or first[0] in "λσ", name
    assert first.split()[0].lower() not in CLAUSES, name


def documented(*folders: str) -> Iterator[tuple[str, str]]:
    """The place of each docstring under these folders, below constants and fields too, and its first paragraph."""
    for file in sorted(each for folder in folders for each in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", inspect.cleandoc(text).partition("\n\n")[0]


def test_every_docstring_ends_with_a_full_stop() -> None:
    """In the package, too, the first paragraph of a description is a sentence to its end."""
    assert [place for place, text in documented("sporewright") if not text.endswith((".", ":", "?"))] == []


def test_every_rule_that_is_named_can_be_looked_up() -> None:
    """An id such as R3 in a docstring of the package stands on the page of the rules."""
    found = {row[0] for row in rows_of("rules.md") if re.fullmatch(r"[A-Z]\d{1,2}", row[0])}
    texts = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "sporewright").rglob("*.py"))
    cited = set(re.findall(rf"\b[{''.join(sorted({each[0] for each in found}))}]\d{{1,2}}\b", texts))

    assert len(found) > 70
    assert cited - found == set()


def test_no_docstring_begins_with_half_a_sentence() -> None:
    """Everything is described by what it is or does, not by a clause that answers a question."""
    clauses = CLAUSES - {"it", "they", "of", "as"} | {"whether", "when"}
    found = [place for place, text in documented(*NAMED) if text.split()[0].lower() in clauses]

    assert found == []


def test_no_doc_comment_begins_with_half_a_sentence() -> None:
    """The same of the page's doc comments."""
    clauses = CLAUSES - {"it", "they", "of", "as"} | {"whether", "when"}
    texts = {file: file.read_text(encoding="utf-8") for file in sorted((ROOT / "web" / "src").rglob("*.ts"))}
    found = [
        f"{file.relative_to(ROOT)}: {first}"
        for file, text in texts.items()
        if "generated" not in file.parts
        for first in re.findall(r"/\*\*[\s*]*(\w.*)", text)
        if first.split()[0].lower() in clauses
    ]

    assert texts
    assert found == []


NAMED = ("sporewright", "e2e", "tests", "tools")
"""The rooms whose every docstring has been read for this."""
