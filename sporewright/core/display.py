"""Display of tensors and resolutions: one line in a REPL, a few lines in print, a table in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from sporewright.jsontext import shown

if TYPE_CHECKING:
    from sporewright.core.resolve import Dropped, Ranked, Resolution, Source, Term
    from sporewright.core.tensor import Cell, Tensor

__all__ = ["first", "resolution_html", "resolution_line", "resolution_text", "tensor_html"]

NAMES = 5
"""The number of names that a line shows."""
ROWS = 50
"""The number of rows that a table shows."""


def first(names: Sequence[str]) -> str:
    """The first names as a list, and how many more there are."""
    more = f", and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f"[{', '.join(map(shown, names[:NAMES]))}{more}]"


def resolution_line(resolution: Resolution) -> str:
    """Options with their scores, best first, and what was dropped by which gate."""
    ranked = [f"{shown(each.option)} {each.score:g}" for each in resolution.ranked]
    dropped = [f"{shown(each.option)} by {shown(each.dimension)}" for each in resolution.dropped]
    parts = [_cut(ranked) or "no option left"]
    if dropped:
        parts.append(f"dropped: {_cut(dropped)}")
    return f"<Resolution {'; '.join(parts)}>"


def _cut(texts: Sequence[str]) -> str:
    more = [f"and {len(texts) - NAMES} more"] if len(texts) > NAMES else []
    return ", ".join([*texts[:NAMES], *more])


def resolution_text(resolution: Resolution) -> str:
    """A line for each option: its score as the sum that it is; then those that were dropped."""
    lines = [f"{place}. {_sum(ranked)}" for place, ranked in enumerate(resolution.ranked, start=1)]
    lines += [f"-  {each.option} dropped: {_gate(each)}" for each in resolution.dropped]
    return "\n".join(lines) or "no option here"


def _gate(dropped: Dropped) -> str:
    return f"{dropped.dimension} = {dropped.value:g} at {_place((dropped.level, dropped.instance))}"


def _sum(ranked: Ranked) -> str:
    return f"{ranked.option} {ranked.score:g} = {' + '.join(map(_term, ranked.terms))}"


def _term(term: Term) -> str:
    weight = "no weight" if term.weight is None else f"{term.weight:g}"
    return f"{term.dimension} {term.value:g} * {weight}{' (prior)' if term.prior else ''}"


def _place(source: Source | None) -> str:
    return "" if source is None else " ".join(filter(None, source))


def resolution_html(resolution: Resolution) -> str:
    """A table with a row for each term of each score, and one for what was dropped."""
    head = ("", "option", "score", "dimension", "value", "weight", "product", "value from", "weight from")
    rows = [row for place, ranked in enumerate(resolution.ranked, start=1) for row in _ranked_rows(place, ranked)]
    tables = [_table(head, rows, f"{len(resolution.ranked)} options, lowest score first")]
    if resolution.dropped:
        drops = [
            (each.option, each.dimension, f"{each.value:g}", _place((each.level, each.instance)))
            for each in resolution.dropped
        ]
        tables.append(_table(("dropped", "gate", "value", "set at"), drops, f"{len(drops)} options dropped"))
    return "".join(tables)


def _ranked_rows(place: int, ranked: Ranked) -> Iterable[Sequence[str]]:
    for at, term in enumerate(ranked.terms):
        head = (f"{place}", ranked.option, f"{ranked.score:g}") if at == 0 else ("", "", "")
        weight = "" if term.weight is None else f"{term.weight:g}"
        source = _place(term.value_source) + (" (prior)" if term.prior else "")
        numbers = (f"{term.value:g}", weight, f"{term.product:g}")
        yield *head, term.dimension, *numbers, source, _place(term.weight_source)


def tensor_html(tensor: Tensor) -> str:
    """A row for each level with what it holds; the cells themselves, where they are few."""
    store = tensor.store
    levels = [
        (level, str(len(set(store.instances(at)))), str(len({option for option, _ in store.pairs(at)})))
        for at, level in enumerate(tensor.levels)
    ]
    tables = [_table(("level", "instances", "options"), levels, f"{len(store)} cells, coarse to fine")]
    if 0 < len(store) <= ROWS:
        head = ("level", "instance", "option", "dimension", "value", "weight")
        tables.append(_table(head, map(_cell, tensor.cells()), "cells"))
    return "".join(tables)


def _cell(cell: Cell) -> Sequence[str]:
    value = "" if cell.value is None else shown(cell.value) if isinstance(cell.value, bytes) else f"{cell.value:g}"
    weight = "" if cell.weight is None else f"{cell.weight:g}"
    return cell.level, cell.instance, cell.option, cell.dimension, value, weight


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """An HTML table; names are data, so all of it is escaped, and what is beyond `ROWS` is counted."""
    all_rows = list(rows)
    lines = [f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in all_rows[:ROWS]]
    if len(all_rows) > ROWS:
        lines.append(f'<tr><td colspan="{len(head)}">and {len(all_rows) - ROWS} more rows</td></tr>')
    titles = "".join(f"<th>{escape(text)}</th>" for text in head)
    return f"<table><caption>{escape(caption)}</caption><tr>{titles}</tr>{''.join(lines)}</table>"
