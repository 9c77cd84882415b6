"""Pools of a page in each engine: one ledger for all tabs, over a reload, before an engine is up (P2–P4)."""

from __future__ import annotations

from typing import Any

from e2e.engines.driver import Engine, Tab
from e2e.engines.harness import ORDER, options_of, start_router
from e2e.link import Link
from e2e.upstreams import Upstream

CALL = """async () => {
  try {
    const receipt = router.receipt(await router.fetch("/hello"));
    return { option: receipt.option, skipped: receipt.skipped };
  } catch (error) { return { code: error.code, message: error.message }; }
}"""


def tab_of(engine: Engine, origin: str, fleet: dict[str, Upstream], pools: dict[str, Any], *, ready: bool) -> Tab:
    """A tab whose router has these pools; it need not wait for its engine."""
    tab = engine.open(f"{origin}/blank.html")
    start_router(tab, options_of(fleet, config={**ORDER, "pools": pools}), ready=ready)
    return tab


def called(tab: Tab, times: int = 1) -> list[Any]:
    """The options that answered so many calls, one after another."""
    return [tab.run(CALL).get("option") for _ in range(times)]


def test_tabs_share_an_allowance_over_a_reload(engine: Engine, link: Link, fleet: dict[str, Upstream]) -> None:
    """Three calls an hour, whoever makes them: the fourth goes on to the next option, and nobody has said 429."""
    free = {"free": {"unit": "requests", "cap": 3, "window": 3600, "options": ["alpha"]}}
    first = tab_of(engine, link.origin, fleet, free, ready=False)
    other = tab_of(engine, link.origin, fleet, free, ready=False)

    assert called(first, 2) == ["alpha", "alpha"]
    assert called(other) == ["alpha"]
    for tab in (first, other):
        passed = tab.run(CALL)
        assert passed["option"] == "beta"
        assert [(each["option"], each["reason"]) for each in passed["skipped"]] == [("alpha", "no-allowance")]
    assert len(fleet["alpha"].seen) == 3
    other.until("Math.abs(router.pools.free.left) < 0.1")

    first.goto(f"{link.origin}/blank.html?again")
    start_router(first, options_of(fleet, config={**ORDER, "pools": free}), ready=False)
    assert called(first) == ["beta"]


def test_a_call_that_no_pool_covers_is_an_error_with_its_time(
    engine: Engine, link: Link, fleet: dict[str, Upstream]
) -> None:
    """A hard cap of one call in flight: two at once are one answer and one error, and a later one is answered."""
    one = {"slot": {"unit": "concurrent", "cap": 1, "options": ["alpha", "beta"], "hard": True}}
    tab = tab_of(engine, link.origin, fleet, one, ready=True)
    fleet["alpha"].delay_s = 1.0
    tab.run(f"() => {{ window.pending = ({CALL})(); }}")
    tab.until("router.pools.slot.left === 0")

    options = {"deadline": 300}
    refused = tab.run(
        "async (options) => { try { await router.fetch('/hello', options); } catch (error) { return error.code; } }",
        options,
    )

    assert refused == "budget"
    assert tab.value("pending")["option"] == "alpha"
    assert called(tab) == ["alpha"]
