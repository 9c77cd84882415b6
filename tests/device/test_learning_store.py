"""Outcomes in the engine: beliefs in the local slice, own evidence in the slice that is sent, all of it remembered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sporewright.learning.cells import LOCAL
from tests.device.fleet import CONFIG, URL, Page, Server, entry, online, seed

TASKS = {**CONFIG, "levels": ["global", "workspace", "device", "task"]}
SURE = {**CONFIG, "learning": {"temperature": 0}}


def answered(page: Page, option: str, latency_s: float, times: int = 1, **more: Any) -> None:
    """So many answers, a second apart."""
    for _ in range(times):
        page.now += 1.0
        page.call("outcome", option=option, outcome="ok", latency_s=latency_s, **more)


def term(page: Page, option: str, dimension: str, **cursor: str) -> Any:
    """One term of the explanation; None if there is none."""
    ranked = page.call("explain", cursor=cursor)["ranked"]
    found = next(each for each in ranked if each["option"] == option)
    return next((each for each in found["terms"] if each["dimension"] == dimension), None)


def own_cells(page: Page) -> dict[str, float]:
    """The stored cells of the own slice: option/dimension → value."""
    cells = [json.loads(text)["cell"] for key, text in page.storage.items() if key.startswith("cell/")]
    return {f"{cell['option']}/{cell['dim']}": cell["v"] for cell in cells if "v" in cell}


def test_an_outcome_is_believed_in_the_local_slice() -> None:
    """`explain` finds the belief at `local`; the own slice holds what was measured, and how often."""
    page = Page()
    page.start()
    answered(page, "alpha", 2.0, times=3)
    found = term(page, "alpha", "latency")

    assert found["value_source"] == [LOCAL, "fresh/"]
    assert 1.5 < found["value"] < 2.5
    assert 0.5 < term(page, "alpha", "own:latency")["value"] <= 1.0
    cells = own_cells(page)
    assert cells["alpha/latency"] == pytest.approx(2.0, rel=0.1)
    assert cells["alpha/count:latency"] == pytest.approx(3.0, abs=0.1)
    assert cells["alpha/failure"] == 0.0


def test_what_is_sent_is_own_evidence_only() -> None:
    """The orchestrator hears means and counts of the own slice: no belief, no curiosity, nothing of `local`."""
    page = Page()
    server = online(page)
    answered(page, "alpha", 2.0)
    cells = [cell for push in server.serve() for cell in push.cells]

    assert {(cell["level"], cell["inst"]) for cell in cells} == {("device", "A")}
    assert {cell["dim"] for cell in cells} == {"latency", "count:latency", "failure", "count:failure"}


def test_after_a_reload_it_believes_the_same() -> None:
    """A returning tab decides as the one before it would have, terms and all."""
    page = Page()
    page.start()
    answered(page, "alpha", 2.0, times=5)
    answered(page, "beta", 0.5, times=2)
    page.now += 100.0
    again = Page(dict(page.storage), now=page.now)
    again.start()
    for one in (page, again):
        one.now += 10.0

    assert again.call("explain") == page.call("explain")


def test_a_crash_between_any_two_writes_loses_no_more_than_them() -> None:
    """Whatever part of the last answer's records got to disk, the next start says of it what it believes."""
    page = Page()
    page.start()
    answered(page, "alpha", 2.0, times=2)
    page.now += 1.0
    kept = dict(page.storage)
    page.call("outcome", option="alpha", outcome="ok", latency_s=8.0)
    writes = [key for key in page.storage if page.storage[key] != kept.get(key)]
    assert len(writes) >= 3

    for cut in range(len(writes) + 1):
        for order in (writes, writes[::-1]):
            after = Page({**kept, **{key: page.storage[key] for key in order[:cut]}}, now=page.now)
            after.start()
            leaf = json.loads(after.storage['belief/"alpha"'])["latency"][""]["now"]
            assert own_cells(after)["alpha/count:latency"] == round(leaf[0], 1)


def test_a_record_that_is_none_is_passed_over() -> None:
    """Storage is foreign data: a spoiled belief is forgotten, and the rest starts."""
    page = Page({'belief/"alpha"': '{"latency": 3}', "belief/alpha": "{}", 'belief/"beta"': "\x00"})

    assert page.start()["queue"] == ["alpha", "beta", "gamma"]


def test_what_the_page_states_supersedes_what_was_learned() -> None:
    """`observe` writes the device's own value (A1): it is what is read, and the next answer starts from it."""
    page = Page()
    page.start()
    answered(page, "alpha", 2.0, times=3)
    page.call("observe", option="alpha", dimension="latency", value=0.01)

    assert term(page, "alpha", "latency")["value"] == 0.01
    assert term(page, "alpha", "latency")["value_source"] == ["device", "fresh"]
    assert "alpha/count:latency" not in own_cells(page)


def test_pure_exploitation_is_deterministic() -> None:
    """At temperature 0 the order follows the expected costs alone."""
    page = Page()
    page.start(config=SURE)
    answered(page, "alpha", 0.9, times=3)

    assert page.call("resolve")["queue"] == ["beta", "gamma", "alpha"]
    assert term(page, "alpha", "explore")["product"] == 0.0


def test_curiosity_tries_what_nobody_knows() -> None:
    """A new option of which only a prior is declared is tried first once anything else is known."""
    seeds = [*CONFIG["seeds"], seed("new", "note", 0.0)]
    config = {**CONFIG, "seeds": seeds, "priors": {"failure": 0.0, "latency": 0.3}}
    page = Page()
    page.start(config=config)
    answered(page, "alpha", 0.1, times=3)
    assert page.call("resolve")["queue"][0] == "new"

    page.call("began", option="new", first=True)
    assert page.call("resolve")["queue"][0] == "beta", "declared only, and not under way"
    answered(page, "new", 0.4)
    answered(page, "beta", 0.5)
    assert page.call("resolve")["queue"][0] == "gamma"
    answered(page, "gamma", 0.6)
    assert page.call("resolve")["queue"] == ["alpha", "new", "beta", "gamma"]


def test_kinds_of_work_are_learned_apart() -> None:
    """Instances `device/kind` are a level finer than the device; an unknown kind is expected to be as the others."""
    page = Page()
    page.start(config={**TASKS, "learning": {"temperature": 0}})
    answered(page, "alpha", 3.0, times=4, task="summarise")

    assert page.call("resolve", cursor={"task": "summarise"})["queue"][-1] == "alpha"
    value = term(page, "alpha", "latency", task="summarise")
    assert value["value_source"] == [LOCAL, "fresh/summarise"]
    assert term(page, "alpha", "latency", task="chat")["value"] > 1.0
    answered(page, "alpha", 0.05, times=4, task="chat")
    assert page.call("resolve", cursor={"task": "chat"})["queue"][0] == "alpha"
    assert page.call("resolve", cursor={"task": "summarise"})["queue"][-1] == "alpha"


def test_quality_is_the_callers_word() -> None:
    """`report` teaches the deficit of what the caller found the answer worth, and the cost of its tokens."""
    prices = [seed("alpha", "price:in", 2.0), seed("alpha", "price:out", 6.0)]
    page = Page()
    page.start(config={**CONFIG, "seeds": [*CONFIG["seeds"], *prices]})
    page.call("report", option="alpha", quality=0.9, tokens_in=1000, tokens_out=500)
    cells = own_cells(page)

    assert cells["alpha/quality"] == pytest.approx(0.1)
    assert cells["alpha/financial"] == pytest.approx((1000 * 2 + 500 * 6) / 1e6, rel=0.2)
    assert page.fails("report", option="alpha", quality=2.0)["code"] == "config"


def test_the_cost_of_a_chat_is_learned_once() -> None:
    """From its outcome's tokens where prices are declared; what a report says of the same call then is not added."""
    page, free = Page(), Page()
    page.start(config={**CONFIG, "seeds": [*CONFIG["seeds"], seed("alpha", "price:out", 6.0)]})
    free.start()
    for each in (page, free):
        answered(each, "alpha", 1.0, tokens_in=1000, tokens_out=500)
    learned = own_cells(page)
    assert learned["alpha/financial"] == pytest.approx(500 * 6 / 1e6, rel=0.2)
    assert learned["alpha/count:financial"] == 1.0
    assert "alpha/financial" not in own_cells(free)
    for each in (page, free):
        each.call("report", option="alpha", quality=1.0, cost_usd=0.5, counted=True)

    assert own_cells(page) == learned | {"alpha/quality": 0.0, "alpha/count:quality": 1.0}
    assert own_cells(free)["alpha/financial"] == pytest.approx(0.5, rel=0.2)
    page.call("report", option="alpha", cost_usd=0.5)
    assert own_cells(page)["alpha/count:financial"] == 2.0


def test_forget_me_forgets() -> None:
    """After `forget` nothing learned or said is here, tombstones go to the orchestrator, and none of it comes back."""
    page = Page()
    server = online(page)
    answered(page, "alpha", 2.0, times=3)
    page.call("observe", option="beta", dimension="latency", value=1.0)
    stated: dict[tuple[str, str], Any] = {}

    def listen() -> None:
        for push in server.serve():
            stated.update({(cell["option"], cell["dim"]): cell.get("v") for cell in push.cells})

    listen()
    assert None not in stated.values()
    page.call("forget")
    listen()

    assert stated
    assert set(stated.values()) == {None}
    assert not [key for key in page.storage if key.startswith(("cell/", "belief/"))]
    assert page.call("resolve")["queue"] == ["alpha", "beta", "gamma"]
    assert Page(dict(page.storage)).start()["queue"] == ["alpha", "beta", "gamma"]


def test_a_renamed_device_keeps_what_it_learned() -> None:
    """The orchestrator's name for the device moves its beliefs along with its cells."""
    page = Page()
    page.start(orchestrator=URL, token="t")
    answered(page, "alpha", 2.0, times=3)
    before = term(page, "alpha", "latency")["value"]
    Server(page).accept()

    assert term(page, "alpha", "latency")["value_source"] == [LOCAL, "A/"]
    assert term(page, "alpha", "latency")["value"] == pytest.approx(before, rel=0.01)


def test_time_alone_lays_the_beliefs_anew() -> None:
    """While calls are made the engine wakes to let uncertainty grow, and sleeps when they end."""
    page = Page()
    page.start()
    answered(page, "alpha", 2.0, times=3)
    before = term(page, "alpha", "explore")["value"]
    for _ in range(200):
        if page.wake_at is None:
            break
        page.wake()

    assert page.wake_at is None
    assert term(page, "alpha", "explore")["value"] < before


MANY = [f"o{at:02}" for at in range(40)]


def explored(page: Page) -> dict[str, float]:
    """The cells of curiosity that are laid, without a read."""
    state = page.engine._state
    assert state is not None
    at = state.tensor.level_index(LOCAL)
    return {option: state.tensor.store.get(at, "fresh/", option, "explore")[0] for option in MANY}  # type: ignore[misc]


def busy() -> Page:
    """Forty options, each heard of once."""
    page = Page()
    page.start()
    for option in MANY:
        answered(page, option, 2.0)
    return page


def test_many_options_are_laid_anew_by_turns() -> None:
    """While calls are made no call waits for more than sixteen of them at a time, and each has its turn in 5 s."""
    page = busy()
    moved: list[set[str]] = []
    began, before = page.now, explored(page)
    while page.now < began + 5.0:
        page.wake()
        now = explored(page)
        moved.append({option for option in MANY if now[option] != before[option]})
        before = now

    assert 3 <= len(moved) <= 5  # a timer that was set for earlier goes off for nothing
    assert max(map(len, moved)) <= 16
    assert set().union(*moved) == set(MANY)


def test_what_was_slept_through_is_laid_at_once() -> None:
    """Timers may be late, and end with the calls: who looks then finds nothing that is minutes old."""
    page = busy()
    before = explored(page)
    page.now += 700.0
    page.call("resolve")
    now = explored(page)

    assert all(now[option] != before[option] for option in MANY)


def test_a_spent_budget_ends_the_curiosity_for_all_at_once() -> None:
    """The call that spends it leaves no option with a temperature, however many there are."""
    page = Page()
    page.start(config={**CONFIG, "learning": {"explore_calls": 1}})
    for option in MANY:
        answered(page, option, 2.0)
    answered(page, MANY[0], 0.1, times=5)
    page.call("began", option=MANY[-1], first=True)
    state = page.engine._state
    assert state is not None
    at = state.tensor.level_index(LOCAL)

    assert {state.tensor.store.get(at, "fresh/", option, "explore")[1] for option in MANY} == {0.0}


def test_what_taught_nothing_leaves_nothing_behind() -> None:
    """An attempt that began and is over without a lesson counts as silence no more, and no cell has changed."""
    page = Page()
    page.start()
    answered(page, "alpha", 0.5, times=5)
    before = page.call("explain")
    page.call("began", option="alpha", first=True)
    page.now += 30.0
    waiting = term(page, "alpha", "latency")["value"]
    page.call("ended", option="alpha")
    page.now += 10.0

    assert waiting > 10.0
    assert term(page, "alpha", "latency")["value"] == pytest.approx(0.5, rel=0.1)
    assert [each["option"] for each in page.call("explain")["ranked"]] == [each["option"] for each in before["ranked"]]


def test_the_name_of_the_local_level_is_taken() -> None:
    """A config may not have a level of that name."""
    assert Page().fails("start", **{**start(), "config": {"levels": ["global", "local"]}})["code"] == "config"


def published(value: float, support: float, count: float | None = 2.0, option: str = "alpha") -> list[dict[str, Any]]:
    """A fleet's cells of an option's latency, with the number of holders behind it; without a count it was stated."""
    cells = [("latency", value), ("support:latency", support), *([("count:latency", count)] if count else [])]
    return [entry("workspace", "acme", option, dimension, v=each) for dimension, each in cells]


def test_fewer_than_five_holders_do_not_count() -> None:
    """A measurement of four holders is not read, ranked, explained or believed; that of the fifth lays it."""
    page = Page()
    server = online(page, revision=0)
    before = page.call("explain")
    server.snapshot(1, *published(5.0, 4.0))

    assert page.call("explain") == before
    assert page.call("resolve")["queue"] == ["alpha", "beta", "gamma"]
    kept = Page(dict(page.storage), now=page.now)
    kept.start()
    assert kept.call("explain") == before
    server.delta(1, 2, entry("workspace", "acme", "alpha", "support:latency", v=5.0))
    assert page.call("resolve")["queue"] == ["beta", "gamma", "alpha"]
    assert term(page, "alpha", "latency")["value_source"] == ["workspace", "acme"]
    assert term(page, "alpha", "support:latency")["value"] == 5.0
    server.delta(2, 3, entry("workspace", "acme", "alpha", "support:latency", v=3.0))
    assert page.call("explain") == before


def test_too_few_in_the_workspace_leave_the_word_to_the_world() -> None:
    """A value that does not count hides no coarser one that does."""
    page = Page()
    server = online(page)
    world = [{**cell, "level": "global", "inst": ""} for cell in published(3.0, 8.0)]
    server.snapshot(1, *world[:3])
    server.delta(1, 2, *published(0.01, 4.0))

    assert term(page, "alpha", "latency")["value"] == 3.0
    assert term(page, "alpha", "latency")["value_source"] == ["global", ""]


def test_a_statement_takes_as_many_as_a_measurement() -> None:
    """A statement of fewer than five holders is not read, however low; an operator's declaration needs none."""
    page = Page()
    server = online(page, revision=0)
    before = page.call("explain")
    server.snapshot(1, *published(-1e9, 4.0, None, "gamma"), *published(-1e9, 1.0, None, "invented"))
    assert page.call("explain") == before
    server.delta(1, 2, entry("workspace", "acme", "gamma", "support:latency", v=5.0))
    assert page.call("resolve")["queue"] == ["gamma", "alpha", "beta"]
    server.delta(2, 3, entry("workspace", "acme", "beta", "latency", v=-2e9))
    assert page.call("resolve")["queue"] == ["beta", "gamma", "alpha"]


def test_how_many_it_takes_is_a_setting() -> None:
    """`learning.support` says how many, for what was measured and for what was stated."""
    config = {**CONFIG, "learning": {"support": 1}}
    for cells in (published(5.0, 1.0), published(5.0, 1.0, None)):
        page = Page()
        page.start(config=config, orchestrator=URL, token="t", device="A")
        server = Server(page)
        server.accept()
        server.snapshot(1, *cells)
        assert page.call("resolve")["queue"] == ["beta", "gamma", "alpha"]


def test_own_evidence_takes_over_from_the_fleet_and_explain_says_how_far() -> None:
    """A device starts from what many holders measured; the weight of its own measurements grows, as `own:` shows."""
    page = Page()
    server = online(page)
    server.snapshot(1, *published(5.0, 200.0))
    assert term(page, "alpha", "latency")["value"] == 5.0
    assert term(page, "alpha", "own:latency") is None
    weights, values = [], []
    for _ in range(4):
        answered(page, "alpha", 2.0)
        weights.append(term(page, "alpha", "own:latency")["value"])
        values.append(term(page, "alpha", "latency")["value"])

    assert 0.0 < weights[0] < weights[-1] < 1.0
    assert weights == sorted(weights)
    assert 5.0 > values[0] > values[-1] > 2.0


def test_storage_holds_a_hundred_options_in_a_megabyte_and_does_not_grow() -> None:
    """100 options × 5 dimensions, records and cells together, at most 1 MB; as many keys after ten times the calls."""
    names = [f"option-{at:02}" for at in range(100)]
    page = Page()
    page.start(config={**CONFIG, "seeds": [*CONFIG["seeds"], *(seed(name, "latency", 1.0) for name in names)]})

    def call(rounds: int) -> tuple[set[str], int]:
        for at in range(rounds):
            for name in names:
                page.now += 1.0
                page.call(
                    "outcome", option=name, outcome="ok", latency_s=1.0 + at % 7, first_token_s=0.5, cost_usd=0.01
                )
                page.call("report", option=name, quality=(at % 3) / 2)
        kept = {key: text for key, text in page.storage.items() if key.startswith(("belief/", "cell/"))}
        return set(kept), sum(len(key) + len(text) for key, text in kept.items())

    (keys, size), (later, grown) = call(1), call(9)
    dimensions = {key.split('"')[-2] for key in keys if key.startswith("cell/")}
    assert {"latency", "ttft", "failure", "financial", "quality"} <= dimensions
    assert later == keys
    assert grown <= 1.25 * size
    assert grown <= 1_000_000


def test_forget_me_while_a_push_is_on_its_way() -> None:
    """Nothing of it is left in storage, and whether or not the orchestrator got the push, it ends with tombstones."""
    for committed in (0, 1):
        page = Page()
        server = online(page)
        answered(page, "alpha", 2.0)
        page.now += 1.0
        (push,) = server.read()
        assert any("v" in cell for cell in push.cells)  # type: ignore[union-attr]
        page.call("forget")
        assert not [text for text in page.storage.values() if '"v":' in text]
        kept = Page(dict(page.storage), now=page.now)
        stated = {(cell["option"], cell["dim"]): cell.get("v") for cell in push.cells} if committed else {}  # type: ignore[union-attr]
        again = online(kept, seq=committed)
        for late in again.serve():
            if late.seq > committed:
                stated |= {(cell["option"], cell["dim"]): cell.get("v") for cell in late.cells}

        assert set(stated.values()) <= {None}
        assert not [key for key in kept.storage if key.startswith(("cell/", "belief/", "flight"))]


def start() -> dict[str, Any]:
    """The body of a start."""
    return {"cursor": {}, "limit": 8, "fresh_id": "fresh"}
