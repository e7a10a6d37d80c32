"""Temperatures of days and months: the values, and how days become a month."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from math import fsum, sqrt


@dataclass(frozen=True, slots=True)
class DailyTemperature:
    """A station's temperatures of one UTC day, in °C; variance (°C²) and stdev are of the population."""

    wsid: str
    year: int
    month: int
    day: int
    high: float
    low: float
    mean: float
    variance: float
    stdev: float
    count: int


@dataclass(frozen=True, slots=True)
class MonthlyTemperature:
    """A station's temperatures of one month, in °C; variance (°C²) and stdev are of the population of all its hours."""

    wsid: str
    year: int
    month: int
    high: float
    low: float
    mean: float
    variance: float
    stdev: float
    count: int


@dataclass(frozen=True, slots=True)
class MonthlyHiLowTemperature:
    """The highest and the lowest temperature of a station in one month, in °C."""

    wsid: str
    year: int
    month: int
    high: float
    low: float


def months(days: Iterable[DailyTemperature]) -> Iterator[MonthlyTemperature]:
    """Merge the days of one station, oldest first, into its months.

    The mean of the whole is the weighted mean of the parts; its variance is what is left within the parts
    plus what lies between their means (Chan, Golub and LeVeque 1979), so no hour is read again.
    """
    for (wsid, year, month), of_month in groupby(days, key=lambda day: (day.wsid, day.year, day.month)):
        parts = list(of_month)
        count = sum(part.count for part in parts)
        mean = fsum(part.count * part.mean for part in parts) / count
        variance = fsum(part.count * (part.variance + (part.mean - mean) ** 2) for part in parts) / count
        yield MonthlyTemperature(
            wsid=wsid,
            year=year,
            month=month,
            high=max(part.high for part in parts),
            low=min(part.low for part in parts),
            mean=mean,
            variance=variance,
            stdev=sqrt(variance),
            count=count,
        )
