"""The built module where there is no browser, as on a server that renders pages: one error says what is wrong."""

from __future__ import annotations

import json
import subprocess

from e2e.harness import DIST

RENDER = """
const loose = [];
process.on("unhandledRejection", (why) => loose.push(String(why)));
const { Router } = await import(process.argv[1]);
const config = { levels: ["global", "device"], seeds: [] };
const said = [];
for (const options of [{ config }, { config, engine: "inline" }, { config: "/tensor.json" }, undefined])
  try {
    await Router.start(options);
  } catch ({ name, code, message }) {
    said.push({ name, code, message });
  }
await new Promise((go) => setTimeout(go, 500));
console.log(JSON.stringify({ said, loose }));
"""


def test_node_gets_a_clean_error() -> None:
    """`Router.start` in real Node rejects with `config`, nothing else rejects, and the process ends by itself."""
    module = (DIST / "sporewright.js").as_uri()
    node = ["node", "--input-type=module", "-e", RENDER, module]

    ran = subprocess.run(node, capture_output=True, text=True, timeout=60)

    assert (ran.returncode, ran.stderr) == (0, "")
    told = json.loads(ran.stdout)
    assert told["loose"] == []
    assert [error["code"] for error in told["said"]] == ["config"] * 4
    assert all(error["name"] == "SporewrightError" for error in told["said"])
    assert told["said"][0]["message"].startswith("environment: a router runs in a browser's page or worker")
