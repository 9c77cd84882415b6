"""The wide home of one level: panels along the options of each instance, or one panel along the instances.

Loaded late, by `columns`, once numpy may be used. A cell without a line stays in the dicts of the store.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Literal

from sporewright.core.columnar.panel import Panel, Rows
from sporewright.core.store import Layers, Slice, Value

__all__ = ["AlongInstances", "AlongOptions", "Line", "Pair", "Placed", "Wide"]

Pair = tuple[str, str]
"""(option, dimension)."""

Line = tuple[Panel, int, str]
"""A panel, the line in it, and the name whose row is meant."""

_NOTHING: Layers = (None, None)

Placed = tuple[str, str, str, Layers]
"""A cell of a level: (instance, option, dimension, layers)."""


class AlongOptions:
    """One panel an instance, a line for each dimension: the shape of few instances with many options."""

    along_options: Literal[True] = True

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.panels: dict[str, Panel] = {}

    @property
    def size(self) -> int:
        """The number of cells in the panels."""
        return sum(panel.size for panel in self.panels.values())

    def find(self, instance: str, option: str, dimension: str) -> Line | None:
        """The place where the cell is or would be; None if it has no line."""
        panel = self.panels.get(instance) if option else None
        line = None if panel is None else panel.lines.get(dimension)
        return None if panel is None or line is None else (panel, line, option)

    def open(self, instance: str, option: str, dimension: str) -> Line:
        """A line for the cell's column."""
        panel = self.panels.get(instance)
        if panel is None:
            panel = self.panels[instance] = Panel(self.rows)
        line = panel.lines.get(dimension)
        return panel, panel.open(dimension) if line is None else line, option

    @property
    def token(self) -> object:
        """Differs from an earlier one if a cell was written since."""
        return {instance: (id(panel), panel.clock) for instance, panel in self.panels.items()}

    def values(self) -> Iterator[tuple[str, str, str, Value | None]]:
        """(instance, option, dimension, value) of every cell."""
        for instance, panel in self.panels.items():
            for dimension, line in panel.lines.items():
                for option, (value, _) in panel.cells(line):
                    yield instance, option, dimension, value

    @property
    def dimensions(self) -> tuple[int, set[str]]:
        """(how many lines there are, of which dimensions)."""
        lines = [panel.lines for panel in self.panels.values()]
        return sum(map(len, lines)), set[str]().union(*lines)

    def close(self, instance: str, option: str, dimension: str) -> list[Placed]:  # noqa: ARG002
        """Give the line back, and a panel without lines with it; the cells it had."""
        panel = self.panels[instance]
        cells = [(instance, name, dimension, layers) for name, layers in panel.cells(panel.lines[dimension])]
        panel.close(dimension)
        if not panel.lines:
            self.rows.panels.remove(self.panels.pop(instance))
        return cells

    def close_thin(self, rows: int, thin: float) -> list[Placed]:
        """Close each line with fewer than a `thin`-th of so many rows filled; the cells they had."""
        few = [
            (instance, dimension)
            for instance, panel in self.panels.items()
            for dimension, line in panel.lines.items()
            if panel.counts[line] * thin < rows
        ]
        return [cell for instance, dimension in few for cell in self.close(instance, "", dimension)]

    def clear(self, instance: str) -> int:
        """Forget the instance; how many cells it had here."""
        panel = self.panels.pop(instance, None)
        if panel is None:
            return 0
        self.rows.panels.remove(panel)
        return panel.size

    def slice(self, instance: str, loose: Slice) -> Slice:
        """The instance's cells, those in dicts among them."""
        panel = self.panels.get(instance)
        return loose if panel is None else _OptionSlice(panel, loose)

    def instances(self) -> set[str]:
        """The instances with a cell in a panel."""
        return {instance for instance, panel in self.panels.items() if panel.size}

    def pairs(self) -> set[Pair]:
        """Every (option, dimension) with a cell in a panel."""
        return {
            (self.rows.names[row], dimension)
            for panel in self.panels.values()
            for dimension, line in panel.lines.items()
            for row in panel.filled(line).tolist()
        }

    def column(self, option: str, dimension: str) -> Iterator[tuple[str, Value]]:
        """(instance, value) over the panels that have a value there."""
        row = self.rows.ids.get(option)
        for instance, panel in self.panels.items() if row is not None else ():
            line = panel.lines.get(dimension)
            value = None if line is None or row is None else panel.get(line, row)[0]
            if value is not None:
                yield instance, value

    def put_values(self, instance: str, cells: Mapping[Pair, Layers], *, keep: bool) -> Mapping[Pair, Layers]:
        """State cells that are plain values; those without a line are left, and returned."""
        self.rows.add(dict.fromkeys(option for option, _ in cells))
        panel = self.panels.get(instance)
        if panel is None:
            return cells
        known = [(pair, panel.lines[pair[1]]) for pair in cells if pair[1] in panel.lines]
        if known:
            rows = [self.rows.ids[pair[0]] for pair, _ in known]
            panel.put_values([line for _, line in known], rows, [cells[pair][0] for pair, _ in known], keep=keep)  # type: ignore[misc]
        return {} if len(known) == len(cells) else {p: x for p, x in cells.items() if p[1] not in panel.lines}


class AlongInstances:
    """One panel for the level, a line for each (option, dimension): the shape of many instances that say the same."""

    along_options: Literal[False] = False

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.panel = Panel(self.rows)
        self.options: dict[str, dict[str, int]] = {}

    @property
    def size(self) -> int:
        """The number of cells in the panel."""
        return self.panel.size

    def find(self, instance: str, option: str, dimension: str) -> Line | None:
        """The place where the cell is or would be; None if it has no line."""
        line = self.panel.lines.get((option, dimension))
        return None if line is None else (self.panel, line, instance)

    def open(self, instance: str, option: str, dimension: str) -> Line:
        """A line for the cell's column."""
        line = self.panel.lines.get((option, dimension))
        if line is None:
            line = self.options.setdefault(option, {})[dimension] = self.panel.open((option, dimension))
        return self.panel, line, instance

    def close(self, instance: str, option: str, dimension: str) -> list[Placed]:  # noqa: ARG002
        """Give the line back; the cells it had."""
        line = self.panel.lines[option, dimension]
        cells = [(name, option, dimension, layers) for name, layers in self.panel.cells(line)]
        self.panel.close((option, dimension))
        del self.options[option][dimension]
        if not self.options[option]:
            del self.options[option]
        return cells

    def close_thin(self, rows: int, thin: float) -> list[Placed]:
        """Close each line with fewer than a `thin`-th of so many rows filled; the cells they had."""
        few = [pair for pair, line in self.panel.lines.items() if self.panel.counts[line] * thin < rows]
        return [cell for pair in few for cell in self.close("", *pair)]

    def clear(self, instance: str) -> int:
        """Forget the instance; how many cells it had here."""
        row = self.rows.ids.get(instance)
        return 0 if row is None else self.panel.clear(row)

    def slice(self, instance: str, loose: Slice) -> Slice:
        """The instance's cells, those in dicts among them."""
        row = self.rows.ids.get(instance)
        return loose if row is None else _InstanceSlice(self, row, loose)

    def instances(self) -> set[str]:
        """The instances with a cell in the panel."""
        return {self.rows.names[row] for row in self.panel.used().nonzero()[0].tolist()}

    def pairs(self) -> set[Pair]:
        """Every (option, dimension) with a cell in the panel."""
        return {pair for pair, line in self.panel.lines.items() if self.panel.counts[line]}

    def column(self, option: str, dimension: str) -> Iterator[tuple[str, Value]]:
        """(instance, value) over the rows that have a value there."""
        line = self.panel.lines.get((option, dimension))
        if line is not None:
            yield from ((name, x) for name, (x, _) in self.panel.cells(line) if x is not None)

    def put_values(self, instance: str, cells: Mapping[Pair, Layers], *, keep: bool) -> Mapping[Pair, Layers]:
        """State cells that are plain values; those without a line are left, and returned."""
        row = self.rows.row(instance)
        known = self.panel.lines
        lines = [known[pair] for pair in cells if pair in known]
        if lines:
            values = [layers[0] for pair, layers in cells.items() if pair in known]
            self.panel.put_values(lines, [row] * len(lines), values, keep=keep)  # type: ignore[arg-type]
        return {} if len(lines) == len(cells) else {pair: x for pair, x in cells.items() if pair not in known}


Wide = AlongOptions | AlongInstances


class _WideSlice(Slice):
    """option → dimension → layers, some of them in a panel, the others in the dicts beside it."""

    def __init__(self, panel: Panel, loose: Slice) -> None:
        self._panel, self._loose = panel, loose

    @abstractmethod
    def _placed(self, option: str) -> Iterable[tuple[str, Layers]]:
        """(dimension, layers) of each place the option has in the panel; (None, None) where there is no cell."""

    def get(self, option: str, default: Any = None) -> Any:
        """The option's cells, dimensions in order, or the default: asked for options that are not here, too."""
        cells = {dimension: layers for dimension, layers in self._placed(option) if layers != _NOTHING}
        cells.update(self._loose.get(option, ()))
        return dict(sorted(cells.items())) if cells else default

    def __getitem__(self, option: str) -> Mapping[str, Layers]:
        cells: Mapping[str, Layers] | None = self.get(option)
        if cells is None:
            raise KeyError(option)
        return cells

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _OptionSlice(_WideSlice):
    """The slice of an instance that has a panel, a row an option."""

    def _placed(self, option: str) -> Iterable[tuple[str, Layers]]:
        row = self._panel.rows.ids.get(option)
        if row is None:
            return ()
        found = self._panel.column(row)
        return [(dimension, found[line]) for dimension, line in self._panel.lines.items()]

    def __iter__(self) -> Iterator[str]:
        names = self._panel.rows.names
        wide = (names[row] for row in self._panel.used().nonzero()[0].tolist())
        return chain(self._loose, (option for option in wide if option not in self._loose))


class _InstanceSlice(_WideSlice):
    """The slice of an instance that is one row of the level's panel."""

    def __init__(self, home: AlongInstances, row: int, loose: Slice) -> None:
        super().__init__(home.panel, loose)
        self._options, self._row = home.options, row

    def _placed(self, option: str) -> Iterable[tuple[str, Layers]]:
        get, row = self._panel.get, self._row
        return [(dimension, get(line, row)) for dimension, line in self._options.get(option, {}).items()]

    def __iter__(self) -> Iterator[str]:
        filled = set(self._panel.row_of(self._row))
        wide = (option for option, lines in self._options.items() if not filled.isdisjoint(lines.values()))
        return chain(self._loose, (option for option in wide if option not in self._loose))
