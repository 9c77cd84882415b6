"""W(n): the workload of every table, the same cells on both sides, and the calls that are timed in Python.

Levels global ≺ workspace ≺ device; n options × 6 dimensions at global, one workspace and one device value an option,
six shared weights. Runs in CPython and, read as text, in the page's Pyodide.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Collection
from typing import Any

from sporewright import Tensor
from sporewright.device.engine import Engine

LEVELS = ["global", "workspace", "device"]
DIMENSIONS = ["availability", "failure", "financial", "freshness", "latency", "quality"]
CURSOR = {"workspace": "acme", "device": "A"}


def cells(n: int, seed: int = 1) -> list[dict[str, Any]]:
    """The cells of W(n), as S1 has them."""
    dice = random.Random(seed)
    made = [
        {"level": "global", "inst": "", "option": "", "dim": dimension, "w": round(dice.uniform(0.1, 2), 6)}
        for dimension in DIMENSIONS
    ]
    for at in range(n):
        option = f"option-{at:06d}"
        made += [
            {"level": "global", "inst": "", "option": option, "dim": dimension, "v": round(dice.random(), 9)}
            for dimension in DIMENSIONS
        ]
        for level, instance in (("workspace", "acme"), ("device", "A")):
            dimension = DIMENSIONS[dice.randrange(6)]
            made.append(
                {"level": level, "inst": instance, "option": option, "dim": dimension, "v": round(dice.random(), 9)}
            )
    return made


def tensor_text(n: int) -> str:
    """W(n) as the JSON of a tensor (table 5 reads it)."""
    return json.dumps({"levels": LEVELS, "cells": cells(n)})


def config(n: int, levels: Collection[str] = LEVELS) -> dict[str, Any]:
    """The cells of W(n) at these levels as a config (C1)."""
    seeds = [
        {
            "floor": cell["level"],
            "level": cell["level"],
            "inst": cell["inst"],
            "option": cell["option"],
            "dim": cell["dim"],
        }
        | ({"kind": "value", "value": cell["v"]} if "v" in cell else {"kind": "weight", "value": cell["w"]})
        for cell in cells(n)
        if cell["level"] in levels
    ]
    return {"levels": LEVELS, "seeds": seeds}


def config_text(n: int) -> str:
    """All of W(n) as the config of a router (table 4 reads its queue)."""
    return json.dumps(config(n))


class Inline:
    """An engine in the caller's own thread: what tables 1 to 3 call from JavaScript."""

    def __init__(self, text: str) -> None:
        self.tensor = Tensor.from_json(text)
        self.device = self.tensor.writer("device", "A")
        self.operator = self.tensor.writer("global")
        self.live = self.tensor.watch(CURSOR, 10)

    def whole(self) -> str:
        """The whole queue, to be compared."""
        return "\n".join(self.tensor.resolve(CURSOR))

    def write_and_head(self, option: str, dimension: str, value: float) -> str:
        """Table 1: one device value, then the first ten, joined."""
        self.device.set_value("device", "A", option, dimension, value)
        return "\n".join(self.live.order())

    def resolve(self) -> str:
        """Table 2: the whole queue, nothing kept for this cursor but what any cursor may use; only its head crosses."""
        return "\n".join(self.tensor.resolve(CURSOR)[:10])

    def weigh_and_head(self, dimension: str, weight: float) -> str:
        """Table 3: one shared weight, then the first ten."""
        self.operator.set_weight("global", "", dimension, weight)
        return "\n".join(self.live.order())


# A measurement, or a write, every hundredth of a second of each engine's own clock: what time asks for counts in.
STEP_S = 0.01


class _Clocked:
    """An engine and the clock it lives by."""

    def __init__(self, start: dict[str, Any]) -> None:
        self.now, self.wake_at = 1.0, math.inf
        self.engine = Engine()
        self.step({"type": "call", "call": "start", "body": start})

    def step(self, event: dict[str, Any]) -> None:
        """Take the event."""
        for effect in self.engine.step(self.now, event):
            if effect["type"] == "wake":
                self.wake_at = effect["at"]

    def call(self, call: str, body: dict[str, Any]) -> str:
        """A call a step later, then the first ten."""
        self.now += STEP_S
        self.step({"type": "call", "call": call, "body": body})
        return "\n".join(self.engine.head())

    def wake(self) -> None:
        """The timer goes off."""
        self.now, self.wake_at = max(self.now, self.wake_at), math.inf
        self.step({"type": "woken"})


class Learning:
    """Two engines of one config: one is told values, the other measurements. What table 6 calls from JavaScript."""

    def __init__(self, n: int) -> None:
        start = {"config": config(n, ["global"]), "cursor": {"workspace": "acme"}, "limit": 10, "fresh_id": "A"}
        self._told, self._taught = _Clocked(start), _Clocked(start)

    def state_and_head(self, option: str, value: float) -> str:
        """A plain write: one value into the own slice, with its record and its place in the outbox; the first ten."""
        return self._told.call("observe", {"option": option, "dimension": "latency", "value": value})

    def learn_and_head(self, option: str, value: float) -> str:
        """One measurement: belief, own evidence, local cells, their records; the first ten."""
        return self._taught.call("report", {"option": option, "more": {"latency": value}})

    def wait(self) -> float:
        """Nothing happens until the next turn of what time changes; how many seconds that was."""
        before = self._taught.now
        self._taught.wake()
        return self._taught.now - before


def load_and_resolve(text: str) -> str:
    """Table 5: the cells from JSON, then one queue."""
    return "\n".join(Tensor.from_json(text).resolve(CURSOR)[:10])
