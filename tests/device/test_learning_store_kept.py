"""The stored beliefs: as bounded on the disk as in memory, budgets included, erased to the last record."""

from __future__ import annotations

import json

from tests.device.fleet import CONFIG, URL, Page, Server
from tests.device.test_learning_store import answered, own_cells

TASKS = {**CONFIG, "levels": ["global", "workspace", "device", "task"]}
FEW = {**TASKS, "learning": {"options": 2}}


def beliefs(page: Page) -> list[str]:
    """The options with a record of their own."""
    return sorted(json.loads(key.removeprefix("belief/")) for key in page.storage if key.startswith("belief/"))


def test_an_option_that_makes_room_leaves_nothing_behind() -> None:
    """Beyond `options` the one heard of longest ago goes: its record and its cells."""
    page = Page()
    page.start(config=FEW)
    for option in ("one", "two", "three"):
        answered(page, option, 1.0, task="sum")

    assert beliefs(page) == ["three", "two"]
    assert not [cell for cell in own_cells(page) if cell.startswith("one/")]
    assert "one" not in {each["option"] for each in page.call("explain")["ranked"]}


def test_options_that_come_and_go_pile_nothing_up_where_nobody_listens() -> None:
    """Without an orchestrator, ever, a removed cell leaves no tombstone; one that was welcomed once is told of it."""
    alone, heard = Page(), Page()
    config = {**CONFIG, "learning": {"options": 2}}
    alone.start(config=config)
    heard.start(config=config, orchestrator=URL, token="t", device="A")
    Server(heard).accept()
    for page in (alone, heard):
        for at in range(20):
            answered(page, f"o{at}", 1.0)

    assert len(alone.storage) == 1 + 2 * 5  # who it is; a record, a value and a count of latency and failure each
    assert 'cell/["device","A","o0","latency"]' in heard.storage
    again = Page(dict(heard.storage), now=heard.now)
    again.start(config=config, device="A")
    answered(again, "o20", 1.0)
    assert json.loads(again.storage['cell/["device","A","o18","latency"]'])["pending"]


def test_what_is_declared_of_an_option_outlives_its_beliefs() -> None:
    """An option that made room and is measured again starts from what was declared, also if that has changed since."""
    page = Page()
    page.start(config=FEW)
    learner = page.engine._state.learned.learner  # type: ignore[union-attr]
    for option in ("alpha", "beta", "gamma", "unheard"):
        answered(page, option, 1.0)
    assert not learner.knows("alpha", "latency")
    assert (learner.is_declared("alpha"), learner.is_declared("unheard")) == (True, False)
    answered(page, "zeta", 1.0)
    answered(page, "eta", 1.0)
    assert not learner.is_declared("unheard")

    before = learner.prior("alpha", "latency", learner.settings.dimensions["latency"], 0.04)
    page.call("observe", option="alpha", dimension="latency", value=50.0)
    answered(page, "alpha", 1.0)
    assert learner.prior("alpha", "latency", learner.settings.dimensions["latency"], 0.04).mean > before.mean


def test_a_kind_of_work_that_makes_room_leaves_nothing_behind() -> None:
    """Beyond `tasks` its cells go; the device's own, of all kinds together, stay."""
    page = Page()
    page.start(config={**TASKS, "learning": {"tasks": 2}})
    for task in ("one", "two", "three"):
        answered(page, "alpha", 1.0, task=task)

    places = {json.loads(key.removeprefix("cell/"))[1] for key, text in page.storage.items() if is_set(key, text)}
    assert places == {"fresh", "fresh/two", "fresh/three"}


def is_set(key: str, text: str) -> bool:
    """True if a record is a cell with a value."""
    return key.startswith("cell/") and "v" in json.loads(text)["cell"]


def test_the_bound_holds_after_a_reload_by_when_each_was_heard_of() -> None:
    """Records are read in the order of their last evidence, not of their names."""
    page = Page()
    page.start(config=TASKS)
    for option in ("zeta", "beta", "alpha", "zeta"):
        answered(page, option, 1.0)
    again = Page(dict(page.storage), now=page.now)
    again.start(config=FEW)

    assert beliefs(again) == ["alpha", "zeta"]
    assert not [cell for cell in own_cells(again) if cell.startswith("beta/")]


def test_forget_me_erases_what_could_not_be_read() -> None:
    """A spoiled record, a cell of a level that the config no longer has: passed over, and erased with the rest."""
    page = Page()
    page.start(config=TASKS)
    answered(page, "alpha", 1.0, task="sum")
    spoiled = {'belief/"beta"': '{"latency": 3}', "belief/3": "{}", "belief/zeta": "{}", "cell/[]": "{}"}
    again = Page({**page.storage, **spoiled}, now=page.now)
    again.start()
    assert spoiled.keys() <= again.storage.keys()
    again.call("forget")

    left = {key: text for key, text in again.storage.items() if key.startswith(("belief/", "cell/"))}
    assert all("v" not in json.loads(text)["cell"] for text in left.values())
    assert not [key for key in left if "sum" in key or key in spoiled]


def test_a_spent_budget_is_spent_after_a_reload() -> None:
    """Curiosity's window outlives the tab; forget-me forgets it, and a spoiled record of it is none."""
    config = {**CONFIG, "learning": {"explore_calls": 1}}
    page = Page()
    page.start(config=config)
    answered(page, "alpha", 0.1, times=3)
    answered(page, "beta", 9.0, times=3)
    page.call("began", option="beta", first=True)
    again, spoiled = Page(dict(page.storage), now=page.now), Page({**page.storage, "curiosity": "[]"}, now=page.now)
    for one in (again, spoiled):
        one.start(config=config)

    assert temperature(page) == temperature(again) == 0.0
    assert temperature(spoiled) > 0.0
    again.call("forget")
    assert "curiosity" not in again.storage


def temperature(page: Page) -> float:
    """The weight of curiosity now."""
    terms = page.call("explain")["ranked"][0]["terms"]
    weight: float = next(each["weight"] for each in terms if each["dimension"] == "explore")
    return weight


def test_a_report_beyond_a_unit_is_refused_and_teaches_nothing() -> None:
    """A value of [0, 1] is not 5: the caller is told, and the belief stays as it was."""
    page = Page()
    page.start()
    answered(page, "alpha", 1.0)
    before = dict(page.storage)

    assert page.fails("report", option="alpha", more={"failure": 5.0})["code"] == "config"
    assert page.storage == before
