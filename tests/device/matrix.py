"""The cases in which a routed client is compared with a plain one, as data: for httpx.AsyncClient and httpx.Client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

__all__ = ["CASES", "Case", "seen", "seen_error"]


@dataclass(frozen=True)
class Case:
    """A request of a client; `read`: streamed, read by these pieces; `sent`: makes its arguments anew each time."""

    name: str
    path: str
    method: str = "GET"
    client: dict[str, Any] = field(default_factory=dict)
    read: Literal["raw", "bytes", "lines", "text", "part", None] = None
    times: int = 1
    sent: Callable[[bool], dict[str, Any]] = lambda _: {}

    def arguments(self, *, is_async: bool) -> dict[str, Any]:
        """Keyword arguments of `client.request`."""
        return self.sent(is_async)


def _with(**arguments: Any) -> Callable[[bool], dict[str, Any]]:
    return lambda _: arguments


def _pieces(is_async: bool) -> AsyncIterator[bytes] | Iterator[bytes]:
    async def later() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two ", b"three"):
            yield piece

    return later() if is_async else iter([b"one ", b"two ", b"three"])


_STATUSES = [200, 201, 202, 203, 204, 205, 206, 207, 226, 300, 301, 302, 303, 304, 305, 307, 308, 399, 400, 404, 405]
_STATUSES += [406, 410, 411, 412, 416, 417, 418, 422, 426, 428, 431, 451, 499]
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY", "post"]
_FOLLOW = {"follow_redirects": True}
_SHORT = httpx.Timeout(0.3)

CASES: list[Case] = [
    *(Case(f"status {status}", f"/status/{status}") for status in _STATUSES),
    *(Case(f"method {method}", "/echo?a=1&b=%20", method) for method in _METHODS),
    *(Case(f"head {status}", f"/status/{status}", "HEAD") for status in (200, 204, 304, 404)),
    Case("post answered by nothing", "/status/204", "POST", sent=_with(json={"a": 1})),
    *(Case(f"redirect {code} not followed", f"/to/{code}?where=/echo") for code in (301, 302, 303, 307, 308)),
    *(
        Case(
            f"redirect {code} of {method} followed",
            f"/to/{code}?where=/echo",
            method,
            _FOLLOW,
            sent=_with(content=b"x"),
        )
        for code in (301, 302, 303, 307, 308)
        for method in ("POST", "PUT")
    ),
    Case("redirect of HEAD followed", "/to/302?where=/status/200", "HEAD", _FOLLOW),
    Case("redirect to a relative path", "/to/302?where=../echo?x=1", client=_FOLLOW),
    Case("redirect to a whole address", "/to/302?where={url}/echo", client=_FOLLOW),
    Case("redirect by request", "/to/302?where=/echo", sent=_with(follow_redirects=True)),
    Case("redirects in a row", "/to/302?where=/to/301%3Fwhere=/to/307%253Fwhere=/echo", client=_FOLLOW),
    Case("redirect to nowhere", "/to/302?where=", client=_FOLLOW),
    Case("redirect to no address", "/to/302?where=http://%20:x/", client=_FOLLOW),
    Case("redirect to another scheme", "/to/302?where=ftp://a.test/", client=_FOLLOW),
    Case("redirect with a fragment", "/to/302?where=/echo%23part", client=_FOLLOW),
    Case("redirect that keeps its cookies", "/cookies?a=1", client=_FOLLOW, times=2),
    Case("redirect without end", "/loop", client=_FOLLOW),
    Case("redirect that goes on for ever", "/spiral", client={**_FOLLOW, "max_redirects": 4}),
    *(
        Case(f"range {value}", "/range", sent=_with(headers={"range": value}))
        for value in ("bytes=0-9", "bytes=100-", "bytes=5-5", "bytes=9000-")
    ),
    *(Case(f"encoding {coding}", f"/encoded/{coding}") for coding in ("gzip", "deflate", "raw", "two", "unknown")),
    Case("encoding broken", "/encoded/broken"),
    Case("encoding broken, streamed", "/encoded/broken", read="bytes"),
    Case("encoding of json", "/encoded/gzip?type=application/json"),
    *(Case(f"encoding gzip by {read}", "/encoded/gzip", read=read) for read in ("raw", "bytes", "text", "lines")),
    *(Case(f"charset {name}", f"/text/{name}") for name in ("utf-8", "latin-1", "utf-16")),
    Case("upload of bytes", "/echo", "POST", sent=_with(content=b"\x00\xff bytes")),
    Case("upload of text", "/echo", "PUT", sent=_with(content="grüße")),
    Case("upload of nothing", "/echo", "POST"),
    Case("upload of json", "/echo", "POST", sent=_with(json={"a": ["ü", 1.5]})),
    Case("upload of a form", "/echo", "POST", sent=_with(data={"a": "1", "b": ["2", "3"]})),
    Case("upload by pieces", "/echo", "POST", sent=lambda is_async: {"content": _pieces(is_async)}),
    Case(
        "upload by pieces of a known length",
        "/echo",
        "PUT",
        sent=lambda is_async: {"content": _pieces(is_async), "headers": {"content-length": "13"}},
    ),
    Case(
        "upload of several parts",
        "/echo",
        "POST",
        sent=lambda _: {
            "files": {"f": ("f.txt", b"file", "text/plain"), "g": ("g.bin", b"\x00\x01")},
            "data": {"a": "1"},
            "headers": {"content-type": "multipart/form-data; boundary=b0"},
        },
    ),
    *(Case(f"chunked by {read}", "/chunked", read=read) for read in (None, "raw", "bytes", "text", "lines", "part")),
    Case("chunked json", "/chunked?type=application/json&n=1", read="raw"),
    Case("no length", "/closing"),
    Case("no length, streamed", "/closing", read="raw"),
    Case("shorter than said", "/short"),
    Case("shorter than said, streamed", "/short", read="raw"),
    Case("chunked and cut", "/chunked?cut=1"),
    Case("chunked and cut, streamed", "/chunked?cut=1", read="bytes"),
    Case("headers twice and in latin-1", "/many"),
    Case("early hints", "/early"),
    Case("headers of the client", "/echo", client={"headers": {"X-Client": "c", "User-Agent": "u"}}),
    Case("headers of the request", "/echo", sent=_with(headers=[("X-A", "1"), ("x-a", "2"), ("X-Café", "é")])),
    Case("a header that cannot be sent", "/echo", sent=_with(headers={"x-a": "a\nb"})),
    Case("a host of the caller's", "/echo", sent=_with(headers={"host": "other.test"})),
    Case("parameters", "/echo?a=1", sent=_with(params={"b": ["2", "3"], "c": "ü&="})),
    Case("a path with escapes", "/echo/%2F%20ü/;p=1?q=%E2%82%AC#part"),
    Case("cookies of the client", "/cookies", client={"cookies": {"a": "1"}}),
    Case("cookies kept", "/cookies?a=1&b=2", times=3),
    Case("auth basic", "/auth/basic", client={"auth": ("user", "pass")}),
    Case("auth digest", "/auth/digest", sent=lambda _: {"auth": httpx.DigestAuth("user", "pass")}),
    Case("auth by a function", "/echo", sent=lambda _: {"auth": _signed}),
    Case("auth missing", "/auth/basic"),
    Case("time-out of reading, by the client", "/silent", client={"timeout": _SHORT}),
    Case("time-out of reading, by the request", "/silent", sent=_with(timeout=0.3)),
    Case("time-out of reading, posted", "/silent", "POST", sent=_with(timeout=0.3)),
    Case("time-out in the body", "/chunked?s=2&n=2", client={"timeout": _SHORT}),
    Case("time-out in the body, streamed", "/chunked?s=2&n=2", client={"timeout": _SHORT}, read="raw"),
    Case("time-out not reached", "/chunked?s=0.1&n=5", client={"timeout": httpx.Timeout(5, read=4)}),
    Case("no time-out", "/chunked?s=0.1&n=3", client={"timeout": None}),
    Case("reset", "/reset"),
    Case("reset of a post", "/reset", "POST", sent=_with(content=b"x")),
    Case("left without an answer", "/leave"),
    Case("no HTTP at all", "/garbage"),
    Case("a base with a path", "echo?x=1", client={"base_url": "{url}/status/"}),
    Case("a base with a path, from its root", "/echo", client={"base_url": "{url}/status"}),
]


def _signed(request: httpx.Request) -> httpx.Request:
    request.headers["Authorization"] = f"Signed {len(request.content)}"
    return request


def seen(response: httpx.Response, read: Any) -> dict[str, Any]:
    """Everything of a response that a caller can see, but its time."""
    try:
        response.raise_for_status()
        raised = ""
    except httpx.HTTPStatusError as why:
        raised = str(why)
    told: dict[str, Any] = {
        "status": (response.status_code, response.reason_phrase, response.http_version, raised),
        "is": [getattr(response, name) for name in dir(response) if name.startswith("is_") or name.startswith("has_")],
        "headers": [(name, value) for name, value in response.headers.raw if name.lower() != b"date"],
        "cookies": dict(response.cookies),
        "links": response.links,
        "encoding": response.encoding,
        "charset": response.charset_encoding,
        "downloaded": response.num_bytes_downloaded,
        "read": read,
        "url": str(response.url),
        "request": (response.request.method, _bare(response.request.headers)),
        "history": [(each.status_code, str(each.url), each.content) for each in response.history],
        "next": str(response.next_request.url) if response.next_request else None,
        "extensions": {name: value for name, value in response.extensions.items() if name not in _DRIVER},
        "repr": repr(response),
        "elapsed": response.elapsed.total_seconds() >= 0,
    }
    if not response.is_stream_consumed or read is None:
        told |= {"content": response.content, "text": response.text}
    return told


def _bare(headers: httpx.Headers) -> list[tuple[bytes, bytes]]:
    """The headers sent; of a digest, which is another one each time, that there was one."""
    return [(name, b"Digest" if value.startswith(b"Digest ") else value) for name, value in headers.raw]


def seen_error(error: Exception) -> dict[str, Any]:
    """The data of an error that a caller can see; its class is compared apart."""
    return {"url": str(error.request.url)} if isinstance(error, httpx.RequestError) else {}


# The connection itself, which no routed answer has; and what only a routed one has.
_DRIVER = ("network_stream", "sporewright", "stream_id")
