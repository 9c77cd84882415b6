"""`make bench-routing` runs on the real measurements where they are, and says so where they are not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sporewright.learning.settings import DEFAULTS
from sporewright.simulate.policies import OURS
from sporewright.simulate.scenario import load_scenario
from sporewright.simulate.sensitivity import variants
from sporewright.simulate.study import Trial, material_of, play

DATA = Path(os.environ.get("SPOREWRIGHT_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"


def test_without_measurements_it_says_so(tmp_path: Path) -> None:
    """One line that names what is missing; that is no failure."""
    command = [sys.executable, "-m", "sporewright.simulate.bench", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("bench-routing: skipped, ")
    assert "latency.csv" in done.stdout


def test_every_default_is_halved_and_doubled() -> None:
    """One setting differs in each variant, and only the first is as shipped."""
    found = variants()

    assert next(iter(found.values())) == DEFAULTS
    assert len(found) % 2 == 1
    assert sum(settings == DEFAULTS for settings in found.values()) == 1


@pytest.mark.skipif(not (DATA / "latency.csv").is_file(), reason=f"skipped: no measurements in {DATA}")
def test_learning_beats_the_window_of_ten_when_things_change() -> None:
    """On the real measurements, one seed of drift: at most half the regret, and no failure that could be avoided."""
    material = material_of(DATA / "latency.csv", DATA / "arrivals.csv", "llama-2-70b-chat", ["conv"])
    drift = load_scenario("drift")
    ours, theirs = (play(material, Trial(drift, policy, 11)) for policy in (OURS, "lowest-latency"))

    assert ours.regret < 0.5 * theirs.regret
    assert ours.avoidable == 0
