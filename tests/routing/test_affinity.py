"""Affinity: where a conversation goes, when it stays, and when it leaves."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from sporewright.errors import ConfigError
from sporewright.routing.affinity import CACHE_S, Affinity, Turn, turn_of
from sporewright.routing.preferences import Figures, arrange, checked
from tests.routing.affinity_cases import FILE, played, script

CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", range(12))
def test_the_scripts_are_what_python_makes_of_them(number: int) -> None:
    """The page reads the same file: both come to the same places, to the bit."""
    assert script(number) == CASES[number]["events"]
    assert played(CASES[number]["events"]) == CASES[number]["places"]


def figures(**scores: float) -> dict[str, Figures]:
    """Options with these scores, in which a second weighs 1 and a dollar 1,000; a cached token costs a tenth."""
    more = Figures(second=1.0, dollar=1000.0, price_in=3.0, price_cached=0.3)
    return {option: Figures(score=score, **more) for option, score in scores.items()}


def first(affinity: Affinity, key: str, now: float, known: dict[str, Figures]) -> str:
    """The option that such a call is sent to."""
    queue = sorted(known, key=lambda option: (known[option]["score"], option))
    place = affinity.place(key, now, queue, known)
    return arrange(queue, {} if place is None else {"affinity": place}, known).queue[0]


def test_conversations_spread_over_options_that_are_as_good_as_each_other() -> None:
    """By their key, always to the same; not to one that is worse."""
    affinity, known = Affinity(), figures(a=1.0, b=1.0, c=1.01, d=1.5)
    where = Counter(first(affinity, f"talk {number}", 0.0, known) for number in range(3000))

    assert sorted(where) == ["a", "b", "c"]
    assert all(900 < count < 1100 for count in where.values())
    assert first(affinity, "talk 7", 0.0, known) == first(affinity, "talk 7", 99.0, known)


def test_a_conversation_stays_as_long_as_its_cache_outweighs_what_is_better() -> None:
    """10,000 warm tokens save 0.0243 dollars, which weigh 24 here, or 12 a turn: more than 10 and less than 15."""
    affinity = Affinity()
    affinity.heard("talk", "a", 0.0, Turn(10_000, 9_000, 0))
    affinity.heard("talk", "a", 1.0, Turn(10_000, 9_000, 9_000))

    assert first(affinity, "talk", 2.0, figures(a=11.0, b=1.0)) == "a"
    assert first(affinity, "talk", 2.0, figures(a=16.0, b=1.0)) == "b"
    assert first(affinity, "other", 2.0, figures(a=11.0, b=1.0)) == "b"
    assert first(affinity, "talk", 0.95 * CACHE_S, figures(a=11.0, b=1.0)) == "b"
    assert first(affinity, "talk", 1.0 + CACHE_S, figures(a=1.5, b=1.0)) == "b"


def test_an_option_that_caches_nothing_holds_nobody() -> None:
    """Its own usage says so, turn after turn."""
    affinity = Affinity()
    for turn in range(12):
        affinity.heard("talk", "a", float(turn), Turn(10_000, 9_000, 0))

    assert first(affinity, "talk", 12.0, figures(a=2.0, b=1.0)) == "b"


def test_the_seconds_that_a_cache_saves_are_learned() -> None:
    """A token that is read anew takes 0.1 ms here: 10,000 warm ones save 0.9 s and more, with no price declared."""
    affinity = Affinity()
    for turn, sent in enumerate((100, 5_000, 200, 9_000, 300, 7_000, 400, 8_000, 100, 6_000)):
        affinity.heard(f"talk {turn}", "a", float(turn), Turn(sent, sent, 0, 0.2 + sent * 1e-4))
    affinity.heard("talk", "a", 20.0, Turn(10_000, 10_000, 0))
    known = {option: Figures(score=score, second=1.0) for option, score in (("a", 1.8), ("b", 1.0))}

    assert first(affinity, "talk", 21.0, known) == "a"
    assert first(affinity, "talk", 21.0, known | {"a": Figures(score=2.2, second=1.0)}) == "b"


def test_a_failover_takes_the_conversation_along() -> None:
    """The next turn goes where the last one was answered, unless what is saved there is less than what is lost."""
    affinity = Affinity()
    affinity.heard("talk", "a", 0.0, Turn(10_000, 9_000, 9_000))
    affinity.heard("talk", "b", 5.0, Turn(10_000, 9_000, 0))

    assert first(affinity, "talk", 6.0, figures(a=1.0, b=10.0)) == "b"
    assert first(affinity, "talk", 6.0, figures(a=1.0, b=20.0)) == "a"


def test_without_scores_it_stays() -> None:
    """A fixed list says nothing of how much better one is; a new key follows the list."""
    affinity = Affinity()
    assert affinity.place("talk", 0.0, ["a", "b"], {}) is None
    affinity.heard("talk", "b", 0.0, turn_of(None, 100.0, None))

    assert affinity.place("talk", 1.0, ["a", "b"], {}) == {"option": "b", "saves": 0.0}
    assert arrange(["a", "b"], {"affinity": {"option": "b", "saves": 0.0}}).queue == ["b", "a"]
    assert affinity.place("talk", 1.0, ["a"], {}) is None


def test_the_keys_that_were_used_longest_ago_make_room() -> None:
    """Whoever names a conversation a call must not fill the memory."""
    affinity = Affinity()
    for number in range(1001):
        affinity.heard(str(number), "b", 0.0, Turn(1, 1))

    assert affinity.place("0", 1.0, ["a", "b"], {}) is None
    assert affinity.place("1", 1.0, ["a", "b"], {}) is not None


@pytest.mark.parametrize("place", ["a", {"option": 3}, {"option": "a"}, {"option": "a", "saves": -1}])
def test_what_is_no_place_is_named(place: Any) -> None:
    """As it crosses the bridge."""
    with pytest.raises(ConfigError, match="affinity"):
        checked({"affinity": place})
