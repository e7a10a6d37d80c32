"""What a day's hours come to: pure functions from raw rows to the rows of the aggregate tables."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from killrweather.model.observation import TRACE_MM

DAY = ("wsid", "year", "month", "day")
RAW = (*DAY, "temperature", "one_hour_precip")
"""The columns of raw rows that the days are computed from."""


@dataclass(frozen=True, slots=True)
class DailyTable:
    """One table of daily values: its columns, and which of them is null for a day that is not to be in it."""

    name: str
    columns: tuple[str, ...]
    stated: str

    def rows(self, days: DataFrame) -> DataFrame:
        """The table's rows from what ``daily`` computes."""
        return days.where(F.col(self.stated).isNotNull()).select(*self.columns)


TEMPERATURE = DailyTable(
    "daily_aggregate_temperature", (*DAY, "high", "low", "mean", "variance", "stdev", "count"), stated="high"
)
"""Days with at least one temperature, in °C; variance and stdev are of the population."""

PRECIPITATION = DailyTable(
    "daily_aggregate_precip", (*DAY, "precipitation", "wet_hours", "trace_hours"), stated="precipitation"
)
"""Days on which an hour states its rain, in mm; a trace adds 0.0."""


def daily(raw: DataFrame) -> DataFrame:
    """Every day of the raw rows with the columns of both tables: one pass over the rows serves both."""
    temperature, rain = F.col("temperature"), F.col("one_hour_precip")
    days = raw.groupBy(*DAY).agg(
        F.max(temperature).alias("high"),
        F.min(temperature).alias("low"),
        F.avg(temperature).alias("mean"),
        F.var_pop(temperature).alias("variance"),
        F.stddev_pop(temperature).alias("stdev"),
        F.count(temperature).alias("count"),
        F.sum(F.when(rain > 0, rain).when(rain <= 0, 0.0)).alias("precipitation"),
        _hours(rain > 0).alias("wet_hours"),
        _hours(rain == TRACE_MM).alias("trace_hours"),
    )
    return days.select(*TEMPERATURE.columns, *PRECIPITATION.columns[len(DAY) :])


def _hours(condition: Column) -> Column:
    return F.count(F.when(condition, True)).cast("int")
