"""A device's writes about itself, and gates of capabilities (A1, A2, D3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping

from sporewright import jsontext
from sporewright.core.checks import flag, instance_of, mapping, name, names
from sporewright.core.tensor import Tensor
from sporewright.core.writer import Writer
from sporewright.errors import ConfigError, WriteUpError

__all__ = ["RESERVED", "Device", "gate_capabilities", "is_reserved"]

RESERVED = ("reach", "priv:", "budget:")
"""Dimensions `observe` refuses, ":" ending a prefix: a device lifts no operator's gate and sets no price (A1)."""


def is_reserved(dimension: str) -> bool:
    """True for `reach`, `priv:*` and `budget:*`."""
    known = name(dimension, "dimension")
    return any(known.startswith(each) if each.endswith(":") else known == each for each in RESERVED)


def _check(option: str, call: str) -> None:
    # A value there would be stored and never read: who says it means something else.
    if option == "":
        raise ConfigError(f"{call}: '' is the slot that all options share, not an option (T2)")


class Device:
    """A device's own hands: three kinds of write, all into its own slice, by a writer bound to it (A1, W3)."""

    def __init__(self, tensor: Tensor, level: str, instance: str) -> None:
        self.level = level
        self.instance = instance
        self._writer = instance_of(Tensor, tensor, "tensor").writer(level, name(instance, "instance"))

    def __repr__(self) -> str:
        return f"<Device {self.instance!r} at level {self.level!r}>"

    def observe(self, option: str, dimension: str, value: float) -> None:
        """Record a measurement as a value; WriteUpError for `reach`, `priv:*`, `budget:*`, ConfigError for ""."""
        reserved = is_reserved(dimension)
        call = f"observe({jsontext.shown(option)}, {dimension!r}, {jsontext.shown(value)})"
        _check(option, call)
        if reserved:
            raise WriteUpError(f"{call}: {dimension!r} is the operator's; a device cannot observe it")
        self._writer.set_value(self.level, self.instance, option, dimension, value)

    def gate(self, option: str, reachable: bool) -> None:
        """Say whether this device reaches the option: False drops it here (+∞ on `reach`), True lifts that again."""
        call = f"gate({jsontext.shown(option)})"
        _check(option, call)
        if flag(reachable, call):
            self._writer.unset(self.level, self.instance, option, "reach")
        else:
            self._writer.set_value(self.level, self.instance, option, "reach", math.inf)

    def attest(self, option: str, capability: str, can: bool) -> None:
        """Say whether the option has the capability: 1.0 or 0.0 on `can:<capability>`, a vote for U5."""
        dimension = f"can:{name(capability, 'capability')}"
        call = f"attest({jsontext.shown(option)}, {capability!r})"
        _check(option, call)
        vote = 1.0 if flag(can, call) else 0.0
        self._writer.set_value(self.level, self.instance, option, dimension, vote)


def _listed(offers: Mapping[str, Collection[str]]) -> Callable[[str, str], bool]:
    """The predicate that a mapping stands for."""
    known = {option: frozenset(names(x, f"offers[{option!r}]")) for option, x in mapping(offers, "offers").items()}
    return lambda option, capability: capability in known.get(option, ())


def gate_capabilities(
    writer: Writer,
    level: str,
    instance: str,
    options: Iterable[str],
    required: Iterable[str],
    offers: Mapping[str, Collection[str]] | Callable[[str, str], bool],
) -> int:
    """Write +∞ on `priv:<capability>` for every option lacking a required one; how many gates (A2).

    `offers` maps an option to its capabilities (an option left out has none), or is a predicate
    `(option, capability) -> bool`. Only ever adds gates.
    """
    instance_of(Writer, writer, "writer")
    wanted, asked = names(required, "required"), names(options, "options")
    has = offers if callable(offers) else _listed(offers)
    lacking = [(option, capability) for option in asked for capability in wanted if not has(option, capability)]
    for option, capability in lacking:
        writer.set_value(level, instance, option, f"priv:{capability}", math.inf)
    return len(lacking)
