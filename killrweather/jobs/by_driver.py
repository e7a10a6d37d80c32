"""A few touched days, recomputed by this process's own driver: no Spark job in the life of a lone row.

``by_spark`` does the same for many days, to the same bits.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from cassandra.cluster import Session
from cassandra.query import PreparedStatement

from killrweather.jobs.clock import now_us
from killrweather.jobs.readback import Day, ReadBack, at
from killrweather.jobs.tables import DAY, MONTH, PRECIPITATION, TEMPERATURE, YEAR, Table
from killrweather.model import precipitation, temperature
from killrweather.model.precipitation import Rain
from killrweather.model.temperature import Temperatures
from killrweather.storage.session import result

Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Step:
    """One table's rows, each from the rows that are read for its key; no values, no row."""

    read: PreparedStatement
    compute: Callable[[Rows], Temperatures | Rain | None]
    write: PreparedStatement


class ByDriver:
    """Recomputes days, then their months, then their years; the statements of a step are all under way at once.

    A value's write time is the moment at which the reading of its parts began, and the parts that this process writes
    are written before: what is computed later from later parts wins, whichever is written first.
    """

    def __init__(self, session: Session):
        self._session = session
        self._days = [
            self._step("temperature", "raw_weather_data", _day_of_temperature, TEMPERATURE.daily),
            self._step("one_hour_precip", "raw_weather_data", _day_of_rain, PRECIPITATION.daily),
        ]
        self._months, self._years = (
            [
                self._step(", ".join(parts.values), parts.name, compute, whole)
                for (parts, whole), compute in zip(step, (_merged, _added), strict=True)
            ]
            for step in zip(TEMPERATURE.steps, PRECIPITATION.steps, strict=True)
        )

    def days(self, touched: Iterable[Day]) -> None:
        """Set the daily values of the touched days; raises ``Unavailable``."""
        self._set(self._days, at(DAY, touched))

    def merge(self, touched: Iterable[Day]) -> None:
        """Set the monthly, then the annual values of the touched days; raises ``Unavailable``."""
        days = list(touched)
        self._set(self._months, at(MONTH, days))
        self._set(self._years, at(YEAR, days))

    def _set(self, steps: list[_Step], chosen: ReadBack) -> None:
        began_us = now_us()
        asked = [(step, key, self._session.execute_async(step.read, key)) for key in chosen.keys for step in steps]
        computed = [(step, key, step.compute(list(result(answer)))) for step, key, answer in asked]
        writes = [
            self._session.execute_async(step.write, (*key, *astuple(values), began_us))
            for step, key, values in computed
            if values is not None
        ]
        for write in writes:
            result(write)

    def _step(
        self, columns: str, source: str, compute: Callable[[Rows], Temperatures | Rain | None], table: Table
    ) -> _Step:
        where = " AND ".join(f"{name} = ?" for name in table.key)
        names, marks = ", ".join(table.columns), ", ".join("?" * len(table.columns))
        return _Step(
            self._session.prepare(f"SELECT {columns} FROM {source} WHERE {where}"),
            compute,
            self._session.prepare(f"INSERT INTO {table.name} ({names}) VALUES ({marks}) USING TIMESTAMP ?"),
        )


def _day_of_temperature(hours: Rows) -> Temperatures | None:
    stated = [value for (value,) in hours if value is not None]
    return temperature.of_hours(stated) if stated else None


def _day_of_rain(hours: Rows) -> Rain | None:
    stated = [amount for (amount,) in hours if amount is not None]
    return precipitation.of_hours(stated) if stated else None


def _merged(days_or_months: Rows) -> Temperatures | None:
    return temperature.merged([Temperatures(*row) for row in _oldest_first(days_or_months)]) if days_or_months else None


def _added(days_or_months: Rows) -> Rain | None:
    return precipitation.added(Rain(*row) for row in _oldest_first(days_or_months)) if days_or_months else None


def _oldest_first(rows: Rows) -> Rows:
    """Rows of an aggregate table, which has the newest first."""
    return rows[::-1]
