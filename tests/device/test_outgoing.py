"""The request that an option is sent, made in one pass, beside its plain definition by httpx's own headers."""

from __future__ import annotations

import httpx
from hypothesis import given
from hypothesis import strategies as st

from sporewright.device.outgoing import CREDENTIALS, request_for

NAMES = st.sampled_from(
    ["Host", "Accept", "accept", "Content-Length", "content-length", "X-Own", "x-own", *CREDENTIALS]
)
VALUES = st.sampled_from(["a", "5", "b c", "a.example"])
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8)


def plainly(
    request: httpx.Request, body: bytes, url: httpx.URL, own: dict[str, str], *, is_trusted: bool
) -> list[tuple[bytes, bytes]]:
    """The headers, step by step: whose are they, how long is it, and what does the option say itself."""
    headers = httpx.Headers(request.headers.raw)
    if request.url.netloc != url.netloc:
        headers.pop("host", None)
    for name in () if is_trusted else CREDENTIALS:
        headers.pop(name, None)
    if headers.get("content-length", str(len(body))) != str(len(body)):
        headers["content-length"] = str(len(body))
    headers.update(own)
    return headers.raw if "host" in headers else [(b"Host", url.netloc), *headers.raw]


@given(
    HEADERS,
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.sampled_from([b"", b"12345", b"x" * 20]),
    st.sampled_from(["http://a.example/x", "http://b.example:81/y"]),
    st.booleans(),
)
def test_its_headers_are_those_of_the_plain_definition(
    said: list[tuple[str, str]], own: dict[str, str], body: bytes, address: str, is_trusted: bool
) -> None:
    """Whatever a caller and an option say, in any case and more than once."""
    url = httpx.URL(address)
    request = httpx.Request("POST", "http://a.example/", headers=said, stream=httpx.ByteStream(body))
    sent = request_for(request, body, url, own, is_trusted=is_trusted)
    wanted = plainly(request, body, url, own, is_trusted=is_trusted)
    assert [(name.lower(), value) for name, value in sent.headers.raw] == [(name.lower(), it) for name, it in wanted]
    assert (sent.content, sent.url, sent.method) == (body, url, "POST")
