"""Days, months and years recomputed by this process's own driver: no Spark job for the aggregates of a lone row.

``by_spark`` does the same for many days, to the same bits.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import PreparedStatement

from killrweather.jobs.tables import DAY, FAMILIES, PRECIPITATION, TEMPERATURE, Table
from killrweather.model import precipitation, temperature
from killrweather.model.day import Day
from killrweather.model.precipitation import Rain
from killrweather.model.temperature import Temperatures
from killrweather.storage.clock import now_us
from killrweather.storage.session import begin, prepare, result

Rows = Sequence[tuple[Any, ...]]
Key = tuple[Any, ...]
"""The station, then as much of the time as the table has; or that time alone."""

Values = tuple[Any, ...]
"""The values of a row, in the order of its table."""

Outcome = tuple[Callable[[Rows], Values | None], Table]
"""What the rows that were read come to, None for no row, and the table that it goes to."""

Month = tuple[str, int, int]
T = TypeVar("T")

_of_temperatures, _of_rain = attrgetter(*TEMPERATURE.daily.values), attrgetter(*PRECIPITATION.daily.values)

_STATIONS_A_READ, _KEYS_A_WRITE = 25, 10
"""What one question to Cassandra asks for and one batch writes: the rows of a key lie in one partition, and Cassandra
warns of a batch of more than ten. A fleet's 250 station-days took the driver 0.6 s of processor with a statement for
each read and row, months and years included, and take 0.09 s so."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What is read for a key, and the rows that come of it."""

    read: PreparedStatement
    outcomes: tuple[Outcome, ...]


class ByDriver:
    """Recomputes days, then their months, then their years; the statements of a step are all under way at once, so
    callers give a few thousand keys at a time. Reads are at the session's consistency level, or at ``reads_at``.

    A value's write time is the moment at which the reading of its parts began, and the parts that this process writes
    are written before: what is computed later from later parts wins, whichever is written first.
    """

    def __init__(self, session: Session, write_time: Callable[[], int] = now_us, reads_at: str | None = None):
        self._session, self._write_time, self._reads_at = session, write_time, reads_at
        self._writes: dict[tuple[tuple[Table, ...], int], PreparedStatement] = {}
        hours = ("temperature", "one_hour_precip")
        daily = (family.daily for family in FAMILIES)
        outcomes = zip((_day_of_temperature, _day_of_rain, _counted), daily, strict=True)
        self._days = [self._source("raw_weather_data", hours, DAY, *outcomes)]
        self._months, self._years = (
            [
                self._source(parts.name, parts.values, whole.key, (compute, whole))
                for (parts, whole), compute in zip(step, (_merged, _added, _summed), strict=True)
            ]
            for step in zip(*(family.steps for family in FAMILIES), strict=True)
        )

    def days(self, touched: Iterable[Day]) -> None:
        """Set the daily values of the touched days; raises ``Unavailable``, or what the clock raises."""
        self._set(self._days, sorted(set(touched)))

    def merge(self, touched: Iterable[Month]) -> None:
        """Set the values of the touched months from their days, then those of their years; raises ``Unavailable``."""
        months = sorted(set(touched))
        self._set(self._months, months)
        self._set(self._years, sorted({month[:2] for month in months}))

    def _set(self, sources: list[_Source], keys: Sequence[Key]) -> None:
        began_us = self._write_time()
        alike = defaultdict(list)
        for (wsid, time), row in self._computed(sources, keys).items():
            alike[tuple(row)].append([value for values in row.values() for value in (wsid, *time, *values)])
        writes = [
            begin(self._session, self._write(tables, len(some)), [began_us, *chain.from_iterable(some)])
            for tables, every in alike.items()
            for some in _chunks(every, _KEYS_A_WRITE)
        ]
        for write in writes:
            result(write)

    def _computed(self, sources: list[_Source], keys: Sequence[Key]) -> dict[tuple[str, Key], dict[Table, Values]]:
        """The values for each key, as (station, time), that has any."""
        asked = [
            (source, time, begin(self._session, source.read, (wsids, *time)))
            for time, wsids in _questions(keys)
            for source in sources
        ]
        rows: dict[tuple[str, Key], dict[Table, Values]] = defaultdict(dict)
        for source, time, answer in asked:
            for wsid, parts in _by_station(result(answer)):
                for compute, table in source.outcomes:
                    values = compute(parts)
                    if values is not None:
                        rows[wsid, time][table] = values
        return rows

    def _source(self, table: str, values: Iterable[str], key: tuple[str, ...], *outcomes: Outcome) -> _Source:
        wsid, *time = key
        where = "".join(f" AND {name} = ?" for name in time)
        read = prepare(self._session, f"SELECT {wsid}, {', '.join(values)} FROM {table} WHERE {wsid} IN ?{where}")
        if self._reads_at:
            read.consistency_level = ConsistencyLevel.name_to_value[self._reads_at]
        return _Source(read, outcomes)

    def _write(self, tables: tuple[Table, ...], keys: int) -> PreparedStatement:
        """The statement that sets the rows of so many keys in these tables, each row as a whole."""
        if (tables, keys) not in self._writes:
            inserts = " ".join(f"INSERT INTO {t.name} ({', '.join(t.columns)}) VALUES ({_marks(t)});" for t in tables)
            cql = f"BEGIN UNLOGGED BATCH USING TIMESTAMP ? {inserts * keys} APPLY BATCH"
            self._writes[tables, keys] = prepare(self._session, cql)
        return self._writes[tables, keys]


def _marks(table: Table) -> str:
    return ", ".join("?" * len(table.columns))


def _questions(keys: Iterable[Key]) -> Iterator[tuple[Key, Sequence[str]]]:
    """The keys by their time: (year, month, day), or less of it, and the stations that are asked for together."""
    stations = defaultdict(list)
    for key in keys:
        stations[key[1:]].append(str(key[0]))
    for time, wsids in stations.items():
        for some in _chunks(wsids, _STATIONS_A_READ):
            yield time, some


def _by_station(rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[str, Rows]]:
    parts = defaultdict(list)
    for row in rows:
        parts[row[0]].append(row[1:])
    return parts.items()


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]


def _day_of_temperature(hours: Rows) -> Values | None:
    stated = [value for value, _ in hours if value is not None]
    return _of_temperatures(temperature.of_hours(stated)) if stated else None


def _day_of_rain(hours: Rows) -> Values | None:
    stated = [amount for _, amount in hours if amount is not None]
    return _of_rain(precipitation.of_hours(stated)) if stated else None


def _counted(hours: Rows) -> Values | None:
    return (len(hours),) if hours else None


def _merged(days_or_months: Rows) -> Values | None:
    parts = [Temperatures(*row) for row in _oldest_first(days_or_months)]
    return _of_temperatures(temperature.merged(parts)) if parts else None


def _added(days_or_months: Rows) -> Values | None:
    parts = [Rain(*row) for row in _oldest_first(days_or_months)]
    return _of_rain(precipitation.added(parts)) if parts else None


def _summed(days_or_months: Rows) -> Values | None:
    parts = _oldest_first(days_or_months)
    return (sum(hours for (hours,) in parts),) if parts else None


def _oldest_first(rows: Rows) -> Rows:
    """Rows of an aggregate table, which has the newest first, but for those that somebody has left half written."""
    return [row for row in reversed(rows) if None not in row]
