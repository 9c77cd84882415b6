"""A tensor as data: levels and an ordered list of seeds, each exactly one writer call (C1, C2, D4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sporewright import jsontext
from sporewright.core import checks
from sporewright.core.codec import decode_number, decode_value
from sporewright.core.global_rules import GlobalRules, global_rules_from
from sporewright.core.store import Value
from sporewright.core.tensor import Tensor
from sporewright.errors import BadValueKindError, ConfigError, DecodeError, SporewrightError

__all__ = ["KINDS", "Seed", "TensorConfig"]

KINDS = ("value", "bytes", "weight", "option-weight")
PARTS = frozenset(("$schema", "aliases", "chains", "global", "learning", "levels", "pools", "priors", "seeds"))
SEED_KEYS = frozenset(("floor", "level", "inst", "option", "dim", "kind", "value"))


@dataclass(frozen=True, slots=True)
class Seed:
    """One writer call: minted at `floor`, writing `value` as `kind` (C1)."""

    floor: str
    level: str
    instance: str
    option: str
    dimension: str
    kind: str
    value: Value

    def write(self, tensor: Tensor) -> None:
        """Floor first, then the payload, then the write (C2)."""
        writer = checks.instance_of(Tensor, tensor, "tensor").writer(self.floor)
        if self.kind not in KINDS:
            raise BadValueKindError(f"kind {jsontext.shown(self.kind)} is none of {', '.join(KINDS)}")
        if isinstance(self.value, bytes) != (self.kind == "bytes"):
            raise BadValueKindError(f"kind {self.kind!r} cannot carry {jsontext.shown(self.value)}")
        if isinstance(self.value, bytes):
            writer.set_document(self.level, self.instance, self.option, self.dimension, self.value)
        elif self.kind == "value":
            writer.set_value(self.level, self.instance, self.option, self.dimension, self.value)
        elif self.kind == "weight":
            writer.set_weight(self.level, self.instance, self.dimension, self.value)
        else:
            writer.set_option_weight(self.level, self.instance, self.option, self.dimension, self.value)


@dataclass(frozen=True, slots=True)
class TensorConfig:
    """`levels`, ordered `seeds`, and `priors`: dimension → the value an option has until it is measured (D4).

    `global_rules` is its part `global`: what may cross from one workspace to another (U7). A device only carries it.
    BadValueKindError for what are no seeds and no priors; what they mean is checked by `build` (C2).
    """

    levels: tuple[str, ...]
    seeds: tuple[Seed, ...] = ()
    priors: Mapping[str, float] = field(default_factory=dict)
    global_rules: GlobalRules = GlobalRules()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        if not isinstance(self.seeds, tuple | list):
            raise BadValueKindError(f"seeds: {jsontext.shown(self.seeds)} is not a list of seeds")
        for at, seed in enumerate(self.seeds):
            checks.instance_of(Seed, seed, f"seeds[{at}]")
        for dimension, value in checks.mapping(self.priors, "priors").items():
            checks.finite(value, f"priors[{jsontext.shown(dimension)}]")
        checks.instance_of(GlobalRules, self.global_rules, "global_rules")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TensorConfig:
        """A config from JSON data; DecodeError names the seed's index and the field, ConfigError the place in `global`.

        A key that no part of a config has is refused: what is ignored without a word is believed to work.

        What a seed *means* (its level, its kind against its payload, the write) is checked by `build`.
        """
        if not isinstance(data, Mapping):
            raise DecodeError(f"config: expected an object, got {jsontext.shown(data)}")
        _refuse_unknown(data, PARTS, "config")
        levels, seeds, priors = data.get("levels"), data.get("seeds", []), data.get("priors", {})
        if (
            not isinstance(levels, Sequence)
            or isinstance(levels, str)
            or not all(isinstance(name, str) for name in levels)
        ):
            raise DecodeError(f"config.levels: {jsontext.shown(levels)} is not a list of names")
        if not isinstance(seeds, Sequence) or isinstance(seeds, str):
            raise DecodeError(f"config.seeds: {jsontext.shown(seeds)} is not a list")
        if not isinstance(priors, Mapping):
            raise DecodeError(f"config.priors: {jsontext.shown(priors)} is not an object")
        return cls(
            tuple(levels),
            tuple(_seed(seed, f"config.seeds[{at}]") for at, seed in enumerate(seeds)),
            dict(_prior(dimension, value) for dimension, value in priors.items()),
            global_rules_from(data["global"]) if "global" in data else GlobalRules(),
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> TensorConfig:
        """A config from JSON text; DecodeError that says where."""
        return cls.from_dict(jsontext.parse(text, "config"))

    def build(self) -> Tensor:
        """The tensor; the first refusal wins, names the seed's index, and nothing is built (C2)."""
        try:
            tensor = Tensor(self.levels)
        except ConfigError as why:
            raise DecodeError(f"config.levels: {why}") from None
        for at, seed in enumerate(self.seeds):
            try:
                seed.write(tensor)
            except SporewrightError as why:
                raise type(why)(f"config.seeds[{at}]: {why}") from None
        self.fill_priors(tensor)
        return tensor

    def fill_priors(self, tensor: Tensor) -> int:
        """Declare the prior of every option × prior dimension without a value at the coarsest level; how many (D4)."""
        filled = 0
        checks.instance_of(Tensor, tensor, "tensor")
        for option in sorted({option for at in range(len(tensor.levels)) for option, _ in tensor.store.pairs(at)}):
            for dimension, value in self.priors.items():
                if tensor.store.get(0, "", option, dimension)[0] is None:
                    tensor.merge(0, "", option, dimension, value, None)
                    tensor.priors.add((option, dimension))
                    filled += 1
        return filled

    def declared_order(self) -> list[str]:
        """The options in order of first appearance in the seeds: the queue before any engine is up."""
        return list(dict.fromkeys(seed.option for seed in self.seeds if seed.option))


def _prior(dimension: object, data: object) -> tuple[str, float]:
    """A dimension's prior: finite, because a prior is a guess at a cost and never a gate."""
    place = f"config.priors[{jsontext.shown(dimension)}]"
    if not isinstance(dimension, str):
        raise DecodeError(f"{place}: a dimension is a string")
    value = decode_number(data, place)
    if not math.isfinite(value):
        raise DecodeError(f"{place}: {jsontext.shown(data)} would gate every option; a prior is finite")
    return dimension, value


def _refuse_unknown(data: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    if not data.keys() <= known:
        key = next(key for key in data if key not in known)
        raise DecodeError(f"{place}: {jsontext.shown(key)} is none of {jsontext.listed(sorted(known))}")


def _seed(data: object, place: str) -> Seed:
    if not isinstance(data, Mapping):
        raise DecodeError(f"{place}: a seed is an object, not {jsontext.shown(data)}")
    _refuse_unknown(data, SEED_KEYS, place)
    names = {}
    for key in ("floor", "level", "inst", "option", "dim", "kind"):
        name = data.get(key, "" if key in ("inst", "option") else None)
        if not isinstance(name, str):
            raise DecodeError(f"{place}.{key}: {jsontext.shown(name)} is not a string")
        names[key] = name
    if names["kind"] not in KINDS:
        raise DecodeError(f"{place}.kind: {jsontext.shown(names['kind'])} is none of {', '.join(KINDS)}")
    value = decode_value(data.get("value"), f"{place}.value")
    return Seed(names["floor"], names["level"], names["inst"], names["option"], names["dim"], names["kind"], value)
