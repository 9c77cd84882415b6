"""One started device without its connection: tensor, own slice, shared levels, outbox, watches, health, joined."""

from __future__ import annotations

from binascii import crc32
from collections.abc import Mapping, Sequence
from typing import Any

from sporewright.core.config import TensorConfig
from sporewright.core.tensor import Tensor
from sporewright.device.calls import Effect, OutcomeBody, RefusedCell, StartBody
from sporewright.device.identity import Identity, choose, remembered
from sporewright.device.outbox import Outbox
from sporewright.device.own import OwnSlice
from sporewright.device.shared import Shared
from sporewright.device.storage import FLIGHT, IDENTITY, SHARED, Coord, Disk, cell_record, key_of, stored_cells
from sporewright.device.watches import Watches
from sporewright.errors import DecodeError
from sporewright.policy.gates import Device
from sporewright.routing.health import Health
from sporewright.routing.learn import learn
from sporewright.routing.plan import plan_with
from sporewright.routing.terms import Action, Plan
from sporewright.wire import Ack, Delta, Limits, Push, Snapshot, Welcome

__all__ = ["DeviceState"]

LEVEL = "device"


class DeviceState:
    """Built once from `start` and what storage held; every change ends up in `disk` and `pushes`."""

    def __init__(self, body: StartBody, disk: Disk) -> None:
        self.config = body["config"]
        self.tensor: Tensor = TensorConfig.from_dict(self.config).build()
        self.level = LEVEL if LEVEL in self.tensor.levels else self.tensor.levels[-1]
        before = remembered(disk.records.get(IDENTITY))
        self.identity = choose(body, before)
        self.bound = dict(body["cursor"])
        self.tensor.path(self.cursor())  # a cursor that cannot be read is the caller's error, before anything is kept
        self.shared = Shared(self.tensor, self.tensor.level_index(self.level))
        self.own = OwnSlice(self.tensor, self.level, self.identity.device)
        self.outbox = Outbox()
        self.watches = Watches(self.tensor)
        self.plan: Plan = plan_with(body.get("limits", {}))
        self.health = Health(self.plan)
        self.pushes: list[Effect] = []
        self._disk = disk
        self._restore(before)

    def cursor(self, over: Mapping[str, str] | None = None) -> dict[str, str]:
        """The bound cursor with another one laid over; the device's own instance unless one of them names another."""
        return {self.level: self.identity.device, **self.bound, **(over or {})}

    @property
    def device(self) -> Device:
        """The device's own hand (A1): it writes its slice and nothing else."""
        return Device(self.tensor, self.level, self.identity.device)

    def outcome(self, now: float, body: OutcomeBody) -> None:
        """An attempt ended: carry out the plan's learning, and what is kept of the option for all pages."""
        option, outcome = body["option"], body["outcome"]
        step = self.plan["transitions"].get(body.get("stage", "CALLING"), {}).get(outcome)
        if step is None:
            raise DecodeError(f"outcome: {outcome} does not end an attempt that is {body.get('stage', 'CALLING')}")
        actions = step["do"]
        here = self.cursor()
        known = {dimension: self.tensor.value(here, option, dimension) for dimension in ("latency", "failure")}
        for dimension, value in learn(actions, outcome, body.get("latency_s"), known.get):
            self.device.observe(option, dimension, value)
        self._keep_health(now, body, actions)

    def _keep_health(self, now: float, body: OutcomeBody, actions: Sequence[Action]) -> None:
        option = body["option"]
        if body.get("attempt", 1) == 1:
            self.health.called()
        if body.get("probe", False):
            self.health.release(option)
        news = self.health.apply(
            option,
            actions,
            now,
            retry_after_s=body.get("retry_after_s"),
            first_token_s=body.get("first_token_s"),
            streaming=body.get("streaming", False),
            # Drawn from names: the same events give the same waits, and two devices do not come back together.
            chance=crc32(f"{self.identity.client} {option} {now!r}".encode(errors="surrogatepass")) / 2**32,
        )
        if "cool_down" in actions:
            self.push("cooldown", {"option": option, "until": self.health.cooldowns.until(option)})
        if news:
            self.push("health", self.health.told_of(option))

    def push(self, name: str, body: Mapping[str, Any]) -> None:
        """Something for the page, with this step's effects."""
        self.pushes.append({"type": "push", "push": name, "body": dict(body)})

    def settle(self) -> None:
        """Own cells written since: into storage, and queued to be sent."""
        for coord in self.own.touched():
            self.outbox.mark(coord)
            self._disk.put(key_of(coord), cell_record(coord, self.own.layers(coord), pending=True))

    def welcomed(self, message: Welcome) -> Push | None:
        """The orchestrator knows this device: take its name for it, and find out what has to be said again."""
        elsewhere = self.shared.epoch is not None and self.shared.epoch != message.epoch
        moved = message.device != self.identity.device
        self.shared.enter(message.epoch)
        if moved:
            self._move(message.device)
        if moved or elsewhere:
            self._send_all()
            return None
        again = self.outbox.resumed(message.seq)
        self._remember_flight()
        return again

    def acked(self, message: Ack) -> None:
        """A push is committed: its cells are settled, the refused ones are shown to the page."""
        settled, refused = self.outbox.acked(message)
        self._remember_flight()
        self._settled(settled, refused)

    def next_push(self, seq: int, limits: Limits) -> Push | None:
        """What is to be sent next, if nothing is on its way."""
        if self.outbox.is_flying:
            return None
        push, dropped = self.outbox.next_push(seq, limits, self.own.entry)
        self._settled([(cell["level"], cell["inst"], cell["option"], cell["dim"]) for cell in dropped], dropped)
        if push is not None:
            self._remember_flight()
        return push

    def published(self, message: Snapshot | Delta) -> bool:
        """Lay what the orchestrator published over the declared cells; True if something is to be remembered."""
        if isinstance(message, Snapshot):
            return self.shared.snapshot(message)
        self.shared.delta(message)
        return True

    def save_shared(self) -> None:
        """Remember the shared levels."""
        self._disk.put(SHARED, self.shared.to_text())

    def _settled(self, coords: list[Coord], refused: list[RefusedCell]) -> None:
        for coord in coords:
            self._disk.put(key_of(coord), cell_record(coord, self.own.layers(coord), pending=False))
        if refused:
            self.push("refused", {"cells": refused})

    def _remember_flight(self) -> None:
        self._disk.put(FLIGHT, self.outbox.flight_text())

    def _restore(self, before: Identity | None) -> None:
        records = self._disk.records
        self.shared.restore(records.get(SHARED))
        stored = list(stored_cells(records))
        name = before.device if before else self.identity.device
        renamed = name != self.identity.device
        for coord, layers, pending in stored:
            for kept in self.own.restore([(coord, layers)], name):
                if renamed:
                    self._disk.put(key_of(coord), None)
                    self._disk.put(key_of(kept), cell_record(kept, layers, pending=True))
                if pending or renamed:
                    self.outbox.mark(kept)
        if before != self.identity:
            self._disk.put(IDENTITY, self.identity.to_text())
            self._disk.put(FLIGHT, None)
        elif FLIGHT in records:
            self.outbox.restore_flight(records[FLIGHT], self.own.entry)
        records.clear()

    def _move(self, device: str) -> None:
        before = self.identity.device
        for coord in self.own.move(device)[0]:
            self._disk.put(key_of(coord), None)
        self.identity = Identity(device, self.identity.client)
        self._disk.put(IDENTITY, self.identity.to_text())
        self.watches.turn(self.level, before, device)

    def _send_all(self) -> None:
        """Everything own goes out again: under another name, or to a database that never saw it."""
        coords = self.own.coords()
        for coord in self.outbox.coords():
            self._disk.put(key_of(coord), None)  # a removal that nobody there needs to hear of
        self.outbox.replace(coords)
        self._remember_flight()
        for coord in coords:
            self._disk.put(key_of(coord), cell_record(coord, self.own.layers(coord), pending=True))
