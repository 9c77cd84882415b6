"""One started device without its connection: tensor, own slice, shared levels, outbox, watches, health, joined."""

from __future__ import annotations

from binascii import crc32
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sporewright.core.config import TensorConfig
from sporewright.core.tensor import Tensor
from sporewright.device.calls import Effect, OutcomeBody, RefusedCell, ReportBody, StartBody
from sporewright.device.dedupe import Deduplicator
from sporewright.device.device_records import (
    FLIGHT,
    IDENTITY,
    SHARED,
    Coord,
    Disk,
    cell_record,
    is_cell,
    key_of,
    stored_cells,
)
from sporewright.device.device_slice import DeviceSlice
from sporewright.device.events import News
from sporewright.device.identity import Identity, choose, remembered
from sporewright.device.learning_store import TASK, LearningStore, with_local
from sporewright.device.local_gates import LocalGates
from sporewright.device.local_prices import LocalPrices
from sporewright.device.outbox import Outbox
from sporewright.device.shared_levels import SharedLevels
from sporewright.device.watches import Watches
from sporewright.errors import DecodeError, TokenError
from sporewright.learning.cells import LOCAL
from sporewright.learning.evidence import Evidence
from sporewright.learning.settings import settings_from
from sporewright.policy.cascade import chains_from
from sporewright.policy.gates import Device
from sporewright.pools import pools_from
from sporewright.routing.health import Health, Permit
from sporewright.routing.learn import cost_of, evidence_of
from sporewright.routing.plan import plan_with
from sporewright.routing.terms import ASIDES, Action, Plan
from sporewright.wire import Ack, Delta, Limits, Push, Snapshot, Welcome

__all__ = ["DeviceState", "own_level"]

LEVEL = "device"


def own_level(levels: Sequence[str]) -> str:
    """The level of a device itself: the one of that name, else the finest; empty if there are none."""
    return LEVEL if LEVEL in levels else (levels[-1] if levels else "")


class DeviceState:
    """Built once from `start` and what storage held; every change ends up in `disk` and `pushes`."""

    def __init__(self, now: float, body: StartBody, disk: Disk) -> None:
        self.config = body["config"]
        declared = TensorConfig.from_dict(self.config)
        self.tensor: Tensor = replace(declared, levels=with_local(declared.levels)).build()
        self.level = own_level(declared.levels)
        before = remembered(disk.records.get(IDENTITY))
        self.identity = choose(body, before)
        self.bound = dict(body["cursor"])
        settings = settings_from(self.config.get("learning"))
        pools_from(self.config.get("pools"), declared.declared_order())
        chains_from(self.config)
        self.learned = LearningStore(self.tensor, self.level, self.identity.device, self.bound, settings, disk)
        self.tensor.path(self.cursor())  # a cursor that cannot be read is the caller's error, before anything is kept
        self.shared = SharedLevels(self.tensor, self.tensor.level_index(self.level), settings.support)
        self.own = DeviceSlice(self.tensor, self.level, self.identity.device)
        self.outbox = Outbox()
        self.heard = Deduplicator(disk)
        self.watches = Watches(self.tensor)
        self.plan: Plan = plan_with(body.get("limits", {}))
        self.health = Health(self.plan)
        self.gated = LocalGates(self.tensor, self.health)
        self.scarce = LocalPrices(self.tensor)
        self.pushes: list[Effect] = []
        self._unread: set[str] = set()
        """Keys of cells that could not be read: forget-me erases them, too."""
        self._disk = disk
        self._was_heard = SHARED in disk.records or FLIGHT in disk.records
        """True if an orchestrator may know cells of this device from before."""
        self._restore(now, before)

    def cursor(self, over: Mapping[str, str] | None = None) -> dict[str, str]:
        """The bound cursor with another one laid over; the device's own instance unless one of them names another."""
        return self.learned.addressed({self.level: self.identity.device, **self.bound, **(over or {})})

    def at(self, now: float, over: Mapping[str, str] | None = None) -> dict[str, str]:
        """`cursor`, with what is believed there laid out."""
        found = self.cursor(over)
        self.learned.look(now, found)
        if found.get(self.level) == self.identity.device:
            self.gated.look(now, found[LOCAL])
            self.scarce.look(found[LOCAL])
        return found

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
        slept = body.get("slept", False)
        timed = self.plan["timed"] if slept else ()
        actions = [action for action in step["do"] if action not in timed]
        if self._is_spared(now, body, actions):
            actions = self.health.keys.spared(actions)
        first, cost = body.get("first_token_s"), self._cost(option, body)
        took = None if slept else body.get("latency_s")
        evidence = evidence_of(actions, outcome, took, ttft_s=first, cost_usd=cost)
        if not self.heard.is_new(body):
            evidence = None  # an engine before this one has learned and stored it, and was lost before it answered
        self.learned.ended(now, option, evidence, self.kind(body), under_way=body.get("stage") != "PICKING")
        self._keep_health(now, body, actions)

    def _keep_health(self, now: float, body: OutcomeBody, actions: Sequence[Action]) -> None:
        option = body["option"]
        # A body that is handed over is told twice: by its headers, and if it breaks; so is a refusal without a reason.
        if body.get("attempt", 1) == 1 and body.get("stage") not in ("BODY", "PICKING"):
            self.health.called()
            self.tell({"called": True})
        if body.get("probe", False):
            self.health.release(option)
            self.tell({"over": option})
        streaming, before = body.get("streaming", False), self.health.standing(option)
        self.health.apply(
            option,
            actions,
            now,
            retry_after_s=body.get("retry_after_s"),
            first_token_s=body.get("first_token_s"),
            streaming=streaming,
            reason=body.get("reason", "client"),
            key=body.get("key", 0),
            model=body.get("model"),
            chance=self._chance(now, option),
        )
        news = self.health.has_news(option, before, streaming=streaming)
        if "cool_down" in actions:
            self.push("cooldown", {"option": option, "until": self.health.cooldowns.until(option)})
        if "credential" in body:
            self.health.asides.sign(option, body["credential"])
        self.gated.refresh(now)
        if news:
            self._tell_of(option)

    def _is_spared(self, now: float, body: OutcomeBody, actions: Sequence[Action]) -> bool:
        return self.health.keys.spares(
            body["option"],
            actions,
            now,
            key=body.get("key", 0),
            keys=body.get("keys", 1),
            reason=next((reason for reason in ASIDES if reason == body.get("reason")), None),
            retry_after_s=body.get("retry_after_s"),
            chance=self._chance(now, body["option"]),
            model=body.get("model"),
        )

    def _chance(self, now: float, option: str) -> float:
        """Drawn from names: the same events give the same waits, and two devices do not come back together."""
        return crc32(f"{self.identity.client} {option} {now!r}".encode(errors="surrogatepass")) / 2**32

    def changed(self, now: float, option: str) -> None:
        """Its key or model is another one now: what it was set aside for is gone, for all pages."""
        self.health.changed(option)
        self.gated.refresh(now)
        self._tell_of(option)

    def _tell_of(self, option: str) -> None:
        self.push("health", self.health.told_of(option))
        self.tell({"health": self.health.told_of(option)})

    def permit(self, now: float, kind: Permit, option: str) -> bool:
        """True if the permit is granted; it is then used up for the other engines, too."""
        granted = self.health.permit(kind, option, now)
        if granted:
            self.tell({"permit": kind, "option": option})
        return granted

    def hear(self, now: float, news: News) -> None:
        """Take over the news of another engine of this profile: its options, budgets and probes are the same."""
        if "health" in news:
            self.health.told(news["health"])
            self.gated.refresh(now)
            self.push("health", self.health.told_of(news["health"]["option"]))
        if "permit" in news:
            self.health.permit(news["permit"], news.get("option", ""), now)
        if "over" in news:
            self.health.release(news["over"])
        if news.get("called", False):
            self.health.called()

    def report(self, now: float, body: ReportBody) -> None:
        """Learn from the caller's report on an answer."""
        option, quality = body["option"], body.get("quality")
        # Learned already, with the outcome: a call is charged once.
        is_learned = body.get("counted", False) and self._cost(option, {"tokens_in": 0, "tokens_out": 0}) is not None
        cost = None if is_learned else self._cost(option, body)
        evidence = Evidence(quality=quality, cost_usd=cost, more=body.get("more", {}))
        if self.heard.is_new(body):
            self.learned.reported(now, option, evidence, self.kind(body))

    def observe(self, now: float, option: str, dimension: str, value: float) -> None:
        """State a value (A1), over what was learned of it."""
        self.device.observe(option, dimension, value)
        self.learned.observed(now, option, dimension)

    def kind(self, body: Mapping[str, Any]) -> str:
        """The kind of work an attempt was for: as said, else the bound cursor's."""
        kind: str = body.get("task", self.bound.get(TASK, ""))
        return kind.removeprefix(f"{self.identity.device}/")

    def forget(self) -> None:
        """Forget-me: everything this device learned or said, here and, by tombstones, at the orchestrator."""
        self.learned.forget()
        self.health.forget()
        self.outbox.redact()
        self._remember_flight()
        for key in self._unread:
            self._disk.put(key, None)
        self._unread.clear()
        for level, instance, option, dimension in self.own.coords():
            self.tensor.remove(self.tensor.level_index(level), instance, option, dimension)

    def _cost(self, option: str, body: Mapping[str, Any]) -> float | None:
        """The charge: as told, else tokens × price (`price:in`, `price:out`, USD per million tokens)."""
        return cost_of(body, lambda dimension: self.tensor.value(self.cursor(), option, dimension))

    def push(self, name: str, body: Mapping[str, Any]) -> None:
        """Something for the page, with this step's effects."""
        self.pushes.append({"type": "push", "push": name, "body": dict(body)})

    def tell(self, news: News) -> None:
        """Something for the other engines of this profile, with this step's effects."""
        self.pushes.append({"type": "tell", "news": news})

    def settle(self) -> None:
        """Own cells written since: into storage, and queued to be sent.

        A removal is told only to an orchestrator that may know the cell: where there never was one, tombstones would
        pile up for no reader.
        """
        for coord in self.own.touched():
            layers = self.own.layers(coord)
            if layers == (None, None) and not (self._was_heard or self.shared.epoch):
                self.outbox.drop(coord)
                self._disk.put(key_of(coord), None)
            else:
                self.outbox.mark(coord)
                self._disk.put(key_of(coord), cell_record(coord, layers, pending=True))

    def welcomed(self, now: float, message: Welcome) -> Push | None:
        """The orchestrator knows this device: take its name for it, and find out what has to be said again.

        TokenError, and nothing taken, if it speaks for another workspace than the cursor: what was learned in one would
        be told to the other, and what is read here would never change.
        """
        bound = self.bound.get("workspace")
        if bound and bound != message.workspace:
            raise TokenError(f"the token is for workspace {message.workspace!r}, the cursor names {bound!r}")
        elsewhere = self.shared.epoch is not None and self.shared.epoch != message.epoch
        moved = message.device != self.identity.device
        self.shared.enter(message.epoch)
        if moved:
            self._move(now, message.device)
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
        """The push to send next, if none is on its way."""
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

    def _restore(self, now: float, before: Identity | None) -> None:
        records = self._disk.records
        self.shared.restore(records.get(SHARED))
        stored = list(stored_cells(records))
        name = before.device if before else self.identity.device
        renamed = name != self.identity.device
        self._unread = {key for key in records if is_cell(key)}
        for coord, layers, pending in stored:
            for kept in self.own.restore([(coord, layers)], name):
                self._unread.discard(key_of(coord))
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
        self.learned.restore(now, records)
        self.heard.restore(records)
        records.clear()

    def _move(self, now: float, device: str) -> None:
        before = self.identity.device
        for coord in self.own.move(device)[0]:
            self._disk.put(key_of(coord), None)
        self.identity = Identity(device, self.identity.client)
        self._disk.put(IDENTITY, self.identity.to_text())
        self.learned.move(now, device)
        self.gated.look(now, self.cursor()[LOCAL])
        self.watches.turn(self.level, before, device)

    def _send_all(self) -> None:
        """Everything own goes out again: under another name, or to a database that never saw it."""
        coords = self.own.coords()
        for coord in self.outbox.coords():
            self._disk.put(key_of(coord), None)  # a removal of which the new database need not hear
        self.outbox.replace(coords)
        self._remember_flight()
        for coord in coords:
            self._disk.put(key_of(coord), cell_record(coord, self.own.layers(coord), pending=True))
