"""A cascade of overrides as a tensor: stage ≺ consumer ≺ instance ≺ override, finest first (K1)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sporewright import jsontext
from sporewright.core.checks import mapping, name
from sporewright.core.config import Seed, TensorConfig
from sporewright.errors import DecodeError

__all__ = ["Slot", "chains_from", "resolve_chain"]

Slot = tuple[str, str]
"""(provider, model)."""

Chains = Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]

_LEVELS = ("l0", "l1", "l2")
_PLACE = "place"


def resolve_chain(
    chains: Chains,
    stage: str,
    consumer: str,
    capability: str,
    instance: str | None = None,
    override: Sequence[Mapping[str, Any]] = (),
    aliases: Mapping[str, str] | None = None,
) -> list[Slot]:
    """Ordered (provider, model) slots: override, instance, consumer, stage, each in declared order (K1).

    `chains` maps `stage`, `stage:consumer` and `stage:consumer:instance` to capability → slots `{provider, model}`;
    `aliases` maps a stage to its key. A repeated slot stands once, at its finest place. DecodeError names a bad slot.
    """
    for place, word in (("stage", stage), ("consumer", consumer), ("capability", capability)):
        name(word, place)
    if instance is not None:
        name(instance, "instance")
    mapping(chains, "chains")
    key = name(mapping({} if aliases is None else aliases, "aliases").get(stage, stage), f"aliases[{stage!r}]")
    tiers = [
        ("l0", _slots(chains, key, capability)),
        ("l1", _slots(chains, f"{key}:{consumer}", capability)),
        (
            "l2",
            [] if instance is None else _slots(chains, f"{key}:{consumer}:{instance}", capability),
        ),
        ("l2", _read(override, "override")),
    ]
    return _resolved(tiers)


def chains_from(declared: Mapping[str, Any]) -> None:
    """Check `chains` and `aliases` of a config as `resolve_chain` takes them; DecodeError names what cannot work."""
    declared = _object(declared, "config")
    for key, by_capability in _object(declared.get("chains", {}), "config.chains").items():
        at = f"config.chains[{jsontext.shown(key)}]"
        for capability, slots in _object(by_capability, at).items():
            _read(slots, f"{at}[{jsontext.shown(capability)}]")
    for stage, key in _object(declared.get("aliases", {}), "config.aliases").items():
        if not isinstance(key, str):
            raise DecodeError(f"config.aliases[{jsontext.shown(stage)}]: {jsontext.shown(key)} is not a stage's key")


def _object(data: object, place: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise DecodeError(f"{place}: {jsontext.shown(data)} is not an object")
    return data


def _resolved(tiers: Sequence[tuple[str, list[Slot]]]) -> list[Slot]:
    """Each slot's value is its place counted from the finest tier; the deepest, then the latest write wins (F1, T5)."""
    seeds = []
    behind = sum(len(slots) for _, slots in tiers)
    for level, slots in tiers:
        first = behind - len(slots)
        # Backwards, so that of a slot repeated within one tier the first place is the one that stays.
        for at, slot in reversed(list(enumerate(slots))):
            seeds.append(Seed("l0", level, "", json.dumps(slot), _PLACE, "value", float(first + at)))
        behind = first
    weight = Seed("l0", "l0", "", "", _PLACE, "weight", 1.0)
    queue = TensorConfig(_LEVELS, (weight, *seeds)).build().resolve({})
    return [_slot(option) for option in queue]


def _slot(option: str) -> Slot:
    provider, model = json.loads(option)
    return provider, model


def _slots(chains: Chains, key: str, capability: str) -> list[Slot]:
    place = f"chains[{key!r}]"
    return _read(_object(chains.get(key, {}), place).get(capability, ()), f"{place}[{capability!r}]")


def _read(slots: object, place: str) -> list[Slot]:
    if isinstance(slots, str | bytes) or not isinstance(slots, Sequence):
        raise DecodeError(f"{place}: {jsontext.shown(slots)} is not a list of slots")
    read: list[Slot] = []
    for at, slot in enumerate(slots):
        provider, model = (slot.get("provider"), slot.get("model")) if isinstance(slot, Mapping) else (None, None)
        if not (isinstance(provider, str) and isinstance(model, str)):
            raise DecodeError(f"{place}[{at}]: {jsontext.shown(slot)} is not {{provider, model}}")
        read.append((provider, model))
    return read
