"""The addressed field: beliefs with uncertainty on a path of layers, learned from one place and shared by prefix (L).

Each (option, dimension) has a Gaussian residual at every node of an address path; what is believed at an address is
their sum. Time and chance are the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from sporewright.core import checks
from sporewright.core.resolve import rank_key
from sporewright.errors import BadValueKindError, ConfigError, UnknownLevelError
from sporewright.jsontext import listed, shown
from sporewright.policy import field_codec
from sporewright.policy.belief import BeliefTree, Cell, Place, posterior
from sporewright.policy.decision import Alternative, Decision, DimensionTrace, NodeTrace
from sporewright.policy.field_writer import Address, FieldWriter
from sporewright.policy.limits import MAX_LAYERS, checked_number, checked_variance

__all__ = ["Address", "AddressedField"]


class AddressedField:
    """Beliefs over the layers, coarse → fine, under one root; layers may be none.

    `process_variance` is how far a node of a layer strays from its parent (default 1), `root_variance` the same for the
    root (L1). ConfigError for an empty or repeated layer, more than 64, or a variance outside [1e-75, 1e75].
    """

    def __init__(
        self, layers: Iterable[str], process_variance: Mapping[str, float] | None = None, root_variance: float = 1.0
    ) -> None:
        named_all = isinstance(layers, Iterable) and not isinstance(layers, str)
        self.layers: tuple[str, ...] = tuple(layers) if named_all else ("",)
        named = all(isinstance(name, str) and name for name in self.layers)
        if not named or len(set(self.layers)) != len(self.layers) or len(self.layers) > MAX_LAYERS:
            raise ConfigError(
                f"layers must be names that differ, coarse to fine, at most {MAX_LAYERS}: {shown(layers)}"
            )
        given = {} if process_variance is None else checks.mapping(process_variance, "process_variance")
        for layer in given:
            self.depth(layer)
        variances = [root_variance, *(given.get(layer, 1.0) for layer in self.layers)]
        pairs = zip(("the root", *self.layers), variances, strict=True)
        self.tree = BeliefTree([checked_variance(x, f"process variance of {name}") for name, x in pairs])

    def __repr__(self) -> str:
        return f"<AddressedField {list(self.layers)}, {sum(1 for _ in self.tree.root.below())} places>"

    def depth(self, layer: str) -> int:
        """Steps from the root down to the layer; UnknownLevelError if there is none of that name."""
        if layer not in self.layers:
            raise UnknownLevelError(f"unknown layer {shown(layer)}; the layers are {listed(self.layers)}")
        return self.layers.index(layer) + 1

    def root_writer(self) -> FieldWriter:
        """A writer that may write anywhere, the root included."""
        return FieldWriter(self, 0)

    def writer(self, layer: str) -> FieldWriter:
        """A writer floored at the layer: there or finer, never coarser (W1). UnknownLevelError."""
        return FieldWriter(self, self.depth(layer))

    def path(self, address: Address) -> tuple[str, ...]:
        """The names along the address, coarse → fine; "" counts as left out.

        UnknownLevelError for a strange layer, ConfigError for a gap, BadValueKindError for what is no name.
        """
        if not isinstance(address, Mapping):
            raise BadValueKindError(f"expected an address, which maps layers to names, got {shown(address)}")
        for layer, name in address.items():
            self.depth(layer)
            if not isinstance(name, str):
                raise BadValueKindError(f"address: the name at {layer!r} is {shown(name)}, not a string")
        path = tuple(address.get(layer, "") for layer in self.layers)
        length = next((at for at, name in enumerate(path) if not name), len(path))
        if any(path[length:]):
            raise ConfigError(f"address {dict(address)!r} leaves out {self.layers[length]!r} before a finer layer")
        return path[:length]

    def address(self, path: Sequence[str]) -> dict[str, str]:
        """The address of a path: names coarse → fine, as many as there are layers or fewer."""
        if len(checks.names(path, "path")) > len(self.layers):
            raise ConfigError(f"path: {shown(path)} is longer than the layers {listed(self.layers)}")
        return dict(zip(self.layers, path, strict=False))

    def resolve(self, address: Address, temperature: float = 0.0) -> list[str]:
        """The queue at the address: `decide(…).order`."""
        return self.decide(address, temperature).order

    def decide_among(self, address: Address, allowed: Collection[str], temperature: float = 0.0) -> Decision:
        """`decide` over the allowed options only; names the field does not know are left out (L7)."""
        return self.decide(address, temperature, checks.names(allowed, "allowed"))

    def decide(self, address: Address, temperature: float = 0.0, allowed: Collection[str] | None = None) -> Decision:
        """Every option declared or measured at a place of the path, by ascending score (L6).

        What was measured elsewhere below a place of the path informs such an option, and makes none one.

        The score is Σ mean·weight − temperature·√(Σ variance·weight²); equal scores by name, gated options after all
        others (L5). Looks at the path's own cells, and with `allowed` at those options' alone (L7). ConfigError for a
        temperature that is negative or not finite.
        """
        path = self.path(address)
        if not (checked_number(temperature, "temperature") >= 0.0):
            raise ConfigError(f"temperature must be at least 0, not {temperature!r}")
        places = self.tree.walk(path)
        if allowed is None:
            options = {option for place in places for option in place.cells}
        else:
            options = set(checks.names(allowed, "allowed"))
        found = [_Reading(self, path, places, option, temperature) for option in sorted(options - {""})]
        alternatives = [each.alternative() for each in found if each.known]
        alternatives.sort(key=lambda each: (not each.viable, rank_key(each.option, each.score)))
        visited = sum(each.visited for each in found)
        return Decision(self.address(path), float(temperature), tuple(alternatives), visited)

    def to_json(self) -> str:
        """The whole field as JSON text; reading it back gives the same decisions to the last bit."""
        return field_codec.to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> AddressedField:
        """A field from its JSON, strictly: DecodeError that says where."""
        return field_codec.from_json(text, cls)


class _Reading:
    """One option read along one path."""

    def __init__(
        self, field: AddressedField, path: Sequence[str], places: Sequence[Place], option: str, temperature: float
    ) -> None:
        self._variances = field.tree.variances[: len(path) + 1]
        self._places = places
        self._option = option
        self._temperature = temperature
        self._rows = [place.cells.get(option, {}) for place in places]
        self.visited = sum(map(len, self._rows))
        is_candidate = any(cell.is_declared for row in self._rows for cell in row.values())
        known = {name for row in self._rows for name, cell in row.items() if cell.is_known()}
        self.known = sorted(known) if is_candidate else []

    def alternative(self) -> Alternative:
        """Scores and traces, in code-point order of the dimensions, one rounding per step (R3, L6)."""
        traces = tuple(self._trace(dimension) for dimension in self.known)
        expected = variance = 0.0
        for each in traces:
            expected += each.product
            variance += each.variance * (each.weight * each.weight)
        score = expected - self._temperature * math.sqrt(variance)
        return Alternative(self._option, score, expected, variance, traces, self._gate())

    def _trace(self, dimension: str) -> DimensionTrace:
        cells: list[Cell | None] = [row.get(dimension) for row in self._rows]
        cells += [None] * (len(self._variances) - len(cells))
        nodes: list[NodeTrace] = []
        mean = variance = 0.0
        for depth, (cell, (now, variance)) in enumerate(zip(cells, posterior(cells, self._variances), strict=True)):
            prior, observations = (cell.prior, cell.observations) if cell else (None, 0)
            nodes.append(NodeTrace(depth, now, variance, now - mean, prior, observations))
            mean = now
        weight = self._weight(dimension)
        return DimensionTrace(dimension, mean, variance, weight, mean * weight, tuple(nodes))

    def _weight(self, dimension: str) -> float:
        """Shared slot and own, added from the root down; 1 if none is set (L5)."""
        cells = [place.cell(slot, dimension) for place in self._places for slot in ("", self._option)]
        weights = [cell.weight for cell in cells if cell and cell.weight is not None]
        total = 0.0
        for weight in weights:
            total += weight
        return total if weights else 1.0

    def _gate(self) -> tuple[str, int] | None:
        closed = [(name, at) for at, row in enumerate(self._rows) for name, cell in row.items() if cell.closed]
        return min(closed, default=None)
