"""Providers that come and go by a seeded schedule, and the truth about when each of them was well."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from e2e.faulty import FaultServers
from sporewright.server.demo.faults import FaultServer, Step

__all__ = ["NAMES", "Flapping"]

NAMES = ("alpha", "beta", "gamma", "delta")
WELL_S, ILL_S = (0.1, 0.5), (0.05, 0.3)
HANGING_S = (0.02, 0.08)
"""A silent provider costs each call that meets it a whole limit: its phases are short."""
FAULTS = (
    "status", "status", "status", "reset", "cut", "end", "fail", "malformed", "no_done", "stall", "silent", "slow",
)  # fmt: skip
HANGING = {"stall", "silent", "slow"}


def _well(chance: random.Random) -> Step:
    return Step(tokens=chance.randrange(5, 61), token_s=chance.choice([0.0, 0.0, 0.002]))


def _ill(kind: str, chance: random.Random) -> Step:
    if kind == "status":
        status, headers = chance.choice([(500, {}), (503, {}), (429, {}), (429, {"retry-after": "1"})])
        return Step("status", status=status, headers=headers)
    if kind == "slow":
        return Step(first_token_s=5.0)
    return Step(kind, after=chance.randrange(1, 20), tokens=chance.randrange(20, 61))


def schedule(seed: str) -> Iterator[tuple[float, Step]]:
    """Well, ill, well, …: how long, and how; every fault in turn, in a shuffled order, without end."""
    chance = random.Random(seed)
    while True:
        for kind in chance.sample(FAULTS, len(FAULTS)):
            yield chance.uniform(*WELL_S), _well(chance)
            yield chance.uniform(*(HANGING_S if kind in HANGING else ILL_S)), _ill(kind, chance)


class Flapping(FaultServers):
    """Four fault servers, each on its own schedule from `begin` to `close`."""

    def __init__(self, seed: int) -> None:
        super().__init__({name: [Step()] for name in NAMES})
        self._seed = seed
        self._phases: dict[str, list[tuple[float, Step]]] = {name: [(0.0, Step())] for name in NAMES}
        self._flapping: list[Future[None]] = []

    def begin(self) -> None:
        """From now on they come and go."""
        for name, server in self.servers.items():
            work = self._flap(server, self._phases[name], schedule(f"{self._seed}/{name}"))
            self._flapping.append(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _flap(
        self, server: FaultServer, phases: list[tuple[float, Step]], plan: Iterator[tuple[float, Step]]
    ) -> None:
        for seconds, step in plan:
            phases.append((time.time(), step))
            server.play([step])
            await asyncio.sleep(seconds)

    def was_well(self, name: str, begun: float, ended: float) -> bool:
        """True if this one would have answered, at once and whole, throughout that time."""
        phases = list(self._phases[name])  # another thread goes on writing them
        during = [
            step
            for (at, step), (until, _) in zip(phases, [*phases[1:], (float("inf"), Step())], strict=True)
            if at <= ended and until >= begun
        ]
        return all(step.kind == "ok" and step.first_token_s == 0 for step in during)

    def take(self, patience_s: float = 5.0) -> dict[str, list[dict[str, Any]]]:
        """The attempts that reached each server since the last time, once each is over there, or patience is."""
        limit = time.monotonic() + patience_s
        while time.monotonic() < limit and any(
            not is_over(entry) for server in self.servers.values() for entry in list(server.log)
        ):
            time.sleep(0.02)
        taken = {}
        for name, server in self.servers.items():
            taken[name], server.log[:] = list(server.log), []
        return taken

    def close(self) -> None:
        """Stop the schedules, then the servers."""
        for flapping in self._flapping:
            flapping.cancel()
        super().close()


def is_over(entry: dict[str, Any]) -> bool:
    """True if the server has nothing left to do for this attempt."""
    return entry["kind"] == "reset" or "ended" in entry or "left" in entry
