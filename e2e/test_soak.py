"""Thousands of routed requests in one page over providers that come and go: whole or explained, and nothing is kept.

`SOAK_REQUESTS` says how many (1,000), `SOAK_SEED` which ones.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from e2e.flapping import NAMES, Flapping
from e2e.harness import DIST, config_of, open_bare
from e2e.meter import Held, Meter
from e2e.verdict import LIMITS, wrong
from tests.serving import Orchestrator

HERE = Path(__file__).resolve().parent
REQUESTS = int(os.environ.get("SOAK_REQUESTS", "1000"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
WARM = 500
"""Requests after which a page has compiled what all of them need, a refusal's rare wordings included."""
LANES, BATCH = 8, 100
RECORDS = 12 * len(NAMES)


@dataclass
class Soaked:
    """The outcomes of all requests; `held`: what was held at 20 % and at 100 %."""

    problems: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    sent: int = 0
    held: list[Held] = field(default_factory=list)

    def take(self, told: dict[str, Any], logs: dict[str, list[dict[str, Any]]], servers: Flapping) -> None:
        """One batch's results, receipts and server logs, each request judged by its own."""
        receipts = {receipt["call"]: receipt for receipt in told["receipts"]}
        mine: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for option, entries in logs.items():
            self.sent += len(entries)
            for entry in entries:
                mine[entry["key"]][option].append(entry)
        for result in told["results"]:
            self.requests += 1
            self.codes[result.get("code", "whole")] += 1
            self.kinds[result["kind"]] += 1
            said = wrong(result, receipts.get(result.get("call")), mine.pop(result["key"], {}), servers)
            self.problems += [f"{result['key']} ({result['kind']}): {what}" for what in said]
        self.problems += [f"{key}: nobody asked for it" for key in mine]
        for receipt in told["receipts"]:
            self.outcomes.update(attempt["outcome"] for attempt in receipt["attempts"])

    def summary(self) -> str:
        """One line of figures, and one a measure."""
        early, late = self.held
        lines = [
            f"soak: {self.requests} requests ({_told(self.kinds)}): {self.codes['whole']} whole;"
            f" errors: {_told(self.codes, 'whole')}; {self.outcomes.total()} attempts: {_told(self.outcomes)};"
            f" {self.sent} reached a server",
            *(f"soak: {name} {getattr(early, name)} at 20 %, {getattr(late, name)} at 100 %" for name in vars(early)),
        ]
        return "\n".join(lines)


def _told(counts: Counter[str], but: str = "") -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common() if name != but) or "none"


@pytest.fixture(scope="module")
def soaked(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soaked]:
    """The whole run, in one page with its engine up."""
    page_server = Orchestrator(Path(tmp_path_factory.mktemp("soak")), None, DIST).start()
    servers = Flapping(SEED)
    context = browser.new_context()
    try:
        page = open_bare(context, page_server.origin)
        page.evaluate((HERE / "soak.js").read_text(encoding="utf-8"))
        options = {
            "config": config_of({name: 0.01 * (1 + at) for at, name in enumerate(NAMES)}),
            "cursor": {"workspace": "acme"},
            "upstreams": {name: {"url": server.url, "model": name} for name, server in servers.servers.items()},
            "limits": LIMITS,
        }
        page.evaluate("(options) => soak.start(options)", options)
        yield run(page, servers)
    finally:
        context.close()
        servers.close()
        page_server.stop()


def run(page: Page, servers: Flapping) -> Soaked:
    """Batch by batch, so that neither the page nor this process keeps what was judged already."""
    soaked, meter = Soaked(), Meter(page)
    servers.begin()
    for first in range(0, REQUESTS, BATCH):
        asked = {"seed": SEED, "from": first, "count": min(BATCH, REQUESTS - first), "lanes": LANES}
        told = json.loads(page.evaluate("(asked) => soak.batch(asked)", asked))
        soaked.take(told, servers.take(), servers)
        if not soaked.held and soaked.requests >= max(REQUESTS * 0.2, WARM):
            soaked.held.append(meter.read())
    soaked.held.append(meter.read())
    meter.close()
    print(f"\n{soaked.summary()}")
    return soaked


def test_nothing_truncated_and_nothing_unexplained(soaked: Soaked) -> None:
    """Whole or an error, each attempt with its reason, as the servers' logs and the replay have it; most are served."""
    assert not soaked.problems, "\n".join(soaked.problems)
    assert soaked.requests == REQUESTS
    assert soaked.codes["whole"] >= 0.8 * REQUESTS


def test_every_fault_was_met(soaked: Soaked) -> None:
    """The run is worth its name: all kinds of requests, and all kinds of ends."""
    assert len(soaked.kinds) == 5
    assert {"ok", "server_error", "network_error", "rate_limited", "aborted"} <= set(soaked.outcomes)
    assert len({"malformed", "truncated", "timed_out", "slow_start", "stalled"} & set(soaked.outcomes)) >= 3
    assert soaked.codes["cancelled"] > 0


def test_memory_is_flat(soaked: Soaked) -> None:
    """From 20 % to 100 % of the run: heaps, listeners, timers, proxies and records stay where they were."""
    early, late = soaked.held
    assert late.page_heap - early.page_heap <= 512_000
    assert late.worker_heap - early.worker_heap <= 512_000
    assert late.python_objects - early.python_objects <= 500
    assert late.wasm == early.wasm
    assert late.python_bytes - early.python_bytes <= 1_000_000
    assert (late.proxies, late.handles) == (0, early.handles)
    assert late.listeners <= early.listeners
    assert late.nodes <= early.nodes
    assert late.timers == early.timers == 0
    # A cell or a belief an option and dimension, however many calls: what is first heard of late comes late.
    assert late.records <= RECORDS
