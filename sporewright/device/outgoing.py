"""The request that one option is sent for a routed one: its address, its headers, its body."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NotRequired, Protocol, TypedDict

import httpx
from httpx._config import DEFAULT_TIMEOUT_CONFIG

from sporewright.device.function_upstream import Run
from sporewright.errors import ConfigError
from sporewright.routing.dialects.chat_request import key_headers
from sporewright.routing.dialects.chat_terms import DialectName, DialectRow
from sporewright.routing.dialects.providers import DIALECTS
from sporewright.routing.dialects.sse_events import Listening
from sporewright.routing.terms import Aside, Expects

__all__ = [
    "CREDENTIALS",
    "CREDENTIAL_NAMES",
    "NOWHERE",
    "Attention",
    "Expected",
    "Retry",
    "Speech",
    "Upstream",
    "address_of",
    "below",
    "dialect_of",
    "from_caller",
    "is_keyed",
    "key_of",
    "keys_of",
    "own_headers",
    "request_for",
    "without_keys",
]

Retry = Literal["auto", "safe", "always"]
Verdict = float | bool | Mapping[str, Any] | None
"""A rating of an answer, 0 to 1; False, or `{"reject": True}`: the answer is rejected, and the next option is asked."""
Expected = Expects | Callable[[httpx.Response], Verdict | Awaitable[Verdict]]
"""The kind of answer that is accepted; a function is shown the whole of it, so that it is held back until its end."""
CREDENTIALS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key")
"""Headers that prove who the caller is: a key for one provider must not be sent to another."""
NOWHERE = "http://sporewright.invalid"
"""Stands for "the first option that answers" (RFC 6761): the base address of a client that names no provider."""
CREDENTIAL_NAMES = frozenset(name.encode("ascii") for name in CREDENTIALS)
"""The same names, as they stand in a request."""
_OURS = "sporewright"
_DEFAULT_TIMEOUTS = tuple(DEFAULT_TIMEOUT_CONFIG.as_dict().items())


class Attention(TypedDict):
    """An option that its operator has to look at, why, and until when it is set aside (seconds since the epoch)."""

    option: str
    reason: Aside
    until: float


class Upstream(TypedDict):
    """One option and how it is called, by one of `url` and `run`: the page's `Upstream`, in Python's habits."""

    url: NotRequired[str]
    run: NotRequired[Run]
    headers: NotRequired[Mapping[str, str] | Callable[[], Mapping[str, str]]]
    model: NotRequired[str]
    window: NotRequired[int]
    retry: NotRequired[Retry]
    caller_credentials: NotRequired[bool]
    dialect: NotRequired[DialectName]
    key: NotRequired[str | Callable[[], str]]
    keys: NotRequired[Sequence[str | Callable[[], str]]]
    expects: NotRequired[Expected]
    path: NotRequired[str]
    properties: NotRequired[Mapping[str, str | Sequence[str]]]


class Speech(Protocol):
    """A request that each option is sent in its own words."""

    @property
    def request(self) -> Mapping[str, Any]:
        """The request as the caller made it."""

    def spoken(self, upstream: Upstream, base: str) -> tuple[str, bytes]:
        """Path and query below an address whose path is `base`, and the body."""

    def listener(self, option: str, upstream: Upstream, most: int) -> Listening:
        """A listener that follows this option's answer; `most` bytes of one event."""

    def sent(self, option: str, request: httpx.Request) -> None:
        """This is what the option is sent now."""


def dialect_of(upstream: Upstream) -> DialectRow:
    """The dialect that this option speaks."""
    return DIALECTS[upstream.get("dialect", "openai")]


def address_of(option: str, upstream: Upstream) -> httpx.URL:
    """Its base address, that of a function NOWHERE; ConfigError names the option whose settings cannot work."""
    if "run" in upstream:
        if "url" in upstream:
            raise ConfigError(f"upstream {option}: one of url and run, not both")
        if not callable(upstream["run"]):
            raise ConfigError(f"upstream {option}: run is a {type(upstream['run']).__name__}, not a function")
        return _checked(option, upstream, httpx.URL(NOWHERE))
    try:
        url = httpx.URL(upstream["url"])
    except (httpx.InvalidURL, KeyError, TypeError) as why:
        raise ConfigError(f"upstream {option}: url is not an address: {type(why).__name__}: {why}") from None
    if url.scheme not in ("http", "https"):
        raise ConfigError(f"upstream {option}: {str(url)!r} is not an http address")
    return _checked(option, upstream, url)


def _checked(option: str, upstream: Upstream, url: httpx.URL) -> httpx.URL:
    if upstream.get("dialect", "openai") not in DIALECTS:
        raise ConfigError(f"upstream {option}: dialect {upstream['dialect']!r} is none of {', '.join(DIALECTS)}")
    keys = upstream.get("keys", ())
    if isinstance(keys, str) or not isinstance(keys, Sequence):
        # A text would be as many keys as it has letters; it is not repeated here, it may be a key.
        raise ConfigError(f"upstream {option}: keys is a {type(keys).__name__}, not a list of keys")
    for number, key in enumerate(keys_of(upstream)):
        if isinstance(key, str) and not _FITS_A_HEADER.fullmatch(key.strip()):
            raise ConfigError(f"upstream {option}: key {number} holds characters that no header takes")
    return url


_FITS_A_HEADER = re.compile(r"[\x20-\x7e\x80-\xff]*")
"""The characters of a header's value (RFC 9110 section 5.5)."""


def own_headers(upstream: Upstream, key: int = 0) -> dict[str, str]:
    """The headers of the option itself: the key of this number in its dialect's header, then its own headers."""
    own = upstream.get("headers", {})
    headers = from_caller(own) if callable(own) else own
    return {**key_headers(dialect_of(upstream), key_of(upstream, key)), **headers}


def from_caller(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function of the caller's; RuntimeError if it raises CancelledError: that cancels nobody."""
    try:
        return function(*arguments)
    except asyncio.CancelledError as why:
        raise RuntimeError("it raised CancelledError") from why


def keys_of(upstream: Upstream) -> Sequence[str | Callable[[], str]]:
    """Its keys, `key` before `keys`."""
    return [*([upstream["key"]] if "key" in upstream else []), *upstream.get("keys", ())]


def is_keyed(upstream: Upstream) -> bool:
    """True if credentials for this option are declared: a key, or a header for one."""
    if "key" in upstream or upstream.get("keys"):
        return True
    own = upstream.get("headers", {})
    return not callable(own) and any(name.lower() in CREDENTIALS for name in own)


def key_of(upstream: Upstream, number: int) -> str | None:
    """The key of this number; None where it has none."""
    keys = keys_of(upstream)
    key = keys[number] if number < len(keys) else None
    found: str | None = from_caller(key) if callable(key) else key
    # A key read from a file often ends with its line: as in browsers, white space around it is no part of it.
    return None if found is None else found.strip() or None


def below(base: httpx.URL, path: str) -> httpx.URL:
    """Path and query below an option's address; the address's own query comes first."""
    bare, _, query = path.partition("?")
    search = "&".join(filter(None, (base.query.decode("ascii"), query)))
    return base.copy_with(raw_path=(base.path.rstrip("/") + bare + (f"?{search}" if search else "")).encode("ascii"))


def request_for(
    request: httpx.Request, body: bytes, url: httpx.URL, own: Mapping[str, str], *, is_trusted: bool
) -> httpx.Request:
    """The request that an option is sent at `url`: the caller's, as a plain client would send it there.

    `own`: the option's headers; `is_trusted`: the caller's credentials are meant for it.
    """
    mine = httpx.Headers(own).raw if own else []
    dropped = {name.lower() for name, _ in mine}
    has_host = b"host" in dropped
    if request.url.netloc != url.netloc:
        dropped.add(b"host")
    if not is_trusted:
        dropped |= CREDENTIAL_NAMES
    headers, length = list[tuple[bytes, bytes]](), b"%d" % len(body)
    for name, value in request.headers.raw:
        lower = name.lower()
        if lower in dropped:
            continue
        has_host = has_host or lower == b"host"
        if lower == b"content-length":
            dropped.add(lower)  # said twice it would be malformed
            headers.append((name, length))
        else:
            headers.append((name, value))
    if not has_host:
        headers.insert(0, (b"Host", url.netloc))
    headers += mine
    extensions = _extensions(request)
    sent = httpx.Request(request.method, url, headers=headers, stream=httpx.ByteStream(body), extensions=extensions)
    sent.read()
    return sent


def without_keys(request: httpx.Request) -> httpx.Request:
    """A request that an option has sent elsewhere: what proves who the caller is stays behind."""
    for name in CREDENTIALS:
        if name != "cookie":  # httpx has chosen those that are for this address
            request.headers.pop(name, None)
    return request


def _extensions(request: httpx.Request) -> dict[str, Any]:
    """The caller's, with his time-outs; those that he did not set are httpx's defaults, and are taken out."""
    extensions = {name: value for name, value in request.extensions.items() if not name.startswith(_OURS)}
    said = extensions.get("timeout", {})
    # Compared by identity: a 5.0 that the caller wrote is another object than the default's.
    extensions["timeout"] = {
        name: None if said.get(name) is default else said.get(name) for name, default in _DEFAULT_TIMEOUTS
    }
    return extensions
