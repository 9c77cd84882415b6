"""Hostile input at every decoder: `DecodeError` that says where or a clean result, in bounded time and memory (S3)."""

from __future__ import annotations

import ast
import base64
import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sporewright.core.tensor import Tensor
from sporewright.errors import DecodeError, SporewrightError, TokenError
from sporewright.server.auth import Tokens
from sporewright.simulate.scenario import load_scenario
from sporewright.simulate.sources import load_sources
from tests.hostile.decoders import DECODES, READERS, bare, embedded, failures, good

PACKAGE = Path(__file__).resolve().parents[2] / "sporewright"
MEGABYTE = 1_000_000

# Decoding of what this very process or its own database wrote, and of what PyJWT reads (tested below).
OWN = {
    "device/asked_for.py:_in_body": "the caller's own request: tests/device/test_asked_for.py",
    "server/auth.py:_claims": "foreign, read by PyJWT: test_a_token_may_be_anything",
    "simulate/scenario.py:load_scenario": "a file, never seen by a browser: test_a_scenario_may_be_anything",
    "simulate/sources.py:load_sources": "a file, never seen by a browser: test_a_manifest_may_be_anything",
    "simulate/convert.py:_records": "a line of a log, by `jsontext.parse`, which the readers here prove",
    "simulate/bench.py:_split_of": "the benchmark's own data, in a folder that its user names",
    "server/demo/faults.py:_body": "foreign, of the demo alone: test_a_failing_provider_takes_any_body",
    "server/keyring.py:_read": "the operator's key file: tests/server/test_keys.py",
    "server/push_validation.py:acks_with": "acks the server wrote itself",
    "server/push_validation.py:ack_from": "acks the server wrote itself",
    "server/store/tables.py:layers": "cells the server wrote itself",
}


def decoding_places() -> dict[str, str]:
    """Every function of the package that reads JSON, base64, JWT or a wire message: `file:function` → the call."""
    found: dict[str, str] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        for function in ast.walk(ast.parse(file.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    call = ast.unparse(node.func)
                    if call in CALLS:
                        found[f"{file.relative_to(PACKAGE).as_posix()}:{function.name}"] = call
    return found


CALLS = {
    "jsontext.parse", "json.loads", "json.load", "wire.decode", "jwt.decode", "_READER.decode", "base64.b64decode",
    "base64.urlsafe_b64decode", "binascii.a2b_base64", "pickle.loads", "tomllib.loads", "struct.unpack",
}  # fmt: skip


def test_every_place_that_decodes_is_met() -> None:
    """A decoder is found by looking: a new one has a reader here, or a reason."""
    found = set(decoding_places())
    # wire.decode itself is found by its parse; server-side readers by their own tests.
    unmet = found - set(DECODES) - set(OWN)

    assert unmet == set(), f"new decoders: give each a reader in tests/hostile/decoders.py: {sorted(unmet)}"
    assert {reader for readers in DECODES.values() for reader in readers} == set(READERS)
    assert set(DECODES) <= found, f"gone: {sorted(set(DECODES) - found)}"


@pytest.mark.parametrize("name", READERS)
def test_a_good_text_is_taken(name: str) -> None:
    """The good text from which the hostile ones are made is itself in order."""
    READERS[name][0](good(name))


@pytest.mark.parametrize("name", READERS)
def test_anything_anywhere_is_answered(name: str) -> None:
    """Every grain at every place of a good text, and every text that is wrong as a whole."""
    texts = [*embedded(READERS[name][1]), *bare(good(name), 20_000)]

    assert len(texts) > 60
    assert [line for label, text in texts for line in failures(name, label, text)] == []


@pytest.mark.parametrize("name", READERS)
def test_memory_stays_within_a_multiple_of_the_text(name: str) -> None:
    """Anything costs at most 200 times itself and a megabyte, however it is shaped."""
    size = MEGABYTE // 5
    for label, text in bare(good(name), size):
        if not label.startswith("bulk"):
            continue
        tracemalloc.start()
        failed = failures(name, label, text)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert failed == []
        assert peak < 200 * size + MEGABYTE, f"{name}, {label}: {peak} bytes"


@pytest.mark.parametrize("name", READERS)
def test_ten_megabytes_take_linear_time(name: str) -> None:
    """The shapes that make a careless reader quadratic or recursive, at 10 MB, within 20 s of processor time."""
    shapes = {"bulk of brackets", "bulk of quotes", "bulk of escapes", "bulk of digits", "bulk of text"}
    for label, text in bare(good(name), 10 * MEGABYTE):
        if label in shapes:
            start = time.process_time()
            assert failures(name, label, text) == []
            assert time.process_time() - start < 20, f"{name}, {label}"


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(READERS)),
    st.binary(max_size=200) | st.text(st.characters(exclude_categories=[]), max_size=200),
)
def test_random_text_is_answered(name: str, text: str | bytes) -> None:
    """Whatever comes in."""
    assert failures(name, "random", text) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[" * 40, "tensor: nested deeper than 16"),
        (b'{"levels": "\xff"}', "tensor: not UTF-8 at byte 12"),
        ('{"levels": ["a"], "cells": [{"level": 1e999}]}', r"tensor.cells\[0\].level: the number '1e999' overflows"),
        ('{"levels": ["a"], "levels": []}', "tensor: duplicate key 'levels'"),
        ('{"levels": ["a"], "cells": [{"level": "a", "inst": "", "option": "o", "dim": "d", "v": 1' + "0" * 400 + "}]}",
            "overflows"),
        ('{"levels": ["a"],', "tensor: not JSON at character 17"),
        (None, "tensor: expected text or its UTF-8 bytes"),
    ],
)  # fmt: skip
def test_the_message_says_where(text: str | bytes, where: str) -> None:
    """S3: the place and the reason, for each way to be wrong."""
    with pytest.raises(DecodeError, match=where):
        Tensor.from_json(text)


class _Clock:
    def now(self) -> float:
        return 1e9


def _part(data: str) -> str:
    return base64.urlsafe_b64encode(data.encode("utf-8", "surrogatepass")).decode("ascii").rstrip("=")


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_scenario_may_be_anything(tmp_path: Path, suffix: str) -> None:
    """A scenario's file, however it is broken, is an error of ours that names it."""
    file = tmp_path / f"scenario{suffix}"
    deep = "a = " + "[" * 5000 if suffix == ".toml" else "[" * 5000
    for text in (b"\xff", b"\x00", b"=", b"[[[", b"a = 1", b'{"calls": "x"}', b"9" * 5000, deep.encode()):
        file.write_bytes(text)
        with pytest.raises(SporewrightError, match="scenario"):
            load_scenario(str(file))


def test_a_manifest_may_be_anything(tmp_path: Path) -> None:
    """A manifest of sources, however it is broken, is an error of ours that names it."""
    file = tmp_path / "manifest.toml"
    deep = "a = " + "[" * 5000
    for text in (b"\xff", b"\x00", b"=", b"[[[", b"a = 1", b"[[source]]", b"a = " + b"9" * 5000, deep.encode()):
        file.write_bytes(text)
        with pytest.raises(SporewrightError, match="manifest"):
            load_sources(file)


def test_a_token_may_be_anything() -> None:
    """A header is read before its sender is trusted: whatever stands there is a TokenError."""
    tokens = Tokens("k" * 40, _Clock())
    whole = tokens.mint("acme", "A", ttl_s=60).split(".")
    texts = [
        "\ud800",
        "é.é.é",
        "a" * 10 * MEGABYTE,
        "." * 1000,
        "..",
        *(json.dumps({"alg": x}) for x in (None, {}, 1, [])),
    ]
    headers = [text for _, text in embedded({"alg": "HS256", "typ": "JWT", "crit": ["x"]}) if text.isascii()]
    for text in [*texts, *(f"{_part(header)}.{whole[1]}.{whole[2]}" for header in headers)]:
        if text != ".".join(whole):
            with pytest.raises(TokenError, match="token: "):
                tokens.verify(text)
