"""The inspector in each engine, on a phone: an option is set aside with its reason, nothing is wider than the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.engines.driver import Engine
from e2e.harness import ARTIFACTS
from e2e.test_inspector import running

READY = "document.querySelector('.status')?.textContent.includes('ready')"
PRESS = """(name) => {
  [...document.querySelectorAll("button")].find(({ textContent }) => textContent.trim() === name).click();
}"""
# Every server of the demo refuses the key.
REFUSE = """() => {
  for (const choice of document.querySelectorAll(".option select")) {
    choice.value = "unauthorized";
    choice.dispatchEvent(new Event("change", { bubbles: true }));
  }
}"""
ASIDES = "[...document.querySelectorAll('.option .aside')].map(({ textContent }) => textContent)"
LOG = "document.querySelector('.log tbody tr')?.textContent"
# What reaches over the page's edge, and text that is wider than what holds it where that cannot be scrolled.
TOO_WIDE = """() => {
  const page = document.documentElement.getBoundingClientRect().right;
  const shown = [...document.querySelectorAll("body *")].filter((one) => !one.closest(".unseen, .skip, .theme span"));
  const over = shown.filter((one) => one.getBoundingClientRect().right > page + 0.5);
  const cut = shown.filter((one) =>
    getComputedStyle(one).overflowX === "hidden" && one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1);
  return [...over, ...cut].map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 60)}`);
}"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One demo for all engines; each has its own device."""
    with running(tmp_path_factory.mktemp("demo")) as address:
        yield address


def test_set_aside_on_a_phone(engine: Engine, demo: str) -> None:
    """Each option refuses its key: the cards say so and for how long, over no edge; mended servers stay set aside."""
    tab = engine.open(demo)
    tab.resize(390, 844)
    tab.until(READY, timeout=90)
    tab.run(REFUSE)
    tab.until("document.querySelectorAll('.faulty').length === 5")

    tab.run(PRESS, "Send one")
    tab.until(f"{ASIDES}.length === 5")
    tab.run(PRESS, "Mend all")
    tab.until("document.querySelectorAll('.faulty').length === 0")
    tab.screenshot(ARTIFACTS / f"inspector-aside-{engine.name}.png")

    assert tab.value(ASIDES) == ["! Set aside: its key is refused. Others are asked first, for 5 min."] * 5
    assert tab.value(LOG).count("401 declined: set aside") == 5
    assert "nobody left to ask" in tab.value(LOG)
    assert tab.value("document.documentElement.getBoundingClientRect().width") <= 390
    assert tab.run(TOO_WIDE) == []
