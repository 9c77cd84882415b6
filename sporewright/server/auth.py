"""Tokens: who a device is and which slice is its own, signed by the operator (JWT; docs/reference/wire.md)."""

from __future__ import annotations

import math
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt

from sporewright.errors import ConfigError, TokenError
from sporewright.jsontext import shown
from sporewright.server.clock import Clock
from sporewright.server.holder_votes import NOBODY, holder_of
from sporewright.server.keyring import SECRET, SECRET_BYTES, Key, Keyring, is_private

__all__ = ["READER", "ROLES", "Grant", "Tokens", "key_file", "load_secret", "ring_file"]

AUDIENCE = "sporewright"
# The last second a JSON reader of doubles keeps exactly (2^53 - 1): later, a token would mean another time elsewhere.
LAST_SECOND = 2**53 - 1
# A device reads what is shared and writes its own slice; a reader only reads.
DEVICE, READER = ROLES = ("device", "reader")
# Workspace, device and holder each: they stand in every key of a database.
NAME_BYTES = 255


@dataclass(frozen=True)
class Grant:
    """The claims of a good token: the holder, the slice, and its expiry (seconds since 1970)."""

    holder: str
    workspace: str
    device: str
    expires: float
    role: str = DEVICE
    key: str = field(default=SECRET, compare=False)
    """The key that signed it, and its own name (`jti`), by which it can be revoked alone."""
    name: str = field(default="", compare=False)


class Tokens:
    """Mints and verifies tokens with the server's secret and the keys of a ring, of which the newest signs."""

    def __init__(self, secret: str, clock: Clock, ring: Keyring | None = None) -> None:
        if len(secret.encode()) < SECRET_BYTES:
            raise ConfigError(f"secret: {len(secret.encode())} bytes, at least {SECRET_BYTES} are needed")
        self._secret = Key(SECRET, {"alg": "HS256", "k": secret})
        self._clock = clock
        self._ring = ring or Keyring()

    def mint(self, workspace: str, device: str, *, holder: str = "", ttl_s: float, role: str = DEVICE) -> str:
        """A token for one device of one workspace; ConfigError for an empty name or a time that is not one.

        Without a holder it names the operator, who has one voice however many such tokens there are.
        """
        if not _names_slice(workspace, device):
            raise ConfigError(f"token: workspace {workspace!r}, device {device!r} must not be empty nor hold a '/'")
        for what, name in (("workspace", workspace), ("device", device), ("holder", holder)):
            if not _is_short(name):
                raise ConfigError(f"token: {what} {shown(name)} is longer than {NAME_BYTES} bytes of UTF-8, or no text")
        if not (math.isfinite(ttl_s) and ttl_s > 0):
            raise ConfigError(f"ttl: {ttl_s} is not a positive number of seconds")
        if role not in ROLES:
            raise ConfigError(f"role {role!r} is none of {', '.join(ROLES)}")
        key = self._signing()
        now = int(self._clock.now())
        if ttl_s > LAST_SECOND - now:
            raise ConfigError(f"ttl: {ttl_s} seconds: a token cannot expire that late")
        claims: dict[str, object] = {"sub": holder.strip() or NOBODY, "workspace": workspace, "device": device}
        claims |= {"iat": now, "exp": now + math.ceil(ttl_s), "aud": AUDIENCE, "jti": secrets.token_hex(8)}
        claims |= {} if role == DEVICE else {"role": role}
        headers = {} if key is self._secret else {"kid": key.kid}
        return jwt.encode(claims, _material(key), algorithm=key.algorithm, headers=headers)

    def verify(self, token: str) -> Grant:
        """The grant of a token; TokenError says why it grants nothing, without repeating it."""
        if not token:
            raise TokenError("token: missing")
        key = self._key_of(token)
        claims = self._claims(token, key)
        sub, workspace, device, expires = (claims[name] for name in ("sub", "workspace", "device", "exp"))
        if not (isinstance(workspace, str) and isinstance(device, str) and _names_slice(workspace, device)):
            raise TokenError(f"token: workspace {shown(workspace)}, device {shown(device)} do not name a slice")
        if not all(map(_is_short, (str(sub), workspace, device))):
            raise TokenError(f"token: a name in it is longer than {NAME_BYTES} bytes of UTF-8, or no text")
        if not isinstance(expires, (int, float)) or not expires > self._clock.now():
            raise TokenError(f"token: expired at {expires}")
        role, name = claims.get("role", DEVICE), claims.get("jti", "")
        if role not in ROLES:
            raise TokenError(f"token: the role {shown(role)} is none of {', '.join(ROLES)}")
        holder = holder_of(str(sub), workspace, device)
        grant = Grant(holder, workspace, device, float(expires), str(role), key.kid, str(name))
        self.check(grant)
        return grant

    def check(self, grant: Grant) -> None:
        """TokenError if a grant holds no longer: expired, its key retired, the token, device or holder revoked."""
        if not grant.expires > self._clock.now():
            raise TokenError(f"token: expired at {grant.expires:.0f}")
        self._key(grant.key)
        revoked = self._ring.now.revoked
        for kind, name in (
            ("token", grant.name),
            ("device", f"{grant.workspace}/{grant.device}"),
            ("holder", grant.holder),
        ):
            if name in revoked.get(kind, ()):
                raise TokenError(f"token: its {kind} is revoked")

    def _signing(self) -> Key:
        keys = [key for key in self._ring.now.keys.values() if key.signs and key.kid not in self._ring.now.retired]
        if not keys and SECRET in self._ring.now.retired:
            raise ConfigError("token: every key that could sign it is retired; sporewright keys add makes one")
        return keys[-1] if keys else self._secret

    def _key(self, kid: object) -> Key:
        ring = self._ring.now
        key = self._secret if kid == SECRET else ring.keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise TokenError(f"token: signed with the key {shown(kid)}, which is not one of ours")
        if key.kid in ring.retired:
            raise TokenError(f"token: signed with the key {shown(kid)}, which is retired")
        return key

    def _key_of(self, token: str) -> Key:
        try:
            return self._key(jwt.get_unverified_header(token).get("kid", SECRET))
        except (jwt.PyJWTError, ArithmeticError, RecursionError, TypeError, ValueError) as why:
            raise TokenError(f"token: not a token ({type(why).__name__})") from None

    def _claims(self, token: str, key: Key) -> dict[str, object]:
        # Times are checked against our own clock, so that they can be tested without waiting.
        options: jwt.types.Options = {
            "require": ["sub", "workspace", "device", "iat", "exp", "aud"],
            "verify_exp": False,
            "verify_iat": False,
        }
        try:
            material = _material(key)
            return jwt.decode(token, material, algorithms=[key.algorithm], audience=AUDIENCE, options=options)
        except jwt.InvalidSignatureError:
            raise TokenError("token: signed with another key") from None
        except jwt.InvalidAlgorithmError:
            raise TokenError(f"token: not signed with {key.algorithm}") from None
        except jwt.InvalidAudienceError:
            raise TokenError(f"token: made for another audience than {AUDIENCE!r}") from None
        except jwt.MissingRequiredClaimError as why:
            raise TokenError(f"token: claim {why.claim!r} is missing") from None
        except jwt.PyJWTError as why:
            raise TokenError(f"token: not a token ({type(why).__name__})") from None
        except (ArithmeticError, RecursionError, TypeError, ValueError) as why:  # a header or a time that JSON allows
            raise TokenError(f"token: not a token ({type(why).__name__})") from None


def _material(key: Key) -> Any:
    """The key as PyJWT takes it; one algorithm only, whatever a token says of itself."""
    return key.jwk["k"] if key.kid == SECRET else jwt.PyJWK(dict(key.jwk), algorithm=key.algorithm).key


def _names_slice(workspace: str, device: str) -> bool:
    # '/' parts a device from its finer instances (W2).
    return all(name and "/" not in name for name in (workspace, device))


def _is_short(name: str) -> bool:
    try:
        return len(name.encode()) <= NAME_BYTES
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can say
        return False


def key_file(database: str) -> Path:
    """The file of this database's generated key: beside an SQLite file, else in the working directory."""
    scheme, _, path = database.partition(":///")
    if scheme.startswith("sqlite") and path and path != ":memory:":
        return Path(f"{path.partition('?')[0]}.key")
    return Path("sporewright.key")


def ring_file(database: str) -> Path:
    """The file of this database's further keys, beside that of its generated one."""
    return key_file(database).with_suffix(".keys")


def load_secret(path: Path) -> str:
    """The key in that file, made with mode 0600 if it is not there; ConfigError if it can be read by others."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_secret(path)
    except OSError as why:
        raise ConfigError(f"key file {path}: {why.strerror}; set SPOREWRIGHT_SECRET instead") from None
    secret = secrets.token_urlsafe(48)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret + "\n")
    return secret


def _read_secret(path: Path) -> str:
    try:
        if not is_private(path):
            raise ConfigError(f"key file {path}: others may read it; chmod 600 it, or remove it to make a new one")
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as why:
        raise ConfigError(f"key file {path}: {why}") from None
    if not secret:
        raise ConfigError(f"key file {path}: empty; remove it to make a new one")
    return secret
