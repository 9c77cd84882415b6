"""The source of a native call's order, which also learns from the call: a device, a tensor, or a function."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from sporewright.core.tensor import Tensor
from sporewright.device.figures import figures_at
from sporewright.device.learning_store import TASK
from sporewright.device.native import NativeDevice
from sporewright.device.outgoing import from_caller
from sporewright.errors import ConfigError
from sporewright.jsontext import shown
from sporewright.learning.learner import Learner
from sporewright.policy.budget import dimension_of
from sporewright.policy.gates import Device
from sporewright.routing.health import Health, Permit
from sporewright.routing.learn import cost_of, evidence_of
from sporewright.routing.plan import plan_with
from sporewright.routing.preferences import Figures
from sporewright.routing.terms import Plan

__all__ = ["TASK", "DeviceSource", "OrderSource", "Source", "TensorSource"]


class Source(Protocol):
    """The order now, what is kept of the options, and what becomes of an attempt."""

    plan: Plan
    health: Health

    def order(self, cursor: Mapping[str, str] | None = None) -> Sequence[str]:
        """All options, best first, at a cursor laid over the source's own; None: the head of the order there."""

    def figures(self, cursor: Mapping[str, str], options: Sequence[str]) -> dict[str, Figures]:
        """The figures that are known of these options there."""

    def permit(self, permit: Permit, option: str) -> bool:
        """Ask for what is rationed."""

    def outcome(self, body: dict[str, Any]) -> None:
        """An attempt ended, or a step of it taught something (the call `outcome`)."""

    def changed(self, option: str) -> None:
        """Its key is another one now: what it was set aside for is gone."""

    def price(self, option: str) -> tuple[float, float]:
        """US dollars per million tokens of a request and of an answer, as declared; 0 where none are."""

    def priced(self, prices: Mapping[str, float], draws: Mapping[str, Mapping[str, float]]) -> None:
        """The price of each pool, and what each option is expected to draw on it, are these now (D2)."""

    def report(self, option: str, quality: float, task: str | None = None) -> None:
        """The caller's rating, 0 to 1, of an answer to that kind of work."""


class OrderSource:
    """A fixed order, or a function that gives one; nothing is learned."""

    def __init__(self, order: Sequence[str] | Callable[[], Sequence[str]], limits: Mapping[str, float]) -> None:
        self._order = order
        self.plan = plan_with(limits)
        self.health = Health(self.plan)

    def order(self, cursor: Mapping[str, str] | None = None) -> Sequence[str]:
        """The options, best first, whatever the kind of work; ConfigError for any other place."""
        if cursor is not None and cursor.keys() - {TASK}:
            raise ConfigError(f"cursor: {dict(cursor)}: this transport's order is a list, which has no levels")
        return _told(self._order) if callable(self._order) else self._order

    def figures(self, cursor: Mapping[str, str], options: Sequence[str]) -> dict[str, Figures]:  # noqa: ARG002
        """Nothing is known."""
        return {}

    def permit(self, permit: Permit, option: str) -> bool:
        """From this transport's own budget."""
        return self.health.permit(permit, option, time.time())

    def outcome(self, body: dict[str, Any]) -> None:
        """Nothing is learned."""

    def changed(self, option: str) -> None:
        """Its key is another one now: what it was set aside for is gone."""
        self.health.changed(option)

    def price(self, option: str) -> tuple[float, float]:  # noqa: ARG002
        """None is declared."""
        return 0.0, 0.0

    def priced(self, prices: Mapping[str, float], draws: Mapping[str, Mapping[str, float]]) -> None:
        """A fixed order does not bend."""

    def report(self, option: str, quality: float, task: str | None = None) -> None:
        """Nothing is learned."""


def _told(order: Callable[[], Sequence[str]]) -> Sequence[str]:
    """The order that a caller's function gives; ConfigError where it gives none, without the words of its exception."""
    try:
        found = from_caller(order)
    except Exception as why:
        raise ConfigError(f"order: the function raised {type(why).__name__}") from why
    if not isinstance(found, list | tuple) or not all(isinstance(option, str) for option in found):
        raise ConfigError(f"order: the function gave {shown(found)}, which is not a list of options")
    return found


def _refuse_others(level: str, cursor: Mapping[str, str], own: Mapping[str, str]) -> None:
    """ConfigError where a call would be made from another device."""
    if level in cursor and cursor[level] != own.get(level):
        raise ConfigError(f"cursor: {level}: {shown(cursor[level])}: a call is made from this device")


class TensorSource(OrderSource):
    """A tensor at a cursor; what calls teach is written at its finest level, where the cursor names an instance.

    The value is the learner's mean of this source's own measurements; nothing is stored beside it.
    """

    def __init__(self, tensor: Tensor, cursor: Mapping[str, str], limits: Mapping[str, float]) -> None:
        super().__init__(lambda: tensor.resolve(cursor), limits)
        self._tensor, self._cursor = tensor, cursor
        level = tensor.levels[-1]
        instance = cursor.get(level, "")
        self._device = Device(tensor, level, instance) if instance else None
        self._learner = Learner(device=instance)
        self._slice = (tensor.writer(level, instance), level, instance) if instance else None

    def price(self, option: str) -> tuple[float, float]:
        """As the tensor has it at the cursor."""
        price_in, price_out = (self._tensor.value(self._cursor, option, name) for name in ("price:in", "price:out"))
        return price_in or 0.0, price_out or 0.0

    def priced(self, prices: Mapping[str, float], draws: Mapping[str, Mapping[str, float]]) -> None:
        """Written at the finest level, where the cursor names an instance: the order bends before the wall."""
        if self._slice is None:
            return
        writer, level, instance = self._slice
        for pool, price in prices.items():
            writer.set_weight(level, instance, dimension_of(pool), price)
        for option, each in draws.items():
            for pool, draw in each.items():
                writer.set_value(level, instance, option, dimension_of(pool), draw)

    def order(self, cursor: Mapping[str, str] | None = None) -> Sequence[str]:
        """The options, best first, at a cursor laid over the source's own; a level `task` may be missing."""
        return self._tensor.resolve(self._at(cursor or {}))

    def figures(self, cursor: Mapping[str, str], options: Sequence[str]) -> dict[str, Figures]:
        """The figures that the tensor has of them there."""
        return figures_at(self._tensor, self._at(cursor), options)

    def _at(self, cursor: Mapping[str, str]) -> dict[str, str]:
        levels = self._tensor.levels
        over = {level: at for level, at in cursor.items() if level != TASK or level in levels}
        _refuse_others(levels[-1], over, self._cursor)
        return {**self._cursor, **over}

    def outcome(self, body: dict[str, Any]) -> None:
        """Write what the plan's row says is learned."""
        if self._device is None:
            return
        option, outcome = body["option"], body["outcome"]
        slept = body.get("slept", False)
        timed = self.plan["timed"] if slept else ()
        row = self.plan["transitions"][body.get("stage", "CALLING")][outcome]
        actions = [action for action in row["do"] if action not in timed]
        cost = cost_of(body, lambda dimension: self._tensor.value(self._cursor, option, dimension))
        first = body.get("first_token_s")
        took = None if slept else body.get("latency_s")
        evidence = evidence_of(actions, outcome, took, ttft_s=first, cost_usd=cost)
        for dimension in self._learner.learn(time.time(), option, evidence) if evidence else ():
            own = self._learner.own(option, dimension)
            if own is not None:
                self._device.observe(option, dimension, own.value)


class DeviceSource:
    """A started device: its head, its engine's budgets and probes, its learning."""

    def __init__(self, device: NativeDevice) -> None:
        self._device = device
        self.plan, self.health = device.plan, device.health

    def order(self, cursor: Mapping[str, str] | None = None) -> Sequence[str]:
        """The head of the device's order; at a cursor all of it, kept current from then on."""
        if cursor is None:
            return self._device.queue
        _refuse_others(self._device.level, cursor, self._device.cursor)
        return self._device.orders.order(cursor)

    def figures(self, cursor: Mapping[str, str], options: Sequence[str]) -> dict[str, Figures]:
        """The figures that the engine has of them there."""
        found: dict[str, Figures] = self._device.call("figures", cursor=dict(cursor), options=list(options))["figures"]
        return found

    def permit(self, permit: Permit, option: str) -> bool:
        """From the device's own budget."""
        return bool(self._device.call("permit", permit=permit, option=option)["granted"])

    def outcome(self, body: dict[str, Any]) -> None:
        """The engine learns."""
        self._device.call("outcome", **body)

    def changed(self, option: str) -> None:
        """Its key is another one now, for this call and for the engine."""
        self.health.changed(option)
        self._device.call("changed", option=option)

    def price(self, option: str) -> tuple[float, float]:
        """As the device's config declares it."""
        said_in, said_out = (self._declared.get((option, name), 0.0) for name in ("price:in", "price:out"))
        return said_in, said_out

    @cached_property
    def _declared(self) -> dict[tuple[str, str], float]:
        """Option and dimension → the price that the config declares last; read once, for it may have many seeds."""
        return {
            (seed["option"], seed["dim"]): float(seed["value"])
            for seed in self._device.config.get("seeds", ())
            if seed.get("kind") == "value" and seed.get("dim") in ("price:in", "price:out")
        }

    def priced(self, prices: Mapping[str, float], draws: Mapping[str, Mapping[str, float]]) -> None:
        """The engine lays them where it resolves."""
        told = {option: dict(each) for option, each in draws.items()}
        self._device.call("priced", prices=dict(prices), draws=told)

    def report(self, option: str, quality: float, task: str | None = None) -> None:
        """The engine learns."""
        said = {} if task is None else {TASK: task}
        self._device.call("report", option=option, quality=quality, **said)
