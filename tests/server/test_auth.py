"""Tokens and their key: what is minted is good for one slice and a time, everything else is refused by name."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import jwt
import pytest

from sporewright.errors import ConfigError, TokenError
from sporewright.server.auth import Grant, Tokens, key_file, load_secret
from tests.server.conftest import SECRET, MovableClock

CLAIMS = {"sub": "x", "workspace": "acme", "device": "A", "iat": 1, "exp": 2_000_000_000, "aud": "sporewright"}


def _signed(secret: str = SECRET, algorithm: str = "HS256", **claims: object) -> str:
    kept = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(kept, secret, algorithm=algorithm)


def _unsigned() -> str:
    parts = ({"alg": "none", "typ": "JWT"}, CLAIMS)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def test_a_minted_token_grants_its_slice() -> None:
    """The holder, the slice and the end come back as they were minted."""
    clock = MovableClock()
    tokens = Tokens(SECRET, clock)
    grant = tokens.verify(tokens.mint("acme", "A", holder="ops", ttl_s=60))
    assert grant == Grant("ops", "acme", "A", clock.time + 60)


@pytest.mark.parametrize("holder", ["", " ", "operator", "operator ", "\t operator"])
def test_a_holder_is_named(holder: str) -> None:
    """Without a name it is the operator, who made the token: one voice, whatever slice and however written."""
    tokens = Tokens(SECRET, MovableClock())
    found = [tokens.verify(tokens.mint("acme", device, holder=holder, ttl_s=60)).holder for device in "ABC"]
    assert found == ["operator"] * 3
    assert tokens.verify(_signed(sub="acme/A")).holder == "operator"
    assert tokens.verify(_signed(sub="Ame\u0301lie ")).holder == "Am\u00e9lie"


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "missing"),
        ("nonsense", "not a token"),
        ("a.b.c", "not a token"),
        (_unsigned(), "not signed with HS256"),
        (_signed(SECRET * 2, "HS512"), "not signed with HS256"),
        (_signed("another-secret-of-at-least-32-bytes"), "another key"),
        (_signed(aud="elsewhere"), "audience"),
        (_signed(aud=None), "'aud' is missing"),
        (_signed(workspace=None), "'workspace' is missing"),
        (_signed(exp=None), "'exp' is missing"),
        (_signed(exp=1_700_000_000), "expired at 1700000000"),
        (_signed(workspace=""), "do not name a slice"),
        (_signed(device="A/b"), "do not name a slice"),
        (_signed(device=7), "do not name a slice"),
    ],
)
def test_everything_else_is_refused_by_name(token: str, words: str) -> None:
    """A forged, expired, foreign or malformed token is a TokenError that says why and never shows the token."""
    with pytest.raises(TokenError, match=words) as caught:
        Tokens(SECRET, MovableClock()).verify(token)
    assert not token or token not in str(caught.value)


def test_a_tampered_token_is_refused() -> None:
    """Another slice under the old signature does not pass."""
    mine, other = _signed().split("."), _signed(device="B").split(".")
    with pytest.raises(TokenError, match="another key"):
        Tokens(SECRET, MovableClock()).verify(f"{mine[0]}.{other[1]}.{mine[2]}")


@pytest.mark.parametrize(("workspace", "device", "ttl"), [("", "A", 1), ("acme", "", 1), ("acme", "A/x", 1),
                                                          ("acme", "A", 0), ("acme", "A", float("nan"))])  # fmt: skip
def test_a_token_for_nothing_is_not_minted(workspace: str, device: str, ttl: float) -> None:
    """A slice without a name, or no time, is a ConfigError."""
    with pytest.raises(ConfigError):
        Tokens(SECRET, MovableClock()).mint(workspace, device, ttl_s=ttl)


def test_a_short_secret_is_refused() -> None:
    """RFC 7518 §3.2: HS256 wants a key of 32 bytes."""
    with pytest.raises(ConfigError, match="31 bytes"):
        Tokens("x" * 31, MovableClock())


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    """The generated key is for its owner's eyes and stays the same."""
    path = tmp_path / "fleet.db.key"
    secret = load_secret(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_secret(path) == secret
    assert len(secret) >= 32


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """A leaked key is not used in silence."""
    path = tmp_path / "x.key"
    load_secret(path)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_secret(path)


def test_a_broken_key_file_is_named(tmp_path: Path) -> None:
    """An empty file, and a place that is not there, are ConfigErrors."""
    (tmp_path / "x.key").touch(0o600)
    with pytest.raises(ConfigError, match="empty"):
        load_secret(tmp_path / "x.key")
    with pytest.raises(ConfigError, match="SPOREWRIGHT_SECRET"):
        load_secret(tmp_path / "no" / "x.key")


def test_the_key_lies_beside_its_database() -> None:
    """Each SQLite file has its own key; other databases share the one in the working directory."""
    assert key_file("sqlite:////srv/fleet.db") == Path("/srv/fleet.db.key")
    assert key_file("sqlite:///fleet.db?x=1") == Path("fleet.db.key")
    for address in ("memory://", "sqlite:///:memory:", "postgresql://h/db"):
        assert key_file(address) == Path("sporewright.key")
