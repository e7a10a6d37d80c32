"""The clock of write times, of one process and of one owner after the other."""

import time
from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.errors import Fenced, Unavailable
from killrweather.storage.clock import AHEAD_US, WriteClock, now_us

HOUR_US = 3_600_000_000


def test_a_clock_that_is_set_back_does_not_take_write_times_along(monkeypatch):
    """An hour back: every write time is still later than the one before."""
    before = now_us()
    assert abs(before / 1e6 - time.time()) < 60
    monkeypatch.setattr(time, "time_ns", lambda: (before - HOUR_US) * 1000)

    assert before < now_us() < now_us() < before + 1000


class Row:
    """What ``stream_progress`` keeps: the generation and the time until which its owner has reserved."""

    def __init__(self):
        self.generation, self.clock_us, self.transactions = 0, 0, 0

    def update(self, expected, generation, until_us):
        """A lightweight transaction on the generation."""
        self.transactions += 1
        if self.generation != expected:
            return False
        self.generation, self.clock_us = generation, until_us
        return True


class Owner:
    """A process that may own the stream, on a machine whose clock says whatever it says."""

    def __init__(self, row):
        self.row, self.machine_us, self.generation = row, 0, 0
        self.clock = WriteClock(lambda: self.machine_us)

    def take(self):
        """Raise the generation."""
        self.clock.begin_after(self.row.clock_us)
        before = self.row.generation
        assert self.clock.reserve(lambda until_us: self.row.update(before, before + 1, until_us))
        self.generation = before + 1

    def extend(self):
        """Reserve as a step of a micro-batch does."""
        if not self.clock.reserve(lambda until_us: self.row.update(self.generation, self.generation, until_us)):
            raise Fenced

    def tell(self):
        """A write time, or None for an owner that is fenced."""
        try:
            return self.clock.tell(self.extend)
        except Fenced:
            return None


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["take", "extend", "tell", "tell", "tell"]),
        st.integers(0, 3 * AHEAD_US) | st.just(HOUR_US),
    ),
    max_size=60,
)


@given(STEPS)
def test_what_a_former_owner_writes_is_earlier_than_all_that_its_successors_write(steps):
    """Three processes in any order, each with a clock that jumps as it likes; a former owner may go on at any time."""
    row = Row()
    owners = [Owner(row) for _ in range(3)]
    told = defaultdict(list)
    by_process = defaultdict(list)
    for number, action, machine_us in steps:
        owner = owners[number]
        owner.machine_us = machine_us
        if action == "take":
            owner.take()
        elif owner.generation and (action == "tell" or owner.generation == row.generation):
            result = owner.tell() if action == "tell" else owner.extend()
            if result is not None:
                assert result <= row.clock_us
                told[owner.generation].append(result)
                by_process[number].append(result)

    ranges = [(min(times), max(times)) for _, times in sorted(told.items())]
    assert all(last < first for (_, last), (first, _) in pairwise(ranges))
    assert all(a < b for times in by_process.values() for a, b in pairwise(times))


def test_a_successor_whose_clock_is_an_hour_behind_begins_after_the_reservation():
    """It does not wait an hour, and its predecessor cannot reserve any more."""
    row = Row()
    first, second = Owner(row), Owner(row)
    first.machine_us, second.machine_us = 2 * HOUR_US, HOUR_US
    first.take()
    before = first.tell()
    second.take()
    after = second.tell()
    late = first.tell()

    assert before < late < after <= first.machine_us + AHEAD_US + 10
    first.machine_us += 2 * AHEAD_US
    assert first.tell() is None


def test_steps_within_a_reservation_need_no_transaction_and_one_beyond_it_needs_one():
    """Progress, which is written after every micro-batch, reserves besides."""
    row = Row()
    owner = Owner(row)
    owner.machine_us = HOUR_US
    owner.take()
    for _ in range(100):
        owner.machine_us += AHEAD_US // 200
        owner.tell()
    assert row.transactions == 1
    owner.machine_us += AHEAD_US
    owner.tell()

    assert row.transactions == 2


def test_a_process_that_takes_over_from_itself_does_not_skip_its_own_reservation():
    """Replays in a row leave its write times beside its clock."""
    owner = Owner(Row())
    owner.machine_us = HOUR_US
    for _ in range(50):
        owner.take()

    assert owner.tell() < HOUR_US + 1000


def test_a_reservation_that_may_not_have_been_stored_does_not_count():
    """Cassandra was away in the middle: the step is tried again and reserves again."""
    row = Row()
    owner = Owner(row)
    owner.take()
    owner.machine_us = HOUR_US

    def away():
        raise Unavailable("Cassandra does not answer")

    with pytest.raises(Unavailable):
        owner.clock.tell(away)

    assert owner.tell() <= row.clock_us
    assert row.transactions == 2
