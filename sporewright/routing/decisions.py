"""The decisions of a chain, and its account of an attempt's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sporewright.routing.health import Permit
from sporewright.routing.terms import Action, Aside, Outcome, State

__all__ = ["Ask", "Call", "Decision", "Ended", "Rationed", "Wait"]

Rationed = Literal[Permit, "draw"]
"""The things asked for before a call: permits, or its draw on the option's pools (P3)."""


@dataclass(frozen=True, slots=True)
class Call:
    """Call this option now; `attempt` names the call from here on."""

    option: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`; then ask again."""

    until: float


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for this, and pass on the reply with `answered`: permits are the engine's, draws the pools' ledger's.

    A `hedge` to an option that draws on pools is a draw as well.
    """

    permit: Rationed
    option: str


Decision = Call | Wait | Ask | None
"""None: the chain has ended, or there is nothing to hedge with."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an attempt: its outcome, the state it was in, and the actions to carry out, in order."""

    option: str
    outcome: Outcome
    stage: State
    actions: Sequence[Action]
    first_token_s: float | None = None
    aside: Aside | None = None
    """The reason for which the option is set aside, if it is."""
    model: str | None = None
    """The model that it declined."""
    is_spared: bool = False
    """Another key of the option is used next: nothing is held against it."""
