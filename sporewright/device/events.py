"""The events that go into the engine and the effects that come out of it (docs/reference/bridge.md)."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from sporewright.routing.health import OptionHealth, Permit

__all__ = ["EFFECTS", "EVENTS", "Effect", "ErrorData", "Event", "News"]

Event = dict[str, Any]
"""One of EVENTS, as JSON data."""
Effect = dict[str, Any]
"""One of EFFECTS, as JSON data."""


class ErrorData(TypedDict):
    """An error as data: `code` is stable, `message` is for people."""

    code: str
    message: str


class CallEvent(TypedDict):
    """A call of the page."""

    type: Literal["call"]
    call: str
    body: dict[str, Any]


class OpenedEvent(TypedDict):
    """The socket is open."""

    type: Literal["opened"]


class MessageEvent(TypedDict):
    """A text message from the orchestrator."""

    type: Literal["message"]
    text: str


class ClosedEvent(TypedDict):
    """The socket is closed or could not be opened."""

    type: Literal["closed"]
    reason: NotRequired[str]


class WokenEvent(TypedDict):
    """The timer is due; also the way to collect the effects of the hot path."""

    type: Literal["woken"]


class StoredEvent(TypedDict):
    """One record that storage held; all of them before `start`."""

    type: Literal["stored"]
    key: str
    text: str


class SavedEvent(TypedDict):
    """These keys are in storage."""

    type: Literal["saved"]
    keys: list[str]


class SaveFailedEvent(TypedDict):
    """These keys are not in storage, and why."""

    type: Literal["save_failed"]
    keys: list[str]
    message: str


class LoadedEvent(TypedDict):
    """The package can be imported."""

    type: Literal["loaded"]
    package: str


class LoadFailedEvent(TypedDict):
    """The package cannot be had, and why."""

    type: Literal["load_failed"]
    package: str
    message: str


class News(TypedDict):
    """The news of one engine for the others: an option's health, a permit granted, a probe that is over, or a call."""

    health: NotRequired[OptionHealth]
    permit: NotRequired[Permit]
    option: NotRequired[str]
    over: NotRequired[str]
    called: NotRequired[bool]


class NewsEvent(TypedDict):
    """Another engine of this profile said so."""

    type: Literal["news"]
    news: News


class ReplyEffect(TypedDict):
    """The answer to the call of this step: `body` or `error`."""

    type: Literal["reply"]
    body: NotRequired[dict[str, Any]]
    error: NotRequired[ErrorData]


class ConnectEffect(TypedDict):
    """Open the one socket; an earlier one is gone."""

    type: Literal["connect"]
    url: str


class SendEffect(TypedDict):
    """Send a text message."""

    type: Literal["send"]
    text: str


class DisconnectEffect(TypedDict):
    """Close the socket; no `closed` need follow."""

    type: Literal["disconnect"]


class WakeEffect(TypedDict):
    """Set the one timer; it replaces the earlier one."""

    type: Literal["wake"]
    at: float


class SaveEffect(TypedDict):
    """Put the text under the key, or delete the key."""

    type: Literal["save"]
    key: str
    text: str | None


class LoadEffect(TypedDict):
    """Make the package importable when nothing else is to be done; the engine works without it."""

    type: Literal["load"]
    package: str


class TellEffect(TypedDict):
    """Something for the other engines of this profile."""

    type: Literal["tell"]
    news: News


class PushEffect(TypedDict):
    """Something for the page."""

    type: Literal["push"]
    push: str
    body: dict[str, Any]


EVENTS: tuple[type, ...] = (
    CallEvent, OpenedEvent, MessageEvent, ClosedEvent, WokenEvent, StoredEvent, SavedEvent, SaveFailedEvent,
    LoadedEvent, LoadFailedEvent, NewsEvent,
)  # fmt: skip
EFFECTS: tuple[type, ...] = (
    ReplyEffect, ConnectEffect, SendEffect, DisconnectEffect, WakeEffect, SaveEffect, PushEffect, LoadEffect,
    TellEffect,
)  # fmt: skip
