"""Everything that crosses the bridge, declared once: calls, pushes, events and effects (docs/reference/bridge.md).

`python -m sporewright.device.typescript OUTDIR` writes the same shapes for the page. Seconds everywhere; `now`, `until`
and `at` are on one clock, seconds since the Unix epoch.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from sporewright.device.chains import ChainBody, ChainReply
from sporewright.device.events import EFFECTS, EVENTS, Effect, ErrorData, Event
from sporewright.routing.health import OptionHealth, Permit
from sporewright.routing.preferences import Figures, Preferences
from sporewright.routing.terms import Aside, Block, Outcome, State

__all__ = ["CALLS", "EFFECTS", "EVENTS", "PUSHES", "Batched", "Effect", "ErrorData", "Event", "Num"]

Num = float | Literal["inf", "-inf", "nan"]
"""A number, or one of the three that JSON lacks (S2)."""
SyncStateName = Literal["off", "connecting", "live", "waiting", "refused"]
Batched = Literal["explain", "began", "ended", "outcome"]
"""The reports of a routed fetch, and its question for its receipt: none of them is urgent, so they may be batched."""
RouterStateName = Literal["cold", "starting", "ready", "closed", "failed"]


class Nothing(TypedDict):
    """No fields."""


class StartBody(TypedDict):
    """Called once per page; a second start of the same engine only asks for a queue at its own cursor.

    `fresh_id` is a random id made by the caller, used where this profile has none yet. `watch` names the pushes of the
    head, default "". `token` travels in the first message of a connection only. `limits` are laid over the plan's own
    by the page that starts the engine, and `health` is what it was told by the engine before this one.
    """

    config: dict[str, Any]
    cursor: dict[str, str]
    limit: int
    fresh_id: str
    watch: NotRequired[str]
    device: NotRequired[str]
    client: NotRequired[str]
    orchestrator: NotRequired[str]
    token: NotRequired[str]
    limits: NotRequired[dict[str, float]]
    health: NotRequired[list[OptionHealth]]


class StartReply(TypedDict):
    """This device's name, the whole cursor, the head of the order, the connection, and the options as they stand."""

    device: str
    cursor: dict[str, str]
    total: int
    queue: list[str]
    sync: SyncPush
    cooldowns: dict[str, float]
    health: list[OptionHealth]


class CursorBody(TypedDict):
    """A cursor laid over the bound one; the preferences of a call there, and the options' properties by their names."""

    cursor: NotRequired[dict[str, str]]
    preferences: NotRequired[Preferences]
    properties: NotRequired[dict[str, dict[str, list[str]]]]


class SkippedOption(TypedDict):
    """An option that preferences pass over: the reason, and the same for people, with its numbers."""

    option: str
    reason: str
    why: str


class ResolveReply(TypedDict):
    """The whole order."""

    queue: list[str]


class FiguresBody(TypedDict):
    """These options at a cursor laid over the bound one."""

    options: list[str]
    cursor: NotRequired[dict[str, str]]


class FiguresReply(TypedDict):
    """The figures of each that are measured or stated there."""

    figures: dict[str, Figures]


class Term(TypedDict):
    """One dimension's part of a score; `prior`: the value is declared, not measured (D4)."""

    dimension: str
    value: Num
    weight: Num | None
    product: Num
    value_source: tuple[str, str]
    weight_source: tuple[str, str] | None
    prior: bool


class Ranked(TypedDict):
    """An option in the queue; adding the products in order gives the score (R8)."""

    option: str
    score: Num
    terms: list[Term]


class Dropped(TypedDict):
    """An option that a gate dropped, and where the gate was set (R2, R8)."""

    option: str
    dimension: str
    value: Num
    level: str
    instance: str


class ResolutionReply(TypedDict):
    """The order with its reasons; with preferences, as they arrange it and without those that they pass over."""

    ranked: list[Ranked]
    dropped: list[Dropped]
    skipped: NotRequired[list[SkippedOption]]


class ObserveBody(TypedDict):
    """A measurement of this device (A1)."""

    option: str
    dimension: str
    value: Num


class GateBody(TypedDict):
    """The device's finding that it reaches the option, or does not (A1)."""

    option: str
    reachable: bool


class ChangedBody(TypedDict):
    """The option's key or model is another one now: what it was set aside for is gone."""

    option: str


class AttestBody(TypedDict):
    """The device's finding that the option can do something, or cannot (A1)."""

    option: str
    capability: str
    can: bool


class OutcomeBody(TypedDict):
    """The end of an attempt; the plan says what is learned from it, in the row of `stage` (default CALLING).

    `latency_s`: until the headers, or until it failed; `first_token_s`: until the answer began; `streaming`: a stream
    was asked for; `attempt` counts the attempts of its call from 1; `probe`: it was its option's one probe; `reason`:
    why it is blocked, unreadable or set aside; `key`: which of its `keys` was used; `model`: what was asked for;
    `credential`: a digest of the key, told where it was declined; `slept`: the clock had a gap meanwhile; tokens: as
    the provider counted them.
    `page` and `nth`: which page says it, and a number that grows: what was heard already is not learned once more.
    """

    option: str
    outcome: Outcome
    stage: NotRequired[State]
    latency_s: NotRequired[float]
    first_token_s: NotRequired[float]
    streaming: NotRequired[bool]
    attempt: NotRequired[int]
    probe: NotRequired[bool]
    status: NotRequired[int]
    retry_after_s: NotRequired[float]
    reason: NotRequired[Block | Aside]
    key: NotRequired[int]
    keys: NotRequired[int]
    model: NotRequired[str]
    credential: NotRequired[str]
    slept: NotRequired[bool]
    task: NotRequired[str]
    cost_usd: NotRequired[float]
    tokens_in: NotRequired[int]
    tokens_out: NotRequired[int]
    tokens_cached: NotRequired[int]
    page: NotRequired[str]
    nth: NotRequired[int]


class BeganBody(TypedDict):
    """An attempt is under way, for a kind of work; `first`: the option was chosen, not fallen back to."""

    option: str
    task: NotRequired[str]
    first: NotRequired[bool]


class EndedBody(TypedDict):
    """An attempt that had begun is over and taught nothing: cancelled, lost, refused."""

    option: str


class PricedBody(TypedDict):
    """The price of a unit of each pool, and the draw that is expected of each option on it, in the pool's unit (D2)."""

    prices: dict[str, float]
    draws: dict[str, dict[str, float]]


class ReportBody(TypedDict):
    """The caller's report on an answer: `quality` in [0, 1], 1 is best; what it was charged; any further measure.

    `more` names dimensions that are learned, in the units of their cells. `counted`: the answer's tokens came with its
    outcome, so that its cost has been learned where prices are declared: it is not learned once more. `page` and `nth`
    are as in `outcome`, and count on.
    """

    option: str
    task: NotRequired[str]
    quality: NotRequired[float]
    cost_usd: NotRequired[float]
    tokens_in: NotRequired[int]
    tokens_out: NotRequired[int]
    counted: NotRequired[bool]
    more: NotRequired[dict[str, float]]
    page: NotRequired[str]
    nth: NotRequired[int]


class BatchBody(TypedDict):
    """Calls that may be batched, gathered over a moment; carried out in their order, as of one time."""

    calls: list[BatchedCall]


class BatchedCall(TypedDict):
    """One of them."""

    call: Batched
    body: dict[str, Any]


class BatchReply(TypedDict):
    """An answer to each, in their order; one that fails is no matter of the others."""

    replies: list[BatchedReply]


class BatchedReply(TypedDict):
    """Its reply, or its error instead."""

    body: NotRequired[dict[str, Any]]
    error: NotRequired[ErrorData]


class PermitBody(TypedDict):
    """May this profile's one probe of the option be mine, or a retry or a hedge there from the common budget?"""

    permit: Permit
    option: str


class PermitReply(TypedDict):
    """Yes takes it."""

    granted: bool


class WatchBody(TypedDict):
    """Push the head at a cursor under this name whenever it (`figures`: or they) change; `among`: of these alone."""

    watch: str
    limit: int
    cursor: NotRequired[dict[str, str]]
    among: NotRequired[list[str]]
    figures: NotRequired[bool]


class WatchReply(TypedDict):
    """The head now, how many options are in the order, and the figures of the head's where they were asked for."""

    queue: list[str]
    total: int
    figures: NotRequired[dict[str, Figures]]


class UnwatchBody(TypedDict):
    """The name of a watch."""

    watch: str


class TokenBody(TypedDict):
    """A fresh token; None where the page's function gave none: it is asked again later."""

    token: str | None


class QueuePush(TypedDict):
    """The head of a watch, with figures where they were asked for; sent only when it changed."""

    watch: str
    queue: list[str]
    total: int
    revision: int
    figures: NotRequired[dict[str, Figures]]


class SyncPush(TypedDict):
    """The connection to the orchestrator; `pending` own cells are not acknowledged yet, `lease` in seconds."""

    state: SyncStateName
    pending: int
    revision: int | None
    lease: float | None
    error: NotRequired[ErrorData]


class RefusedCell(TypedDict):
    """An own cell that the orchestrator did not take, and why."""

    level: str
    inst: str
    option: str
    dim: str
    code: str
    message: str


class RefusedPush(TypedDict):
    """Cells that were dropped from the outbox because they were refused."""

    cells: list[RefusedCell]


class StatePush(TypedDict):
    """The worker's own start and end, made by the worker. `life` names the lock it holds while it lives."""

    state: RouterStateName
    stage: NotRequired[str]
    life: NotRequired[str]
    error: NotRequired[ErrorData]


class CooldownPush(TypedDict):
    """The option is left alone until then; never earlier than said before."""

    option: str
    until: float


CALLS: dict[str, tuple[type, type]] = {
    "start": (StartBody, StartReply),
    "resolve": (CursorBody, ResolveReply),
    "explain": (CursorBody, ResolutionReply),
    "figures": (FiguresBody, FiguresReply),
    "chain": (ChainBody, ChainReply),
    "observe": (ObserveBody, Nothing),
    "gate": (GateBody, Nothing),
    "changed": (ChangedBody, Nothing),
    "attest": (AttestBody, Nothing),
    "began": (BeganBody, Nothing),
    "ended": (EndedBody, Nothing),
    "outcome": (OutcomeBody, Nothing),
    "permit": (PermitBody, PermitReply),
    "report": (ReportBody, Nothing),
    "priced": (PricedBody, Nothing),
    "batch": (BatchBody, BatchReply),
    "forget": (Nothing, Nothing),
    "watch": (WatchBody, WatchReply),
    "unwatch": (UnwatchBody, Nothing),
    "token": (TokenBody, Nothing),
    "online": (Nothing, Nothing),
    "close": (Nothing, Nothing),
}
"""Call → (body, reply): the closed list."""

PUSHES: dict[str, type] = {
    "queue": QueuePush,
    "sync": SyncPush,
    "refused": RefusedPush,
    "state": StatePush,
    "token": Nothing,
    "cooldown": CooldownPush,
    "health": OptionHealth,
}
"""Push → body: the closed list."""
