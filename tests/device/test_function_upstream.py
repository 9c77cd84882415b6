"""Upstreams that are a function of the program: asked, judged, cancelled and learned of like any other."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest

from sporewright.device.call_receipt import Receipt
from sporewright.device.chat import chat
from sporewright.device.sync_transport import SyncRoutingTransport
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import BrokenError, ConfigError, ExhaustedError

SECRET = "sk-canary-0123456789"
WHOLE = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "mine"}, "finish_reason": "stop"}]}
CHUNK = {"choices": [{"index": 0, "delta": {"content": "mine"}, "finish_reason": "stop"}]}
SERVER = httpx.MockTransport(lambda _: httpx.Response(200, text="server"))


def client(
    run: Any, *, alone: bool = False, inner: Any = SERVER, more: Any = None, **limits: float
) -> httpx.AsyncClient:
    """Over the function, then a server."""
    upstreams: Any = {"mine": {"run": run, **(more or {})}, "server": {"url": "http://server.test"}}
    if alone:
        del upstreams["server"]
    transport = RoutingTransport(
        list(upstreams), upstreams, transport=inner, limits={"retries": 0, "backoff_s": 0.001, **limits}
    )
    return httpx.AsyncClient(transport=transport, base_url=NOWHERE)


def receipt_of(response: httpx.Response) -> Receipt:
    """Its receipt."""
    receipt = response.extensions["sporewright"]
    assert isinstance(receipt, Receipt)
    return receipt


async def until(condition: Any, seconds: float = 5.0) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def said(request: httpx.Request) -> httpx.Response:
    """The request, as an answer."""
    return httpx.Response(201, json=[request.method, request.url.path, request.content.decode()])


async def said_later(request: httpx.Request) -> httpx.Response:
    """The same in a while."""
    await asyncio.sleep(0)
    return said(request)


class Asynchronous:
    """A model as an object."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """The request, as an answer."""
        return await said_later(request)


@pytest.mark.parametrize("run", [said, said_later, Asynchronous(), lambda request: said_later(request)])
async def test_it_is_handed_the_request_and_answers(run: Any) -> None:
    """Synchronous or not; the receipt names it."""
    async with client(run) as asked:
        response = await asked.post("/v1/say", content=b"hello")

    assert (response.status_code, response.json()) == (201, ["POST", "/v1/say", "hello"])
    assert receipt_of(response).option == "mine"


async def test_a_synchronous_one_holds_up_no_other_call() -> None:
    """Each has a thread of its own, however many there are."""
    gate = threading.Barrier(40)

    def run(request: httpx.Request) -> httpx.Response:
        gate.wait(10)
        return said(request)

    async with client(run) as asked:
        answers = await asyncio.gather(*(asked.get("/x") for _ in range(40)))
    assert {answer.status_code for answer in answers} == {201}


def test_a_synchronous_client_asks_it() -> None:
    """In its thread."""
    transport = SyncRoutingTransport(["mine"], {"mine": {"run": said_later}})
    with httpx.Client(transport=transport, base_url=NOWHERE) as asked:
        assert asked.get("/x").json() == ["GET", "/x", ""]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_chat_is_asked_in_its_dialect(stream: bool) -> None:
    """OpenAI's, where it declares none."""
    bodies = []

    def run(request: httpx.Request) -> httpx.Response:
        bodies.append((request.url.path, json.loads(request.content)["model"]))
        if stream:
            events = f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n"
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=events)
        return httpx.Response(200, json=WHOLE)

    async with client(run, more={"model": "tiny"}) as asked:
        request = {"messages": [{"role": "user", "content": "x"}], "stream": stream}
        assert await chat(asked, request).text() == "mine"
    assert bodies == [("/v1/chat/completions", "tiny")]


def numbers(fail: BaseException | None = None) -> Iterator[Any]:
    """Two pieces of a body, which may break."""
    yield b"one "
    if fail is not None:
        raise fail
    yield b"two"


async def later(pieces: Iterator[Any]) -> AsyncIterator[Any]:
    """The same pieces, asynchronous."""
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("restart", ["error", "buffer", "notify"])
@pytest.mark.parametrize("made", [lambda: numbers(), lambda: later(numbers())])
async def test_a_body_may_be_made_in_pieces(made: Any, restart: str) -> None:
    """By a synchronous generator, too."""
    async with client(lambda _: httpx.Response(200, content=made())) as asked:
        response = await asked.get("/x", extensions={"sporewright": {"restart": restart}})
    assert response.text == "one two"


async def test_the_answer_of_another_client_will_do() -> None:
    """One that was read has been decoded."""
    packed = httpx.Response(200, headers={"content-encoding": "identity", "x-one": "1"}, text="far")

    def run(_: httpx.Request) -> httpx.Response:
        with httpx.Client(transport=httpx.MockTransport(lambda _: packed)) as other:
            return other.get("http://far.test/")

    async with client(run) as asked:
        response = await asked.get("/x")
    assert (response.text, response.headers["x-one"]) == ("far", "1")


async def test_the_callers_credentials_are_not_its() -> None:
    """Unless it is declared to be trusted with them."""
    seen = []

    def run(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return said(request)

    for trusted in (False, True):
        async with client(run, more={"caller_credentials": trusted}) as asked:
            await asked.get("/x", headers={"authorization": "Bearer mine"})
    assert seen == [None, "Bearer mine"]


def raising(why: BaseException) -> Any:
    """A function that raises this."""

    def run(_: httpx.Request) -> httpx.Response:
        raise why

    return run


def later_raising(why: BaseException) -> Any:
    """The same, asynchronous."""

    async def run(_: httpx.Request) -> httpx.Response:
        raise why

    return run


async def never(_: httpx.Request) -> httpx.Response:
    """Settles never."""
    await asyncio.Event().wait()
    raise AssertionError


async def refusing(request: httpx.Request) -> httpx.Response:
    """Will not be cancelled."""
    end = time.monotonic() + 3
    while time.monotonic() < end:
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            continue
    return said(request)


def hanging(_: httpx.Request) -> httpx.Response:
    """Settles never, and cannot be cancelled."""
    threading.Event().wait()
    raise AssertionError


def read_already(_: httpx.Request) -> httpx.Response:
    """A Response of which nothing is left."""
    response = httpx.Response(200, content=numbers())
    list(response.iter_raw())
    return response


FAILS = [
    (raising(ValueError(SECRET)), "run raised ValueError at test_function_upstream.py:"),
    (later_raising(ValueError(SECRET)), "run raised ValueError at test_function_upstream.py:"),
    (raising(httpx.ConnectError(SECRET)), "run raised ConnectError"),
    (later_raising(httpx.ReadTimeout(SECRET)), "run raised ReadTimeout"),
    (raising(StopIteration(SECRET)), "run raised "),
    (raising(asyncio.CancelledError(SECRET)), "run raised RuntimeError"),
    (later_raising(asyncio.CancelledError(SECRET)), "run raised RuntimeError"),
    (raising(SystemExit(SECRET)), "run raised RuntimeError"),
    (lambda _: SECRET, "run gave str, not an httpx.Response"),
    (lambda _: None, "run gave NoneType, not an httpx.Response"),
    (lambda: None, "run raised TypeError"),
    (read_already, "run gave a Response that was read already"),
    (never, "nothing for"),
    (refusing, "nothing for"),
    (hanging, "nothing for"),
]


@pytest.mark.parametrize("run", [run for run, _ in FAILS])
async def test_it_fails_and_the_next_option_is_asked(run: Any) -> None:
    """Its failure is counted as one of any other's."""
    async with client(run, attempt_timeout_s=0.2) as asked, asyncio.timeout(2.5):
        response = await asked.get("/x")
    receipt = receipt_of(response)
    assert (response.text, receipt.option) == ("server", "server")
    assert [(each.option, each.outcome == "ok") for each in receipt.attempts] == [("mine", False), ("server", True)]
    assert SECRET not in json.dumps(receipt.to_dict())


@pytest.mark.parametrize(("run", "reason"), FAILS)
async def test_alone_its_error_is_ours_and_quotes_nothing(run: Any, reason: str) -> None:
    """Also an httpx error, as a plain client has."""
    async with client(run, alone=True, attempt_timeout_s=0.2, deadline_s=1.5) as asked, asyncio.timeout(2.5):
        with pytest.raises(ExhaustedError) as error:
            await asked.get("/x")
    assert isinstance(error.value, httpx.TransportError)
    assert reason in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: numbers(ValueError(SECRET)), "its body raised ValueError"),
        (lambda: later(numbers(httpx.ReadError(SECRET))), "its body raised ReadError"),
        (lambda: later(numbers(asyncio.CancelledError(SECRET))), "its body raised RuntimeError"),
        (lambda: iter([b"one ", SECRET]), "its body raised TypeError"),
    ],
)
async def test_a_body_that_breaks_is_an_error_of_ours(made: Any, reason: str) -> None:
    """While it is read."""
    async with client(lambda _: httpx.Response(200, content=made())) as asked, asked.stream("GET", "/x") as response:
        with pytest.raises(BrokenError) as error:
            await response.aread()
    assert reason in str(error.value)
    assert SECRET not in str(error.value)


async def test_its_breaker_opens() -> None:
    """It is passed over then."""
    calls = []

    def run(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        raise ValueError(SECRET)

    async with client(run) as asked:
        receipts = [receipt_of(await asked.get("/x")) for _ in range(8)]
    assert len(calls) < 8
    assert receipts[-1].skipped == {"mine": "open"}


async def test_it_is_cancelled_with_the_call() -> None:
    """Its coroutine ends."""
    seen = list[str]()

    async def run(_: httpx.Request) -> httpx.Response:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        raise AssertionError

    async with client(run) as asked:
        call = asyncio.create_task(asked.get("/x"))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: seen == ["cancelled"])


class Closing(httpx.SyncByteStream):
    """A body that says when it is closed, and whose second piece waits for that."""

    def __init__(self) -> None:
        self.is_asked, self.may, self.is_closed = threading.Event(), threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield b"one "
        self.is_asked.set()
        self.may.wait()
        yield b"two"

    def close(self) -> None:
        """It is."""
        self.is_closed.set()


async def test_a_body_that_is_left_is_closed_once_its_piece_is_made() -> None:
    """The reader does not wait for that."""
    body = Closing()
    async with client(lambda _: httpx.Response(200, stream=body)) as asked:
        async with asked.stream("GET", "/x") as response:
            pieces = aiter(response.aiter_bytes())
            assert await anext(pieces) == b"one "
            second = asyncio.ensure_future(anext(pieces))
            await until(body.is_asked.is_set)
            second.cancel()
            with suppress(asyncio.CancelledError):
                await second
        assert not body.is_closed.is_set()
        body.may.set()
        await until(body.is_closed.is_set)


def test_a_program_ends_while_one_hangs() -> None:
    """Its thread keeps no loop from ending."""

    async def ask() -> str:
        async with client(hanging, attempt_timeout_s=0.05) as asked:
            return (await asked.get("/x")).text

    began = time.monotonic()
    assert asyncio.run(ask()) == "server"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("upstream", "message"),
    [
        ({"run": said, "url": "http://a.test"}, "upstream a: one of url and run, not both"),
        ({"run": 5}, "upstream a: run is a int, not a function"),
        ({"model": "m"}, "upstream a: url is not an address: KeyError: 'url'"),
        ({"run": said, "dialect": "klingon"}, "upstream a: dialect 'klingon' is none of"),
    ],
)
def test_settings_that_cannot_work_are_named(upstream: Any, message: str) -> None:
    """With option and value."""
    with pytest.raises(ConfigError, match=message):
        RoutingTransport(["a"], {"a": upstream})


def test_a_partial_is_a_function() -> None:
    """As any callable is."""
    RoutingTransport(["a"], {"a": {"run": partial(said)}})
