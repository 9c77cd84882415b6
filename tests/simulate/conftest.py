"""Small measurements of four providers, as rows and as the files a user would have."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sporewright.simulate.measurements import Row
from sporewright.simulate.study import Material

OK, BUSY = {"kind": "status", "status": 200}, {"kind": "status", "status": 429}
MEANS = {"quick": 1.0, "fair": 2.0, "slow": 6.0}


def rows_of(mean: float, n: int = 40) -> tuple[Row, ...]:
    """Rows around a mean, the same every time."""
    drawn = random.Random(mean)
    return tuple(Row(mean * drawn.uniform(0.8, 1.2), {"kind": "status", "status": 200}) for _ in range(n))


@pytest.fixture(scope="session")
def material() -> Material:
    """quick, fair and slow answer; busy refuses nine times in ten."""
    busy = tuple(Row(0.5, {"kind": "status", "status": 429}) for _ in range(36)) + rows_of(1.5, 4)
    rows = {"busy": busy, **{name: rows_of(mean) for name, mean in sorted(MEANS.items())}}
    even = [float(at) for at in range(400)]
    return Material(rows, {"conv": even, "code": [float(at // 10 * 10) for at in range(400)]})


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, material: Material) -> tuple[Path, Path]:
    """The same as CSV: latency and arrivals."""
    folder = tmp_path_factory.mktemp("data")
    latency, arrivals = folder / "latency.csv", folder / "arrivals.csv"
    lines = ["group,provider,ok,latency_ms,error,in_tokens,out_tokens"]
    for provider, rows in material.rows.items():
        for row in rows:
            what = f"1,{row.seconds * 1000:.3f}," if row.is_ok else "0,,http_429"
            lines.append(f"g,{provider},{what},550,150")
    latency.write_text("\n".join(lines) + "\n")
    times = [f"{trace},{time}" for trace, each in material.traces.items() for time in each]
    arrivals.write_text("\n".join(["trace,t_s", *times]) + "\n")
    return latency, arrivals
