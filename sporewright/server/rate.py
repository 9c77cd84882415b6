"""Token buckets: how long a sender waits before more of it is read."""

from __future__ import annotations

from weakref import WeakValueDictionary

from sporewright.server.settings import Settings

__all__ = ["BURST_S", "Bucket", "Pace", "Paces"]

# Whoever was silent for this long may say that much at once: a device that comes back, a page that starts.
BURST_S = 20.0


class Bucket:
    """So many units a second on average; over that, what is taken is a debt, and the way to pay it is to wait."""

    def __init__(self, rate: float, burst: float | None = None) -> None:
        self._rate = rate
        self._most = self._left = BURST_S * rate if burst is None else burst
        self._at: float | None = None

    def take(self, units: float, now: float) -> float:
        """Take them; the seconds to wait before anything more is taken."""
        since = 0.0 if self._at is None else now - self._at
        self._at = now
        self._left = min(self._most, self._left + since * self._rate) - units
        return max(0.0, -self._left / self._rate)


class Pace:
    """The speed of one session: what its device may say, and what all devices of its holder may say together."""

    def __init__(self, messages: Bucket, size: Bucket, of_holder: Bucket) -> None:
        self._messages, self._size, self._of_holder = messages, size, of_holder

    def take(self, size: int, now: float) -> float:
        """A message of so many bytes was read; the seconds to wait before the next one is."""
        return max(self._messages.take(1, now), self._size.take(size, now), self._of_holder.take(1, now))


class Paces:
    """The paces of all sessions: those of one device share its buckets, those of one holder in a workspace his."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._buckets: WeakValueDictionary[tuple[str, ...], Bucket] = WeakValueDictionary()

    def of(self, workspace: str, device: str, holder: str) -> Pace:
        """The pace of a session; buckets live as long as a session that has them."""
        return Pace(
            self._bucket(self._settings.device_messages_s, "messages", workspace, device),
            self._bucket(self._settings.device_bytes_s, "bytes", workspace, device),
            self._bucket(self._settings.holder_messages_s, "holder", workspace, holder),
        )

    def _bucket(self, rate: float, *name: str) -> Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket(rate)
        return bucket
