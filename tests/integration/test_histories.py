"""Random histories through the real stream: whatever happens to it, every table is what the model says.

A history is a list of what may happen to two stations: records in any order of their hours, repeated, corrected,
with fields left out or unreadable; a replay from any place of the log; a kill -9 of the stream's Python or of its JVM
at whatever it is just doing. The model reads the same records once, in the order of the log, in pandas.
"""

import io
import itertools
import os
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pandas_truth import AGGREGATES, aggregate, last_stated, rows_of
from stream_stage import Stage, fresh

from killrweather.home import Home
from killrweather.jobs.events import ReplayOrder
from killrweather.model.observation import COLUMNS, VALUE_COLUMNS

HISTORIES = int(os.environ.get("HISTORIES", "25"))
"""`make cluster` tries 200."""
DAYS = [(2019, 12, 31), (2020, 1, 1), (2020, 1, 2), (2020, 2, 29)]
_numbers, _orders = itertools.count(1), itertools.count(1)


@dataclass(frozen=True)
class Record:
    """One record of a station: an hour with some of its fields, or a line that cannot be read."""

    station: int
    day: tuple[int, int, int]
    hour: int
    temperature: float | None
    rain: float | None
    pressure: float | None
    readable: bool = True

    def line(self, wsid: str) -> str:
        year, month, day = self.day
        t, p, r = ("" if value is None else f"{value:.1f}" for value in (self.temperature, self.pressure, self.rain))
        hour = f"{self.hour:02}" if self.readable else "25"
        return f"{wsid},{year},{month:02},{day:02},{hour},{t},,{p},,,,{r},"

    @property
    def is_kept(self) -> bool:
        return self.readable and (self.temperature, self.rain, self.pressure) != (None, None, None)


@dataclass(frozen=True)
class Publish:
    """Records sent at once; with ``wait`` the next thing happens only when they can be queried."""

    records: tuple[Record, ...]
    wait: bool


@dataclass(frozen=True)
class Replay:
    """Everything from this share of each partition's log on is read again."""

    share: float


@dataclass(frozen=True)
class Kill:
    """kill -9, and a new stream."""

    jvm: bool


def tenths(low, high):
    return st.integers(low, high).map(lambda number: number / 10)


records = st.builds(
    Record,
    station=st.integers(0, 1),
    day=st.sampled_from(DAYS),
    hour=st.sampled_from([0, 1, 12, 23]),
    temperature=st.none() | tenths(-300, 350),
    rain=st.none() | st.just(-0.1) | tenths(0, 100),
    pressure=st.none() | tenths(9900, 10300),
    readable=st.integers(0, 9).map(bool),
)
happenings = st.one_of(
    *[st.builds(Publish, st.lists(records, min_size=1, max_size=12).map(tuple), st.booleans())] * 4,
    st.builds(Replay, st.floats(0, 1)),
)
histories = st.lists(happenings, min_size=1, max_size=8)
# A kill costs the start of a stream: one history in twelve has one.
killed_histories = st.tuples(histories, st.integers(0, 11), st.booleans(), st.integers(0, 7)).map(
    lambda drawn: [*drawn[0][: drawn[3]], Kill(drawn[2]), *drawn[0][drawn[3] :]] if drawn[1] == 11 else drawn[0]
)


@pytest.fixture(scope="module")
def stage(services, tmp_path_factory):
    """One stream for all histories; each has stations of its own."""
    made = Stage(fresh(services.settings), Home(tmp_path_factory.mktemp("stream")))
    made.start()
    made.wait_for("started")
    yield made
    assert made.end() == 0
    made.close()


one = Record(0, DAYS[0], 0, 10.0, 0.5, None)
FEW_AND_MANY = tuple(Record(s, day, hour, 1.5 * hour, 0.1, None) for s in (0, 1) for day in DAYS for hour in range(24))


@pytest.mark.timeout(1_800)
@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(killed_histories)
@example([Publish((one,), False), Kill(jvm=False)])
@example([Publish(FEW_AND_MANY, False), Kill(jvm=True), Publish((one,), False), Replay(0.0)])
def test_every_table_is_what_the_model_makes_of_a_random_history(stage, history):
    """Raw rows, days, months and years of both stations."""
    number = next(_numbers)
    wsids = [f"{number:06}:{station:05}" for station in (1, 2)]
    stage.events.clear()
    lines = []
    for happening in history:
        lines += happen(stage, happening, wsids)
    stage.publish(wsids[0], [one.line(wsids[0])])  # a history may publish nothing
    lines.append(one.line(wsids[0]))
    stage.wait_until_stored()

    rows = rows_of(io.StringIO("\n".join(lines)))
    assert raw_rows(stage, wsids) == {
        tuple(row[: -len(VALUE_COLUMNS)]): tuple(
            None if value != value else value for value in row[-len(VALUE_COLUMNS) :]
        )
        for row in last_stated(rows)[list(COLUMNS)].itertuples(index=False)
    }
    for table in AGGREGATES:
        expected, found = aggregate(rows, table), aggregates(stage, table, wsids)

        assert found.keys() == expected.keys()
        assert all(values == pytest.approx(found[key], abs=1e-9, rel=0) for key, values in expected.items())


def happen(stage, happening, wsids):
    """Let it happen; the lines that came into the log and are to be kept."""
    match happening:
        case Publish(published, wait):
            for station, wsid in enumerate(wsids):
                own = [record.line(wsid) for record in published if record.station == station]
                if own:
                    stage.publish(wsid, own)
            if wait:
                stage.wait_until_stored()
            return [record.line(wsids[record.station]) for record in published if record.is_kept]
        case Replay(share):
            begin = {partition: round(share * offset) for partition, offset in stage.sent.items()}
            stage.say(ReplayOrder(f"order-{next(_orders)}", begin).dump())
        case Kill(jvm):
            stage.jvm().kill() if jvm else stage.process.kill()
            stage.process.wait(timeout=30)
            stage.start()
            stage.wait_for("started")
    return []


def raw_rows(stage, wsids):
    """(wsid, year, month, day, hour) → the stored values."""
    query = "SELECT * FROM raw_weather_data WHERE wsid = %s AND year = %s"
    found = (row for wsid in wsids for year in (2019, 2020) for row in stage.session.execute(query, (wsid, year)))
    return {
        tuple(getattr(row, name) for name in COLUMNS[: -len(VALUE_COLUMNS)]): tuple(
            getattr(row, name) for name in VALUE_COLUMNS
        )
        for row in found
    }


def aggregates(stage, table, wsids):
    """A table's rows of these stations: key → values."""
    keys, names = AGGREGATES[table]
    found = (row for wsid in wsids for row in stage.session.execute(f"SELECT * FROM {table} WHERE wsid = %s", (wsid,)))
    return {tuple(getattr(row, key) for key in keys): tuple(getattr(row, name) for name in names) for row in found}
