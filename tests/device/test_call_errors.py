"""Errors of the transport are httpx's as well, so that SDKs wrap them."""

from __future__ import annotations

import pickle

import httpx
import pytest

from sporewright.device.call_errors import common, of_httpx
from sporewright.device.transport import NOWHERE, RoutingTransport
from sporewright.errors import BrokenError, ExhaustedError, InternalError, SporewrightError, TooLargeError


@pytest.mark.parametrize("ours", [ExhaustedError, BrokenError, TooLargeError, InternalError])
@pytest.mark.parametrize("theirs", [httpx.ReadTimeout, httpx.ConnectError, httpx.DecodingError])
def test_an_error_is_both_and_crosses_processes(ours: type[SporewrightError], theirs: type[Exception]) -> None:
    """Its code is ours, its class both, its text and its class survive a pickle."""
    error = of_httpx(ours, theirs, "why")
    again = pickle.loads(pickle.dumps(error))

    for each in (error, again):
        assert isinstance(each, ours)
        assert isinstance(each, theirs)
        assert str(each) == "why"
        assert each.code == ours.code
    assert type(again) is type(error)


def test_of_what_is_none_of_httpx_s_it_is_a_transport_error() -> None:
    """A defect of ours, too, is caught where httpx's errors are."""
    assert isinstance(of_httpx(InternalError, ValueError, "why"), httpx.TransportError)


@pytest.mark.parametrize(
    ("errors", "shared"),
    [
        ([], httpx.TransportError),
        ([httpx.ReadTimeout, httpx.ReadTimeout], httpx.ReadTimeout),
        ([httpx.ReadTimeout, httpx.ConnectTimeout], httpx.TimeoutException),
        ([httpx.ReadError, httpx.ConnectError], httpx.NetworkError),
        ([httpx.ReadError, httpx.ReadTimeout], httpx.TransportError),
        ([httpx.ReadError, None], httpx.TransportError),
        ([httpx.DecodingError, httpx.ReadError], httpx.TransportError),
        ([httpx.DecodingError], httpx.DecodingError),
        ([LookupError], httpx.TransportError),
    ],
)
def test_of_several_it_is_what_they_have_in_common(errors: list[type[Exception] | None], shared: type) -> None:
    """As narrow as possible: all timed out is a time-out."""
    assert common(errors) is shared


async def test_a_defect_of_ours_ends_the_call() -> None:
    """No caller waits for ever for a task that broke: the error is ours and httpx's, and names the call."""
    inner = httpx.MockTransport(lambda _: httpx.Response(503))
    transport = RoutingTransport(["a"], {"a": {"url": "http://a.test"}}, transport=inner)
    transport.source.outcome = lambda _: 1 / 0  # type: ignore[method-assign]
    async with httpx.AsyncClient(transport=transport, base_url=NOWHERE) as client:
        with pytest.raises(InternalError, match="GET /x: ZeroDivisionError") as error:
            await client.get("/x")
    assert isinstance(error.value, httpx.TransportError)
    assert error.value.request.url.path == "/x"
