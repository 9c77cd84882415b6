"""The words of the plan: states, outcomes, signals, actions, and the shapes of its tables (docs/reference/plan.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict, get_args

from sporewright.routing.dialects.chat_terms import DialectName

__all__ = [
    "ACTIONS",
    "ASIDES",
    "ENDS",
    "OUTCOMES",
    "STATES",
    "Action",
    "AllowanceHeader",
    "AnswerPath",
    "Answers",
    "Aside",
    "Block",
    "Ended",
    "ErrorSign",
    "Expects",
    "Facts",
    "Limits",
    "Outcome",
    "PaceHeader",
    "Phrase",
    "Phrases",
    "Plan",
    "Repeatable",
    "Restart",
    "Rule",
    "Sign",
    "Signal",
    "State",
    "Transition",
    "When",
]

State = Literal[
    "PICKING",
    "CALLING",
    "OPENED",
    "HOLDING",
    "STREAMING",
    "RESTARTABLE",
    "BODY",
    "DELIVERED",
    "BROKEN",
    "LOST",
    "ABORTED",
    "EXHAUSTED",
]
"""An attempt is called, its event stream opened, its answer held back, its events or bytes handed on. And the ends."""
Outcome = Literal[
    "ok",
    "opaque",
    "refused",
    "declined",
    "unexplained",
    "invalid_answer",
    "content_filter",
    "context_length",
    "unsuited",
    "rate_limited",
    "masked",
    "server_error",
    "unreachable",
    "network_error",
    "timed_out",
    "slow_start",
    "stalled",
    "truncated",
    "malformed",
    "too_large",
    "unusable",
    "blocked",
    "unreadable",
    "offline",
    "slept",
    "deadline",
    "aborted",
    "lost",
]
Signal = Literal[
    Outcome,
    "events",
    "whole",
    "bytes",
    "stream",
    "restartable",
    "hold",
    "picked",
    "nothing_left",
    "kept",
]
"""The signals that move an attempt or its chain: how it ended, its headers, its first token, what picking gave."""
Action = Literal[
    "deliver",
    "next",
    "retry",
    "again",
    "keep",
    "keep_first",
    "larger",
    "win",
    "restart",
    "break",
    "learn_latency",
    "learn_ok",
    "learn_failure",
    "cool_down",
    "mend",
    "trip",
    "pace",
    "gate",
    "set_aside",
    "put_back",
    "give_up",
]
Ended = Literal[
    "network",
    "connect",
    "timeout",
    "aborted",
    "prepare",
    "lost",
    "complete",
    "truncated",
    "malformed",
    "invalid",
    "too_large",
    "failed",
    "blocked",
    "unreadable",
    "masked",
    "offline",
    "slept",
    "deadline",
    "impatient",
]
Block = Literal["csp", "cors", "client", "mixed-content"]
"""The obstacles between a page and an option: its own policy, the missing permission of the server, something on the
device (an extension), an insecure address in a secure page."""
Sign = Literal[
    "content_filter", "context_length", "prefill", "model", "key", "credit", "quota", "region", "rate",
    "size", "malformed", "unsupported", "login", "person", "account",
]  # fmt: skip
"""The statements that the text of a refusal can make. `key`, `credit`, `quota`, `region` and `model` are reasons of the
option's own, `rate` a limit by the minute; `size`: more bytes than it takes; `malformed`: the caller's own mistake;
`unsupported`: a parameter or feature that this option lacks; `login`: the name of a user who logs in at its service;
`person`: a session, a card or a plan of such a user; `account`: the reason is of the account to which a key belongs."""
Aside = Literal["key", "credit", "quota", "region", "model"]
"""The reasons to decline every request for a while: key, credit, quota, the caller's region, an unknown model."""
Expects = Literal["answer", "json", "events", "any"]
"""The kinds of answer a call accepts: one of inference (told by its path), whole JSON, a stream of events, anything."""
Restart = Literal["error", "buffer", "notify"]
"""The effect of a broken stream on a caller who has had bytes of it: an error; none, it was held back; a new start."""

STATES: tuple[State, ...] = get_args(State)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
ACTIONS: tuple[Action, ...] = get_args(Action)
ENDS: tuple[Ended, ...] = get_args(Ended)
ASIDES: tuple[Aside, ...] = get_args(Aside)


class Limits(TypedDict):
    """Seconds, counts and shares of one routed call, and of what is kept of each option."""

    attempt_timeout_s: float
    deadline_s: float
    max_attempts: int
    first_token_s: float
    first_token_min_s: float
    first_token_max_s: float
    inter_token_s: float
    finish_s: float
    hold_bytes: int
    buffer_bytes: int
    error_bytes: int
    error_s: float
    event_bytes: int
    retries: int
    backoff_s: float
    backoff_cap_s: float
    wait_spread_s: float
    retry_share: float
    retry_per_s: float
    retry_cap: float
    hedge_share: float
    hedge_cap: float
    history: int
    history_min: int
    cooldown_s: float
    cooldown_cap_s: float
    retry_after_cap_s: float
    jitter: float
    breaker_failures: int
    breaker_calls: int
    breaker_share: float
    breaker_window_s: float
    breaker_open_s: float
    breaker_cap_s: float
    breaker_successes: int
    probe_s: float
    ramp_step_s: float
    look_s: float
    look_again_s: float
    block_s: float
    block_cap_s: float
    aside_s: float
    aside_cap_s: float
    tick_s: float
    gap_s: float
    gap_hidden_s: float


class When(TypedDict):
    """The conditions on an attempt's end; every field there must hold, both ends of `status` belong to it.

    `says`: all of these signs.
    """

    status: NotRequired[tuple[int, int]]
    event: NotRequired[Ended]
    stage: NotRequired[Sequence[State]]
    retry_after: NotRequired[bool]
    says: NotRequired[Sequence[Sign]]
    fallback: NotRequired[bool]
    judged: NotRequired[bool]
    brought: NotRequired[bool]
    keyed: NotRequired[bool]


class Rule(TypedDict):
    """A row of the classification: the first one whose `when` holds names the outcome, and the retries in place.

    `unsafe`: the request may have been carried out; default: as the plan says of the outcome. `reason`: why the option
    is set aside, where the outcome's transition does so, or once another option has answered.
    """

    when: When
    outcome: Outcome
    retries: NotRequired[int]
    unsafe: NotRequired[bool]
    reason: NotRequired[Aside]


class Transition(TypedDict):
    """The state that a signal leads to, and the actions to carry out on the way, in this order."""

    to: State
    do: Sequence[Action]


class Phrase(TypedDict):
    """A sentence says so in which one of `first` comes before one of `then`; `either`: in any order.

    Between them stand at most six fillers and names, or as many as `within` says; without `then`, `first` is enough.
    Each is a regular expression of words. `names`: what is quoted, and sentences of a request's parts, are read, too.
    `beside`: the sentence has one of these as well, and none of the plan's `persons`.
    """

    first: Sequence[str]
    then: NotRequired[Sequence[str]]
    either: NotRequired[bool]
    within: NotRequired[int]
    names: NotRequired[bool]
    beside: NotRequired[Sequence[str]]


class Phrases(TypedDict):
    """Words that may stand between, and those by which a sentence speaks of a request's parts, not of the option.

    `persons`: those by which it speaks of a user of the service.
    """

    fillers: Sequence[str]
    requests: Sequence[str]
    persons: Sequence[str]


class ErrorSign(TypedDict):
    """A refusal says `sign` if its text, in lower case, contains any of these; `*` in one stands for a name, at most.

    `phrases`: or if a sentence of it says one of these. `alone`: only where no row before it holds. `provider`: the
    service that says it so, for people.
    """

    sign: Sign
    any: Sequence[str]
    phrases: NotRequired[Sequence[Phrase]]
    alone: NotRequired[bool]
    provider: NotRequired[str]


class PaceHeader(TypedDict):
    """A header that names when to come back, how it is written, and the header that must then be absent or 0."""

    header: str
    form: Literal["retry-after", "milliseconds", "seconds", "duration", "structured"]
    unless_left: NotRequired[str]


class AllowanceHeader(TypedDict):
    """A header that says how much of a unit is left, and the one that says of how much; `structured`: one has both."""

    unit: Literal["requests", "tokens"]
    left: str
    limit: NotRequired[str]
    structured: NotRequired[bool]


class Repeatable(TypedDict):
    """Requests that may be sent twice: by their method, by the end of their path, by a header of the caller's.

    `paths` are those of inference, whose body has one of the `fields` at its top level.
    """

    methods: Sequence[str]
    paths: Sequence[str]
    fields: Sequence[str]
    headers: Sequence[str]


class AnswerPath(TypedDict):
    """In whose words an answer is to a call whose path ends so: those of these dialects, or something at a field.

    A field that ends with `#` is a number. `beside`: fields that count in a dialect's own events as well. `lists`: or
    there is a list, even an empty one; [] is the body itself.
    """

    end: str
    dialects: Sequence[DialectName]
    fields: Sequence[Sequence[str]]
    beside: NotRequired[Sequence[Sequence[str]]]
    lists: NotRequired[Sequence[Sequence[str]]]


class Answers(TypedDict):
    """The answers of inference, an event or JSON in one piece: each says something in the words of its path.

    `paths`: the first that fits; where none does, any dialect's words are taken, or something at one of `fields` or
    `beside`. `lines`: ends of paths whose streams are lines of JSON; `lists`: of those whose streams may be a list.
    """

    paths: Sequence[AnswerPath]
    fields: Sequence[Sequence[str]]
    beside: Sequence[Sequence[str]]
    lines: Sequence[str]
    lists: Sequence[str]


class Facts(TypedDict):
    """The facts declared about an option. `model`: the one it runs; `window`: the tokens of context that it takes;
    `repeatable`: a request it may have carried out may be sent again (default: as the call says); `local`: it is on
    this machine; `keys`: the number of its keys (default one); `brought`: the key of this call is the caller's own;
    `keyed`: it is called with a declared key; `judged`: an answer of some kind is expected of it (default: as the
    call says); `any`: anything is an answer of it, which is not cut once its headers are in; `pooled`: a call there
    draws on pools, and the draw is asked for first."""

    model: NotRequired[str]
    window: NotRequired[int]
    repeatable: NotRequired[bool]
    local: NotRequired[bool]
    keys: NotRequired[int]
    brought: NotRequired[bool]
    keyed: NotRequired[bool]
    judged: NotRequired[bool]
    any: NotRequired[bool]
    pooled: NotRequired[bool]


class Plan(TypedDict):
    """The whole of it; a state without a row is an end. `done` is the text of the event that ends a stream, `timed`
    the actions that an attempt with a gap in its clock does not cause, `teaches` those that the learner is told of."""

    version: int
    limits: Limits
    classes: Sequence[Rule]
    transitions: Mapping[State, Mapping[Signal, Transition]]
    restarts: Mapping[Restart, Signal]
    unsafe: Sequence[Outcome]
    timed: Sequence[Action]
    teaches: Sequence[Action]
    repeatable: Repeatable
    answers: Answers
    error_signs: Sequence[ErrorSign]
    error_fields: Sequence[Sequence[str]]
    error_echoes: Sequence[str]
    phrases: Phrases
    pace_headers: Sequence[PaceHeader]
    allowance_headers: Sequence[AllowanceHeader]
    done: str
    ramp: Sequence[float]
