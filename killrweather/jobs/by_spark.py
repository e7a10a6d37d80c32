"""Many days, recomputed by Spark with as many reads and writes as the size of the data asks for.

``by_driver`` does the same for fewer days, to the same bits, and merges the months and years of both.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import astuple, dataclass
from datetime import date
from typing import TypeVar

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from killrweather.jobs import readback
from killrweather.jobs.aggregates import RAW, daily, rows_of
from killrweather.jobs.cassandra import append, table
from killrweather.jobs.readback import ReadBack
from killrweather.jobs.tables import DAY, FAMILIES, MONTH, PRECIPITATION, TEMPERATURE, YEAR, Family, Table
from killrweather.model.day import Day
from killrweather.settings import Settings
from killrweather.storage.clock import now_us

T = TypeVar("T")
StationYear = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What whole station-years came to: raw rows that were read, and days, months and years with weather values."""

    rows: int
    days: int
    months: int
    years: int

    def __add__(self, other: "Rebuilt") -> "Rebuilt":
        """What two sets of station-years came to."""
        return Rebuilt(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


class BySpark:
    """Recomputes days; the write times and the consistency level of reads follow the rules of ``ByDriver``."""

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        write_time: Callable[[], int] = now_us,
        reads_at: str | None = None,
    ):
        self._spark, self._settings, self._write_time = spark, settings, write_time
        self._raw = table(spark, settings, "raw_weather_data", reads_at).select(*RAW)
        self._threads = ThreadPoolExecutor(len(FAMILIES), thread_name_prefix="aggregate")

    def days(self, touched: Iterable[Day]) -> None:
        """Set the daily values of the touched days, and of others where reading them too is cheaper."""
        chosen = list(touched)
        raw = self._read(readback.choose(chosen))
        if self._settings.cassandra.ttl.raw_s:
            # Days before the touched ones are read besides, and may have lost hours.
            raw = _since(raw, min(date(*day[1:]) for day in chosen))
        self._set_days(raw, DataFrame.count)

    def years(self, chosen: Iterable[StationYear], since: date | None = None) -> Rebuilt:
        """Set all days of whole station-years, and tell what they come to; days before ``since`` stay as they are."""
        keys = ReadBack(YEAR, tuple(sorted(chosen)))
        seen = Observation()
        raw = self._read(keys).observe(seen, F.count(F.lit(1)).alias("rows"))
        found = self._set_days(raw if since is None else _since(raw, since), _count)
        return Rebuilt(seen.get["rows"], *found)

    def _set_days(self, raw: DataFrame, count: Callable[[DataFrame], T]) -> T:
        """Write the days of these rows, which nobody has begun to read yet."""
        began_us = self._write_time()
        days = daily(raw).persist()
        try:
            found = count(days)  # all families wait for the same blocks: made here, by all cores at once
            self._side_by_side(lambda family: self._append(rows_of(family.daily, days), family.daily, began_us))
        finally:
            days.unpersist()
        return found

    def _read(self, chosen: ReadBack) -> DataFrame:
        return readback.rows(self._spark, self._raw, chosen, self._settings.spark.shuffle_partitions)

    def _append(self, rows: DataFrame, to: Table, began_us: int) -> None:
        append(rows, self._settings, to.name, write_time=began_us)

    def _side_by_side(self, work: Callable[[Family], None]) -> None:
        """Do it for every family and wait for all, also when one fails."""
        under_way = [self._threads.submit(work, family) for family in FAMILIES]
        wait(under_way)
        for each in under_way:
            each.result()


def _since(raw: DataFrame, first: date) -> DataFrame:
    return raw.where(F.make_date("year", "month", "day") >= F.lit(first))


def _count(days: DataFrame) -> tuple[int, int, int]:
    """Days, months and years that have a temperature or an amount of rain."""
    weather = (F.col(family.daily.stated) for family in (TEMPERATURE, PRECIPITATION))
    stated = days.where(F.coalesce(*weather).isNotNull())
    counts = (F.count_distinct(*(F.col(name) for name in key)) for key in (DAY, MONTH, YEAR))
    return tuple(stated.agg(*counts).first())
