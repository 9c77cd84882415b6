"""The inspector page as a visitor meets it: real upstreams, real orchestrator, strict Content-Security-Policy."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from e2e.harness import ARTIFACTS, ROOT
from tests.serving import free_port

Device = Callable[..., BrowserContext]


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """`sporewright demo` as a separate process; gives the inspector's address."""
    port = free_port()
    words = [sys.executable, "-m", "sporewright.cli", "demo", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, env={**os.environ, "OPEN": "0"}, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/"
    try:
        _await(address, process, folder / "log")
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=15)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One demo for the tests that do not mind what others have taught it."""
    with running(tmp_path_factory.mktemp("demo")) as address:
        yield address


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[str]:
    """A demo that has learned nothing yet."""
    with running(tmp_path) as address:
        yield address


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the demo did not start:\n" + log.read_text()[-4000:])


def opened(device: Device, address: str, **options: object) -> Page:
    """The inspector with its engine ready; collects what the console complains about."""
    page = device(**options).new_page()
    problems: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        # An upstream refuses now and then, as the measured one did; only the page's own origin must be without fault.
        if message.type == "error" and message.location["url"].startswith(address):
            problems.append(message.text)

    page.on("console", complain)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.problems = problems  # type: ignore[attr-defined]
    page.goto(address)
    page.get_by_text(re.compile("ready", re.IGNORECASE)).first.wait_for(timeout=40_000)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_inspector_at_each_width_and_scheme(device: Device, demo: str, width: int, scheme: str) -> None:
    """It works and does not scroll sideways; the picture is kept as an artefact."""
    page = opened(device, demo, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.get_by_role("button", name=re.compile("^send one", re.IGNORECASE)).first.click()
    page.wait_for_timeout(3000)
    page.screenshot(path=ARTIFACTS / f"inspector-{width}-{scheme}.png", full_page=True)

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.problems == []  # type: ignore[attr-defined]


def test_the_strict_policy_is_really_sent(device: Device, demo: str) -> None:
    """The page is served under `script-src 'self' 'wasm-unsafe-eval'` and runs without a violation."""
    page = device().new_page()
    response = page.goto(demo)
    assert response is not None
    policy = response.headers["content-security-policy"]

    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    assert "'unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")
    assert "unsafe-inline" not in policy


def test_receipts_are_exported_and_decided_again(device: Device, fresh: str, tmp_path: Path) -> None:
    """The file holds each request with its reasons; Python comes to the same orders, by the scores written down."""
    page = opened(device, fresh)
    press(page, "Send 20")
    page.get_by_role("button", name="Export 20 receipts").wait_for(timeout=60_000)
    with page.expect_download() as download:
        press(page, "Export 20 receipts")
    download.value.save_as(tmp_path / "receipts.json")
    receipts = json.loads((tmp_path / "receipts.json").read_text())

    words = [sys.executable, "-m", "sporewright.cli", "replay", str(tmp_path / "receipts.json"), "--json"]
    replayed = json.loads(subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout)

    assert [each["queue"] for each in receipts] == [each["order"] for each in replayed]
    # A call that begins before the page has been told the reasons of a new order is written down without them.
    assert sum(each["scored"] for each in replayed) > len(replayed) / 2
    assert [[a["option"] for a in r["attempts"]] for r in receipts] == [each["attempts"] for each in replayed]
    assert "Say hello" not in json.dumps(receipts)


def press(page: Page, name: str) -> None:
    """Press a button by its accessible name."""
    page.get_by_role("button", name=name, exact=True).click()


def order_of(page: Page) -> list[str]:
    """The options as the page lists them."""
    return page.locator(".option h3").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_no_barrier_that_a_machine_can_find(device: Device, demo: str, width: int, scheme: str) -> None:
    """axe-core finds no violation of WCAG 2.2 A and AA nor of its best practices, with a refusal and a drop in view."""
    page = opened(device, demo, viewport={"width": width, "height": 900}, color_scheme=scheme)
    press(page, "Send one")
    press(page, "Take out perplexity")
    page.get_by_label("Dimension").select_option("priv:eu-residency")
    press(page, "Observe")
    page.get_by_role("alert").wait_for()
    page.wait_for_timeout(800)  # colours in the middle of a move are not in the design
    page.evaluate((ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("(tags) => axe.run(document, { runOnly: tags })", tags)

    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found["violations"]] == []


def test_the_first_breaks_and_the_next_answers(device: Device, demo: str) -> None:
    """With the head of the order broken, a request falls through in the page; within a few calls another one leads."""
    page = opened(device, demo)
    press(page, "Send one")
    page.locator(".log tbody tr").first.wait_for()
    page.wait_for_timeout(500)
    head = order_of(page)[0]
    press(page, "Break the first")
    page.get_by_role("button", name="Mend all", disabled=False).wait_for()
    press(page, "Send one")
    fell_through = re.compile(rf"{head}\s*500 server error[\s\S]*✓")
    expect(page.locator(".log tbody tr").first).to_have_text(fell_through, timeout=20_000)
    for _ in range(8):  # how many it takes depends on how much better it was before
        if order_of(page)[0] != head:
            break
        press(page, "Send one")
        page.wait_for_timeout(1000)
    assert order_of(page)[0] != head

    press(page, "Mend all")


def test_what_one_profile_learns_moves_the_order_of_another(device: Device, fresh: str) -> None:
    """A profile without calls takes over, after the tick, what the other one's devices found out (U7)."""
    one, other = opened(device, fresh), opened(device, fresh)
    before = order_of(other)
    one.get_by_role("combobox", name="Option", exact=True).select_option(before[0])
    one.get_by_label("Value").fill("9")
    press(one, "Observe")
    moved = "(head) => document.querySelector('.option h3')?.textContent !== head"
    other.wait_for_function(moved, arg=before[0], timeout=15_000)

    row = other.locator(f'[data-key="{before[0]}"] tbody tr', has_text="latency").inner_text()
    assert "workspace demo" in row
    assert order_of(other)[-1] == before[0]


def test_by_keyboard_alone(device: Device, demo: str) -> None:
    """The first Tab offers to skip to the order; the keyboard reaches Send one and sends, and the focus is visible."""
    page = opened(device, demo)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Skip to the order"
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Send one":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.locator(".chip.good").first.wait_for()


def test_an_order_in_motion_stands_still_for_who_asks(device: Device, demo: str) -> None:
    """With reduced motion asked for, a reorder animates nothing."""
    page = opened(device, demo, reduced_motion="reduce")
    page.evaluate("""() => {
      window.moves = 0;
      const animate = Element.prototype.animate;
      Element.prototype.animate = function (...given) { window.moves += 1; return animate.apply(this, given); };
    }""")
    head = order_of(page)[0]
    page.get_by_role("combobox", name="Option", exact=True).select_option(head)
    page.get_by_label("Value").fill("9")
    press(page, "Observe")
    page.wait_for_function("(head) => document.querySelector('.option h3')?.textContent !== head", arg=head)

    assert page.evaluate("window.moves") == 0
