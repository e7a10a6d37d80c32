"""The clock of write times, which only grow: within a process, and from each owner of the stream to the next."""

import threading
import time
from collections.abc import Callable

AHEAD_US = 5_000_000
"""So far ahead of the last write time an owner reserves. A step within it needs no further transaction, however many
there are; a successor that takes over later than this goes on at the time of its own clock, where clocks agree."""

_lock = threading.Lock()
_told_us = 0


def now_us() -> int:
    """µs since 1970, as Cassandra counts them, and more than what this process was told before.

    The later write time wins: while a clock that was set back catches up, what is computed now must still do.
    """
    global _told_us
    with _lock:
        _told_us = max(time.time_ns() // 1000, _told_us + 1)
        return _told_us


class WriteClock:
    """The write times of an owner of the stream: never beyond what it has reserved in ``stream_progress``.

    Whoever takes over begins after the reservation that it finds there. So all that a former owner ever writes, also
    one that was frozen and comes back, is earlier than all that its successors write, whatever their clocks say.
    One object for the life of a process; it may be used by several threads.
    """

    def __init__(self, now_us: Callable[[], int] = now_us):
        self._now_us = now_us
        self._lock = threading.RLock()
        self._told_us = 0
        self._reserved_us = 0

    def tell(self, reserve: Callable[[], None]) -> int:
        """A write time for what is read from now on; ``reserve`` is called first where it is beyond the reservation.

        What ``reserve`` raises is passed on, and no write time is given.
        """
        with self._lock:
            self._pass()
            if self._told_us > self._reserved_us:
                reserve()
            return self._told_us

    def reserve(self, store: Callable[[int], bool]) -> bool:
        """Reserve up to some time ahead; it counts when ``store``, which is given that time, says that it is stored."""
        with self._lock:
            self._pass()
            until_us = self._told_us + AHEAD_US
            if stored := store(until_us):
                self._reserved_us = until_us
            return stored

    def begin_after(self, reserved_us: int) -> None:
        """Tell nothing before what another owner has reserved; one's own reservation is no reason to skip a time."""
        with self._lock:
            if reserved_us != self._reserved_us:
                self._told_us = max(self._told_us, reserved_us)

    def _pass(self) -> None:
        self._told_us = max(self._now_us(), self._told_us + 1)
