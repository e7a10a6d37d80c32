"""The clock of write times."""

import threading
import time

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
