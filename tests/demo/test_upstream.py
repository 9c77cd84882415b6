"""The demo's upstreams: real sockets that behave like the measured providers, and really break."""

from __future__ import annotations

import asyncio
import socket
import statistics
from collections.abc import AsyncIterator

import httpx
import pytest

from sporewright.errors import ConfigError
from sporewright.server.demo.figures import PROVIDERS, TIME_FACTOR, Figures
from sporewright.server.demo.listener import Listener
from sporewright.server.demo.upstream import SLOW_FACTOR, Fault, Upstream

QUICK = Figures("quick", 0.08, 0.1, 0.0, (1.0, 1.0))


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A started upstream that answers in about 20 ms."""
    made = Upstream(QUICK, seed=1)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(upstream: Upstream) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that upstream."""
    async with httpx.AsyncClient(base_url=upstream.url, timeout=5) as made:
        yield made


async def test_answers_like_openai(client: httpx.AsyncClient) -> None:
    """A chat completion has the shape that OpenAI clients read, and names who answered."""
    answer = await client.post("/v1/chat/completions", json={"model": "any", "messages": []})
    assert answer.status_code == 200
    body = answer.json()
    assert body["object"] == "chat.completion"
    assert "quick" in body["choices"][0]["message"]["content"]
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


async def test_hello_and_log(client: httpx.AsyncClient) -> None:
    """GET /hello answers, and each attempt is in GET /_log with its path, outcome and duration."""
    assert (await client.get("/hello")).json() == {"hello": "quick"}
    (entry,) = (await client.get("/_log")).json()["attempts"]
    assert (entry["path"], entry["outcome"]) == ("/hello", 200)
    assert 0.01 < entry["seconds"] < 1


async def test_any_page_may_call_and_read_retry_after(client: httpx.AsyncClient) -> None:
    """Answers carry CORS headers and expose Retry-After, or a page could neither call nor read it."""
    await client.post("/_fault", json={"kind": "rate_limit", "retry_after_s": 7})
    answer = await client.get("/hello", headers={"Origin": "http://page.test"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-expose-headers"] == "Retry-After"
    asked = {"Origin": "http://page.test", "Access-Control-Request-Method": "POST"}
    preflight = await client.options("/v1/chat/completions", headers=asked | {"Access-Control-Request-Headers": "x-a"})
    assert preflight.status_code == 200


async def test_rate_limit(client: httpx.AsyncClient) -> None:
    """The fault rate_limit answers 429 with the asked Retry-After, in whole seconds, until it is taken back."""
    await client.post("/_fault", json={"kind": "rate_limit", "retry_after_s": 2.5})
    limited = await client.get("/hello")
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "3")
    await client.post("/_fault", json={"kind": "none"})
    assert (await client.get("/hello")).status_code == 200


async def test_error(client: httpx.AsyncClient) -> None:
    """The fault error answers 500."""
    await client.post("/_fault", json={"kind": "error"})
    assert (await client.get("/hello")).status_code == 500


async def test_slow(client: httpx.AsyncClient, upstream: Upstream) -> None:
    """The fault slow multiplies the latency and still answers."""
    await client.post("/_fault", json={"kind": "slow"})
    assert (await client.get("/hello")).status_code == 200
    assert upstream.log[-1]["seconds"] > 0.5 * SLOW_FACTOR * TIME_FACTOR * QUICK.p50_s  # type: ignore[operator]


async def test_reset_is_a_tcp_reset(upstream: Upstream) -> None:
    """The fault reset aborts the connection before any header: the raw socket sees ECONNRESET, not an end of file."""
    upstream.fault = Fault("reset")
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(upstream.url).port)
    writer.write(b"GET /hello HTTP/1.1\r\nHost: quick\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_silent_accepts_and_never_answers(client: httpx.AsyncClient) -> None:
    """The fault silent takes the request and sends nothing, not even headers."""
    await client.post("/_fault", json={"kind": "silent"})
    with pytest.raises(httpx.ReadTimeout):
        await client.get("/hello", timeout=0.3)
    assert (await client.get("/_log")).json()["attempts"][-1]["outcome"] == "silent"


async def test_who_gives_up_on_a_silent_one_leaves_no_error(
    client: httpx.AsyncClient, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """A caller that leaves before the answer is ordinary: the upstream logs no error for it."""
    upstream.fault = Fault("silent")
    with pytest.raises(httpx.ReadTimeout):
        await client.get("/hello", timeout=0.2)
    await asyncio.sleep(0.2)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_control_answers_while_silent(client: httpx.AsyncClient) -> None:
    """A fault concerns the answers only: the switch that ends it always works."""
    await client.post("/_fault", json={"kind": "silent"})
    assert (await client.get("/_fault")).json()["kind"] == "silent"
    await client.post("/_fault", json={"kind": "none"})
    assert (await client.get("/hello")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"kind": "loud"}',
        b'{"kind": "rate_limit", "retry_after_s": "soon"}',
        b'{"kind": "none", "retry_after_s": -1}',
    ],
)
async def test_bad_fault_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    """A fault that makes no sense is a 400 that says why, and changes nothing."""
    answer = await client.post("/_fault", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
    assert (await client.get("/_fault")).json()["kind"] == "none"


@pytest.mark.parametrize("figures", PROVIDERS, ids=lambda figures: figures.name)
def test_latencies_are_the_measured_ones(figures: Figures) -> None:
    """4,000 draws have the measured median within 3 % and the measured 95th percentile within 6 %, times the factor."""
    made = Upstream(figures, seed=7)
    draws = sorted(made.latency_s() / TIME_FACTOR for _ in range(4000))
    made._listener._socket.close()
    assert statistics.median(draws) == pytest.approx(figures.p50_s, rel=0.03)
    assert draws[3800] == pytest.approx(figures.p95_s, rel=0.06)


async def test_failures_come_at_their_rate() -> None:
    """An upstream with a measured share of 429 fails about that often by itself, with a Retry-After."""
    made = Upstream(Figures("flaky", 0.004, 0.005, 0.3, None), seed=3)
    await made.start()
    async with httpx.AsyncClient(base_url=made.url, timeout=60) as client:
        answers = await asyncio.gather(*(client.get("/hello") for _ in range(200)))
    await made.stop()
    limited = [answer for answer in answers if answer.status_code == 429]
    assert 35 <= len(limited) <= 85
    assert all("retry-after" in answer.headers for answer in limited)


async def test_stop_leaves_no_one_waiting() -> None:
    """Stopping with a silent and a slow call under way takes about a second, and the port is free afterwards."""
    made = Upstream(QUICK)
    await made.start()
    made.fault = Fault("silent")
    async with httpx.AsyncClient(base_url=made.url, timeout=20) as client:
        waiting = asyncio.create_task(client.get("/hello"))
        await asyncio.sleep(0.2)
        async with asyncio.timeout(2):
            await made.stop()
        with pytest.raises(httpx.TransportError):
            await waiting
    port = httpx.URL(made.url).port
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", port or 0)) != 0


async def test_a_taken_port_is_named() -> None:
    """A port in use is a ConfigError with the address and the way out, before anything is served."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{taken.getsockname()[1]}.*another port"):
            Listener(Upstream, "127.0.0.1", taken.getsockname()[1])


def test_figures_match_the_data(shared_latency: dict[str, list[float]]) -> None:
    """The quoted medians and 95th percentiles are those of the measurements, to the millisecond's third digit."""
    for figures in PROVIDERS:
        seconds = sorted(shared_latency[figures.name])
        assert statistics.median(seconds) == pytest.approx(figures.p50_s, rel=0.002)
        assert seconds[int(0.95 * len(seconds))] == pytest.approx(figures.p95_s, rel=0.002)
