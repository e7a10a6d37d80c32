"""What a day's hours come to: pure functions from raw rows to the rows of the aggregate tables."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from killrweather.model.observation import TRACE_MM

DAY = ("wsid", "year", "month", "day")
_TEMPERATURE = ("high", "low", "mean", "variance", "stdev", "count")
_PRECIPITATION = ("precipitation", "wet_hours", "trace_hours")


def daily(raw: DataFrame) -> DataFrame:
    """Every day of the raw rows with what ``daily_temperature`` and ``daily_precipitation`` select from.

    One pass for both tables; a column is null where no hour of the day states a value.
    """
    temperature, rain = F.col("temperature"), F.col("one_hour_precip")
    return raw.groupBy(*DAY).agg(
        F.max(temperature).alias("high"),
        F.min(temperature).alias("low"),
        F.avg(temperature).alias("mean"),
        F.var_pop(temperature).alias("variance"),
        F.count(temperature).alias("count"),
        F.sum(F.when(rain > 0, rain).when(rain <= 0, 0.0)).alias("precipitation"),
        _hours(rain > 0).alias("wet_hours"),
        _hours(rain == TRACE_MM).alias("trace_hours"),
    )


def daily_temperature(days: DataFrame) -> DataFrame:
    """The rows of daily_aggregate_temperature: days with at least one temperature, in °C."""
    return days.where(F.col("count") > 0).select(
        *DAY, "high", "low", "mean", "variance", F.sqrt("variance").alias("stdev"), "count"
    )


def daily_precipitation(days: DataFrame) -> DataFrame:
    """The rows of daily_aggregate_precip: days on which an hour states its rain, in mm; trace adds 0.0."""
    return days.where(F.col("precipitation").isNotNull()).select(*DAY, *_PRECIPITATION)


def _hours(condition: Column) -> Column:
    return F.count(F.when(condition, True)).cast("int")
