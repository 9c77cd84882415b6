"""The chains of a config as a page asks for them: which providers and models to try for this work, in order (K1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from sporewright.policy.cascade import resolve_chain

__all__ = ["ChainBody", "ChainReply", "Slot", "chain_of"]


class Slot(TypedDict):
    """One step of a chain."""

    provider: str
    model: str


class ChainBody(TypedDict):
    """The work; `instance`: which of the consumer's; `override`: slots of this one call, which go first."""

    stage: str
    consumer: str
    capability: str
    instance: NotRequired[str]
    override: NotRequired[list[Slot]]


class ChainReply(TypedDict):
    """The slots, best first."""

    slots: list[Slot]


def chain_of(config: Mapping[str, Any], body: ChainBody) -> ChainReply:
    """Resolve the chain by the config's `chains` and `aliases`; DecodeError names what cannot be read."""
    slots = resolve_chain(
        config.get("chains", {}),
        body["stage"],
        body["consumer"],
        body["capability"],
        instance=body.get("instance"),
        override=body.get("override", ()),
        aliases=config.get("aliases", {}),
    )
    return {"slots": [{"provider": provider, "model": model} for provider, model in slots]}
