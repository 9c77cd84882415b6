"""Admission, corrections, windows, leases, and a ledger that is kept (P2–P6)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sporewright.errors import ConfigError
from sporewright.pools import Asked, Ledger, PoolState, Refused, Used, Word, declined, hear, pools_from
from sporewright.pools.account import Account
from sporewright.pools.price import Price

RATE = {"unit": "requests", "cap": 3, "window": 60, "options": ["a"]}
DAY = {"unit": "usd", "cap": 5, "window": "day", "options": ["a", "b"]}
FLIGHT = {"unit": "concurrent", "cap": 2, "options": ["a"]}
NOON = 86_400 * 10_000 + 43_200.0
DAY_S = 86_400.0
USD = 10**9


def ledger(**pools: Any) -> Ledger:
    """A ledger of these pools at noon."""
    return Ledger(pools_from(pools), {}, NOON)


def left(of: Ledger, pool: str, now: float) -> float:
    """The rest of the pool then."""
    return of.state(now)[pool].left


def test_a_rate_refills_evenly() -> None:
    """P1: three at once, then one every 20 seconds."""
    book = ledger(rate=RATE)
    for number in range(3):
        assert book.reserve(str(number), "a", {"rate": 1}, NOON, 30.0) is None

    assert book.reserve("3", "a", {"rate": 1}, NOON, 30.0) == Refused("rate", NOON + 20)
    assert book.reserve("3", "a", {"rate": 1}, NOON + 19.99, 30.0) == Refused("rate", NOON + 20)
    assert book.reserve("3", "a", {"rate": 1}, NOON + 20, 30.0) is None
    assert book.state(NOON + 20)["rate"] == PoolState("requests", 3.0, 0.0, 0.0, NOON + 80)
    assert book.admits("a", {"rate": 4}, NOON + 60) == Refused("rate", math.inf)
    assert book.state(NOON + 81)["rate"] == PoolState("requests", 3.0, 3.0, 0.0, 0.0)


def test_a_quota_is_full_again_when_its_window_turns() -> None:
    """P1: what was drawn is forgotten at midnight, what is reserved stays so."""
    book = ledger(day=DAY)
    book.reserve("1", "a", {"day": 3 * USD}, NOON, 30.0)
    book.settle("1", {"day": 4 * USD}, NOON + 1)
    book.reserve("2", "a", {"day": 1 * USD}, NOON + 43_190, 30.0)

    assert book.admits("b", {"day": 2 * USD}, NOON + 43_190) == Refused("day", NOON + 43_200)
    assert book.admits("b", {"day": 1}, NOON + 43_190) == Refused("day", NOON + 43_190.1)
    assert left(book, "day", NOON + 43_200) == 4.0
    book.settle("2", {"day": USD // 2}, NOON + 43_201)
    assert left(book, "day", NOON + 43_202) == 4.5
    assert book.state(NOON + 43_202)["day"].until == NOON + 43_200 + DAY_S


def test_all_pools_of_an_option_or_none() -> None:
    """P3: the last one to cover it says when; nothing is taken from the others."""
    book = ledger(rate=RATE, day=DAY, flight=FLIGHT)
    needs = {"rate": 1, "day": 2 * USD, "flight": 1}
    assert book.reserve("1", "a", needs, NOON, 30.0) is None
    assert book.reserve("2", "a", needs, NOON, 30.0) is None

    # Two are in flight, and 4 of 5 dollars are reserved: either may be given back before midnight.
    assert book.reserve("3", "a", needs, NOON, 30.0) == Refused("day", NOON + 0.1)
    assert left(book, "rate", NOON) == 1.0
    book.settle("1", {"day": 4 * USD}, NOON)
    assert book.reserve("3", "a", needs, NOON, 30.0) == Refused("day", NOON + 43_200)
    book.release("2", NOON)
    assert [left(book, name, NOON) for name in ("rate", "day", "flight")] == [2.0, 1.0, 2.0]
    assert book.reserve("4", "elsewhere", {}, NOON, 30.0) is None


def test_a_key_names_one_call() -> None:
    """A second reservation under it would lose the first; the end of none is nothing."""
    book = ledger(rate=RATE)
    book.reserve("1", "a", {"rate": 1}, NOON, 30.0)

    with pytest.raises(ConfigError, match="pools: '1' is reserved already"):
        book.reserve("1", "a", {"rate": 1}, NOON, 30.0)
    with pytest.raises(ConfigError, match=r"pools\.rate: 0\.5 is not a whole number of minor units"):
        book.settle("1", {"rate": 0.5}, NOON)  # type: ignore[dict-item]
    book.settle("2", {}, NOON)
    book.release("2", NOON)
    book.renew("2", NOON)
    book.give_back("2", NOON)
    assert book.spend("2", 1, NOON) == 0
    assert left(book, "rate", NOON) == 2.0


def test_a_call_without_an_end_counts_as_drawn_and_frees_its_slot() -> None:
    """P2, P5: it may have used what it held; what it says later corrects that."""
    book = ledger(rate=RATE, day=DAY, flight=FLIGHT)
    needs = {"rate": 1, "day": 2 * USD, "flight": 1}
    book.reserve("1", "a", needs, NOON, 30.0)
    book.renew("1", NOON + 20)

    assert left(book, "flight", NOON + 49) == 1.0
    assert [left(book, name, NOON + 50) for name in ("rate", "day", "flight")] == [3.0, 3.0, 2.0]
    book.renew("1", NOON + 50)
    book.settle("1", {"day": USD}, NOON + 51)
    assert [left(book, name, NOON + 51) for name in ("day", "flight")] == [4.0, 2.0]
    book.reserve("2", "a", needs, NOON + 60, 1.0)
    assert left(book, "day", NOON + 62) == 2.0
    book.release("2", NOON + 62)
    assert left(book, "day", NOON + 62) == 4.0


def test_a_late_end_says_nothing_of_a_window_that_has_turned() -> None:
    """P5: what it had is forgotten with the window; a day later so is the call."""
    book = ledger(day=DAY)
    book.reserve("1", "a", {"day": 2 * USD}, NOON, 30.0)
    book.reserve("2", "a", {"day": USD}, NOON, 30.0)

    assert left(book, "day", NOON + DAY_S) == 5.0
    book.settle("1", {"day": 0}, NOON + DAY_S)
    assert left(book, "day", NOON + DAY_S) == 5.0
    book.state(NOON + DAY_S + 31)
    assert book.holds == {}


def test_what_a_call_used_beyond_a_hard_cap_is_owed() -> None:
    """It is taken from the next window of a hard pool, and forgotten with that of a soft one."""
    book = ledger(hard={**DAY, "hard": True, "options": ["a"]}, soft={**DAY, "options": ["a"]})
    book.reserve("1", "a", {"hard": USD, "soft": USD}, NOON, 30.0)
    book.settle("1", {"hard": 11 * USD, "soft": 11 * USD}, NOON)

    assert (book.accounts["hard"].drawn, book.accounts["hard"].debt) == (5 * USD, 6 * USD)
    assert (left(book, "hard", NOON + DAY_S), left(book, "soft", NOON + DAY_S)) == (0.0, 5.0)
    assert left(book, "hard", NOON + 2 * DAY_S) == 4.0


def test_long_after_nothing_is_owed() -> None:
    """Windows that nobody saw have turned, too."""
    book = ledger(hard={**DAY, "window": "hour", "hard": True})
    book.reserve("1", "a", {"hard": 1}, NOON, 30.0)
    book.settle("1", {"hard": 1000 * USD}, NOON)

    assert left(book, "hard", NOON + 10 * 3600) == 0.0
    assert left(book, "hard", NOON + 100 * DAY_S) == 5.0


def test_a_clock_that_is_set_back() -> None:
    """Point 7: nothing refills, nothing turns; of a clock that was far ahead the pools recover."""
    book = ledger(rate=RATE, day=DAY, flight=FLIGHT)
    book.reserve("1", "a", {"rate": 3, "day": USD, "flight": 1}, NOON, 30.0)
    book.close("rate", NOON + 5000, NOON)
    for now in (NOON - 30, NOON - DAY_S):
        assert [left(book, name, now) for name in ("rate", "day", "flight")] == [0.0, 4.0, 1.0]

    # The call's 30 seconds and the refill count from there on.
    assert [left(book, name, NOON - DAY_S + 40) for name in ("day", "flight")] == [4.0, 2.0]
    assert book.accounts["rate"].left == 2
    book.state(NOON + 50 * DAY_S)
    book.reserve("2", "a", {"rate": 0, "day": 2 * USD, "flight": 0}, NOON + 50 * DAY_S, 30.0)
    book.settle("2", {}, NOON + 50 * DAY_S)
    assert left(book, "day", NOON) == 3.0
    assert left(book, "day", NOON + 43_200) == 5.0


def test_a_word_far_ahead_closes_for_a_day_at_most() -> None:
    """P6: an hour counts, a year does not, nor a clock that was set back meanwhile."""
    book = ledger(flight=FLIGHT)
    book.close("flight", NOON + 3600, NOON)
    assert book.admits("a", {"flight": 1}, NOON) == Refused("flight", NOON + 3600)
    assert book.state(NOON)["flight"] == PoolState("concurrent", 2.0, 0.0, 0.0, NOON + 3600)

    book.close("flight", NOON + 400 * DAY_S, NOON)
    assert book.admits("a", {"flight": 1}, NOON) == Refused("flight", NOON + DAY_S)
    assert book.admits("a", {"flight": 1}, NOON - 100 * DAY_S) == Refused("flight", NOON - 99 * DAY_S)


@pytest.mark.parametrize(("kind", "lapsed"), [(RATE, 3.0), (DAY, 3.0), (FLIGHT, 2.0)])
def test_leases(kind: dict[str, Any], lapsed: float) -> None:
    """P4, P5: of a quota what a silent holder had counts as drawn, of anything else it lapses."""
    book = ledger(p=kind)
    scale = book.accounts["p"].pool.scale
    whole = book.accounts["p"].pool.cap

    assert book.lease("l", "p", whole + 1, NOON, 60.0, "d1") == Refused("p", math.inf)
    assert book.lease("l", "p", 2 * scale, NOON, 60.0, "d1") is None
    assert left(book, "p", NOON) == (whole - 2 * scale) / scale
    assert book.lease("m", "p", whole, NOON, 60.0, "d2") is not None
    assert book.admits("a", {"p": whole}, NOON) is not None
    assert left(book, "p", NOON + 60) == lapsed


def test_a_lease_is_drawn_on_reported_and_given_back() -> None:
    """P4: no more than its amount counts; calls and leases are not mixed up."""
    book = ledger(day=DAY, rate=RATE, flight=FLIGHT)
    book.lease("l", "day", 3 * USD, NOON, 60.0, "d1")
    book.reserve("1", "b", {"day": USD}, NOON, 60.0)

    assert book.spend("l", USD, NOON) == USD
    assert book.accounts["day"].leased == 2 * USD
    book.settle("l", {}, NOON)
    book.release("l", NOON)
    book.give_back("1", NOON)
    assert book.spend("1", 1, NOON) == 0
    assert left(book, "day", NOON) == 1.0
    book.give_back("l", NOON)
    assert left(book, "day", NOON) == 3.0
    book.lease("l", "day", 2 * USD, NOON, 60.0, "d1")
    assert book.spend("l", 9 * USD, NOON) == 2 * USD
    book.lease("f", "flight", 1, NOON, 60.0, "d1")
    book.spend("f", 1, NOON)
    assert left(book, "flight", NOON) == 2.0


def test_a_lease_that_ended_without_a_word_is_corrected_by_its_holder() -> None:
    """P5: until the window turns; of a rate what was drawn is drawn."""
    book = ledger(day=DAY, rate=RATE)
    book.lease("d", "day", 3 * USD, NOON, 60.0, "d1")
    book.lease("r", "rate", 2, NOON, 60.0, "d1")
    book.lease("late", "day", USD, NOON, 60.0, "d1")

    assert (left(book, "day", NOON + 61), left(book, "rate", NOON + 61)) == (1.0, 3.0)
    book.spend("d", USD, NOON + 61)
    book.spend("r", 1, NOON + 61)
    assert (left(book, "day", NOON + 61), left(book, "rate", NOON + 61)) == (1.0, 2.0)
    book.give_back("d", NOON + 61)
    book.give_back("r", NOON + 61)
    assert (left(book, "day", NOON + 61), left(book, "rate", NOON + 61)) == (3.0, 2.0)
    book.give_back("late", NOON + DAY_S)
    assert left(book, "day", NOON + DAY_S) == 5.0


def test_the_order_in_which_calls_lapse() -> None:
    """Each as of its own time: one that ended before midnight belongs to the day before."""
    book = ledger(day=DAY)
    book.reserve("late", "a", {"day": USD}, NOON + 43_100, 150.0)
    book.reserve("early", "a", {"day": 2 * USD}, NOON + 43_100, 30.0)

    assert left(book, "day", NOON + 43_300) == 4.0


def test_draws_are_estimated_and_learned() -> None:
    """P2: the request and `max_tokens`, else the mean answer; money at the declared prices; time as it took."""
    pools = {
        "tokens": {"unit": "tokens", "cap": 10_000, "window": 60, "options": ["a"]},
        "time": {"unit": "seconds", "cap": 100, "window": 60, "options": ["a"]},
    }
    book = ledger(**pools, day=DAY, rate=RATE, flight=FLIGHT)
    asked = Asked(tokens_in=100, max_tokens=50, price_in=1.0, price_out=4.0)

    assert book.estimate("a", asked) == {"tokens": 150, "time": 10**6, "day": 300_000, "rate": 1, "flight": 1}
    assert book.estimate("a", Asked()) == {"tokens": 512, "time": 10**6, "day": 1, "rate": 1, "flight": 1}
    assert book.estimate("b", Asked(10.0)) == {"day": 1}
    assert book.estimate("nobody", asked) == {}
    book.learn("a", 12.0, 2.0)
    book.learn("a", None, None)
    book.learn("a", math.nan, -1.0)
    book.learn("nobody", 1.0, 1.0)
    assert book.estimate("a", Asked()) == {"tokens": 462, "time": 1_100_000, "day": 1, "rate": 1, "flight": 1}
    assert book.draws()["a"] == {"tokens": 0.0, "time": 0.0, "day": 0.0, "rate": 0.0, "flight": 0.0}
    book.reserve("1", "a", book.estimate("a", asked), NOON, 30.0)
    assert book.draws()["a"] == {"tokens": 150.0, "time": 1.1, "day": 0.0003, "rate": 1.0, "flight": 1.0}
    book.settle("1", Used(tokens=50.0, usd=0.001, seconds=3.0), NOON)
    assert book.draws()["a"] == {"tokens": 140.0, "time": 1.29, "day": 0.00037, "rate": 1.0, "flight": 1.0}
    assert [left(book, name, NOON) for name in ("tokens", "time", "day", "rate")] == [9950.0, 97.0, 4.999, 2.0]


def test_a_refusal_is_no_spend() -> None:
    """P2: no tokens and no money; what broke off draws what it may have used."""
    pools = {"tokens": {"unit": "tokens", "cap": 1000, "window": 60, "options": ["a"]}}
    book = ledger(**pools, day=DAY)
    for key, used in (("1", Used(refused=True)), ("2", Used()), ("3", Used(tokens=math.nan))):
        book.reserve(key, "a", {"tokens": 100, "day": USD}, NOON, 30.0)
        book.settle(key, used, NOON)

    assert (left(book, "tokens", NOON), left(book, "day", NOON)) == (800.0, 3.0)


def test_the_provider_s_word_tightens() -> None:
    """P6: what is left, of the limit that is meant; more than was thought, or no number, changes nothing."""
    pools = {"daily": {**RATE, "cap": 1000, "window": "day"}, "rate": RATE, "day": DAY}
    book = ledger(**pools)
    hear(book, "a", [Word("requests", 2.0), Word("requests", 900.0, 1000.0), Word("tokens", 0.0)], NOON)
    assert (left(book, "rate", NOON), left(book, "daily", NOON)) == (2.0, 900.0)

    # They contradict each other: the least counts.
    hear(book, "a", [Word("requests", 3.0, 3.0), Word("requests", 1.0, math.nan), Word("requests", math.inf)], NOON)
    assert left(book, "rate", NOON) == 1.0
    declined(book, "a", 429, None, NOON)
    assert left(book, "rate", NOON) == 0.0
    assert left(book, "rate", NOON + 20) == 1.0
    declined(book, "a", 429, 100.0, NOON + 60)
    assert book.admits("a", {"rate": 1}, NOON + 60) == Refused("rate", NOON + 160)
    declined(book, "b", 402, None, NOON)
    assert left(book, "day", NOON) == 5.0
    declined(book, "b", 402, 60.0, NOON)
    assert book.admits("b", {"day": 1}, NOON) == Refused("day", NOON + 60)
    declined(book, "a", 500, 60.0, NOON)
    declined(book, "nobody", 429, 60.0, NOON)
    assert left(book, "daily", NOON + 200) == 900.0


def test_a_pool_of_calls_in_flight_is_not_tightened() -> None:
    """A count of requests says nothing of those under way."""
    book = ledger(flight=FLIGHT)
    book.tighten("flight", 0, NOON)

    assert left(book, "flight", NOON) == 2.0


def test_a_slack_pool_costs_nothing_and_a_busy_one_costs_before_its_wall() -> None:
    """P7: the price rises while more is drawn than lasts, and is gone when the pool is slack again."""
    book = ledger(rate={**RATE, "cap": 60}, flight=FLIGHT)
    assert book.tick(NOON) is False
    now, prices = NOON, []
    for number in range(200):
        now = NOON + number * 0.5
        if book.reserve(str(number), "a", {"rate": 1, "flight": 0}, now, 30.0) is None:
            book.settle(str(number), {}, now)
        book.tick(now)
        prices.append((book.prices()["rate"], left(book, "rate", now)))
    assert prices[20][0] == 0
    assert next(rest for price, rest in prices if price > 0) > 10
    assert prices[-1][0] > 0.2
    assert book.tick(now + 600)
    assert book.prices() == {"rate": 0.0, "flight": 0.0}


def test_a_quota_is_paced_and_not_hoarded() -> None:
    """P7: half a day's money in the first hour has a price; what is left shortly before midnight has none."""
    book = ledger(day=DAY)
    for hour in range(2):
        now = NOON - 43_000 + hour * 3600
        book.reserve(str(hour), "a", {"day": USD}, now, 30.0)
        book.settle(str(hour), {}, now)
        book.tick(now + 600)
    assert book.prices()["day"] > 0
    for minutes in range(60):
        book.tick(NOON + 39_600 + minutes * 60)
    assert book.prices()["day"] == 0.0


def test_calls_in_flight_have_a_price_when_most_slots_are_taken() -> None:
    """P7: up to three quarters they are slack."""
    book = ledger(flight={**FLIGHT, "cap": 4})
    for number in range(3):
        book.reserve(str(number), "a", {"flight": 1}, NOON, 3600.0)
    assert book.tick(NOON + 5) is False
    book.reserve("3", "a", {"flight": 1}, NOON + 5, 3600.0)
    assert book.tick(NOON + 10)
    assert book.prices()["flight"] == 0.25
    assert book.tick(NOON + 11) is False


def test_a_price_does_not_move_by_a_clock_that_is_set_back() -> None:
    """It counts on from there."""
    price = Price(100_000_000)

    def busy(pace: float, now: int) -> float:
        return 1.0 + pace + now

    assert price.tick(busy, 10_000_000, 1_000_000) is False
    assert price.tick(busy, 10_000_000, 6_000_000)
    assert price.value == 0.5


def test_a_kept_ledger_is_the_same() -> None:
    """A host keeps and gives back: accounts, holds, leases, means."""
    book = ledger(rate=RATE, day=DAY, flight=FLIGHT)
    book.reserve("1", "a", {"rate": 1, "day": USD, "flight": 1}, NOON, 30.0)
    book.reserve("over", "a", {"rate": 1, "day": USD, "flight": 1}, NOON, 1.0)
    book.lease("l", "day", USD, NOON, 60.0, "d")
    book.learn("a", 10.0, 3.0)
    book.tick(NOON + 8)
    again = ledger(rate=RATE, day=DAY, flight=FLIGHT)
    again.restore(book.data())

    assert again.data() == book.data()
    assert again.state(NOON + 8) == book.state(NOON + 8)
    for each in (book, again):
        each.settle("1", {"day": 0}, NOON + 9)
        each.settle("over", {"day": 0}, NOON + 9)
        each.give_back("l", NOON + 9)
    assert again.data() == book.data()
    assert left(again, "day", NOON + 9) == 5.0


def test_a_kept_ledger_of_other_pools_says_nothing_of_them() -> None:
    """Another unit or window is another pool; another cap is not; what is gone is gone."""
    book = ledger(rate=RATE, day=DAY, flight=FLIGHT, gone=RATE)
    book.reserve("1", "a", {"rate": 1, "day": USD, "flight": 1, "gone": 1}, NOON, 30.0)
    book.lease("l", "gone", 1, NOON, 60.0, "d")
    again = Ledger(
        pools_from({"rate": {**RATE, "window": 10}, "day": {**DAY, "cap": 4, "options": ["b"]}, "flight": FLIGHT}),
        {},
        NOON,
    )
    again.restore(book.data())

    assert [left(again, name, NOON) for name in ("rate", "day", "flight")] == [3.0, 3.0, 1.0]
    assert set(again.holds) == {"1"}
    again.settle("1", {}, NOON)
    assert left(again, "day", NOON) == 3.0


GOOD_HOLD = ["a", {"day": 1}, 1, 1, "", False, None]


@pytest.mark.parametrize(
    "change",
    [
        3, {}, {"version": 2}, {"accounts": 3}, {"accounts": {"day": 3}}, {"accounts": {"day": {"kind": []}}},
        {"accounts": {"day": {"kind": ["usd", 0, "day", "UTC"], "used": -1}}},
        {"accounts": {"day": {"kind": ["usd", 0, "day", "UTC"], "used": True, "mark": 0, "rest": 0, "until": 0}}},
        {"holds": {"x": 3}}, {"holds": {"x": [1, 2, 3]}}, {"holds": {"x": [3, *GOOD_HOLD[1:]]}},
        {"holds": {"x": [*GOOD_HOLD[:5], 1, None]}}, {"holds": {"x": [*GOOD_HOLD[:1], 3, *GOOD_HOLD[2:]]}},
        {"holds": {"x": ["a", {"day": 0.5}, *GOOD_HOLD[2:]]}}, {"holds": {"x": [*GOOD_HOLD[:6], {"day": -1}]}},
        {"holds": {"x": ["a", {}, *GOOD_HOLD[2:]]}},
        {"holds": {"x": ["a", {"day": 1, "rate": 1}, 1, 1, "", True, None]}},
        {"options": {"a": 3}}, {"options": {"a": [3, 4]}}, {"options": {"a": [{"day": -1, "zzz": 3}, [1]]}},
        {"options": {"a": [{}, ["x", 1]]}}, {"options": {"zzz": [{}, []]}},
    ],
)  # fmt: skip
def test_what_is_no_kept_ledger_is_passed_over(change: Any) -> None:
    """Storage is foreign data: a part that does not decode is as if it had not been there."""
    book = ledger(rate=RATE, day=DAY)
    fresh = book.data()
    book.restore({**fresh, **change} if isinstance(change, dict) and change else change)

    assert book.data() == fresh


@pytest.mark.parametrize("data", [3, [1, 2], [1, 2.0, 0.0, 0.0, 0.0], [1, 2, -1.0, 0.0, 0.0], [1, 2, "x", 0.0, 0.0]])
def test_what_is_no_price_is_passed_over(data: Any) -> None:
    """The price begins at nothing."""
    price = Price(7)
    price.restore(data)

    assert price.data() == [7, 0, 0.0, 0.0, 0.0]


def test_the_remainder_of_a_refill_is_less_than_a_window() -> None:
    """A kept one that is more would refill what was never waited for."""
    account = Account(pools_from({"p": RATE})["p"], ((0, 0),), 0)
    kept = {**account.data(), "used": 3, "rest": 2**50}

    assert account.restore(kept)
    assert account.rest == 60_000_000 - 1
