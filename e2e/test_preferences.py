"""A page's calls say what they want: which options, in which order, at which place; before an engine is up, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from e2e.harness import open_bare, start_router, until
from e2e.upstreams import Upstream, served
from tests.serving import Orchestrator

NAMES = ("alpha", "beta", "gamma")
ASK = """async (words) => {
  try {
    const response = await router.fetch("/v1/hello", words);
    await response.text();
    const { option, queue, skipped, cursor } = router.receipt(response);
    return { option, queue, cursor, skipped: skipped.map(({ option, reason }) => [option, reason]) };
  } catch (error) { return { code: error.code, message: error.message, receipt: router.receipt(error)?.error }; }
}"""


def seed(level: str, instance: str, option: str, dimension: str, value: Any, kind: str = "value") -> dict[str, Any]:
    """One write of the operator's."""
    place = {"floor": "global", "level": level, "inst": instance}
    return {**place, "option": option, "dim": dimension, "kind": kind, "value": value}


CONFIG = {
    "levels": ["global", "workspace", "site", "device"],
    "seeds": [
        *(seed("global", "", name, "rank", at) for at, name in enumerate(NAMES)),
        seed("global", "", "", "rank", 1.0, "weight"),
        seed("site", "clinic", "alpha", "priv:health", "inf"),
        seed("site", "clinic", "gamma", "rank", 0.5),
    ],
    "chains": {
        "draft": {"chat": [{"provider": name, "model": "small"} for name in NAMES]},
        "draft:mail": {"chat": [{"provider": "gamma", "model": "small"}]},
    },
    "aliases": {"first-draft": "draft"},
}


@pytest.fixture
def fleet() -> Iterator[dict[str, Upstream]]:
    """Three upstreams."""
    with served(NAMES) as servers:
        yield servers


@pytest.fixture
def page(device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Upstream]) -> Page:
    """A page with a started router."""
    opened = open_bare(device(), orchestrator.origin)
    start_router(opened, options_of(fleet))
    return opened


def options_of(fleet: dict[str, Upstream]) -> dict[str, Any]:
    """Router options without an orchestrator."""
    upstreams = {name: {"url": server.url} for name, server in fleet.items()}
    return {"config": CONFIG, "cursor": {"workspace": "acme"}, "upstreams": upstreams}


def test_a_call_says_which_options_may_answer(page: Page, fleet: dict[str, Upstream]) -> None:
    """The lists hold, through failover, too; what leaves no option fails at once, and misspelt words are named."""
    assert page.evaluate(ASK, {"only": ["gamma", "beta"]})["queue"] == ["beta", "gamma"]
    assert page.evaluate(ASK, {"prefer": ["gamma"]})["queue"] == ["gamma", "alpha", "beta"]
    fleet["gamma"].status = 503
    answer = page.evaluate(ASK, {"order": ["gamma"], "ignore": ["alpha"]})
    assert (answer["option"], answer["queue"]) == ("beta", ["gamma", "beta"])
    assert answer["skipped"] == [["alpha", "ignored"]]
    refused = page.evaluate(ASK, {"only": ["alpha"], "ignore": ["alpha"]})
    assert (refused["code"], refused["receipt"]) == ("excluded", "excluded")
    assert page.evaluate(ASK, {"onyl": ["alpha"]})["message"] == 'fetch: onyl: did you mean "only"?'
    told = page.evaluate("router.explain({ site: 'clinic' }, { ignore: ['beta'] })")
    assert [each["option"] for each in told["ranked"]] == ["gamma"]
    assert [each["option"] for each in told["dropped"]] == ["alpha"]
    assert told["skipped"] == [{"option": "beta", "reason": "ignored", "why": "ignored"}]


def test_a_chain_is_what_the_config_says_of_the_work(page: Page) -> None:
    """By stage, alias, consumer and an override of the call; a config whose chain cannot be read is refused (K1)."""
    slot = "{ provider: 'own', model: 'small' }"
    told = page.evaluate(f"router.chain('first-draft', 'mail', 'chat', {{ override: [{slot}] }})")
    assert [each["provider"] for each in told] == ["own", "gamma", "alpha", "beta"]
    assert page.evaluate("router.chain('draft', 'mail', 'embed')") == []


def test_a_cap_passes_over_what_is_dearer(page: Page) -> None:
    """By the engine's figures, as they stand when the call is made."""
    assert page.evaluate(ASK, {"maxCost": 0.01})["queue"] == ["alpha", "beta", "gamma"]
    page.evaluate("router.observe('alpha', 'financial', 0.02)")
    page.evaluate("router.resolve()")
    # What the engine pushes reaches a busy page a little later.
    answers = (page.evaluate(ASK, {"maxCost": 0.01}) for _ in range(50))
    answer = next((each for each in answers if each["skipped"]), None)
    assert answer is not None
    assert (answer["queue"], answer["skipped"]) == (["beta", "gamma"], [["alpha", "max-cost"]])
    told = page.evaluate("router.explain({}, { maxCost: 0.01 })")
    assert told["skipped"][0]["why"] == "max-cost: 0.02 USD expected, 0.01 allowed"


def test_a_call_is_made_at_its_own_cursor(page: Page, fleet: dict[str, Upstream]) -> None:
    """The order and the gates there, from its first call on and in the next visit at once, before an engine is up."""
    assert page.evaluate(ASK, {"cursor": {"site": "clinic"}})["queue"] == ["gamma", "beta"]
    page.evaluate("router.observe('gamma', 'rank', 9)")
    assert page.evaluate("router.resolve({ site: 'clinic' })") == ["beta", "gamma"]
    until(page, "router.queue[2] === 'gamma'")
    answer = page.evaluate(ASK, {"cursor": {"site": "clinic"}})
    assert (answer["queue"], answer["cursor"]) == (["beta", "gamma"], {"site": "clinic"})
    assert page.evaluate(ASK, {"cursor": {"sight": "clinic"}})["code"] == "unknown-level"
    assert page.evaluate(ASK, {"cursor": {"device": "another"}})["code"] == "config"
    page.evaluate("router.close()")
    start_router(page, options_of(fleet), ready=False)
    assert page.evaluate(ASK, {"cursor": {"site": "clinic"}})["queue"] == ["beta", "gamma"]


def test_before_the_engine_is_up_the_config_says_what_a_place_allows(
    device: Callable[..., BrowserContext], orchestrator: Orchestrator, fleet: dict[str, Upstream]
) -> None:
    """A first visit without an engine: no call goes past a gate that the config declares at the call's cursor."""
    context = device()
    context.route("**/*.whl", lambda route: route.abort())
    context.route("**/pyodide.asm.*", lambda route: route.abort())
    page = open_bare(context, orchestrator.origin)
    start_router(page, options_of(fleet), ready=False)
    assert page.evaluate(ASK, {"cursor": {"site": "clinic"}})["queue"] == ["beta", "gamma"]
    assert page.evaluate(ASK, {})["queue"] == ["alpha", "beta", "gamma"]
