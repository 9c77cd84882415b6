"""Scripts of calls that belong together, for both languages: `python -m tests.routing.affinity_cases` writes them.

What is written is a claim, not a proof: `test_affinity.py` says in words what has to come of it.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from sporewright.routing.affinity import Affinity, turn_of

FILE = Path(__file__).parent / "affinity.json"
OPTIONS = ("a", "b", "c", "__proto__")
USAGES: tuple[Any, ...] = (
    {"prompt_tokens": 900, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 512}},
    {"input_tokens": 40, "cache_read_input_tokens": 800, "cache_creation_input_tokens": 60, "output_tokens": 9},
    {"promptTokenCount": 700, "candidatesTokenCount": 11, "cachedContentTokenCount": 0},
    {"input_tokens": 300, "input_tokens_details": {"cached_tokens": 256}, "output_tokens": 5},
    {"prompt_tokens": True, "completion_tokens": -1, "prompt_tokens_details": 3},
    [1],
    None,
)


def script(seed: int) -> list[dict[str, Any]]:
    """Questions and answers at growing times, of few keys."""
    dice = random.Random(seed)
    now, events = 1000.0, list[dict[str, Any]]()
    for _ in range(60):
        now += dice.choice((0.5, 7.25, 60.0, 299.0, 301.0))
        key, option = dice.choice("xyz"), dice.choice(OPTIONS)
        if dice.random() < 0.5:
            queue = dice.sample(OPTIONS, dice.randint(0, 4))
            figures: dict[str, dict[str, float]] = {}
            for at, each in enumerate(queue):
                known = {"score": at * dice.choice((0.0, 0.001, 0.4)) + 1.0, "second": dice.choice((0.0, 0.1, 1.0))}
                prices = {"price_in": 3.0, "price_cached": dice.choice((0.3, 3.0, 9.0)), "dollar": 1000.0}
                figures[each] = dict(sorted({**known, **prices}.items())[: dice.randint(0, 5)])
            events.append({"at": now, "key": key, "queue": queue, "figures": figures})
        else:
            heard = {
                "usage": dice.choice(USAGES),
                "sent": dice.choice((0.0, 120.0)),
                "first_s": dice.choice((None, 0.4, 1.5)),
            }
            events.append({"at": now, "key": key, "option": option, **heard})
    return events


def played(events: list[dict[str, Any]]) -> list[Any]:
    """The place of each question, in order."""
    affinity, found = Affinity(), list[Any]()
    for event in events:
        if "queue" in event:
            found.append(affinity.place(event["key"], event["at"], event["queue"], event["figures"]))
        else:
            turn = turn_of(event["usage"], event["sent"], event["first_s"])
            affinity.heard(event["key"], event["option"], event["at"], turn)
    return found


def main() -> None:
    """Write the scripts and what Python makes of them."""
    cases = [{"events": script(seed), "places": played(script(seed))} for seed in range(12)]
    FILE.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
