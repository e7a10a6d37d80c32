"""The clock of those who watch others for silence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.waking_clock import WakingClock


class Machine:
    """A clock that goes as the test wants."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@given(st.lists(st.floats(0, 2.5), max_size=50))
def test_a_watcher_that_looks_often_enough_counts_all_time(gaps):
    """Up to a quarter of the limit may lie between two looks."""
    machine = Machine()
    awake = WakingClock(10.0, machine)
    for gap in gaps:
        machine.now += gap
        awake()

    assert awake() == pytest.approx(sum(gaps))


def test_of_a_suspension_a_quarter_of_the_limit_is_counted():
    """However long it was: what is watched has most of its time after it."""
    machine = Machine()
    awake = WakingClock(10.0, machine)
    machine.now += 3600.0

    assert awake() == 2.5
    machine.now += 1.0
    assert awake() == 3.5
