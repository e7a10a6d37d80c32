"""Many touched days, recomputed by Spark with as many reads and writes as the size of the data asks for.

``by_driver`` does the same for a few days, to the same bits.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait

from pyspark.sql import DataFrame, SparkSession

from killrweather.jobs import readback
from killrweather.jobs.aggregates import RAW, daily, merged, rows_of
from killrweather.jobs.cassandra import append, table
from killrweather.jobs.readback import Day, ReadBack
from killrweather.jobs.tables import FAMILIES, Family, Table
from killrweather.settings import Settings


class BySpark:
    """Recomputes days, then their months, then their years; temperature and rain side by side.

    The write times follow the rule of ``ByDriver``.
    """

    def __init__(self, spark: SparkSession, settings: Settings):
        self._spark, self._settings = spark, settings
        self._raw = table(spark, settings, "raw_weather_data").select(*RAW)
        self._parts = {
            parts.name: table(spark, settings, parts.name) for family in FAMILIES for parts, _ in family.steps
        }
        self._threads = ThreadPoolExecutor(len(FAMILIES), thread_name_prefix="aggregate")

    def days(self, touched: Iterable[Day]) -> None:
        """Set the daily values of the touched days, and of others where reading them too is cheaper."""
        began_us = _now_us()
        days = daily(self._read(self._raw, readback.choose(touched))).persist()
        try:
            days.count()  # both families wait for the same blocks: made here, by all cores at once
            self._side_by_side(lambda family: self._append(rows_of(family.daily, days), family.daily, began_us))
        finally:
            days.unpersist()

    def merge(self, touched: Iterable[Day]) -> None:
        """Set the monthly, then the annual values of the touched days."""
        days = list(touched)
        self._side_by_side(lambda family: self._merge(family, days))

    def _merge(self, family: Family, touched: list[Day]) -> None:
        for parts, whole in family.steps:
            began_us = _now_us()
            stored = self._read(self._parts[parts.name], readback.at(whole.key, touched))
            self._append(merged(family, stored, whole), whole, began_us)

    def _read(self, source: DataFrame, chosen: ReadBack) -> DataFrame:
        return readback.rows(self._spark, source, chosen, self._settings.spark.shuffle_partitions)

    def _append(self, rows: DataFrame, to: Table, began_us: int) -> None:
        append(rows, self._settings, to.name, write_time=began_us)

    def _side_by_side(self, work: Callable[[Family], None]) -> None:
        """Do it for both families and wait for both, also when one fails."""
        under_way = [self._threads.submit(work, family) for family in FAMILIES]
        wait(under_way)
        for each in under_way:
            each.result()


def _now_us() -> int:
    return time.time_ns() // 1000
