"""The one connection to the orchestrator: when to connect, how to stay alive, when to come back, when to give up.

Sans-I/O: the engine tells it what happened and carries out its effects. Messages about cells pass through to it.
"""

from __future__ import annotations

import math
from binascii import crc32

from sporewright.device.calls import Effect, ErrorData, SyncStateName
from sporewright.errors import ProtocolError, SporewrightError, VersionError
from sporewright.sync import Role, Session, State
from sporewright.wire import Bye, ErrorMessage, Hello, Message, Ping, Pong, Resume, Welcome

__all__ = ["FINAL", "Link", "backoff_s"]

# A fatal error with one of these codes will be the same next time; any other is worth another try.
FINAL = frozenset({"token", "version", "unknown-level", "write-up", "config"})
# Full jitter over min(cap, base · 2^n), the usual numbers for clients of one service.
BACKOFF_BASE_S, BACKOFF_CAP_S = 0.5, 30.0
# A page's token function is not asked more often than this, however much there is to send.
ASK_AGAIN_S = 1.0
# From the wish to connect to `welcome`: a server that accepts and says nothing is as good as none.
GREETING_S = 15.0
# Three pings in a lease: two may be lost before the evidence of this device stops counting.
PINGS_PER_LEASE = 3
PONG_S = 10.0
# A connection that lived this long was a good one: the next failure starts the backoff anew.
GOOD_S = 10.0


def backoff_s(client: str, attempt: int) -> float:
    """Seconds until the next try: U(0, min(cap, base·2^n)), the draw made from the client's id and the attempt."""
    draw = crc32(f"{client}:{attempt}".encode("utf-8", "surrogatepass")) / 2**32
    return max(0.05, draw * min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(attempt, 30)))


def as_data(why: SporewrightError) -> ErrorData:
    """An error as it crosses a boundary."""
    return {"code": why.code, "message": str(why)}


class Link:
    """State `off` without a url; `refused` until there is another token, which the page is asked for again."""

    def __init__(self, client: str, url: str | None, token: str | None) -> None:
        self.state: SyncStateName = "off"
        self.error: ErrorData | None = None
        self.lease_s: float | None = None
        self.wants_snapshot = False
        """The last session broke off because the two ends stood at different revisions."""
        self.effects: list[Effect] = []
        self.wants_token = False
        self.session: Session | None = None
        self._client, self._url, self._token = client, url, token
        self._attempt = 0
        self._asked = 0
        """The number of times a token was asked for since the last one that was good."""
        self._asked_at = -math.inf
        self._due = self._set_at = math.inf
        self._live_since = math.inf
        self._last_sent = self._last_heard = -math.inf
        self._pings = 0
        self._awaiting_pong = False

    @property
    def is_live(self) -> bool:
        """True if cells may be sent now."""
        return self.state == "live"

    @property
    def due(self) -> float:
        """The time at which it wants to be woken; +∞ for never."""
        return self._due

    def start(self, now: float) -> None:
        """Connect, if there is an orchestrator and a token to show."""
        if not self._url:
            return
        if not self._token:
            self._refuse(now, {"code": "token", "message": "the orchestrator asks for a token and none was given"})
            return
        self.state = "connecting"
        self._at(now, GREETING_S)
        self.effects.append({"type": "connect", "url": self._url})

    def renew(self, now: float, token: str | None) -> None:
        """A fresh token: used from the next connection on; one that was refused is not tried again.

        None, or the same one: the page or the caller could give no other, and is asked again after a backoff, as a lost
        connection is tried again.
        """
        fresh = bool(token) and token != self._token
        self._token = token or self._token
        if self.state != "refused":
            return
        if fresh:
            self.error = None
            self.start(now)
        elif self._needs_token and self._due == math.inf:
            self._at(now, backoff_s(self._client, self._asked))

    def ask_again(self, now: float) -> None:
        """There is a reason to ask for a token before its time: something to send, or a network."""
        if self.state == "refused" and self._due < math.inf:
            self._at(now, min(self._due - now, max(0.0, self._asked_at + ASK_AGAIN_S - now)))
            self.woken(now)

    def online(self, now: float) -> None:
        """The network is back: what waits for it to be tried again is tried now."""
        self.ask_again(now)
        if self.state == "waiting":
            self.start(now)

    def opened(self, now: float, resume: Resume | None) -> None:
        """The socket is open: say hello."""
        if self.state != "connecting" or self.session is not None:
            return
        self.session = Session(Role.DEVICE)
        try:
            self.say(now, Hello(token=self._token or "", client=self._client, resume=resume))
        except SporewrightError as why:  # a token that cannot be said at all
            self._fail(now, {"code": "token", "message": str(why)}, final=True)

    def say(self, now: float, message: Message) -> None:
        """Send a message of this end, which the session must allow."""
        if self.session is not None:
            self.effects.append({"type": "send", "text": self.session.send(message)})
            self._last_sent = now
            self._plan()

    def heard(self, now: float, text: str) -> Message | None:
        """Read a message of the other end; those that are about the connection itself are dealt with here."""
        if self.session is None or self.session.state is State.CLOSED:
            return None
        try:
            message = self.session.receive(text)
        except SporewrightError as why:
            self.wants_snapshot = isinstance(why, ProtocolError)
            self._fail(now, as_data(why), final=isinstance(why, VersionError))
            return None
        self._last_heard = now
        self._awaiting_pong = False
        match message:
            case Welcome():
                self._welcomed(now, message)
            case ErrorMessage():
                error: ErrorData = {"code": message.code, "message": message.message}
                self.error = error
                if message.fatal:
                    self._fail(now, error, final=message.code in FINAL)
                return None
            case Bye():
                self._fail(now, None, final=False)
                return None
            case Pong():
                pass
        self._plan()
        return message

    def closed(self, now: float, reason: str) -> None:
        """The socket is gone or never came up."""
        if self.state in ("connecting", "live"):
            why = reason or "the connection was closed"
            # A browser says the same of a refused address as of a lost connection; whether it ever opened we know.
            message = f"{self._url} cannot be reached: {why}" if self.session is None else why
            self._wait(now, {"code": "closed", "message": message})

    def refuse(self, now: float, error: ErrorData) -> None:
        """This end will not go on with what the orchestrator said: hang up until there is another token."""
        self._fail(now, error, final=True)

    def woken(self, now: float) -> None:
        """Connect again, ping, or conclude that the other end is gone; whichever is due."""
        if now < self._set_at < math.inf:  # the clock was set back: what was due in a second is not due in an hour
            self._at(now, self._due - self._set_at)
        if now < self._due:
            return
        if self.state == "waiting":
            self.start(now)
        elif self.state == "refused":
            self._ask(now)
        elif self.state == "connecting":
            self._fail(now, {"code": "timeout", "message": f"no welcome within {GREETING_S:g} s"}, final=False)
        elif self.state == "live" and self._awaiting_pong:
            self._fail(now, {"code": "timeout", "message": f"no answer to a ping within {PONG_S:g} s"}, final=False)
        elif self.state == "live":
            self._pings += 1
            self._awaiting_pong = True
            self.say(now, Ping(self._pings))

    def close(self, now: float) -> None:
        """Say goodbye and hang up."""
        if self.session is not None and self.session.state is not State.CLOSED:
            self.say(now, Bye("closed by the page"))
        if self.state in ("connecting", "live"):
            self.effects.append({"type": "disconnect"})
        self.state, self._due, self.session = "off", math.inf, None

    def _welcomed(self, now: float, message: Welcome) -> None:
        self.state, self.error, self.lease_s = "live", None, message.lease_s
        self._live_since = now
        self._asked = 0
        self._awaiting_pong = False

    def _plan(self) -> None:
        if self.state != "live" or self.lease_s is None:
            return
        interval = max(1.0, self.lease_s / PINGS_PER_LEASE)
        self._at(self._last_sent, PONG_S if self._awaiting_pong else interval)

    def _at(self, now: float, delay: float) -> None:
        self._set_at, self._due = now, now + delay

    def _fail(self, now: float, error: ErrorData | None, *, final: bool) -> None:
        self.effects.append({"type": "disconnect"})
        if final and error is not None:
            self._refuse(now, error)
        else:
            self._wait(now, error)

    @property
    def _needs_token(self) -> bool:
        return self.error is not None and self.error["code"] == "token"

    def _refuse(self, now: float, error: ErrorData) -> None:
        self.state, self.error, self._due, self.session = "refused", error, math.inf, None
        if self._needs_token and self._asked == 0:
            self._ask(now)
        elif self._needs_token:  # fresh ones are refused, too: not as fast as they can be made
            self._at(now, backoff_s(self._client, self._asked))

    def _ask(self, now: float) -> None:
        self._due, self._asked_at = math.inf, now
        self._asked += 1
        self.wants_token = True

    def _wait(self, now: float, error: ErrorData | None) -> None:
        if now - self._live_since >= GOOD_S:
            self._attempt = 0
        self.state, self.error, self.session = "waiting", error or self.error, None
        self._live_since = math.inf
        self._at(now, backoff_s(self._client, self._attempt))
        self._attempt += 1
