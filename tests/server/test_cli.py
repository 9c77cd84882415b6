"""The commands as a user runs them: what they print, and one line with an exit code when something is wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sporewright.server.auth import Tokens, load_secret
from sporewright.server.clock import SystemClock
from tests.server.conftest import SECRET

CONFIG = {
    "levels": ["global", "workspace"],
    "seeds": [
        {
            "floor": "global",
            "level": "global",
            "inst": "",
            "option": option,
            "dim": dimension,
            "kind": kind,
            "value": value,
        }
        for option, dimension, kind, value in [
            ("groq", "latency", "value", 0.5),
            ("slow", "latency", "value", 2.0),
            ("shut", "latency", "value", 0.1),
            ("shut", "reach", "value", "inf"),
            ("", "latency", "weight", 3.0),
        ]
    ],
}


def _run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPOREWRIGHT_")}
    return subprocess.run(
        [sys.executable, "-m", "sporewright.cli", *words],
        cwd=folder,
        env=clean | {"COLUMNS": "200", "PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A config file: two options in order, one gated."""
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return "config.json"


def test_token_is_good_for_the_server_of_the_same_database(tmp_path: Path) -> None:
    """The printed token is signed with the key beside the database, which is made private."""
    done = _run(
        tmp_path, "token", "--workspace", "acme", "--device", "A", "--ttl", "60", "--database", "sqlite:///x.db"
    )
    assert (done.returncode, done.stderr) == (0, "")
    grant = Tokens(load_secret(tmp_path / "x.db.key"), SystemClock()).verify(done.stdout.strip())
    assert (grant.holder, grant.workspace, grant.device) == ("acme/A", "acme", "A")
    assert not (tmp_path / "x.db").exists()


def test_token_with_a_secret_of_the_environment(tmp_path: Path) -> None:
    """With SPOREWRIGHT_SECRET no key file is made."""
    done = _run(tmp_path, "token", "--workspace", "acme", "--device", "A", "--holder", "ops", SPOREWRIGHT_SECRET=SECRET)
    assert Tokens(SECRET, SystemClock()).verify(done.stdout.strip()).holder == "ops"
    assert list(tmp_path.iterdir()) == []


def test_resolve_prints_the_queue(tmp_path: Path, config: str) -> None:
    """One option a line, best first, gated ones left out; the same as JSON."""
    assert _run(tmp_path, "resolve", "--config", config, "--cursor", "workspace=acme").stdout == "groq\nslow\n"
    assert json.loads(_run(tmp_path, "resolve", "--config", config, "--json").stdout) == {"queue": ["groq", "slow"]}


def test_resolve_explains(tmp_path: Path, config: str) -> None:
    """R8: the table shows the terms and the gate; the JSON adds up."""
    table = _run(tmp_path, "resolve", "--config", config, "--explain").stdout
    assert all(word in table for word in ("groq", "slow", "latency", "1.5", "shut", "reach", "inf"))
    body = json.loads(_run(tmp_path, "resolve", "--config", config, "--explain", "--json").stdout)
    assert [(ranked["option"], ranked["score"]) for ranked in body["ranked"]] == [("groq", 1.5), ("slow", 6.0)]
    assert [dropped["option"] for dropped in body["dropped"]] == ["shut"]


def test_names_are_data_on_a_terminal(tmp_path: Path) -> None:
    """A name that looks like markup, moves a cursor or is no text is shown, not obeyed and not stumbled over."""
    names = ["[/red]", ":smile:", "\x1b[2J", "a\nb", "\ud800"]
    seeds = [
        {"floor": "l", "level": "l", "inst": "", "option": name, "dim": name, "kind": "value", "value": 1}
        for name in names
    ]
    (tmp_path / "odd.json").write_text(json.dumps({"levels": ["l"], "seeds": seeds}))
    shown = ["\\x1b[2J", ":smile:", "[/red]", "a\\nb", "\\ud800"]

    assert _run(tmp_path, "resolve", "--config", "odd.json").stdout.splitlines() == shown
    table = _run(tmp_path, "resolve", "--config", "odd.json", "--explain")
    assert (table.returncode, table.stderr) == (0, "")
    assert all(name in table.stdout for name in shown)
    assert "\x1b[2J" not in table.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("resolve", "--config", "nowhere.json"), "No such file"),
        (("resolve", "--config", "broken.json"), "config"),
        (("resolve", "--config", "config.json", "--cursor", "workspace"), "level=instance"),
        (("resolve", "--config", "config.json", "--cursor", "planet=earth"), "unknown level 'planet'"),
        (("token", "--workspace", "", "--device", "A"), "workspace ''"),
        (("token", "--workspace", "acme", "--device", "A", "--ttl", "1e300"), "ttl: 1e+300"),
        (("token", "--workspace", "acme", "--device", "A", "--ttl", "nan"), "ttl: nan"),
        (("serve", "--port", "70000"), "port"),
        (("serve", "--port", "0", "--database", "oracle://x/y"), "oracle"),
        (("serve", "--port", "0", "--database", "sqlite:////nowhere/x.db"), "nowhere"),
        (("serve", "--port", "0", "--database", "memory://", "--config", "config.json"), "levels"),
        (("serve", "--port", "0", "--database", "memory://", "--host", "nobody.invalid"), "nobody.invalid"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(tmp_path: Path, config: str, words: tuple[str, ...], said: str) -> None:
    """Whatever a user gets wrong is named in one line, without a traceback."""
    (tmp_path / "broken.json").write_text('{"levels": [')
    assert config
    done = _run(tmp_path, *words, SPOREWRIGHT_SECRET=SECRET)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.startswith("sporewright: ")
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """Whoever starts a second server is told why it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = _run(tmp_path, "serve", "--port", port, "--database", "memory://", SPOREWRIGHT_SECRET=SECRET)
    assert done.returncode == 2
    assert f"127.0.0.1:{port}: Address already in use" in done.stderr


@pytest.mark.parametrize("module", ["fastapi", "sqlalchemy", "typer"])
def test_a_missing_extra_is_named_with_the_way_to_get_it(tmp_path: Path, module: str) -> None:
    """Without the server's packages the command says what to install."""
    hidden = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv[1:] = ['serve']\nimport sporewright.cli as c; c.main()"
    )
    done = subprocess.run([sys.executable, "-c", hidden], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode in (1, 2)
    assert "pip install 'sporewright[server]'" in done.stderr
    assert "Traceback" not in done.stderr
