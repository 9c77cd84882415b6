"""The device's name: given by the page, else by the token's claims, else remembered, else its fresh id."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from sporewright import jsontext
from sporewright.device.calls import StartBody
from sporewright.errors import DecodeError

__all__ = ["Identity", "choose", "claims", "remembered"]


@dataclass(frozen=True)
class Identity:
    """`device`: the instance of the own slice; `client`: names this profile's engine state, made once."""

    device: str
    client: str

    def to_text(self) -> str:
        """The record under `identity`."""
        return json.dumps({"device": self.device, "client": self.client})


def claims(token: str) -> dict[str, object]:
    """The claims of a JWT, unverified: only the orchestrator can verify them; {} if it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        data = jsontext.parse(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), "token")
    except (binascii.Error, ValueError):  # DecodeError is a ValueError
        return {}
    return data if isinstance(data, dict) else {}


def remembered(text: str | None) -> Identity | None:
    """The identity in storage, if it is whole."""
    if text is None:
        return None
    try:
        data = jsontext.parse(text, "identity")
    except DecodeError:
        return None
    if not isinstance(data, dict) or not isinstance(data.get("device"), str) or not isinstance(data.get("client"), str):
        return None
    return Identity(data["device"], data["client"])


def choose(body: StartBody, before: Identity | None) -> Identity:
    """The first that is known of: the page's word, the token's claim, what is remembered, the fresh id."""
    claimed = claims(body.get("token", "")).get("device")
    known = before.device if before else body["fresh_id"]
    device = body.get("device") or (claimed if isinstance(claimed, str) and claimed else known)
    return Identity(device, body.get("client") or (before.client if before else body["fresh_id"]))
