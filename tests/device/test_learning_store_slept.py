"""A gap in the clock teaches no seconds, however the attempt that slept through it ended."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from sporewright.routing.plan import PLAN
from sporewright.routing.terms import Outcome
from tests.device.fleet import Page

ENDS = [
    (stage, outcome)
    for stage, rows in PLAN["transitions"].items()
    for outcome, step in rows.items()
    if outcome in get_args(Outcome) and {"learn_latency", "learn_failure", "learn_ok"} & set(step["do"])
]


@pytest.mark.parametrize(("stage", "outcome"), ENDS)
def test_an_attempt_that_slept_teaches_no_seconds(stage: str, outcome: str) -> None:
    """No latency, no first token: what was waited holds the gap. Whether it failed is known all the same."""
    page = Page()
    page.start()
    timing = {"latency_s": 600.0, "first_token_s": 590.0}
    page.call("outcome", option="alpha", stage=stage, outcome=outcome, slept=True, **timing)

    record = json.loads(page.storage.get('belief/"alpha"', "{}"))
    assert not {"latency", "ttft"} & record.keys()
