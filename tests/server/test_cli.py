"""The commands as a user runs them: what they print, and one line with an exit code when something is wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from sporewright.server.auth import Tokens, load_secret
from sporewright.server.clock import SystemClock
from tests.server.conftest import SECRET
from tests.serving import free_port

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
    assert (grant.holder, grant.workspace, grant.device) == ("operator", "acme", "A")
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


LONG = [f"provider/a-model-with-a-long-name-{end}" for end in ("2024-07", "2024-08")]


def _long(folder: Path) -> str:
    """Two options that differ in the last letter alone."""
    seeds = [
        {"floor": "l", "level": "l", "option": name, "dim": "dimension-of-length", "kind": "value", "value": at}
        for at, name in enumerate(LONG)
    ]
    (folder / "long.json").write_text(json.dumps({"levels": ["l"], "seeds": seeds}))
    return "long.json"


def test_no_name_is_cut(tmp_path: Path) -> None:
    """A narrow terminal folds a long name; a file or a pipe gets it in one piece: the options stay apart."""
    command = ("resolve", "--config", _long(tmp_path), "--explain")
    piped = _run(tmp_path, *command, COLUMNS="").stdout
    assert all(name in piped for name in (*LONG, "dimension-of-length"))
    for columns in ("80", "30"):
        narrow = _run(tmp_path, *command, COLUMNS=columns).stdout
        letters = "".join(line[4:13].strip() for line in narrow.splitlines()[3:])
        assert all(name in letters for name in LONG), narrow
        assert "…" not in narrow
        assert max(map(len, narrow.splitlines())) <= 80


def test_an_empty_queue_is_no_line(tmp_path: Path) -> None:
    """Nothing to try: no output to be read as a name, an empty list, and a word in the table's place."""
    (tmp_path / "empty.json").write_text('{"levels": ["l"]}')
    command = ("resolve", "--config", "empty.json")

    assert [_run(tmp_path, *command, *more).stdout for more in ((), ("--explain",))] == ["", "no option is left here\n"]
    assert json.loads(_run(tmp_path, *command, "--json").stdout) == {"queue": []}


def test_a_terminal_that_cannot_write_a_name_gets_it_spelled_out(tmp_path: Path) -> None:
    """Outside UTF-8 a letter is escaped; it ends no command."""
    text = json.dumps(CONFIG).replace("groq", "gr\u00f6q")
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    for more in ((), ("--explain",)):
        done = _run(tmp_path, "resolve", "--config", "config.json", *more, PYTHONIOENCODING="ascii")
        assert (done.returncode, done.stderr) == (0, "")
        assert "gr\\xf6q" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("resolve", "--config", "nowhere.json"), "No such file"),
        (("resolve", "--config", "no\n\x1b[2Jwhere.json"), r"no\n\x1b[2Jwhere.json: No such file"),
        (("resolve", "--config", "/dev/zero"), "larger than"),
        (("resolve", "--config", "config.json", "--cursor", "workspace=a", "--cursor", "workspace=b"), "already 'a'"),
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
    """A second server is refused with the reason why it does not start."""
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


def test_serve_starts_by_its_own_command_line_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """A new interpreter, as a service manager starts it: ready within its time, and a SIGTERM leaves no traceback."""
    port = free_port()
    words = ["serve", "--port", str(port), "--database", "sqlite:///fleet.db"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SPOREWRIGHT_SECRET": SECRET}
    (tmp_path / "served.json").write_text(json.dumps({"levels": ["global", "workspace", "device"]}))
    command = [sys.executable, "-m", "sporewright.cli", *words, "--config", "served.json"]
    log = tmp_path / "server.log"
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=file, stderr=file)
    try:
        until = time.monotonic() + 60
        while not _is_ready(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(timeout=20)

    assert "Traceback" not in log.read_text()
    assert not _is_ready(port)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
