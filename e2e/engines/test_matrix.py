"""`router.fetch` beside `fetch`, case by case: equal to a caller, or in docs/how-to/beside-fetch.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest

from e2e.engines.driver import Engine, Tab
from e2e.harness import DIST, LEVELS, ROOT, START, seed
from e2e.matrix.server import PAGES, MatrixServer

FOLDER = ROOT / "e2e" / "matrix"
SCRIPTS = {name: FOLDER / name for name in ("matrix.js", "cases.js")}
RUN = """async ({ page, origins, only }) => {
  const { run } = await import("/matrix.js");
  return run({ page, routers: { one, two, home }, origins, only });
}"""

# A failure learned in one case must not decide another: the order stays, and no option is set aside.
CONFIG = {
    "levels": LEVELS,
    "seeds": [
        *(seed(name, "rank", float(number)) for number, name in enumerate("ab")),
        seed("page", "rank", 2.0),
        seed("", "rank", 1.0, kind="weight"),
    ],
    "learning": {"temperature": 0},
}
LIMITS = {
    "breaker_failures": 1_000_000,
    "breaker_calls": 1_000_000,
    "cooldown_s": 0.001,
    "cooldown_cap_s": 0.001,
    "backoff_s": 0.001,
    "backoff_cap_s": 0.002,
    "block_s": 0.001,
    "block_cap_s": 0.001,
    "deadline_s": 3,
}


class Row(NamedTuple):
    """A line of the table: cases by pattern, and the fields in which they may differ."""

    cases: list[str]
    fields: set[str]

    def covers(self, case: str) -> bool:
        """True if it speaks of this case."""
        return any(fnmatchcase(case, pattern) for pattern in self.cases)


def table(engine: str) -> list[Row]:
    """The differences in this browser that docs/how-to/beside-fetch.md gives a reason for."""
    document = ROOT / "docs" / "how-to" / "beside-fetch.md"
    text = document.read_text(encoding="utf-8").split("## The caller's own mistakes")[0]
    lines = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    here = [line for line in lines if line[2].strip() == "all" or engine in line[2].lower()]
    return [Row(re.findall(r"`([^`]+)`", line[1]), set(re.findall(r"`(\w+)`", line[3]))) for line in here]


def differing(plain: dict[str, Any], routed: dict[str, Any]) -> set[str]:
    """The fields in which they differ; where one of them threw, there is no more to compare than that."""
    fields = {field for field in {*plain, *routed} if plain.get(field) != routed.get(field)}
    return fields & {"threw", "reached"} if "threw" in fields else fields


@pytest.fixture(scope="module")
def server() -> Iterator[MatrixServer]:
    """The server that does as it is asked."""
    matrix = MatrixServer(DIST, SCRIPTS)
    yield matrix
    matrix.close()


def opened(engine: Engine, server: MatrixServer, page: str = "blank", **limits: Any) -> Tab:
    """A page with a router over one upstream, one over two, and one over the page's own origin."""
    tab = engine.open(f"{server.origins['page']}/{page}")
    for name, options in {"one": ["a"], "two": ["a", "b"], "home": ["page"]}.items():
        upstreams = {option: {"url": f"{server.origins[option]}/m"} for option in options}
        options_of = {"config": CONFIG, "cursor": {"workspace": "acme"}, "upstreams": upstreams, "limits": limits}
        tab.run(START, {"name": name, "options": options_of})
        tab.run(f"async () => {{ await {name}.ready; }}")
    return tab


def test_every_case(engine: Engine, server: MatrixServer) -> None:
    """Whatever a caller can see is the same, or has a row with its reason; each row is needed."""
    results = []
    for page in PAGES:
        tab = opened(engine, server, page, **LIMITS)
        results += tab.run(RUN, {"page": page, "origins": server.origins, "only": ""}, timeout=300)
        tab.close()

    rows, used, wrong = table(engine.name), set[int](), list[str]()
    for case in results:
        name, plain, routed = case["name"], case["plain"], case["routed"]
        fields = differing(plain, routed)
        allowed = [number for number, row in enumerate(rows) if row.covers(name) and fields]
        used.update(allowed)
        for field in fields - {field for number in allowed for field in rows[number].fields}:
            wrong.append(f"{name}: {field} is {routed.get(field)}, of fetch {plain.get(field)}")
        if plain.get("settled") or routed.get("settled"):
            wrong.append(f"{name}: it never ends")
    assert wrong == []
    assert [rows[number].cases for number in range(len(rows)) if number not in used] == []
    assert len(results) >= 350


MISTAKES = {
    "keepalive": {"keepalive": True, "body": "x" * 65_537},
    "mode": {"mode": "same-origin"},
    "integrity": {"integrity": "sha256-AAAA"},
    "redirect": {"redirect": "error"},
    "header": {"headers": {"a b": "c"}},
    "method": {"method": "a b"},
}
MISTAKEN = """async ({ address, init }) => {
  const found = [];
  for (let call = 0; call < 6; call += 1) {
    const error = await two.fetch(address, { method: "POST", body: "said", idempotent: true, ...init }).catch((e) => e);
    const { attempts = [] } = two.receipt(error) ?? {};
    found.push([error.constructor === TypeError, attempts.length]);
  }
  return found;
}"""


@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_a_mistake_of_the_caller(engine: Engine, server: MatrixServer, mistake: str) -> None:
    """Six times over: his TypeError, one attempt each, no second POST, no breaker open, and the order as it was."""
    tab, name = opened(engine, server), f"{engine.name}-{mistake}"
    wish = '{"status":302,"redirect":"/m/y"}' if mistake == "redirect" else "{}"
    address = f"{server.origins['a']}/m/x?id={name}&as={wish}"

    found = tab.run(MISTAKEN, {"address": address, "init": MISTAKES[mistake]})

    never_made = mistake in ("header", "method")
    assert found == [[True, 0 if never_made else 1]] * 6
    reached = [each["by"] for each in server.seen.get(name, [])]
    assert reached == (["a"] * 6 if mistake in ("integrity", "redirect") else [])
    fine = tab.run(
        "(address) => two.fetch(address).then((r) => two.receipt(r).attempts.map(({ option }) => option))",
        f"{server.origins['a']}/m/x?id=fine&as={{}}",
    )
    assert fine == ["a"]
    assert tab.value("two.resolve()") == ["a", "b", "page"]
