"""The time in which a watcher was awake: what it watches is silent only while somebody listens."""

import time
from collections.abc import Callable


class WakingClock:
    """Counts seconds like ``time.monotonic``, but those in which its owner was suspended, or had no processor.

    A watcher in such a state hears nothing, so whatever it watches must have its time again before it is killed. Read
    the clock at every look and at every sign: of the time between two readings at most a quarter of ``limit_s``, the
    silence that is too long, is counted.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic):
        self._longest_s, self._clock = limit_s / 4, clock
        self._read_at, self._awake_s = clock(), 0.0

    def __call__(self) -> float:
        """Seconds awake since the clock was made."""
        now = self._clock()
        self._awake_s += min(now - self._read_at, self._longest_s)
        self._read_at = now
        return self._awake_s
