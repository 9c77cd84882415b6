"""Gaussian beliefs on a tree of places, conditioned exactly on sums along a path (L1–L4).

The sum down to a place is a Markov chain: s(place) = s(parent) + residual. So all that is known below a place reaches
its parent as one Gaussian message about s(parent), kept in natural parameters (precision, information = precision ·
mean), and a write touches the places between it and the root, nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["MAX_OBSERVATIONS", "BeliefTree", "Cell", "ExactSum", "Place", "posterior"]

MAX_OBSERVATIONS = 2**53
"""The largest count: the last count that every reader of JSON keeps exactly."""

# Every finite float64 is a whole number of these: 2^-1074 is the least.
_SHIFT = 1074
_ONE = 1 << _SHIFT

Natural = tuple[float, float]
"""(precision, information)."""

NOTHING: Natural = (0.0, 0.0)


class ExactSum:
    """A sum of float64s in whole units, rounded only when read.

    So the order of the parts never matters, and what is taken away again is gone to the last bit: no drift, however
    long the sum lives.
    """

    __slots__ = ("units",)

    def __init__(self, parts: Iterable[float] = ()) -> None:
        self.units = sum(_units(part) for part in parts)

    def add(self, x: float, sign: int = 1) -> None:
        """Add x, or take it away with sign −1."""
        self.units += sign * _units(x)

    def parts(self) -> list[float]:
        """The fewest leading float64s whose exact sum this is; empty for 0."""
        parts: list[float] = []
        rest = self.units
        while rest:
            parts.append(rest / _ONE)
            rest -= _units(parts[-1])
        return parts

    def __float__(self) -> float:
        return self.units / _ONE

    def __bool__(self) -> bool:
        return self.units != 0


def _units(x: float) -> int:
    numerator, denominator = x.as_integer_ratio()
    return numerator << (_SHIFT + 1 - denominator.bit_length())


class Cell:
    """One place's state of one (option, dimension): declarations, own evidence, and what came up from below."""

    __slots__ = ("below", "closed", "is_declared", "message", "observations", "own", "prior", "weight")

    def __init__(self) -> None:
        self.prior: float | None = None
        self.weight: float | None = None
        self.closed = False
        self.is_declared = False
        """A prior was declared or something measured at this very place, whatever was forgotten since: its option is a
        candidate from here down (L7). What was folded in from below informs, and declares nothing."""
        self.observations = 0
        self.own = (ExactSum(), ExactSum())
        self.below = (ExactSum(), ExactSum())
        self.message: Natural = NOTHING
        """The last one given to the parent."""

    def evidence(self) -> Natural:
        """Own and from below together, each rounded once: what is known about the sum down to this place."""
        return tuple((own.units + below.units) / _ONE for own, below in zip(self.own, self.below, strict=True))  # type: ignore[return-value]

    def is_known(self) -> bool:
        """True if something was declared or learned here or below; what was forgotten is known to be uncertain."""
        return self.is_declared or bool(self.own[0]) or bool(self.below[0])

    def holds(self) -> bool:
        """True if something of its own was declared or recorded here; the rest is made anew from below."""
        return self.is_declared or self.weight is not None or self.closed or bool(self.own[0])

    def is_empty(self) -> bool:
        """True if nothing would be lost with this cell."""
        return not self.holds() and not self.below[0]

    def up(self, process_variance: float) -> Natural:
        """The message to the parent: the evidence, less the declared prior, blurred by the process variance (L2)."""
        precision, information = self.evidence()
        shrink = 1.0 + precision * process_variance
        # Evidence too faint for a float64 is none, in both parameters.
        faded = precision / shrink
        return (faded, (information - precision * (self.prior or 0.0)) / shrink) if faded else NOTHING

    def merge(self, evidence: tuple[ExactSum, ExactSum], observations: int) -> None:
        """Add evidence to this place's own."""
        for total, more in zip(self.own, evidence, strict=True):
            total.units += more.units
        self.observations = min(MAX_OBSERVATIONS, self.observations + observations)

    def discount(self, factor: float) -> None:
        """Multiply the own evidence; factor 0 forgets it, and the place stays declared: as uncertain as before (L3)."""
        if factor == 1.0:
            return
        self.own = (ExactSum([float(self.own[0]) * factor]), ExactSum([float(self.own[1]) * factor]))
        if not self.own[0]:
            self.own, self.observations = (ExactSum(), ExactSum()), 0


class Place:
    """A node of the address tree: its cells by option and dimension, and the places one layer finer."""

    __slots__ = ("cells", "children", "name", "parent")

    def __init__(self, parent: Place | None, name: str) -> None:
        self.parent = parent
        self.name = name
        self.children: dict[str, Place] = {}
        self.cells: dict[str, dict[str, Cell]] = {}

    def cell(self, option: str, dimension: str) -> Cell | None:
        """The cell, if there is one."""
        return self.cells.get(option, {}).get(dimension)

    def ensure(self, option: str, dimension: str) -> Cell:
        """The cell, made if need be."""
        return self.cells.setdefault(option, {}).setdefault(dimension, Cell())

    def drop(self, option: str, dimension: str) -> None:
        """Forget a cell that holds nothing any more."""
        row = self.cells.get(option, {})
        if dimension in row and row[dimension].is_empty():
            del row[dimension]
            if not row:
                del self.cells[option]

    def below(self) -> Iterator[Place]:
        """This place and every one under it."""
        yield self
        for child in tuple(self.children.values()):
            yield from child.below()


def posterior(cells: Sequence[Cell | None], process_variances: Sequence[float]) -> list[tuple[float, float]]:
    """(mean, variance) of the sum down to each place of a path, root first, given everything ever observed (L1, L2).

    From the root down, each sum is conditioned on its parent's and on the evidence at and below it. Nothing is ever
    subtracted, so no digits are lost. A place that holds nothing is None.
    """
    mean = variance = 0.0
    sums: list[tuple[float, float]] = []
    for cell, process in zip(cells, process_variances, strict=True):
        precision, information = cell.evidence() if cell else NOTHING
        prior = cell.prior if cell and cell.prior is not None else 0.0
        gain = 1.0 / (1.0 + process * precision)
        mean = (mean + prior + process * information) * gain
        variance = (process + variance * gain) * gain
        sums.append((mean, variance))
    return sums


class BeliefTree:
    """All places of a field; `variances` is the process variance at each depth, the root's first."""

    def __init__(self, variances: Sequence[float]) -> None:
        self.variances = tuple(variances)
        self.root = Place(None, "")

    def walk(self, path: Sequence[str]) -> list[Place]:
        """The places along the path, root first, as far as they exist."""
        trail = [self.root]
        for name in path:
            child = trail[-1].children.get(name)
            if child is None:
                break
            trail.append(child)
        return trail

    def find(self, path: Sequence[str], option: str, dimension: str) -> Cell | None:
        """The cell at exactly that path."""
        trail = self.walk(path)
        return trail[-1].cell(option, dimension) if len(trail) == len(path) + 1 else None

    def grow(self, path: Sequence[str]) -> list[Place]:
        """The places along the path, made where they do not exist."""
        trail = [self.root]
        for name in path:
            trail.append(trail[-1].children.setdefault(name, Place(trail[-1], name)))
        return trail

    def climb(self, trail: Sequence[Place], option: str, dimension: str) -> int:
        """Renew the messages from the last place of the trail to the root; how many places were looked at (L2)."""
        for depth in range(len(trail) - 1, 0, -1):
            cell = trail[depth].ensure(option, dimension)
            message = cell.up(self.variances[depth])
            if message == cell.message:
                return len(trail) - depth
            above = trail[depth - 1].ensure(option, dimension)
            for total, old, new in zip(above.below, cell.message, message, strict=True):
                total.add(old, -1)
                total.add(new)
            cell.message = message
        return len(trail)

    def prune(self, trail: Sequence[Place], option: str, dimension: str) -> None:
        """Forget the cells and the places of the trail that hold nothing any more, finest first."""
        for place in reversed(trail):
            place.drop(option, dimension)
            if place.parent is not None and not place.cells and not place.children:
                place.parent.children.pop(place.name, None)

    def fold(self, trail: Sequence[Place], option: str, dimension: str) -> int:
        """Move all that is known at and below the trail's last place into its parent; cells emptied (L4).

        The parent's evidence stays the same to the last bit, so everybody else's posterior does. Weights and gates
        stay where they are: compaction lifts no gate.
        """
        place, parent = trail[-1], trail[-2]
        known = [each for each in place.below() if (cell := each.cell(option, dimension)) and cell.is_known()]
        top = place.cell(option, dimension)
        if top is not None and top.message != NOTHING:
            above = parent.ensure(option, dimension)
            for total, x in zip(above.below, top.message, strict=True):
                total.add(x, -1)
            seen = sum(each.cells[option][dimension].observations for each in known)
            above.merge((ExactSum([top.message[0]]), ExactSum([top.message[1]])), seen)
        for each in reversed(known):
            cell = each.cells[option][dimension]
            kept = (cell.weight, cell.closed)
            each.cells[option][dimension] = fresh = Cell()
            fresh.weight, fresh.closed = kept
            self.prune([each], option, dimension)
        self.prune(trail, option, dimension)
        return len(known)
