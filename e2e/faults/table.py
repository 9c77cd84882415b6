"""All rows run, one batch after the other, and what came of them as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from playwright.sync_api import Browser

from e2e.faults.fault import WAYS, Fault, Way
from e2e.faults.native import run_native
from e2e.faults.page import run_page
from e2e.faults.seen import Place, Ran, first_of, second_of, wrong
from e2e.faults.server import Provider, Providers, Script, closed_port

__all__ = ["Table", "run"]

BATCH = 80
"""Calls at most in one page."""
AT_ONCE, ALONE = 12, 2
"""Calls at a time: of all, and of those that are made once more."""
MOST_AGAIN = 60
SECONDS = 8
"""Servers of the working option: a browser keeps six connections to one."""


def run(
    faults: Sequence[Fault], place: Place, *, ways: Sequence[Way] = WAYS, browser: Any = None, origin: str = ""
) -> list[Ran]:
    """Every row in every way that it has; `browser` and `origin` where it is a page.

    A busy machine is slow, and that is no fault of a row: some calls that came out wrong are made once more, with next
    to nothing beside them, and are marked (`is_again`). What is wrong every time stays so.
    """
    runs = [Ran(fault, way, place) for fault in faults for way in ways if fault.pieces(way) is not None]
    servers = Providers()
    try:
        for at in range(0, len(runs), BATCH):
            _batch(runs[at : at + BATCH], servers, browser, origin, AT_ONCE)
        bad = [number for number, ran in enumerate(runs) if any(wrong(ran))]
        again = {number: Ran(runs[number].fault, runs[number].way, place, is_again=True) for number in bad}
        if 0 < len(again) <= MOST_AGAIN:
            _batch(list(again.values()), servers, browser, origin, ALONE)
            runs = [again.get(number, ran) for number, ran in enumerate(runs)]
    finally:
        servers.close()
    return runs


def _batch(runs: list[Ran], servers: Providers, browser: Browser | None, origin: str, at_once: int) -> None:
    scripts = [Script(ran.fault.pieces(ran.way), ran.fault.everywhere, ran.fault.also) for ran in runs]
    providers = servers.start([*scripts, *[Script()] * SECONDS])
    firsts, seconds = providers[: len(runs)], providers[len(runs) :]
    try:
        placed = [
            (ran, {first_of(ran): _address(ran.fault, first), second_of(ran): _at(seconds[at % SECONDS])})
            for at, (ran, first) in enumerate(zip(runs, firsts, strict=True))
        ]
        if browser is None:
            run_native(placed, at_once)
        else:
            run_page(browser, origin, placed, at_once)
    finally:
        servers.stop(providers)


def _address(fault: Fault, provider: Provider) -> str:
    if fault.address is None:
        return _at(provider)
    return fault.address.format(port=provider.port).replace(":0", f":{closed_port()}")


def _at(provider: Provider) -> str:
    return f"http://127.0.0.1:{provider.port}"


class Table:
    """The outcome of every call, by row, way and place."""

    def __init__(self, runs: Sequence[Ran]) -> None:
        self.runs = list(runs)
        self._rows: dict[str, list[Ran]] = {}
        for ran in self.runs:
            self._rows.setdefault(ran.fault.name, []).append(ran)

    def lines(self) -> list[str]:
        """A line for each fault, as Markdown; what is not right is bold."""
        heads = [*WAYS, "s native", "s page", "afterwards"]
        lines = [_line(["fault", *heads]), _line(["---"] * (len(heads) + 1))]
        return lines + [_line([name, *self._cells(runs)]) for name, runs in self._rows.items()]

    def totals(self) -> list[str]:
        """The numbers of whole answers and of those that were possible."""
        lines = [_line(["whole answers", *WAYS]), _line(["---"] * (len(WAYS) + 1))]
        for place in dict.fromkeys(ran.place for ran in self.runs):
            cells = []
            for way in WAYS:
                some = [ran for ran in self.runs if (ran.place, ran.way) == (place, way)]
                possible = [ran for ran in some if ran.right.who in ("first", "second", "broken")]
                cells.append(f"{sum(ran.who in ('first', 'second') for ran in possible)} of {len(possible)}")
            lines.append(_line([place, *cells]))
        return lines

    def wrongs(self) -> list[str]:
        """A line for each row that is not right and reason, with the ways in which it came."""
        found: dict[tuple[str, str], list[str]] = {}
        for ran in self.runs:
            for why in wrong(ran):
                found.setdefault((ran.fault.name, why), []).append(f"{ran.place} {ran.way}")
        return [f"{name}: {why} ({', '.join(ways)})" for (name, why), ways in found.items()]

    def _cells(self, runs: list[Ran]) -> Iterator[str]:
        for way in WAYS:
            yield _either(_who(ran) for ran in runs if ran.way == way)
        for place in get_args(Place):
            seconds = [ran.seconds for ran in runs if ran.place == place]
            yield f"{max(seconds):.2f}" if seconds else ""
        why = runs[0].fault.why
        yield _either(_after(ran) for ran in runs) + (f" ({why})" if why else "")


def _who(ran: Ran) -> str:
    """The option that answered, and the number of attempts where it is not the usual one."""
    usual = 2 if ran.who == "second" else 1
    text = ran.who if len(ran.attempts) == usual else f"{ran.who}, {len(ran.attempts)}"
    return text if (ran.who, len(ran.attempts)) == (ran.right.who, ran.right.attempts) else f"**{text}**"


def _after(ran: Ran) -> str:
    text = f"aside: {ran.aside}" if ran.aside and ran.learned == "nothing" else ran.learned
    right = ran.right
    return text if (ran.learned, ran.aside) == (right.learned, right.aside) else f"**{text}**"


def _either(told: Iterable[str]) -> str:
    return " / ".join(dict.fromkeys(told))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
