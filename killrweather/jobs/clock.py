"""The clock of write times."""

import time


def now_us() -> int:
    """µs since 1970, as Cassandra counts them."""
    return time.time_ns() // 1000
