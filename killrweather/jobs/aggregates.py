"""What hours come to as days: pure functions from frame to frame.

``model.temperature`` and ``model.precipitation`` do the same for values in this process. Both add up in the same
order, so that a day is the same to the last bit whichever computed it.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from killrweather.jobs.tables import DAY, FAMILIES, Table
from killrweather.model.observation import TRACE_MM

RAW = (*DAY, "temperature", "one_hour_precip")
"""The columns of raw rows that the days are computed from."""


def daily(raw: DataFrame) -> DataFrame:
    """Every day of the raw rows with the columns of all daily tables: one pass over the rows serves them all."""
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
        _hours(F.lit(True)).alias("hours"),
    )
    return days.select(*DAY, *(name for family in FAMILIES for name in family.daily.values))


def rows_of(table: Table, days: DataFrame) -> DataFrame:
    """A daily table's rows from what ``daily`` computes."""
    return days.where(F.col(table.stated).isNotNull()).select(*table.columns)


def _hours(condition: Column) -> Column:
    return F.count(F.when(condition, True)).cast("int")
