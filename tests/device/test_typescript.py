"""The generated TypeScript: deterministic, complete, and accepted by the compiler."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sporewright.device import calls
from sporewright.device.typescript import calls_ts, main, plan_ts
from sporewright.errors import CODES
from sporewright.routing.plan import PLAN

ROOT = Path(__file__).resolve().parents[2]
TSC = ROOT / "web" / "node_modules" / ".bin" / "tsc"


def test_the_generator_is_deterministic(tmp_path: Path) -> None:
    """Two processes with different hash seeds write the same bytes."""
    for seed in ("0", "1"):
        subprocess.run(
            [sys.executable, "-m", "sporewright.device.typescript", str(tmp_path / seed)],
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )

    for name in ("calls.ts", "plan.ts"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()


def test_every_call_push_event_effect_and_code_is_in_it() -> None:
    """Nothing that crosses the bridge is missing from the page's types."""
    text = calls_ts()

    for call, (body, reply) in calls.CALLS.items():
        assert f"  {call}: {{ body: {body.__name__}; reply: {reply.__name__} }};" in text
    for push, kind in calls.PUSHES.items():
        assert f"  {push}: {kind.__name__};" in text
    for kind in (*calls.EVENTS, *calls.EFFECTS):
        assert f"  | {kind.__name__}" in text
        assert f"export interface {kind.__name__} " in text
    for code in CODES:
        assert f'  | "{code}"' in text


def test_the_plan_is_the_plan() -> None:
    """plan.ts carries exactly the plan's JSON."""
    text = plan_ts()
    body = text[text.index("= {") + 2 : text.index(" as const")]

    assert json.loads(body) == json.loads(json.dumps(PLAN))


def test_one_folder_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a folder the generator says how it is called."""
    assert main([]) == 2
    assert "OUTDIR" in capsys.readouterr().err


@pytest.mark.skipif(not TSC.exists() or shutil.which("node") is None, reason="the page's packages are not installed")
def test_the_compiler_accepts_it(tmp_path: Path) -> None:
    """The strict compiler takes both files, and the plan satisfies its type."""
    assert main([str(tmp_path)]) == 0
    options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "ES2022", "--module", "ESNext"]

    done = subprocess.run(
        [str(TSC), *options, "--moduleResolution", "bundler", "calls.ts", "plan.ts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
