"""Raw rows that live for a limited time (``cassandra.ttl.raw_s``), and the days that may have lost some of theirs."""

from datetime import date, datetime, timedelta


def first_whole_day(now: datetime, ttl_s: int) -> date | None:
    """The first day of which no hour can have expired by ``now``; None where rows live for ever.

    The stream rejects rows of earlier days (``older-than-retention``), and a recompute leaves those days as they are.
    """
    return (now - timedelta(seconds=ttl_s)).date() + timedelta(days=1) if ttl_s else None
