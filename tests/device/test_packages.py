"""numpy in a page: asked for by a wide tensor alone, once, after the first answer; no order changes by it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sporewright.core.columnar import store as column_store
from sporewright.device.engine import Engine

LEVELS = ["global", "workspace", "device"]


def config_of(options: int) -> dict[str, Any]:
    """A config with four measured dimensions an option."""
    dice = random.Random(5)

    def seed(option: str, dim: str, kind: str, value: float) -> dict[str, Any]:
        place = {"floor": "global", "level": "global", "inst": ""}
        return {**place, "option": option, "dim": dim, "kind": kind, "value": value}

    names = ("latency", "financial", "quality", "failure")
    values = [seed(f"o{at:04d}", name, "value", dice.random()) for at in range(options) for name in names]
    return {"levels": LEVELS, "seeds": values + [seed("", name, "weight", 1.0) for name in names]}


def started(config: dict[str, Any]) -> tuple[Engine, list[dict[str, Any]]]:
    """An engine and the effects of its start."""
    engine = Engine()
    body = {"config": config, "cursor": {"workspace": "acme"}, "limit": 10, "fresh_id": "fresh"}
    return engine, engine.step(0.0, {"type": "call", "call": "start", "body": body})


def queue_of(engine: Engine) -> list[str]:
    """The whole order."""
    effects = engine.step(1.0, {"type": "call", "call": "resolve", "body": {}})
    queue: list[str] = next(effect for effect in effects if effect["type"] == "reply")["body"]["queue"]
    return queue


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As in a page before numpy is there."""
    monkeypatch.setattr(column_store, "available", lambda: False)
    return monkeypatch


def test_a_narrow_tensor_asks_for_nothing(page: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Fifty options never load numpy."""
    engine, effects = started(config_of(50))

    assert [effect for effect in effects if effect["type"] == "load"] == []
    assert queue_of(engine)


def test_a_wide_one_asks_once_after_its_answer_and_decides_the_same(page: pytest.MonkeyPatch) -> None:
    """The load comes after the reply, is not repeated, and neither its success nor its failure changes an order; a
    failure is told by name until it is there."""
    engine, effects = started(config_of(500))
    kinds = [effect["type"] for effect in effects]
    assert kinds.count("load") == 1
    assert kinds.index("reply") < kinds.index("load")
    assert {"type": "load", "package": "numpy"} in effects
    before = queue_of(engine)

    (told,) = engine.step(2.0, {"type": "load_failed", "package": "numpy", "message": "offline"})
    assert told["push"] == "sync"
    assert told["body"]["error"] == {"code": "package", "message": "numpy: offline"}
    assert queue_of(engine) == before
    page.undo()
    (told,) = engine.step(3.0, {"type": "loaded", "package": "numpy"})
    assert "error" not in told["body"]

    assert engine._packages is not None
    assert not engine._packages._tensor.store.is_waiting
    assert queue_of(engine) == before


def test_a_load_that_ends_before_the_start_is_no_error() -> None:
    """Nothing is started: nothing happens."""
    assert Engine().step(0.0, {"type": "loaded", "package": "numpy"}) == []
