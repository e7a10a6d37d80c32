"""Which raw rows a micro-batch reads back: the touched days, by few and large enough questions to Cassandra."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from killrweather.jobs.tables import DAY, MONTH, YEAR
from killrweather.model.day import Day

_HOURS = {DAY: 24, MONTH: 31 * 24, YEAR: 366 * 24}

ROWS_A_QUESTION = 40
"""Rows that could be read in the time that one more question to Cassandra takes."""

_FEW = 4


@dataclass(frozen=True, slots=True)
class ReadBack:
    """The keys to read, of whole days, whole months or whole years of a station: ``columns`` are their names."""

    columns: tuple[str, ...]
    keys: tuple[tuple[str | int, ...], ...]


def choose(touched: Iterable[Day]) -> ReadBack:
    """The cheapest way to read every touched day whole; days read besides are recomputed to what they are."""
    days = sorted(set(touched))
    candidates = [ReadBack(columns, tuple(sorted({day[: len(columns)] for day in days}))) for columns in _HOURS]
    return min(candidates, key=lambda each: len(each.keys) * (ROWS_A_QUESTION + _HOURS[each.columns]))


def rows(spark: SparkSession, source: DataFrame, chosen: ReadBack, tasks: int) -> DataFrame:
    """The source's rows of the chosen keys, by the connector's direct join.

    The keys go to the JVM as one text and become rows there: rows made in Python cost a Python worker (2 s cold).
    The rows of few keys stay in one task, so that they become days without a shuffle.
    """
    text = json.dumps([dict(zip(chosen.columns, key, strict=True)) for key in chosen.keys])
    types = ", ".join(f"{name}: {'string' if name == 'wsid' else 'int'}" for name in chosen.columns)
    keys = spark.range(0, 1, 1, 1).select(F.inline(F.from_json(F.lit(text), f"array<struct<{types}>>")))
    few = len(chosen.keys) <= _FEW
    if not few:
        keys = keys.repartition(tasks, "wsid", "year")
    joined = keys.join(source, on=list(chosen.columns), how="inner")
    return joined.coalesce(1) if few else joined
