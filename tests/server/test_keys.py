"""Keys and revocation: several keys of three algorithms, changed under a running server."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from sporewright.errors import ConfigError, TokenError
from sporewright.server.auth import Tokens
from sporewright.server.keyring import ALGORITHMS, Keyring, new_key
from sporewright.server.store import ClientKey
from sporewright.wire import ErrorMessage, Hello, Push, Snapshot
from tests.server.conftest import SECRET, Device, MovableClock, Running, cell
from tests.serving import Orchestrator

Make = Callable[..., Running]


def _ring(folder: Path, *keys: dict[str, Any], **more: object) -> Keyring:
    path = folder / "ring.keys"
    path.touch(0o600)
    path.write_text(json.dumps({"keys": keys} | more))
    return Keyring(path)


def _tokens(ring: Keyring) -> Tokens:
    return Tokens(SECRET, MovableClock(), ring)


def _public(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name != "d"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_newest_key_signs_and_all_verify(tmp_path: Path, algorithm: str) -> None:
    """Rotation: tokens of the old key, of the new one and of the secret are good side by side."""
    before = _tokens(Keyring()).mint("acme", "A", ttl_s=60)
    old, new = new_key("old", "HS256"), new_key("new", algorithm)
    first = _tokens(_ring(tmp_path, old)).mint("acme", "A", ttl_s=60)
    tokens = _tokens(_ring(tmp_path, old, new))
    second = tokens.mint("acme", "A", ttl_s=60)
    heads = [jwt.get_unverified_header(each) for each in (before, first, second)]
    assert [(head.get("kid"), head["alg"]) for head in heads] == [(None, "HS256"), ("old", "HS256"), ("new", algorithm)]
    assert [tokens.verify(each).key for each in (before, first, second)] == ["secret", "old", "new"]
    retired = _tokens(_ring(tmp_path, old, new, retired=["old", "secret"]))
    for each in (before, first):
        with pytest.raises(TokenError, match="retired"):
            retired.verify(each)
    assert retired.verify(second).device == "A"


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_public_key_verifies_and_does_not_sign(tmp_path: Path, algorithm: str) -> None:
    """The server need not have what signs: its own tokens are signed with another key."""
    pair = new_key("elsewhere", algorithm)
    token = _tokens(_ring(tmp_path, pair)).mint("acme", "A", holder="ann", ttl_s=60)
    tokens = _tokens(_ring(tmp_path, _public(pair)))
    assert tokens.verify(token).holder == "ann"
    assert "kid" not in jwt.get_unverified_header(tokens.mint("acme", "A", ttl_s=60))


def _confused(tmp_path: Path) -> dict[str, tuple[Tokens, str]]:
    """Attack → the server's tokens and a token that it must not take."""
    claims = {"sub": "x", "workspace": "acme", "device": "A", "iat": 1, "exp": 2_000_000_000, "aud": "sporewright"}
    pair = ed25519.Ed25519PrivateKey.generate()
    public = pair.public_key()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    jwk = jwt.algorithms.OKPAlgorithm.to_jwk(public, as_dict=True)
    jwk.pop("key_ops", None)
    tokens = _tokens(_ring(tmp_path, jwk | {"kid": "k", "alg": "EdDSA"}))
    other = ec.generate_private_key(ec.SECP256R1())
    return {
        "the public key as a secret": (tokens, jwt.encode(claims, raw + raw, "HS256", headers={"kid": "k"})),
        "another algorithm under its name": (tokens, jwt.encode(claims, other, "ES256", headers={"kid": "k"})),
        "no signature": (tokens, jwt.encode(claims, None, "none", headers={"kid": "k"})),
        "the secret under its name": (tokens, jwt.encode(claims, SECRET, "HS256", headers={"kid": "k"})),
        "its pair without its name": (tokens, jwt.encode(claims, pair, "EdDSA")),
        "a key of nobody": (tokens, jwt.encode(claims, SECRET, "HS256", headers={"kid": "../k"})),
        "an unknown role": (tokens, jwt.encode(claims | {"role": "root"}, pair, "EdDSA", headers={"kid": "k"})),
        "a role that is a list": (tokens, jwt.encode(claims | {"role": ["x"]}, pair, "EdDSA", headers={"kid": "k"})),
    }


def test_no_token_chooses_its_algorithm(tmp_path: Path) -> None:
    """A key has one algorithm, whatever a token's header says; a name that is no key's is refused."""
    for attack, (tokens, token) in _confused(tmp_path).items():
        with pytest.raises(TokenError):
            print(attack, tokens.verify(token))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"keys": [{}]}',
        '{"keys": [{"kid": "a", "alg": "none", "kty": "oct", "k": "eA"}]}',
        '{"keys": [{"kid": "a", "alg": "HS256", "kty": "oct", "k": "c2hvcnQ"}]}',
        '{"keys": [{"kid": "a", "alg": "EdDSA", "kty": "oct", "k": "c2hvcnQ"}]}',
        '{"keys": [{"kid": "a", "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": "AA"}]}',
        '{"keys": [], "revoked": {"tenant": ["x"]}}',
        '{"keys": [], "revoked": {"holder": "ann"}}',
        '{"keys": [], "retired": [1]}',
    ],
)
def test_a_bad_key_file_is_refused_and_what_was_read_stays(tmp_path: Path, text: str) -> None:
    """At a start it is an error; under a running server the keys before stay, and nothing of a key is shown."""
    ring = _ring(tmp_path, new_key("good", "HS256"))
    token = _tokens(ring).mint("acme", "A", ttl_s=60)
    (tmp_path / "ring.keys").write_text(text)
    with pytest.raises(ConfigError) as refused:
        ring.renew()
    assert "c2hvcnQ" not in str(refused.value)
    assert _tokens(ring).verify(token).key == "good"
    with pytest.raises(ConfigError):
        Keyring(tmp_path / "ring.keys")


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """As the secret's own."""
    _ring(tmp_path, new_key("a", "HS256"))
    (tmp_path / "ring.keys").chmod(0o644)
    with pytest.raises(ConfigError, match="others may read it"):
        Keyring(tmp_path / "ring.keys")


def _command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    database = f"sqlite:///{folder / 'fleet.db'}"
    environment = {**os.environ, "SPOREWRIGHT_SECRET": SECRET}
    done = [sys.executable, "-m", "sporewright.cli", *words, "--database", database]
    return subprocess.run(done, capture_output=True, text=True, env=environment, cwd=folder)


async def test_keys_and_revocations_under_a_running_server(tmp_path: Path) -> None:
    """By commands, without a restart: a new key's tokens are taken, and whoever is revoked is out within a tick."""
    server = Orchestrator(tmp_path)
    await asyncio.to_thread(server.start)
    try:
        for words in (("keys", "add", "2026", "--algorithm", "ES256"), ("keys", "list")):
            done = await asyncio.to_thread(_command, tmp_path, *words)
            assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["secret\tHS256\tsigns and verifies", "2026\tES256\tsigns and verifies"]
        (file,) = tmp_path.glob("*.keys")
        assert file.stat().st_mode & 0o777 == 0o600
        ring = Keyring(file)
        clock = MovableClock()
        clock.time = time.time()
        tokens = Tokens(SECRET, clock, ring)
        await asyncio.sleep(1)
        named = {name: tokens.mint("acme", name, holder=f"holder of {name}", ttl_s=600) for name in "ABC"}
        async with connect(server.socket_url) as a, connect(server.socket_url) as b, connect(server.socket_url) as c:
            lines = dict(zip("ABC", map(Device, (a, b, c)), strict=True))
            for name, device in lines.items():
                await device.say(Hello(named[name], "c"))
                await device.hear(Snapshot)
            revoking = {
                "A": ("revoke", "--device", "acme/A"),
                "B": ("revoke", "--holder", "holder of B"),
                "C": ("keys", "retire", "2026"),
            }
            for name, words in revoking.items():
                done = await asyncio.to_thread(_command, tmp_path, *words)
                assert done.returncode == 0, done.stderr
                ended = await lines[name].hear(ErrorMessage)
                assert (ended.code, ended.fatal) == ("token", True)
                assert "revoked" in ended.message or "retired" in ended.message
        async with connect(server.socket_url) as line:
            again = Device(line)
            await again.say(Hello(named["A"], "c"))
            assert (await again.hear(ErrorMessage)).code == "token"
    finally:
        server.stop()
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_commands_refuse_what_cannot_be_meant(tmp_path: Path) -> None:
    """In one line with exit code 2, and nothing is changed."""
    pem = rsa.generate_private_key(65537, 2048).public_key()
    (tmp_path / "rsa.pem").write_bytes(
        pem.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for words in (
        ("keys", "add", "a", "--algorithm", "RS256"),
        ("keys", "add", "a", "--public", str(tmp_path / "rsa.pem")),
        ("keys", "retire", "nobody"),
        ("revoke",),
    ):
        done = _command(tmp_path, *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert not list(tmp_path.glob("*.keys"))


async def test_one_token_is_revoked_by_its_name(server: Make, tmp_path: Path) -> None:
    """Its holder's others go on."""
    running = server(keys=str(_ring(tmp_path)._path))
    async with running.serving():
        lost, kept = (running.tokens.mint("acme", "A", holder="ann", ttl_s=60) for _ in range(2))
        name = jwt.decode(lost, options={"verify_signature": False})["jti"]
        _ring(tmp_path, revoked={"token": [name]})
        await asyncio.sleep(0.3)
        for token, kind in ((lost, ErrorMessage), (kept, Snapshot)):
            async with connect(running.url) as line:
                device = Device(line)
                await device.say(Hello(token, "c"))
                await device.hear(kind)


async def test_a_reader_reads_and_writes_nothing(server: Make) -> None:
    """The role is the token's: what it pushes ends the session, and nothing of it is there."""
    async with server().serving() as running, running.device("W") as writer:
        await writer.push(cell("W", "x", "latency", 1.0))
        async with connect(running.url) as line:
            reader = Device(line)
            await reader.say(Hello(running.tokens.mint("acme", "R", role="reader", ttl_s=60), "c"))
            await reader.until(lambda d: d.value("workspace", "acme", "x", "latency") == 1.0)
            await reader.say(Push(1, (cell("R", "x", "latency", 9.0),)))
            assert (await reader.hear(ErrorMessage)).code == "token"
        assert running.app.state.hub.committed(ClientKey("acme", "R", "c")) == 0


@pytest.mark.parametrize(
    ("origin", "is_welcome"),
    [("https://good.example", True), ("https://GOOD.example", True), (None, True), ("https://evil.example", False),
     ("https://good.example.evil", False), ("null", False), ("http://good.example", False)],
)  # fmt: skip
async def test_sockets_of_named_pages_alone(server: Make, origin: Any, is_welcome: bool) -> None:
    """Another page's handshake is refused if the operator names origins; programs send none."""
    async with server(origins="https://good.example/, https://other.example").serving() as running:
        if not is_welcome:
            with pytest.raises(InvalidStatus, match="403"):
                await connect(running.url, origin=origin)
            return
        async with connect(running.url, origin=origin) as line:
            device = Device(line)
            await device.say(Hello(running.tokens.mint("acme", "A", ttl_s=60), "c"))
            await device.hear(Snapshot)
