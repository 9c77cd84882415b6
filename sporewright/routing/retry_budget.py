"""A budget for calls that the caller did not make (retries, hedges): a share of those made, and a trickle besides."""

from __future__ import annotations

__all__ = ["Budget"]


class Budget:
    """`share` of a token for each call and `per_s` for each second that passes, at most `cap`; begins with `start`.

    Times are seconds of one clock; one that runs backwards brings nothing.
    """

    def __init__(self, share: float, per_s: float, cap: float, *, start: float = 0.0) -> None:
        self._share, self._per_s, self._cap = share, per_s, cap
        self._tokens = min(start, cap)
        self._mark: float | None = None

    def called(self) -> None:
        """One call was made."""
        self._tokens = min(self._cap, self._tokens + self._share)

    def spend(self, now: float) -> bool:
        """Take a whole token if there is one."""
        if self._mark is not None and now > self._mark:
            self._tokens = min(self._cap, self._tokens + (now - self._mark) * self._per_s)
        self._mark = now if self._mark is None else max(now, self._mark)
        # Twenty shares of 0.05 are a whole token, whatever floating point makes of their sum.
        if self._tokens < 1 - 1e-9:
            return False
        self._tokens -= 1
        return True
