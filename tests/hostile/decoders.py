"""Hostile text for every decoder: plain Python and sporewright only, so that it runs inside the browser too.

A reader takes text or bytes, and ends in an error of ours or cleanly; what it leaves behind must be whole.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from sporewright.core.config import TensorConfig
from sporewright.core.global_rules import stays_below
from sporewright.core.tensor import Tensor
from sporewright.device.bridge import Bridge
from sporewright.device.dedupe import HEARD, Deduplicator
from sporewright.device.device_records import Disk, stored_cells
from sporewright.device.identity import claims, remembered
from sporewright.device.outbox import Outbox
from sporewright.device.shared_levels import SharedLevels
from sporewright.errors import ConfigError, DecodeError, ProtocolError, SporewrightError
from sporewright.learning.evidence import Evidence
from sporewright.learning.learner import Learner
from sporewright.policy.cascade import resolve_chain
from sporewright.policy.field import AddressedField
from sporewright.policy.receipt import Receipt
from sporewright.routing.dialects.chat_events import ChatEvents
from sporewright.routing.dialects.chat_request import chat_body, chat_path
from sporewright.routing.dialects.providers import DIALECTS
from sporewright.routing.dialects.sse_events import Events, read_json
from sporewright.sync import Role, Session
from sporewright.wire import Limits, decode

__all__ = ["DECODES", "READERS", "bare", "embedded", "failures", "good", "run_all"]

LEVELS = ("global", "workspace", "device")
CELL = {"level": "device", "inst": "A", "option": "o", "dim": "d", "v": 1.5, "w": 2.0}
DOCUMENT = {"level": "global", "inst": "", "option": "o", "dim": "n", "v": {"b64": "eA=="}}
SEED = {"floor": "global", "level": "global", "inst": "", "option": "o", "dim": "d", "kind": "value", "value": 1.0}
EVIDENCE = {"precision": [1.0], "information": [1.0], "observations": 1}
FIELD_CELL = {"address": {"a": "x"}, "option": "o", "dim": "d", "prior": 1.0, "w": 1.0, "closed": True}
LEAF = {
    "now": [3.0, 0.1, 0.2, 5.0],
    "before": [9.0, 1.0, 0.5, 4.0],
    "changed": 4.5,
    "up": 1.0,
    "run": [1.0, 2.0, 0.0, 5.0],
}
RECORD = {"latency": {"": LEAF, "chat": {"now": [1.0, 0.0, 0.0, 5.0]}}, "failure": {"": {"now": [1.0, 0.0, 0.0, 5.0]}}}
POOLS = {
    "p": {"unit": "requests", "cap": 3, "window": 60, "options": ["o"]},
    "q": {"unit": "tokens", "cap": 300, "window": "day", "options": ["o"], "hard": True},
}
LEDGER = {
    "version": 1,
    "accounts": {
        "p": {"kind": ["requests", 60000000, None, "UTC"], "used": 1, "mark": 100000000, "rest": 0, "until": 0,
            "shut": 0, "price": [100000000, 1, 0.0, 0.0, 1.0]},
        "q": {"kind": ["tokens", 0, "day", "UTC"], "used": 0, "mark": 100000000, "rest": 0, "until": 86400000000,
            "shut": 0, "price": [100000000, 7, 0.0, 0.0, 7.0]},
    },
    "holds": {"k": ["o", {"p": 1, "q": 7}, 130000000, 30000000, "", False, None]},
    "options": {"o": [{"p": 1.0, "q": 7.0}, [512.0, 1.0]]},
}  # fmt: skip
WELCOME = {
    "t": "welcome", "v": 1, "session": "s", "epoch": "e", "workspace": "w", "device": "d", "levels": ["global"],
    "revision": 1, "seq": 0, "lease_s": 30.0, "limits": {"message_bytes": 1000000, "cells": 100},
}  # fmt: skip

Text = str | bytes
Reader = Callable[[Text], None]


def _text(text: Text) -> str:
    """Storage and the page hand over text alone; bytes come as what a forgiving reader makes of them."""
    return text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")


def _tensor(text: Text) -> None:
    made = Tensor.from_json(text)
    assert Tensor.from_json(made.to_json()).to_json() == made.to_json()


def _applied(by_writer: bool) -> Reader:
    def read(text: Text) -> None:
        tensor = Tensor(LEVELS)
        tensor.writer("global").set_value("device", "A", "kept", "d", 1.0)
        before = tensor.to_json()
        try:
            report = (tensor.writer("device", "A") if by_writer else tensor).apply_json(text)
        except SporewrightError:
            assert tensor.to_json() == before, "refused, yet something changed"
            raise
        assert report.applied >= len(tensor.cells()) - 1, "more cells than were applied"
        assert Tensor.from_json(tensor.to_json()).to_json() == tensor.to_json()

    return read


def _config(text: Text) -> None:
    TensorConfig.from_json(text).build().to_json()


def _operator(text: Text) -> None:
    from sporewright.server.declared import config_of

    found = config_of(text, Limits())
    assert {at[0] for at in found.cells} <= {"global", "workspace"}
    assert not any(stays_below(dimension) for dimension in found.opened.dimensions)


def _ledger(text: Text) -> None:
    from sporewright.device.pool_file import _read
    from sporewright.pools import Asked, Ledger, pools_from

    def made(data: object) -> Ledger:
        pools = pools_from(POOLS, None, is_zone=lambda zone: zone == "UTC", place="pools")
        ledger = Ledger(pools, {}, 100.0)
        ledger.restore(data)
        return ledger

    ledger = made(_read(_text(text)))
    assert made(json.loads(json.dumps(ledger.data()))).data() == ledger.data()
    for call in range(9):
        ledger.reserve(f"call-{call}", "o", ledger.estimate("o", Asked(1, 1)), 100.0 + call, 30.0)
    assert all(0 <= pool.left <= pool.cap for pool in ledger.state(110.0).values())


def _asked(text: Text) -> None:
    from sporewright.device.allowances import _asked as asked_of

    found = asked_of(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    assert found.max_tokens is None or found.max_tokens >= 0


def _used(text: Text) -> None:
    import httpx

    from sporewright.device.allowances import _tokens
    from sporewright.device.attempt_io import Running

    one = Running(0, "o", 0.0)
    one.response = httpx.Response(200, headers={"content-type": "application/json"})
    one.held.append(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    assert all(count >= 0 for count in _tokens(one) or ())


def _field(text: Text) -> None:
    made = AddressedField.from_json(text)
    made.decide({})
    assert AddressedField.from_json(made.to_json()).to_json() == made.to_json()


def _receipt(text: Text) -> None:
    found = Receipt.from_json(text)
    assert Receipt.from_json(found.to_json()) == found


def _message(text: Text) -> None:
    decode(text)


def _session(text: Text) -> None:
    for role in Role:
        session = Session(role)
        before = (session.state, session.revision, session.pushed)
        try:
            session.receive(text)
        except SporewrightError:
            assert (session.state, session.revision, session.pushed) == before, "refused, yet it moved on"
            continue


def _bridge(text: Text) -> None:
    answer = json.loads(Bridge().handle(_text(text)))
    assert answer["ok"] or answer["error"]["code"] != "internal", answer


def _shared(text: Text) -> None:
    tensor = Tensor(LEVELS)
    shared = SharedLevels(tensor, 2)
    shared.restore(_text(text))
    assert all(cell.level in LEVELS[:2] for cell in tensor.cells()), "a cell of the device's own level was taken"


def _stored(text: Text) -> None:
    for coord, _, pending in stored_cells({"cell/x": _text(text)}):
        assert all(isinstance(name, str) for name in coord)
        assert isinstance(pending, bool)


def _identity(text: Text) -> None:
    found = remembered(_text(text))
    assert found is None or (isinstance(found.device, str) and isinstance(found.client, str))


def _claims(text: Text) -> None:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    claims("e30." + base64.urlsafe_b64encode(raw).decode("ascii") + ".x")
    claims(_text(text))


def _flight(text: Text) -> None:
    outbox = Outbox()
    outbox.mark(("device", "A", "o", "d"))
    outbox.restore_flight(_text(text), lambda _: {"level": "device", "inst": "A", "option": "o", "dim": "d"})
    assert outbox.pending >= 1


def _heard(text: Text) -> None:
    heard = Deduplicator(Disk())
    heard.restore({HEARD: _text(text)})
    assert heard.is_new({"page": "another", "nth": 1})
    heard.is_new({"page": "page", "nth": 8})
    assert not heard.is_new({"page": "page", "nth": 8})


def _learner(text: Text) -> None:
    made = Learner.from_json(text)
    assert Learner.from_json(made.to_json()).to_json() == made.to_json()
    for now in (-1e12, 0.0, 1e12):
        cells = [made.cell(now, option, "latency") for option in made.options]
        assert all(cell and math.isfinite(cell.mean) and math.isfinite(cell.variance) for cell in cells)
    made.learn(5.0, "o", Evidence(latency_s=1.0, failed=True))
    made.to_json()


def _belief(text: Text) -> None:
    bridge = Bridge()
    body = {"config": {"levels": list(LEVELS), "seeds": [SEED]}, "cursor": {}, "limit": 8, "fresh_id": "f"}
    stored = {"type": "stored", "key": 'belief/"o"', "text": _text(text)}
    for event in (stored, {"type": "call", "call": "start", "body": body}, {"type": "woken"}):
        answer = json.loads(bridge.handle(json.dumps({"now": 9.0, "event": event})))
        assert answer["ok"], answer
        assert not any("error" in effect for effect in answer["effects"]), answer


def _events(text: Text) -> None:
    raw = b"data: " + (text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")) + b"\n\n"
    whole, cut = Events(), Events()
    whole.feed(raw)
    for piece in (raw[: len(raw) // 2], raw[len(raw) // 2 :]):
        cut.feed(piece)
    ends = [(one.has_said_anything, one.is_whole) for one in (whole, cut)]
    assert ends[0] == ends[1], "cut otherwise, it means something else"


def _chat(text: Text) -> None:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    # What is long is long in every dialect.
    for dialect in list(DIALECTS.values())[: None if len(raw) < 100_000 else 1]:
        for answer in (raw, b"data: " + raw + b"\n\n"):
            events = ChatEvents(dialect, most=1 << 24)
            said = events.feed(answer) + events.end()
            json.dumps([said, events.usage, events.raw_usage, events.ending])


def _chat_request(text: Text) -> None:
    """A request comes from the caller's own program: what is no JSON never gets here."""
    try:
        request = read_json(text if isinstance(text, str) else text.decode("utf-8", "replace"))
    except ValueError:
        return
    if not isinstance(request, dict):
        return
    for dialect in DIALECTS.values():
        with suppress(ConfigError):
            chat_path(dialect, "/v1", model=_model(request), is_streaming=request.get("stream") is True)
            chat_body(dialect, request, model=_model(request))


def _model(request: dict[str, Any]) -> str | None:
    model = request.get("model")
    return model if isinstance(model, str) else None


def _slot(text: Text) -> None:
    model = _text(text)
    assert resolve_chain({"s": {"c": [{"provider": "p", "model": model}]}}, "s", "x", "c") == [("p", model)]


# Reader → (the reader, a text it takes).
READERS: dict[str, tuple[Reader, Any]] = {
    "tensor": (_tensor, {"levels": list(LEVELS), "cells": [CELL, DOCUMENT]}),
    "cells": (_applied(False), {"cells": [CELL, DOCUMENT]}),
    "cells by a writer": (_applied(True), [CELL]),
    "config": (_config, {"levels": list(LEVELS), "seeds": [SEED], "priors": {"failure": 0.0}}),
    "operator": (_operator, {"levels": list(LEVELS), "seeds": [SEED], "learning": {"support": 3},
        "global": {"dimensions": ["latency", "can:see"], "options": "declared"}}),
    "field": (
        _field,
        {
            "layers": ["a"],
            "root_variance": 1.0,
            "process_variance": {"a": 1.0},
            "cells": [FIELD_CELL | {"evidence": EVIDENCE}],
        },
    ),
    "receipt": (_receipt, json.loads(Receipt("1", {"a": "b"}, {"t": 1.0}, ({"x": [1]},), (), ("x",)).to_json())),
    "push": (_message, {"t": "push", "seq": 1, "cells": [CELL, DOCUMENT]}),
    "welcome": (_message, WELCOME),
    "session": (_session, {"t": "hello", "v": 1, "token": "a.b.c", "client": "c",
        "resume": {"epoch": "e", "revision": 1}}),
    "bridge": (_bridge, {"now": 1.0, "event": {"type": "woken"}}),
    "shared": (_shared, {"epoch": "e", "revision": 3, "cells": [DOCUMENT]}),
    "stored cell": (_stored, {"cell": CELL, "pending": True}),
    "identity": (_identity, {"device": "A", "client": "c"}),
    "claims": (_claims, {"device": "A", "exp": 1}),
    "flight": (_flight, {"t": "push", "seq": 1, "cells": [CELL]}),
    "heard": (_heard, {"page": 7}),
    "slot": (_slot, "model"),
    "events": (_events, {"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}], "usage": {"n": 1}}),
    "chat": (_chat, {"choices": [{"index": 0, "delta": {"content": "x", "tool_calls": [{"index": 0}]}}],
        "candidates": [{"content": {"parts": [{"text": "x"}]}}], "usage": {"prompt_tokens": 1}}),
    "chat request": (_chat_request, {"model": "m", "stop": "x", "tool_choice": "auto",
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            {"role": "assistant", "tool_calls": [{"id": "t", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "t", "content": "x"}]}),
    "learner": (_learner, {"options": {"o": RECORD}, "budget": {"window": 1, "calls": 2.0, "usd": 0.0}}),
    "belief": (_belief, RECORD),
    "ledger": (_ledger, LEDGER),
    "asked": (_asked, {"messages": [], "max_tokens": 5}),
    "used": (_used, {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
}  # fmt: skip

# Where the package decodes, by looking (tests/hostile/test_decoders.py): each place with its readers above.
DECODES = {
    "core/codec.py:decode_tensor": ["tensor"],
    "core/codec.py:decode_value": ["tensor", "cells"],
    "core/codec.py:apply_cells": ["cells", "cells by a writer"],
    "core/config.py:from_json": ["config"],
    "server/declared.py:config_of": ["operator"],
    "policy/field_codec.py:from_json": ["field"],
    "policy/receipt.py:from_json": ["receipt"],
    "policy/receipt.py:to_json": ["receipt"],
    "policy/cascade.py:_slot": ["slot"],
    "routing/dialects/sse_events.py:read_json": ["events", "chat", "chat request", "asked", "used"],
    "wire.py:decode": ["push", "welcome"],
    "wire.py:_layer": ["push"],
    "sync.py:receive": ["session"],
    "device/bridge.py:handle": ["bridge"],
    "device/shared_levels.py:restore": ["shared"],
    "device/device_records.py:stored_cells": ["stored cell"],
    "device/identity.py:remembered": ["identity"],
    "device/identity.py:claims": ["claims"],
    "device/outbox.py:restore_flight": ["flight"],
    "device/dedupe.py:restore": ["heard"],
    "device/learning_store.py:restore": ["belief"],
    "device/learning_store.py:_option_of": ["belief"],
    "learning/learner.py:from_json": ["learner"],
    "device/pool_file.py:_read": ["ledger"],
}


def good(name: str) -> str:
    """A text the reader takes."""
    return json.dumps(READERS[name][1])


# Raw JSON, or what is nearly JSON, to stand anywhere a value may.
GRAINS = {
    "null": "null", "true": "true", "string": '"x"', "empty": '""', "nan": "NaN", "infinity": "-Infinity",
    "overflow": "1e999", "underflow": "1e-99999", "many digits": "9" * 5000, "huge": "1" + "0" * 400,
    "exponent": "1e" + "9" * 5000, "half a number": "-", "surrogate": '"\\ud800"', "raw surrogate": '"\ud800"',
    "reversed": '"\\udc00\\ud800"', "control": '"\x01"', "nul": '"\\u0000"', "b64": '{"b64":"=="}',
    "b64 x": '{"b64":"\\ud800"}',
    "twice": '{"a":1,"a":2}', "twice b64": '{"b64":"","b64":""}', "nested": "[" * 3000 + "]" * 3000, "open": "[" * 3000,
    "objects": '{"a":' * 3000 + "1" + "}" * 3000, "seventeen": "[" * 17 + "]" * 17, "fifteen": "[" * 15 + "]" * 15,
    "minus zero": "-0.0", "list": "[]", "object": "{}", "sentinel": '"nan"', "big": str(2**53), "float": "1.5",
}  # fmt: skip


def embedded(data: Any) -> Iterator[tuple[str, str]]:
    """(label, text): every grain at every place of the data, as a value and beside every key once more."""
    for place, hollow in _hollowed(data):
        frame = json.dumps(hollow)
        for label, grain in GRAINS.items():
            yield f"{label} at {place}", frame.replace('"\\u0000hole"', grain)


def _hollowed(data: Any, place: str = "$") -> Iterator[tuple[str, Any]]:
    yield place, "\0hole"
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, inner in steps:
        for deeper, hollow in _hollowed(inner, f"{place}.{key}"):
            copy = data.copy()
            copy[key] = hollow
            yield deeper, copy


def bare(text: str, size: int) -> Iterator[tuple[str, Text]]:
    """(label, text): what is wrong as a whole, with bulk of about `size` characters, and a good text cut short."""
    yield from (
        ("nothing", ""),
        ("no bytes", b""),
        ("nul", b"\0"),
        ("not UTF-8", b'{"a":"\xff"}'),
        ("mark", "\ufeff{}"),
    )
    yield from (("UTF-16", text.encode("utf-16")), ("overlong", b"\xc0\x80"), ("surrogate bytes", b'"\xed\xa0\x80"'))
    yield from (("raw surrogate", "\ud800"), ("two values", text + text), ("first key twice", _repeated(text)))
    for at in range(0, len(text), max(1, len(text) // 60)):
        yield f"cut at {at}", text[:at]
        yield f"cut at {at}, bytes", text[:at].encode() + b"\xc3"
    bulk = {
        "brackets": "[", "braces": '{"a":', "pairs": "[]", "quotes": '"', "escapes": '"\\', "spaces": " ",
        "digits": "9",
    }  # fmt: skip
    for label, piece in bulk.items():
        yield f"bulk of {label}", piece * (size // len(piece))
    yield "bulk of zeros", "[" + "0," * (size // 2) + "0]"
    yield "bulk of objects", '{"cells":[' + "{}," * (size // 3) + "{}]}"
    yield "bulk of text", '{"levels":["' + "x" * size + '"]}'
    yield "bulk of keys", "{" + ",".join(f'"{at}":0' for at in range(size // 10)) + "}"


def _repeated(text: str) -> str:
    return text[0] + text[1:-1] + "," + text[1:] if text[0] == "{" and len(text) > 2 else text


def failures(name: str, label: str, text: Text) -> list[str]:
    """The faults of a reader with this text: any exception but those that a peer or a file may cause."""
    try:
        READERS[name][0](text)
    except (DecodeError, ProtocolError, SporewrightError) as why:
        said = str(why).encode("utf-8")
        return [] if 0 < len(said) < 2000 else [f"{name}, {label}: a message of {len(said)} bytes"]
    except BaseException as why:
        return [f"{name}, {label}: {type(why).__name__}: {str(why)[:200]!a}"]
    return []


OF_THE_SERVER = ("operator", "ledger", "asked", "used")
"""Readers that a page does not carry."""


def run_all(size: int) -> list[str]:
    """Every hostile text at every reader that a page carries."""
    found: list[str] = []
    for name, (_, data) in READERS.items():
        if name in OF_THE_SERVER:
            continue
        for label, text in [*embedded(data), *bare(good(name), size)]:
            found += failures(name, label, text)
    return found
