"""The laws of the ledger: caps hold, and every amount is accounted for, under any interleaving (P3–P5)."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sporewright.pools import Ledger, pools_from

POOLS = pools_from(
    {
        "minute": {"unit": "requests", "cap": 7, "window": 60, "options": ["a", "b"]},
        "tokens": {"unit": "tokens", "cap": 997, "window": 13, "options": ["a"]},
        "day": {"unit": "usd", "cap": 0.00000005, "window": "day", "options": ["a", "b"], "hard": True},
        "hour": {"unit": "requests", "cap": 5, "window": "hour", "options": ["b"]},
        "flight": {"unit": "concurrent", "cap": 3, "options": ["a"]},
    }
)
KEYS = st.sampled_from([f"call {number}" for number in range(6)])
LEASES = st.sampled_from([f"lease {number}" for number in range(3)])
STEPS = st.sampled_from([0.000001, 0.4, 3.0, 29.0, 61.0, 3601.0, 90_000.0, 40 * 86_400.0])
BACK = st.sampled_from([0.5, 61.0, 4000.0, 86_400.0, 50 * 86_400.0])
AMOUNTS = {"minute": 3, "tokens": 400, "day": 30, "hour": 2, "flight": 1}


class Interleavings(RuleBasedStateMachine):
    """Calls that are reserved, corrected and forgotten, leases, crashes and clocks that jump."""

    most_used = 1
    """So many times what was reserved a call may have used."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000_000.0
        self.ledger = Ledger(POOLS, {}, self.now)
        self.before: dict[str, Any] = {}

    def look(self) -> dict[str, tuple[int, int, int]]:
        """used, reserved and leased of each pool, once time has passed."""
        self.pass_time()
        return {name: (each.used, each.reserved, each.leased) for name, each in self.ledger.accounts.items()}

    def pass_time(self) -> None:
        """Time alone refills rates, to the fraction; turns quotas; and counts what was forgotten as drawn."""
        ledger, at = self.ledger, int(self.now * 1e6)
        before = {name: (each.used, each.rest, each.mark, each.until) for name, each in ledger.accounts.items()}
        open_calls = {key: hold for key, hold in ledger.holds.items() if hold.turns is None}
        ledger.state(self.now)
        lapsed = [hold for hold in open_calls.values() if hold.turns is not None]
        for name, account in ledger.accounts.items():
            used, rest, mark, until = before[name]
            if account.pool.window_us:
                refilled = Fraction(max(0, at - mark) * account.pool.cap, account.pool.window_us)
                level = max(Fraction(0), used - Fraction(rest, account.pool.window_us) - refilled)
                found = account.used - Fraction(account.rest, account.pool.window_us)
                assert found == level or (at < mark and found >= level)
            elif account.until == until:
                forgotten = sum(hold.amounts.get(name, 0) for hold in lapsed)
                assert account.used == used + (forgotten if account.pool.turn else 0)
            elif not account.pool.hard:
                assert account.used <= used + sum(hold.amounts.get(name, 0) for hold in lapsed)

    @rule(key=KEYS, option=st.sampled_from("ab"), draw=st.data(), lasts=st.sampled_from([0.3, 30.0, 5000.0]))
    def reserve(self, key: str, option: str, draw: Any, lasts: float) -> None:
        """All pools of the option, or none; and `admits` says beforehand which."""
        before = self.look()
        if key in self.ledger.holds:
            return
        names = self.ledger.pools_of(option)
        needs = {name: draw.draw(st.integers(0, AMOUNTS[name])) for name in names}
        admitted = self.ledger.admits(option, needs, self.now)
        refused = self.ledger.reserve(key, option, needs, self.now, lasts)
        assert refused == admitted
        after = self.look()
        for name in before:
            taken = 0 if refused else needs.get(name, 0)
            assert sum(after[name]) == sum(before[name]) + taken
        if refused:
            assert refused.until > self.now

    @rule(key=KEYS, draw=st.data())
    def settle(self, key: str, draw: Any) -> None:
        """The ledger counts for the call what it has used, no more and no less, also where it had lapsed."""
        before = self.look()
        hold = self.ledger.holds.get(key)
        if hold is None:
            return
        used = {name: draw.draw(st.integers(0, amount * self.most_used)) for name, amount in hold.amounts.items()}
        self.ledger.settle(key, used, self.now)
        after = self.look()
        for name, amount in hold.amounts.items():
            account = self.ledger.accounts[name]
            counted = 0 if account.pool.unit == "concurrent" else used[name]
            held = 0 if hold.turns is not None and not account.pool.turn and not account.pool.window_us else amount
            if hold.turns is not None and hold.turns.get(name, account.until) != account.until:
                counted = held = 0
            difference = sum(after[name]) - sum(before[name])
            assert difference == counted - held or (account.pool.window_us and after[name][0] == 0)
        assert key not in self.ledger.holds

    @rule(key=KEYS)
    def release(self, key: str) -> None:
        """A call that was never sent has drawn nothing: the ledger is as if it had not been reserved."""
        before = self.look()
        hold = self.ledger.holds.get(key)
        self.ledger.release(key, self.now)
        after = self.look()
        for name, amount in {} if hold is None or hold.turns is not None else hold.amounts.items():
            assert sum(after[name]) == max(sum(before[name]) - amount, after[name][1] + after[name][2])

    @rule(key=KEYS)
    def renew(self, key: str) -> None:
        """A call that goes on holds what it holds."""
        before = self.look()
        self.ledger.renew(key, self.now)
        assert self.look() == before

    @rule(key=LEASES, pool=st.sampled_from(sorted(POOLS)), draw=st.data(), lasts=st.sampled_from([0.5, 60.0, 7200.0]))
    def lease(self, key: str, pool: str, draw: Any, lasts: float) -> None:
        """A holder gets all that it asks for, or nothing."""
        before = self.look()
        if key in self.ledger.holds:
            return
        amount = draw.draw(st.integers(0, POOLS[pool].cap))
        refused = self.ledger.lease(key, pool, amount, self.now, lasts, "holder")
        after = self.look()
        assert sum(after[pool]) == sum(before[pool]) + (0 if refused else amount)

    @rule(key=LEASES, amount=st.integers(0, 40))
    def spend(self, key: str, amount: int) -> None:
        """A draw on a lease moves from leased to drawn, and no more than the lease."""
        before = self.look()
        hold = self.ledger.holds.get(key)
        counted = self.ledger.spend(key, amount, self.now)
        after = self.look()
        for name in {} if hold is None else hold.amounts:
            used, _, leased = after[name]
            if hold is not None and hold.turns is None and POOLS[name].unit != "concurrent":
                assert (used, leased) == (before[name][0] + counted, before[name][2] - counted)
        assert counted <= amount

    @rule(key=LEASES)
    def give_back(self, key: str) -> None:
        """A lease that is given back is free, once."""
        before = self.look()
        hold = self.ledger.holds.get(key)
        self.ledger.give_back(key, self.now)
        after = self.look()
        for name, rest in {} if hold is None or hold.turns is not None else hold.amounts.items():
            assert sum(after[name]) == sum(before[name]) - rest
        assert key not in self.ledger.holds

    @rule(seconds=STEPS)
    def wait(self, seconds: float) -> None:
        """Time passes, some calls and leases end without a word."""
        self.now += seconds
        self.pass_time()

    @rule(seconds=BACK)
    def set_back(self, seconds: float) -> None:
        """The clock is set back: nothing is refilled by it, no window turns."""
        used = {name: each.used for name, each in self.ledger.accounts.items()}
        turns = {name: each.until for name, each in self.ledger.accounts.items()}
        self.now -= seconds
        self.ledger.state(self.now)
        for name, account in self.ledger.accounts.items():
            assert account.used >= used[name]
            assert account.until <= turns[name]

    @rule()
    def crash(self) -> None:
        """The process is gone; the next one reads what was kept, and it is the same."""
        kept = json.loads(json.dumps(self.ledger.data()))
        again = Ledger(POOLS, {}, self.now)
        again.restore(kept)
        assert again.data() == self.ledger.data()
        self.ledger = again

    @rule(pool=st.sampled_from(sorted(POOLS)), left=st.integers(0, 1000))
    def tighten(self, pool: str, left: int) -> None:
        """The provider's word leaves no more than it says, and never more than there was."""
        self.look()
        account = self.ledger.accounts[pool]
        before = account.left
        self.ledger.tighten(pool, left, self.now)
        if account.pool.unit != "concurrent":
            assert account.left == min(before, left)

    @rule()
    def tick(self) -> None:
        """Prices are finite and never below nothing."""
        self.ledger.tick(self.now)
        assert all(0 <= price < 1e300 for price in self.ledger.prices().values())

    @invariant()
    def caps_hold(self) -> None:
        """Drawn, reserved and leased are never more than a cap."""
        for account in self.ledger.accounts.values():
            assert account.drawn + account.reserved + account.leased <= account.pool.cap
            assert min(account.drawn, account.reserved, account.leased, account.debt) >= 0

    @invariant()
    def holds_add_up(self) -> None:
        """Reserved and leased is what the open holds say, to the last unit."""
        for name, account in self.ledger.accounts.items():
            holds = [hold for hold in self.ledger.holds.values() if hold.turns is None]
            leased = sum(hold.amounts.get(name, 0) for hold in holds if hold.is_lease)
            reserved = sum(hold.amounts.get(name, 0) for hold in holds if not hold.is_lease)
            assert account.leased == leased
            assert account.reserved == (0 if account.pool.window_us else reserved)

    @invariant()
    @precondition(lambda self: self.most_used == 1)
    def nothing_is_owed(self) -> None:
        """As long as no call uses more than was reserved for it, all of it fits."""
        for account in self.ledger.accounts.values():
            assert account.debt == 0


class Overdrawn(Interleavings):
    """Calls use up to three times what was reserved: what does not fit is owed, and the caps hold all the same."""

    most_used = 3


TestInterleavings = Interleavings.TestCase
TestOverdrawn = Overdrawn.TestCase
TestInterleavings.settings = TestOverdrawn.settings = settings(stateful_step_count=40, deadline=None)
