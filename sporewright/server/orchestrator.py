"""The orchestrator: who is connected, what they said, what they are shown; one writer to one store.

Pushes are committed in groups, and acknowledged after the commit. Every tick makes the derived cells anew and publishes
what changed. Nothing here knows HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import structlog

from sporewright.errors import InternalError, ProtocolError, SporewrightError
from sporewright.server.aggregation import Aggregation, Holders
from sporewright.server.batch import Batch
from sporewright.server.broadcast import Broadcast, Frame
from sporewright.server.cells import Coordinate, Layers, Stated
from sporewright.server.clients import Clients
from sporewright.server.clock import Clock
from sporewright.server.declared import Declared
from sporewright.server.device_reports import DeviceReports
from sporewright.server.holder_votes import holder_of
from sporewright.server.members import Member, Members
from sporewright.server.metrics import Metrics
from sporewright.server.publication import changes, forget, publish
from sporewright.server.rollup_rules import overlay, without_weak
from sporewright.server.settings import Settings
from sporewright.server.store import ClientKey, LostClaimError, Publication, Store
from sporewright.wire import Ack, Push

__all__ = ["Orchestrator"]

# Cells of one device written together are written faster; more of them are only more memory.
RESTORED_AT_ONCE = 10_000
_log = structlog.get_logger("sporewright.orchestrator")


@dataclass(eq=False)
class _Waiting:
    member: Member
    push: Push
    answer: asyncio.Future[Ack]


class Orchestrator:
    """Joins the store, the tick and the sessions; `run` is its life."""

    def __init__(self, store: Store, settings: Settings, declared: Declared, clock: Clock, metrics: Metrics) -> None:
        self.levels = declared.levels
        self.epoch = store.epoch
        self._declared = declared
        self._store, self._settings, self._clock, self._metrics = store, settings, clock, metrics
        self._reports = _restored(store, self.levels)
        self._clients = Clients(store.clients())
        self._publications = store.publications()
        self._fleet = self._new_fleet()
        self._stale = set(self._publications)
        """Workspaces that may have to be shown something else: at first all, whatever they were shown last."""
        self._heard: dict[str, dict[str, float]] = {}
        """workspace → device → when it was last heard of, by the monotonic clock."""
        self._holders: dict[str, dict[str, str]] = {}
        now = clock.now()
        for key, client in sorted(self._clients, key=lambda each: each[1].seen):
            # What the store says is by the wall clock; one that was set back since has made nobody younger than now.
            self._hear(key, client.holder, clock.monotonic() - max(0.0, now - client.seen))
        self._members = Members(settings)
        self._broadcasts: dict[str, Broadcast] = {}
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._writing = asyncio.Lock()
        self.lost = asyncio.Event()
        """Set once another server has the database: whoever runs this one ends it, and devices find the other."""

    def publication(self, workspace: str) -> Publication:
        """The workspace's publication; a new one is made by the next tick."""
        return self._publications.setdefault(workspace, Publication())

    def committed(self, key: ClientKey) -> int:
        """The last push of this client that is committed; 0 for none."""
        client = self._clients.get(key)
        return client.seq if client else 0

    async def join(self, member: Member) -> None:
        """Let a session in, in place of an earlier one of the same client (a line that died unnoticed).

        The first one of a workspace waits until something is in its publication. TooLargeError: there are enough.
        """
        self._members.enter(member)
        self._metrics.connections.set(len(self._members))
        self.heard(member)
        if self.publication(member.key.workspace).head == 0:
            await self.tick()

    def leave(self, member: Member) -> None:
        """A session ended; what it said stays, until its lease is over."""
        self._members.leave(member)
        if not self._members.are_there(member.key.workspace):
            self._broadcasts.pop(member.key.workspace, None)
        self._metrics.connections.set(len(self._members))

    def wake(self) -> None:
        """Ring every session's bell: who may be here has changed."""
        for member in self._members:
            member.news.set()

    def heard(self, member: Member) -> None:
        """Renew the lease of the session's device."""
        self._hear(member.key, member.holder, self._clock.monotonic())

    async def updates(self, workspace: str, base: int | None) -> Sequence[Frame]:
        """The messages that bring a device from this revision (None: from nothing) up to date; none if it is."""
        if workspace not in self._broadcasts:
            self._broadcasts[workspace] = Broadcast(self._settings.limits)
        return await self._broadcasts[workspace].updates(self.publication(workspace), base)

    async def push(self, member: Member, push: Push) -> Ack:
        """Commit a push with whatever else is waiting; the ack, once it is durable. ProtocolError for a gap."""
        waiting = _Waiting(member, push, asyncio.get_running_loop().create_future())
        self._waiting.put_nowait(waiting)
        return await waiting.answer

    async def run(self) -> None:
        """Commit and tick until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._commit_groups())
            tasks.create_task(self._tick_on())

    async def tick(self) -> None:
        """Roll up, publish what changed, ring the members (U7)."""
        async with self._writing:
            with self._metrics.ticks.time():
                changed = await asyncio.to_thread(self._ticked, self._live())
        for workspace in changed:
            for member in self._members.of(workspace):
                member.news.set()

    def _hear(self, key: ClientKey, holder: str, when: float) -> None:
        heard = self._heard.setdefault(key.workspace, {})
        heard[key.device] = max(when, heard.get(key.device, when))
        holders = self._holders.setdefault(key.workspace, {})
        holders[key.device] = holder_of(holder, key.workspace, key.device)

    def _new_fleet(self) -> Aggregation:
        return Aggregation(self._reports, self._settings.quorum, self._declared.opened)

    def _live(self) -> dict[str, Holders]:
        """By workspace, whose evidence counts: heard of within the lease, each with its holder."""
        since = self._clock.monotonic() - self._settings.lease_s
        return {
            workspace: {device: self._holders[workspace][device] for device, when in heard.items() if when >= since}
            for workspace, heard in self._heard.items()
        }

    def _ticked(self, live: Mapping[str, Holders]) -> Collection[str]:
        """The workspaces that were shown something new. A tick that fails loses nothing: the next makes all anew."""
        try:
            changed = self._changes(live)
            if changed:
                self._publish(changed)
        except Exception:
            self._fleet = self._new_fleet()
            self._stale = set(self._publications)
            raise
        self._stale.clear()
        return changed

    def _changes(self, live: Mapping[str, Holders]) -> dict[str, Stated]:
        """workspace → what it is to be shown anew; those nobody is shown yet are in it, if only with nothing."""
        fleet, before = self._fleet, self._fleet.everywhere
        self._stale.update(fleet.renew(live))
        if fleet.everywhere is not before:
            self._stale.update(self._publications)
        changed = {}
        for workspace in self._stale | {
            name for name, publication in self._publications.items() if publication.head == 0
        }:
            mine = self._declared.shown_to(workspace)
            derived = without_weak(fleet.derived.get(workspace, {}), mine, self._declared.support)
            wanted = overlay(mine, fleet.everywhere, derived)
            publication = self.publication(workspace)
            differ = changes(publication, wanted)
            if differ or publication.head == 0:
                changed[workspace] = differ
        return changed

    def _publish(self, changed: Mapping[str, dict[Coordinate, Layers]]) -> None:
        with self._store.write() as writing:
            floor = writing.revision - self._settings.horizon
            for workspace, cells in changed.items():
                writing.publish(workspace, cells)
                if floor > self.publication(workspace).floor:
                    writing.forget(workspace, floor)
        for workspace, cells in changed.items():
            publication = self.publication(workspace)
            publish(publication, cells, writing.revision)
            if floor > publication.floor:
                forget(publication, floor)
            self._metrics.published.inc(len(cells))
        self._metrics.revision.set(self._store.revision)

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(self._settings.tick_s)
            try:
                await asyncio.to_thread(self._store.keep)
                await self.tick()
            except Exception as why:
                self._note(_failed("tick", why))

    async def _commit_groups(self) -> None:
        while True:
            group = [await self._waiting.get()]
            while not self._waiting.empty():
                group.append(self._waiting.get_nowait())
            async with self._writing:
                with self._metrics.commits.time():
                    await asyncio.to_thread(self._commit, group, asyncio.get_running_loop())

    def _commit(self, group: list[_Waiting], loop: asyncio.AbstractEventLoop) -> None:
        """One transaction for the group, then the answers; where it fails, one each: a bad push fails alone."""
        try:
            answers = self._committed(group)
        except Exception as why:
            failed = _failed("commit", why)
            is_whole = len(group) > 1 and self._is_writable()
            answers = self._one_by_one(group) if is_whole else [(waiting, failed) for waiting in group]
        loop.call_soon_threadsafe(self._answer, answers)

    def _committed(self, group: list[_Waiting]) -> list[tuple[_Waiting, Ack | SporewrightError]]:
        batch = Batch(self._clients, self._reports, self._declared, self._settings)
        answers = [(waiting, self._taken(batch, waiting)) for waiting in group]
        if batch.clients:
            forgotten = self._clients.too_many(batch.clients, self._members.holds, self._settings.device_clients)
            with self._store.write() as writing:
                for workspace, cells in batch.cells.items():
                    writing.report(workspace, cells)
                writing.acknowledge(batch.clients)
                writing.forget_clients(forgotten)
            self._adopt(batch)
            self._clients.forget(forgotten)
        return answers

    def _one_by_one(self, group: list[_Waiting]) -> list[tuple[_Waiting, Ack | SporewrightError]]:
        answers: list[tuple[_Waiting, Ack | SporewrightError]] = []
        for waiting in group:
            try:
                answers += self._committed([waiting])
            except Exception as why:
                answers.append((waiting, _failed("commit", why)))
        return answers

    def _is_writable(self) -> bool:
        """True if the store is well, so that a failure was about what was written."""
        try:
            self._store.ping()
        except SporewrightError:
            return False
        return True

    def _taken(self, batch: Batch, waiting: _Waiting) -> Ack | SporewrightError:
        member = waiting.member
        try:
            return batch.take(member.key, member.holder, waiting.push, self._clock.now())
        except ProtocolError as why:
            return why

    def _adopt(self, batch: Batch) -> None:
        for workspace, cells in batch.cells.items():
            self._reports.state(workspace, cells.items())
        self._clients.update(batch.clients)

    def _note(self, end: object) -> None:
        if isinstance(end, LostClaimError):
            self.lost.set()

    def _answer(self, answers: list[tuple[_Waiting, Ack | SporewrightError]]) -> None:
        for waiting, answer in answers:
            self._note(answer)
            if waiting.answer.done():
                continue
            if isinstance(answer, Ack):
                self._metrics.pushes.inc()
                self._metrics.cells.labels("accepted").inc(answer.accepted)
                self._metrics.cells.labels("refused").inc(len(answer.refused))
                waiting.answer.set_result(answer)
            else:
                waiting.answer.set_exception(answer)


def _failed(what: str, why: Exception) -> SporewrightError:
    """Log why; a defect of ours with its traceback, as an error that may cross to a device."""
    if isinstance(why, SporewrightError):
        _log.error(f"{what} failed", code=why.code, reason=str(why))
        return why
    _log.error(f"{what} failed", exc_info=why)
    return InternalError("internal error of the server; its log says more")


def _restored(store: Store, levels: tuple[str, ...]) -> DeviceReports:
    """The devices' reports before the start; a level that the config has lost stays in the store, for its return."""
    reports, rows = DeviceReports(levels), store.reports()
    while page := list(islice(rows, RESTORED_AT_ONCE)):
        cells: dict[str, Stated] = {}
        for workspace, at, layers in page:
            if at[0] in levels:
                cells.setdefault(workspace, {})[at] = layers
        for workspace, stated in cells.items():
            reports.state(workspace, stated.items())
    return reports
