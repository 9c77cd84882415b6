"""The keys that sign tokens, and who is revoked: one private file, which a running server reads again when it changes.

Keys are JSON Web Keys (RFC 7517): a secret for HS256, a key pair or its public half for EdDSA and ES256. A token names
its key (`kid`); one without is signed with the server's secret, the key called `secret`.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from filelock import FileLock
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from sporewright import jsontext
from sporewright.errors import ConfigError, SporewrightError
from sporewright.jsontext import shown

__all__ = ["ALGORITHMS", "REVOCABLE", "SECRET", "Key", "Keyring", "Keys", "is_private", "new_key", "public_key"]

ALGORITHMS = ("HS256", "EdDSA", "ES256")
SECRET = "secret"
REVOCABLE = ("token", "device", "holder")
# RFC 7518 §3.2: a key of the size of the hash output or larger must be used with HS256.
SECRET_BYTES = 32
NAME_BYTES = 64


@dataclass(frozen=True)
class Key:
    """One key: its name, and as a JSON Web Key."""

    kid: str
    jwk: Mapping[str, Any] = field(repr=False)

    @property
    def algorithm(self) -> str:
        """The one algorithm that it is for."""
        return str(self.jwk["alg"])

    @property
    def signs(self) -> bool:
        """False for the public half of a pair: its other half is elsewhere."""
        return "k" in self.jwk or "d" in self.jwk


@dataclass(frozen=True)
class Keys:
    """The contents of a key file: keys in the order in which they were added, and what is revoked, by kind."""

    keys: Mapping[str, Key] = field(default_factory=dict)
    revoked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()

    def to_data(self) -> dict[str, Any]:
        """The contents as JSON data."""
        keys = [dict(key.jwk) for key in self.keys.values()]
        revoked = {kind: sorted(names) for kind, names in self.revoked.items()}
        return {"keys": keys, "revoked": revoked, "retired": sorted(self.retired)}


class Keyring:
    """A key file as it is by now; without a path, or a file, there are no keys in it."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._seen: object = None
        self.now = Keys()
        self.renew()

    def renew(self) -> bool:
        """Read the file if it has changed; True if it had. ConfigError if it is none; what was read before stays."""
        seen = _version_of(self._path) if self._path else None
        if seen == self._seen:
            return False
        self._seen = seen
        self.now = _read(self._path) if self._path and seen else Keys()
        return True

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """The contents as data, to be changed and written as a whole; one command at a time."""
        assert self._path is not None
        with FileLock(f"{self._path}.lock"):
            keys = _read(self._path) if self._path.exists() else Keys()
            data = keys.to_data()
            yield data
            _parse(data, str(self._path))
            _write(self._path, json.dumps(data, indent=1) + "\n")


def new_key(kid: str, algorithm: str) -> dict[str, Any]:
    """A fresh key as a JSON Web Key, its secret part included; ConfigError for another algorithm."""
    if algorithm == "HS256":
        made: dict[str, Any] = {"kty": "oct", "k": secrets.token_urlsafe(48)}
    elif algorithm == "EdDSA":
        made = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)
    elif algorithm == "ES256":
        made = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    else:
        raise ConfigError(f"algorithm {algorithm!r} is none of {', '.join(ALGORITHMS)}")
    return {name: value for name, value in made.items() if name != "key_ops"} | {"kid": kid, "alg": algorithm}


def public_key(kid: str, pem: bytes) -> dict[str, Any]:
    """A public key in PEM as a JSON Web Key; ConfigError if it is none for EdDSA or ES256."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except ValueError as why:
        raise ConfigError(f"public key: not PEM of a public key ({why})") from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        made, algorithm = OKPAlgorithm.to_jwk(key, as_dict=True), "EdDSA"
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        made, algorithm = ECAlgorithm.to_jwk(key, as_dict=True), "ES256"
    else:
        raise ConfigError("public key: neither Ed25519 (EdDSA) nor P-256 (ES256)")
    return {name: value for name, value in made.items() if name != "key_ops"} | {"kid": kid, "alg": algorithm}


def is_private(path: Path) -> bool:
    """True if nobody but its owner may read it."""
    return not path.stat().st_mode & 0o077


def _version_of(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _read(path: Path) -> Keys:
    try:
        if not is_private(path):
            raise ConfigError(f"key file {path}: others may read it; chmod 600 it")
        return _parse(jsontext.parse(path.read_bytes(), "keys"), str(path))
    except OSError as why:
        raise ConfigError(f"key file {path}: {why.strerror}") from None
    except ConfigError:
        raise
    except SporewrightError as why:
        raise ConfigError(f"key file {path}: {why}") from None


def _parse(data: Any, named: str) -> Keys:
    if not isinstance(data, dict) or not isinstance(data.get("keys"), list):
        raise ConfigError(f"key file {named}: expected an object with a list of keys")
    keys: dict[str, Key] = {}
    for index, jwk in enumerate(data["keys"]):
        where = f"key file {named}: keys[{index}]"
        if not isinstance(jwk, dict) or not _is_name(jwk.get("kid")) or jwk.get("alg") not in ALGORITHMS:
            raise ConfigError(f"{where}: needs a `kid` and an `alg` of {', '.join(ALGORITHMS)}")
        kid = str(jwk["kid"])
        if kid in keys or kid == SECRET:
            raise ConfigError(f"{where}: there is a key {shown(kid)} already")
        _check(jwk, where)
        keys[kid] = Key(kid, jwk)
    revoked = data.get("revoked", {})
    if not isinstance(revoked, dict) or not all(kind in REVOCABLE and _are_names(of) for kind, of in revoked.items()):
        raise ConfigError(f"key file {named}: `revoked` has lists of names under {', '.join(REVOCABLE)}")
    retired = data.get("retired", [])
    if not _are_names(retired):
        raise ConfigError(f"key file {named}: `retired` is a list of names")
    return Keys(keys, {kind: frozenset(names) for kind, names in revoked.items()}, frozenset(retired))


def _check(jwk: Mapping[str, Any], where: str) -> None:
    kinds = {"HS256": ("oct", None), "EdDSA": ("OKP", "Ed25519"), "ES256": ("EC", "P-256")}
    if (jwk.get("kty"), jwk.get("crv")) != kinds[jwk["alg"]]:
        raise ConfigError(f"{where}: the key is not of the kind that {jwk['alg']} takes")
    try:
        key = jwt.PyJWK(dict(jwk), algorithm=jwk["alg"]).key
    except (jwt.PyJWTError, ValueError, TypeError) as why:
        raise ConfigError(f"{where}: not a JSON Web Key ({type(why).__name__})") from None
    if isinstance(key, bytes) and len(key) < SECRET_BYTES:
        raise ConfigError(f"{where}: {len(key)} bytes, at least {SECRET_BYTES} are needed")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value.encode("utf-8", "replace")) <= NAME_BYTES and value.isprintable()


def _are_names(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str) and all(isinstance(each, str) for each in value)


def _write(path: Path, text: str) -> None:
    """In place of the file at once, so that a server reads the old or the new; mode 0600 from its first byte."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as why:
        raise ConfigError(f"key file {path}: {why.strerror}") from None
