"""`sporewright simulate` as a user runs it: same bytes twice, a report that needs nothing else, errors in one line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sporewright.errors import ConfigError
from sporewright.simulate.command import Measurements, simulate

SHORT = 'name = "short"\nabout = "Quick < slow & so on."\ncalls = 80\nhalf_lives = 0.1\n'


def simulated(files: tuple[Path, Path], *words: str) -> subprocess.CompletedProcess[str]:
    """The command, run."""
    command = [sys.executable, "-m", "sporewright.cli", "simulate", "--latency", str(files[0]), "--arrivals"]
    return subprocess.run([*command, str(files[1]), *words], capture_output=True, text=True)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario file."""
    file = tmp_path_factory.mktemp("scenario") / "short.toml"
    file.write_text(SHORT)
    return file


def test_same_seed_same_bytes(files: tuple[Path, Path], short: Path, tmp_path: Path) -> None:
    """Table and report, whatever the number of processes and the salt of hashes."""
    outputs = []
    for jobs in ("1", "2"):
        report = tmp_path / "report.html"
        words = ("--group", "g", "--scenario", str(short), "--seeds", "2", "--jobs", jobs, "--report", str(report))
        done = simulated(files, *words)
        assert done.returncode == 0, done.stderr
        outputs.append((done.stdout, report.read_bytes()))

    assert outputs[0] == outputs[1]
    assert "ours" in outputs[0][0]
    assert "oracle" in outputs[0][0]


def test_a_report_needs_nothing_else(files: tuple[Path, Path], short: Path, tmp_path: Path) -> None:
    """Three charts a scenario as inline SVG, no script, nothing fetched, text escaped, ink from the page."""
    report = tmp_path / "report.html"
    words = ("--group", "g", "--scenario", str(short), "--seeds", "2", "--policy", "ours", "--policy", "random")
    done = simulated(files, *words, "--report", str(report))
    assert done.returncode == 0, done.stderr

    page = report.read_text()
    assert page.count("<svg") == 3
    assert not re.search(r"<script|<link|src=|@import|url\((?!#)", page)
    assert "Quick &lt; slow &amp; so on." in page
    assert "currentColor" in page


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--group", "h"), "decode: .*no row of group 'h'"),
        (("--group", "g", "--policy", "luck"), "config: policy 'luck'"),
        (("--group", "g", "--scenario", "storm"), "config: scenario 'storm'"),
        (("--group", "g", "--scenario", "fleet"), "config: --scenario fleet"),
        (("--group", "g", "--seeds", "0"), "config: --seeds"),
        (("--group", "g", "--jobs", "0"), "config: --jobs"),
        (("--group", "g", "--gap", "0"), "config: --gap 0.0"),
    ],
)
def test_errors_are_one_line(files: tuple[Path, Path], words: tuple[str, ...], says: str) -> None:
    """Exit code 2 and the reason, no traceback."""
    done = simulated(files, *words)

    assert done.returncode == 2
    assert re.match(f"sporewright: {says}", done.stderr)
    assert done.stderr.count("\n") == 1


def test_a_report_that_cannot_be_written(files: tuple[Path, Path], short: Path, tmp_path: Path) -> None:
    """The place and the reason, before anything is run; an older report is left as it was until there is a new one."""
    words = ("--group", "g", "--scenario", str(short), "--seeds", "1", "--policy", "fixed")
    done = simulated(files, *words, "--report", str(tmp_path / "none" / "r.html"))

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "storage" in done.stderr


def test_a_report_that_cannot_be_drawn(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the library of the charts the reason is said before anything is read; what stood there stays."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    report = tmp_path / "r.html"
    report.write_text("older")

    with pytest.raises(ConfigError, match="vl_convert is not installed"):
        simulate(Measurements([tmp_path / "none.csv"], files[1]), ["stationary"], ["fixed"], 1, 1, report)
    assert report.read_text() == "older"


def test_many_data_sets_at_many_gaps(
    files: tuple[Path, Path], tmp_path: Path, short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table each, and one over all of them; a group that two files have is one too many."""
    other = tmp_path / "other.csv"
    other.write_text(files[0].read_text().replace("g,", "h,"))

    both = Measurements([files[0], other], files[1])
    simulate(both, [str(short)], ["ours", "random", "oracle"], 1, 1, None, [3.0, 600.0])

    said = capsys.readouterr().out
    assert all(f"{group}, short, {gap} s: Quick" in said for group in "gh" for gap in (3, 600))
    assert "4 cells, regret over the lowest" in said
    with pytest.raises(ConfigError, match=r"group 'g' is in .*, too"):
        simulate(Measurements([files[0], files[0]], files[1]), [str(short)], [], 1, 1, None)
