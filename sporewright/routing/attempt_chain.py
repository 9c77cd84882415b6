"""One routed call as a state machine without I/O: which option next, what an end means, when to wait, when to stop.

The caller owns clock, chance and calls. `pick` decides; `opened`, `token` and `ended` say how the call went; `due` says
when its patience is over. The plan decides; this only carries it out (docs/reference/plan.md).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from sporewright.errors import ProtocolError
from sporewright.routing.candidates import Candidates
from sporewright.routing.classify import Ending, rule_of, text_matters
from sporewright.routing.cooldown import EVEN
from sporewright.routing.decisions import Ask, Call, Decision, Ended, Rationed, Wait
from sporewright.routing.health import Health
from sporewright.routing.patience import ECHOES, Attempt, Body, Patience
from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Aside, Facts, Outcome, Plan, Restart, Rule, Signal, State

__all__ = ["Ask", "AttemptChain", "Body", "Call", "Decision", "Ended", "Wait"]

_Why = Literal["pick", "hedge", "race"]


class AttemptChain(Patience):
    """The attempts of one call over `queue`; options not in `upstreams` are skipped.

    `health` is shared by all calls of a process. `repeatable`: the request may be carried out twice; `streaming`: it
    asks for a stream, so that its first token is waited for from the start; `restart`: what a broken stream does;
    `judged`: it expects an answer of a kind; `model`: the model that it names; `facts`: what is declared of options.
    Time is an argument, in seconds of one clock; chance is a number in [0, 1) for each decision.
    """

    def __init__(
        self,
        queue: Sequence[str],
        upstreams: Collection[str],
        *,
        health: Health,
        now: float,
        plan: Plan = PLAN,
        repeatable: bool = True,
        streaming: bool = False,
        restart: Restart = "error",
        hedge: bool = True,
        judged: bool = False,
        model: str | None = None,
        facts: Mapping[str, Facts] | None = None,
    ) -> None:
        limits = plan["limits"]
        left = Candidates(queue, upstreams, facts or {}, health, limits, model)
        until = now + limits["deadline_s"]
        super().__init__(health, left, limits, until, streaming=streaming, repeatable=repeatable)
        self._plan, self._judged, self._restart = plan, judged, restart
        self._may_hedge = hedge and repeatable
        self._may_race = True
        self._has_waited = False
        self._asked: tuple[Ask, _Why] | None = None
        self.state: State = "PICKING"
        self.kept: int | None = None
        """The attempt whose response is the caller's if nothing better comes."""
        self.outrun: dict[int, Ended] = {}
        """The ends of silent attempts beside which another one was asked, and has answered."""
        self.waits_for: float | None = None
        """The time at which the first option returns, if the chain ended because all that are left are away."""

    @property
    def attempts(self) -> list[str]:
        """The options called, in order."""
        return [attempt.option for attempt in self._all]

    @property
    def skipped(self) -> Mapping[str, str]:
        """option → reason, in the order they were passed over."""
        return self._left.skipped

    def is_probe(self, attempt: int) -> bool:
        """True if this attempt is the one probe of its option."""
        return self._all[attempt].is_probe

    @property
    def is_offline(self) -> bool:
        """True if the device has no network, as far as the chain was told."""
        return self._left.is_offline

    def network(self, *, is_offline: bool) -> None:
        """The device has lost its network, or has it again; a chain that waits for it is to be asked anew."""
        self._left.network(is_offline=is_offline)

    def queued(self, gap_s: float, attempt: int) -> None:
        """This attempt's request waited here for a connection, so long; 0: it may have waited, or not."""
        self._running(attempt).queued(gap_s)

    def state_of(self, attempt: int) -> State:
        """The state of this attempt."""
        return self._all[attempt].state

    def pick(self, now: float, chance: float = EVEN) -> Decision:
        """The next decision; None if nothing is left to try: the chain is EXHAUSTED, or DELIVERED with what it kept."""
        self._expect("PICKING", "pick")
        self._asked = None  # a hedge that is still asked for would be beside an attempt that has ended
        may = now < self._deadline and not self._is_last
        found = self._left.next(now, chance) if may else None
        if found is None or found.until >= self._deadline:
            resort = self._left.last_resort(now) if may else None
            if resort is None and now < self._deadline and self._left.wants_network:
                return self._wait(self._deadline)
            self.waits_for, found = None if found is None else found.until, resort
        if found is None:
            self.state = self._plan["transitions"]["PICKING"]["nothing_left" if self.kept is None else "kept"]["to"]
            return None
        if found.until > now:
            return self._wait(found.until)
        return self._call_or_ask(found.option, found.permit, now, "pick")

    def another_at(self) -> float:
        """The time from which another option is asked beside what is under way; ∞ if never."""
        return min(self.hedge_at(), self.race_at())

    def another(self, now: float, chance: float = EVEN) -> Decision:
        """A second call beside what is under way: a race with what is silent, where its time has come, else a hedge."""
        return self.race(now, chance) if self.race_at() <= self.hedge_at() else self.hedge(now, chance)

    def race(self, now: float, chance: float = EVEN) -> Decision:
        """A call beside those that are silent, if another option is free: a failover that cuts nobody off."""
        found = None if self._silent() is None or now >= self._deadline else self._left.next(now, chance)
        if found is None or found.until > now:
            self._may_race = self.race_at() > now  # it would be asked for again at this very moment
            return None
        return self._call_or_ask(found.option, found.permit, now, "race")

    def race_at(self) -> float:
        """The time from which the call is raced; ∞ if never."""
        one = None if self._asked is not None and self._asked[1] == "race" else self._silent()
        return math.inf if one is None or not self._may_race else self._race_from(one)

    def hedge(self, now: float, chance: float = EVEN) -> Decision:
        """A second call beside the one that is late, if there is another option for it; ask for it first."""
        self._may_hedge = False
        found = self._left.next(now, chance)
        if self._asked is not None or self._late() is None:
            return None
        if found is None or found.until > now or found.permit not in (None, "draw"):
            return None
        return self._call_or_ask(found.option, "hedge", now, "hedge")

    def asks(self, ask: Ask) -> bool:
        """True if an answer to this is still wanted: the attempt that it is to be beside may have ended meanwhile."""
        if self._asked is None or self._asked[0] is not ask:
            return False
        return self._asked[1] != "race" or self._silent() is not None

    def answered(self, now: float, granted: bool, chance: float = EVEN, until: float = -math.inf) -> Decision:
        """The next decision, now that this was granted, or refused (a draw: until when); None: go on without."""
        if self._asked is None:
            raise ProtocolError("answered: nothing was asked for")
        (ask, why), self._asked = self._asked, None
        if why != "pick" and (self._late() if why == "hedge" else self._silent()) is None:
            return None  # the race is over already
        if granted and ask.permit != "draw":
            return self._call(ask.option, now, is_probe=ask.permit == "probe", is_race=why == "race")
        if why == "hedge":
            return None
        self._left.answered(ask.option, ask.permit, now, until, granted=granted)
        return self.race(now, chance) if why == "race" else self.pick(now, chance)

    def hedge_at(self) -> float:
        """The time from which a second call is worth its price: the p95 of the option that is late; ∞ if never."""
        one = self._late()
        if not self._may_hedge or one is None or self._asked is not None:
            return math.inf
        p95 = self._health.history(one.option, streaming=self._streaming).p95_s
        return math.inf if p95 is None else one.began + p95

    def opened(self, now: float, body: Body, attempt: int = -1) -> Ended:
        """Good headers are in, and this kind of body follows; with `restart` buffer, bytes are held as well.

        Said again with `bytes` of a body that has become too long to be held: it is handed over as it comes.
        """
        one = self._running(attempt)
        if one.state == "CALLING" and body != "events":
            one.first_s = now - one.began
        one.is_short = body == "whole"
        held = body == "bytes" and self._restart == "buffer"
        return self._move(one, "whole" if held else body, "ok", now)

    def token(
        self, now: float, attempt: int = -1, *, is_finished: bool = False, is_blank: bool = False
    ) -> Ended | None:
        """Something of the answer came; the first of a stream decides a race. `is_finished`: it is whole so far.

        Providers that give each piece a finish reason take it back with the next one. `is_blank`: white space before an
        answer in one piece, by which a server says that it is alive.
        """
        one = self._running(attempt)
        one.is_finished, one.has_begun = is_finished, one.has_begun or not is_blank
        if one.state == "OPENED":
            one.first_s = now - one.began
            return self._move(one, self._plan["restarts"][self._restart], "ok", now)
        # What is handed over in time, however it comes, is not held longer for what comes.
        one.heard = one.heard if one.is_any and one.state == "HOLDING" else now
        return None

    def paused(self, since: float, now: float, attempt: int) -> None:
        """The reader took no more of the answer meanwhile: that was no silence of the option."""
        one = self._running(attempt)
        one.heard = one.heard if one.is_unanswered else min(now, one.heard + max(0.0, now - since))

    def ended(self, now: float, ending: Ending, attempt: int = -1, chance: float = EVEN) -> Ended:
        """End an attempt (the newest, if none is named) and carry out on `health` the actions of the plan."""
        one = self._running(attempt)
        self._may_race, was_first = True, not (self._left.has_failed or one.is_fallback)
        whole = one.is_finished and ending["kind"] in ("timeout", "network", "truncated")
        full: Ending = {
            **ending,
            "stage": one.state,
            "fallback": not was_first,
            "judged": self.is_judged(one.option),
            "brought": self._left.facts(one.option).get("brought", False),
            "keyed": self._left.facts(one.option).get("keyed", False),
        }
        if one.has_slept and ending["kind"] in ECHOES:
            full["kind"] = "slept"
        elif ending["kind"] == "deadline":
            # A timer may go off early: no option is picked in what little is left.
            self._deadline = min(now, self._deadline)
        rule = rule_of({"kind": "complete"} if whole else full, self._plan)
        if one.state == "CALLING" and rule["outcome"] == "ok":
            one.first_s = now - one.began
        ended = self._move(one, rule["outcome"], rule["outcome"], now, ending, chance, rule.get("reason"))
        if one.state == "PICKING":
            self._failed(one, ended, ending, rule, now, chance)
            if "keep_first" in ended.actions and was_first:
                self.kept = self._all.index(one)
        return ended

    def wants_text(self, status: int, attempt: int) -> bool:
        """True if the text of a response of this status is waited for: it decides, or it may go to the caller."""
        judged = self.is_judged(self._all[attempt].option)
        rule = rule_of({"kind": "status", "status": status, "judged": judged}, self._plan)
        may_be_callers = self._is_unsafe(rule) and not self._may_repeat(self._all[attempt])
        return may_be_callers or text_matters(status, rule, self._plan)

    def _failed(self, one: Attempt, ended: Ended, ending: Ending, rule: Rule, now: float, chance: float) -> None:
        if "put_back" in ended.actions:
            self._left.put_back(one.option, ended.outcome)
        elif ended.is_spared:
            self._left.next_key(one.option)
        else:
            self._left.failed(one.option, ended.actions, rule.get("retries", 0), now, chance)
        number = self._all.index(one)
        if "keep" in ended.actions:
            self.kept = number
        if self._is_unsafe(rule) and not self._may_repeat(one):
            # It may have been carried out: its response, if there is one, is the caller's.
            self.kept = number if ending["kind"] == "status" else None
            self._left.close("not-repeatable")

    def is_judged(self, option: str) -> bool:
        """True if an answer of a certain kind is expected of this option."""
        return self._left.facts(option).get("judged", self._judged)

    def keys_of(self, attempt: int) -> tuple[int, int]:
        """The number of the key that this attempt uses, and the number of keys that its option has."""
        one = self._all[attempt]
        return one.key, self._left.facts(one.option).get("keys", 1)

    def rejected(self, attempt: int) -> None:
        """The caller rejects what this attempt delivered: another option is asked, in what is left of the time."""
        if self.state not in ("DELIVERED", "BODY"):
            raise ProtocolError(f"rejected: the chain is {self.state}; tried {self.attempts!r}")
        for number in self.running:
            self._end(self._all[number])
            self._all[number].state = "ABORTED"
        self._left.rejected(self._all[attempt].option)
        self.state = "PICKING"

    def abort(self) -> None:
        """The caller gave up: every attempt is aborted; a chain that has ended stays as it is."""
        self._asked = None
        for number in self.running:
            one = self._all[number]
            self._end(one)
            one.state = "ABORTED"
        if self.state in self._plan["transitions"]:
            self.state = "ABORTED"

    def _is_unsafe(self, rule: Rule) -> bool:
        """True if the request may have been carried out."""
        return rule.get("unsafe", rule["outcome"] in self._plan["unsafe"])

    def _wait(self, until: float) -> Wait:
        self._has_waited = True
        return Wait(until)

    def _call_or_ask(self, option: str, permit: Rationed | None, now: float, why: _Why) -> Decision:
        if permit is None:
            return self._call(option, now, is_race=why == "race")
        self._asked = (Ask(permit, option), why)
        return self._asked[0]

    def _call(self, option: str, now: float, *, is_probe: bool = False, is_race: bool = False) -> Call:
        if not self._all:
            self._health.called()
        self._left.take(option)
        model, keys = self._left.model_of(option), self._left.facts(option).get("keys", 1)
        self._asked, key = None, self._health.keys.first(option, keys, now, model)
        had_all = not self._all and not self._has_waited
        is_any = self._left.facts(option).get("any", False)
        for number in self.running if is_race else ():
            self._all[number].is_raced = True
        self._all.append(Attempt(option, now, is_probe, is_race, had_all=had_all, heard=now, key=key, is_any=is_any))
        if self.state == "PICKING":
            self.state = self._plan["transitions"]["PICKING"]["picked"]["to"]
        return Call(option, len(self._all) - 1)

    def _running(self, attempt: int) -> Attempt:
        if not self._all or self._all[attempt].is_over:
            raise ProtocolError(f"attempt {attempt} is not running; the chain is {self.state}, tried {self.attempts!r}")
        return self._all[attempt]

    def _move(
        self,
        one: Attempt,
        signal: Signal,
        outcome: Outcome,
        now: float,
        ending: Ending | None = None,
        chance: float = EVEN,
        aside: Aside | None = None,
    ) -> Ended:
        stage, row = one.state, self._plan["transitions"][one.state]
        if signal not in row:
            raise ProtocolError(f"{signal}: the attempt at {one.option} is {one.state}; tried {self.attempts!r}")
        one.state, actions, one.heard = row[signal]["to"], row[signal]["do"], now
        retry_after_s = None if ending is None else ending.get("retry_after_s")
        key, keys = one.key, self._left.facts(one.option).get("keys", 1)
        model = self._left.model_of(one.option) if aside == "model" else None
        is_spared = self._health.keys.spares(
            one.option,
            actions,
            now,
            key=key,
            keys=keys,
            reason=aside,
            retry_after_s=retry_after_s,
            chance=chance,
            model=model,
        )
        if is_spared:
            actions = self._health.keys.spared(actions)
        if one.is_untimed:
            actions = [action for action in actions if action not in self._plan["timed"]]
        pace = one.first_s if "pace" in actions else None
        self._health.apply(
            one.option,
            actions,
            now,
            retry_after_s=retry_after_s,
            reason=aside or ("client" if ending is None else ending.get("reason", "client")),
            first_token_s=pace,
            streaming=self._streaming,
            chance=chance,
            key=one.key,
            model=model,
        )
        if one.is_over:
            self._end(one)
        if "win" in actions:
            self._win(one, now, chance)
        others = self.running if one.state in ("LOST", "PICKING") else []
        self.state = self._all[others[0]].state if others else one.state
        return Ended(
            one.option, outcome, stage, actions, None if one.is_untimed else one.first_s, aside, model, is_spared
        )

    def _win(self, one: Attempt, now: float, chance: float) -> None:
        """The others of the race are lost: they end without having failed, unless they were raced for their silence."""
        for number in self.running:
            other = self._all[number]
            if other is one:
                continue
            if other.is_raced and other.is_silent and not other.has_slept and not self.is_offline:
                outcome = rule_of({"kind": self._silence_of(other, now), "stage": other.state}, self._plan)["outcome"]
                self.outrun[number] = self._move(other, outcome, outcome, now, chance=chance)
            else:
                self._end(other)
                other.state = "LOST"

    def _end(self, one: Attempt) -> None:
        if one.is_probe:
            self._health.release(one.option)

    def _expect(self, state: State, what: str) -> None:
        if self.state != state:
            raise ProtocolError(f"{what}: the chain is {self.state}, not {state}; tried {self.attempts!r}")
