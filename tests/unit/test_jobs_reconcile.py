"""Streams of two data centres, each with a copy of the tables, that follow each other's journals."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from killrweather.errors import Unavailable
from killrweather.jobs.reconcile import Reconciler
from killrweather.model.day import Day
from killrweather.storage.clock import AHEAD_US, WriteClock
from killrweather.storage.journal import State, StreamKey

WSID, YEAR, MONTH = "725030:14732", 2013, 1
HOUR_US = 3_600_000_000
EAST, WEST = 0, 1


class World:
    """Two copies of one keyspace: key → (write time, value), the later write time wins.

    What is written to one reaches the other some time later, and never during a cut.
    """

    def __init__(self):
        self.copies, self.is_cut, self.held_back = [{}, {}], False, []
        self.sides = [Side(self, EAST), Side(self, WEST)]

    def write(self, side, key, write_time, value):
        """Store at LOCAL_QUORUM."""
        self._take(side, key, (write_time, value))
        self.held_back.append((1 - side, key, (write_time, value)))

    def deliver(self):
        """Replicate what the other copy has not got yet."""
        while self.held_back and not self.is_cut:
            self._take(*self.held_back.pop())

    def read_everywhere(self, kind):
        """Read at EACH_QUORUM: the keys of this kind with the latest value of both copies."""
        if self.is_cut:
            raise Unavailable("the other data centre does not answer")
        keys = {key for copy in self.copies for key in copy if key[0] == kind}
        return {key: max(copy[key] for copy in self.copies if key in copy)[1] for key in keys}

    def read_here(self, side, kind):
        """Read at LOCAL_QUORUM."""
        return {key: value for key, (_, value) in self.copies[side].items() if key[0] == kind}

    def _take(self, side, key, cell):
        self.copies[side][key] = max(self.copies[side].get(key, cell), cell)


class Side:
    """A data centre: its rows, its stream's clock and progress, and the micro-batch that is under way."""

    def __init__(self, world, number):
        self.world, self.number = world, number
        self.machine_us, self.reserved_us = HOUR_US, 0
        self.clock = WriteClock(lambda: self.machine_us)
        self.rows, self.entries, self.reconciled, self.told = 0, [], {}, []
        self.batch = iter(())

    def write_time(self):
        """As Progress tells it."""
        return self.clock.tell(self._extend)

    def begin_after(self, us):
        """As Progress does it."""
        self.clock.begin_after(us)

    def read_reconciled(self):
        """As Progress reads it."""
        return dict(self.reconciled)

    def reconcile(self, name, number):
        """As Progress notes it."""
        self.reconciled[name] = number
        self._extend()

    def micro_batch(self, days):
        """Its steps, with a pause after each: raw rows, days, months, the journal."""
        for day in days:
            self.rows += 1
            self.world.write(self.number, ("raw", day, self.number, self.rows), self.rows, 1)
        yield
        self.days(days, lambda kind: self.world.read_here(self.number, kind))
        yield
        self.merge(days, lambda kind: self.world.read_here(self.number, kind))
        yield
        key = (WSID, YEAR, MONTH)
        self.entries.append([Day(*key, day) for day in days])
        self._extend()

    def days(self, days, read=None):
        """Count the rows of each day."""
        write_time = self.write_time()
        raw = (read or self.world.read_everywhere)("raw")
        for day in {getattr(day, "day", day) for day in days}:
            self.world.write(self.number, ("day", day), write_time, sum(key[1] == day for key in raw))

    def merge(self, months, read=None):
        """Add up the days of the month."""
        list(months)
        write_time = self.write_time()
        days = (read or self.world.read_everywhere)("day")
        self.world.write(self.number, ("month",), write_time, sum(days.values()))

    def others(self):
        """As the journal reads the other stream's progress."""
        if self.world.is_cut:
            raise Unavailable("the other data centre does not answer")
        other = self.world.sides[1 - self.number]
        key = StreamKey(f"stream-{other.number}", "raw")
        return [State(key, other.reserved_us - AHEAD_US, len(other.entries))] if other.entries else []

    def read(self, _, numbers):
        """As the journal reads the other's entries."""
        return [self.world.sides[1 - self.number].entries[number - 1] for number in numbers]

    def reconciler(self):
        """The real one, as a stream makes it that has just started."""
        return Reconciler(self, self, self, lambda event, **fields: self.told.append((event, fields)))

    def turn(self):
        """One look at the other's journal; False while it cannot be reached."""
        try:
            return bool(self.reconciler().turn())
        except Unavailable:
            return False

    def _extend(self):
        def store(until_us):
            self.reserved_us = until_us
            return True

        self.clock.reserve(store)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["feed", "step", "step", "step", "turn", "turn", "cut", "heal", "deliver", "clock"]),
        st.sampled_from([EAST, WEST]),
        st.integers(1, 3),
    ),
    max_size=60,
)


BEHIND = [("feed", EAST, 1)] * 5 + [("feed", WEST, 1)] * 4 + [("feed", WEST, 2), ("turn", EAST, 1)]
"""Goes wrong where a stream does not pass the other's clock."""


@given(STEPS)
@example(BEHIND)
def test_both_sides_end_with_every_day_and_month_of_all_rows(steps):
    """Micro-batches, cuts, late deliveries and looks at the journals in any order, with clocks hours apart."""
    world = World()
    fed = []
    for action, number, day in steps:
        side = world.sides[number]
        if action == "feed" and next(side.batch, "done") == "done":
            side.batch = side.micro_batch([day])
            fed.append(day)
        elif action == "step":
            next(side.batch, None)
        elif action == "turn":
            side.turn()
        elif action == "clock":
            side.machine_us += day * HOUR_US
        elif action in ("cut", "heal"):
            world.is_cut = action == "cut"
        elif action == "deliver":
            world.deliver()
    world.is_cut = False
    for side in world.sides:
        list(side.batch)
    while any([side.turn() for side in world.sides]):
        pass
    world.deliver()

    assert world.copies[EAST] == world.copies[WEST]
    assert world.read_here(EAST, "day") == {("day", day): fed.count(day) for day in set(fed)}
    assert world.read_here(EAST, "month") == ({("month",): len(fed)} if fed else {})


def test_what_a_side_computes_is_not_behind_what_the_other_has_reconciled():
    """The other's clock is hours ahead, and the two were in touch before the cut."""
    world = World()
    east, west = world.sides
    west.machine_us += 5 * HOUR_US
    list(west.micro_batch([2]))
    list(east.micro_batch([1]))
    west.turn()
    east.turn()
    world.deliver()
    world.is_cut = True
    list(east.micro_batch([1]))

    assert world.read_here(EAST, "day")["day", 1] == 2
    assert east.write_time() < west.machine_us + 2 * AHEAD_US


def test_entries_that_have_expired_are_told_once_and_passed_over():
    """Nobody knows their days any more: a recompute does."""
    world = World()
    east, west = world.sides
    list(west.micro_batch([1]))
    list(west.micro_batch([2]))
    west.entries[0] = []
    east.turn()
    [(expired, fields), (reconciled, counts)] = east.told

    assert (expired, reconciled) == ("expired", "reconciled")
    assert "stream-1/raw" in fields["text"]
    assert "killrweather recompute" in fields["text"]
    assert counts == {"stream": "stream-1/raw", "number": 2, "of": 2, "days": 1}
    assert not east.reconciler().turn()


def test_a_turn_that_fails_is_done_again():
    """The number is noted when the days are written."""
    world = World()
    east, west = world.sides
    list(west.micro_batch([1]))
    broken = SimpleNamespace(days=east.days, merge=lambda months: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Reconciler(east, broken, east, lambda *_, **__: None).turn()

    assert east.reconciled == {}
    assert east.turn()
    assert east.reconciled == {"stream-1/raw": 1}


def test_a_day_that_may_have_lost_rows_stays_as_it_is_and_its_month_is_merged():
    """What is left of its rows would replace what all of them came to."""
    now = datetime.now(timezone.utc)
    old, new = (Day(WSID, day.year, day.month, day.day) for day in (now - timedelta(days=30), now))
    state = State(StreamKey("west", "raw"), 0, 1)
    journal = SimpleNamespace(others=lambda: [state], read=lambda *_: [[old, new]])
    progress = SimpleNamespace(read_reconciled=dict, begin_after=lambda us: None, reconcile=lambda *_: None)
    days, months = [], []
    driver = SimpleNamespace(days=days.extend, merge=months.extend)
    Reconciler(journal, driver, progress, lambda *_, **__: None, ttl_s=30 * 86_400).turn()

    assert days == [new]
    assert months == [old[:3], new[:3]]
