"""The clock of write times."""

import time

from killrweather.jobs.clock import now_us


def test_a_clock_that_is_set_back_does_not_take_write_times_along(monkeypatch):
    """An hour back: every write time is still later than the one before."""
    before = now_us()
    assert abs(before / 1e6 - time.time()) < 60
    monkeypatch.setattr(time, "time_ns", lambda: (before - 3_600_000_000) * 1000)

    assert before < now_us() < now_us() < before + 1000
