"""Many devices and one orchestrator: own evidence goes up through the server's own tick, medians come back down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sporewright.errors import ConfigError
from sporewright.learning.settings import DEFAULTS, LearningSettings
from sporewright.server.aggregation import Aggregation
from sporewright.server.cells import Stated
from sporewright.server.device_reports import DeviceReports
from sporewright.server.publication import changes, publish
from sporewright.server.rollup_rules import overlay
from sporewright.server.store import Publication
from sporewright.simulate.account import mean
from sporewright.simulate.chance import Draws, generator
from sporewright.simulate.ours import WORKSPACE, Caller, Device
from sporewright.simulate.run import Ticks, run_many
from sporewright.simulate.scenario import Scenario
from sporewright.simulate.study import Material, arrivals_of, course_of, span_of
from sporewright.simulate.world import World

__all__ = ["Regrets", "play_fleet"]

LEVELS = ("global", "workspace", "device")


@dataclass(frozen=True, slots=True)
class Regrets:
    """Mean regret of a device in seconds over all its calls: of those that report what they saw, and of all."""

    honest: float
    everybody: float


class _Server:
    """Takes what devices say and publishes what follows, by the orchestrator's own functions."""

    def __init__(self, quorum: int) -> None:
        self._reports = DeviceReports(LEVELS)
        self._fleet = Aggregation(self._reports, quorum)
        self._live: dict[str, str] = {}
        self._publication = Publication()

    def push(self, device: str, cells: Stated) -> None:
        """Take a device's cells; each device is of another holder."""
        self._live[device] = f"holder of {device}"
        self._reports.state(WORKSPACE, cells.items())

    def tick(self) -> None:
        """Roll up, and put what is different in the publication under the next revision."""
        list(self._fleet.renew({WORKSPACE: self._live}))
        wanted = overlay({}, self._fleet.everywhere, self._fleet.derived.get(WORKSPACE, {}))
        different = changes(self._publication, wanted)
        if different:
            publish(self._publication, different, self._publication.head + 1)

    def since(self, revision: int) -> tuple[int, Stated]:
        """The head, and the cells that came after that revision."""
        cells = {at: row.layers for at, row in self._publication.cells.items() if row.revision > revision}
        return self._publication.head, cells


class _Member(Caller):
    """A device in the fleet: it hears what was published when it is asked, and says what it saw at a tick."""

    def __init__(self, name: str, device: Device, server: _Server | None, lies: dict[str, float]) -> None:
        super().__init__(device)
        self._name, self._server, self._lies = name, server, lies
        self._revision = 0

    def order(self, now: float, options: Sequence[str]) -> Sequence[str]:
        """Its queue, after the news."""
        if self._server is not None:
            head, cells = self._server.since(self._revision)
            if head != self._revision:
                self._revision = head
                self._device.told(now, cells)
        return super().order(now, options)

    def report(self) -> None:
        """Push what was written; a liar swaps the latencies."""
        cells = self._device.news()
        if self._server is not None and cells:
            told = {
                at: layers._replace(value=self._lies[at[2]]) if at[3] == "latency" and at[2] in self._lies else layers
                for at, layers in cells.items()
            }
            self._server.push(self._name, told)


def play_fleet(
    material: Material, scenario: Scenario, seed: int, *, together: bool = True, settings: LearningSettings = DEFAULTS
) -> Regrets:
    """One run of a fleet scenario; apart, every device is alone with what it sees. ConfigError without a fleet."""
    fleet = scenario.fleet
    if fleet is None:
        raise ConfigError(f"scenario {scenario.name!r} has no fleet")
    options = sorted(material.rows)
    draws = Draws(seed, fleet.devices * fleet.calls_each, options)
    world = World(course_of(material, scenario), draws)
    chance = generator(seed, "fleet")
    starts = sorted(chance.uniform(0.0, fleet.spread_s) for _ in range(fleet.devices))
    liars = set(chance.sample(range(fleet.devices), round(fleet.liars * fleet.devices)))
    server = _Server(settings.support) if together else None
    lies = _mirrored(world)
    members = [
        _Member(
            f"d{at}",
            Device(f"d{at}", options, scenario.usd_s, settings),
            server,
            lies if at in liars else {},
        )
        for at in range(fleet.devices)
    ]
    gap = span_of(scenario, material) / scenario.calls
    arrivals = sorted(
        (starts[at] + time, at)
        for at in range(fleet.devices)
        for time in arrivals_of(
            material.traces[scenario.trace], fleet.calls_each, gap * (fleet.calls_each - 1), seed * fleet.devices + at
        )
    )

    def tick(_: float) -> None:
        for member in members:
            member.report()
        if server is not None:
            server.tick()

    calls = run_many(world, members, arrivals, draws, scenario.usd_s, Ticks(fleet.tick_s, tick))
    sums = [0.0] * fleet.devices
    for (_, at), call in zip(arrivals, calls, strict=True):
        sums[at] += call.regret
    return Regrets(mean(x for at, x in enumerate(sums) if at not in liars), mean(sums))


def _mirrored(world: World) -> dict[str, float]:
    """option → the mean cost of the option that stands as far from the end as it does from the beginning."""
    costs = {option: world.quote(0.0, option).cost for option in world.options}
    ranked = sorted(costs, key=lambda option: (world.quote(0.0, option).index, option))
    return {option: costs[other] for option, other in zip(ranked, reversed(ranked), strict=True)}
