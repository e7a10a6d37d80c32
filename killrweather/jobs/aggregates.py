"""What hours come to as days, and days as months and years: pure functions from frame to frame.

``model.temperature`` and ``model.precipitation`` do the same for values in this process. Both add up in the same
order, so that a day, month or year is the same to the last bit whichever computed it.
"""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from killrweather.jobs.tables import DAY, PRECIPITATION, TEMPERATURE, Family, Table
from killrweather.model.observation import TRACE_MM

RAW = (*DAY, "temperature", "one_hour_precip")
"""The columns of raw rows that the days are computed from."""


def daily(raw: DataFrame) -> DataFrame:
    """Every day of the raw rows with the columns of both daily tables: one pass over the rows serves both."""
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
    return days.select(*DAY, *TEMPERATURE.daily.values, *PRECIPITATION.daily.values)


def rows_of(table: Table, days: DataFrame) -> DataFrame:
    """A daily table's rows from what ``daily`` computes."""
    return days.where(F.col(table.stated).isNotNull()).select(*table.columns)


def merged(family: Family, parts: DataFrame, whole: Table) -> DataFrame:
    """A table's rows from the rows of their parts: months from days, or years from months."""
    return (_merged_temperature if family is TEMPERATURE else _added_rain)(parts, whole)


def _merged_temperature(parts: DataFrame, whole: Table) -> DataFrame:
    """The mean of the whole is the weighted mean of the parts; its variance is what is left within the parts
    plus what lies between their means (Chan, Golub and LeVeque 1979).
    """
    together = parts.groupBy(*whole.key).agg(
        F.max("high").alias("high"),
        F.min("low").alias("low"),
        F.sum("count").alias("count"),
        _in_order(parts, whole, "count", "mean", "variance"),
    )
    count = F.col("count")
    means = together.withColumn("mean", _sum(lambda part: part["count"] * part["mean"]) / count)

    def squares(part: Column) -> Column:
        distance = part["mean"] - F.col("mean")
        return part["count"] * (part["variance"] + distance * distance)

    variances = means.withColumn("variance", _sum(squares) / count)
    return variances.withColumn("stdev", F.sqrt("variance")).select(*whole.columns)


def _added_rain(parts: DataFrame, whole: Table) -> DataFrame:
    together = parts.groupBy(*whole.key).agg(
        F.sum("wet_hours").cast("int").alias("wet_hours"),
        F.sum("trace_hours").cast("int").alias("trace_hours"),
        _in_order(parts, whole, "precipitation"),
    )
    return together.withColumn("precipitation", _sum(lambda part: part["precipitation"])).select(*whole.columns)


def _in_order(parts: DataFrame, whole: Table, *values: str) -> Column:
    """The parts of a whole by their days or months, so that sums do not depend on how rows were shuffled."""
    (place,) = (name for name in DAY if name in parts.columns and name not in whole.key)
    return F.sort_array(F.collect_list(F.struct(place, *values))).alias("parts")


def _sum(term: Callable[[Column], Column]) -> Column:
    return F.aggregate("parts", F.lit(0.0), lambda total, part: total + term(part))


def _hours(condition: Column) -> Column:
    return F.count(F.when(condition, True)).cast("int")
