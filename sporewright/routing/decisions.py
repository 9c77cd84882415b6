"""The decisions of a chain, and its account of an attempt's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sporewright.routing.health import Permit
from sporewright.routing.terms import Action, Aside, Outcome, State

__all__ = ["Ask", "Call", "Decision", "Ended", "Wait"]


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
    """Ask the engine, which keeps the budgets and probes, for this permit, and pass on its reply with `answered`."""

    permit: Permit
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
