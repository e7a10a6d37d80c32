"""Temperatures of days, months and years: the values, how hours become a day, and parts a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt


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
class AnnualTemperature:
    """A station's temperatures of one year so far, in °C; variance (°C²) and stdev are those of all its hours."""

    wsid: str
    year: int
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


@dataclass(frozen=True, slots=True)
class Temperatures:
    """What a span of hours comes to, in °C; variance (°C²) and stdev are of the population."""

    high: float
    low: float
    mean: float
    variance: float
    stdev: float
    count: int


def of_hours(temperatures: Sequence[float]) -> Temperatures:
    """The temperatures of some hours, of which there is at least one, by Welford's method (1962).

    Sums go from the first hour to the last, so that the same hours in the same order give the same bits.
    """
    total = mean = squares = 0.0
    for number, value in enumerate(temperatures, 1):
        total += value
        distance = value - mean
        step = distance / number
        mean += step
        squares += distance * (distance - step)
    count = len(temperatures)
    variance = squares / count
    return Temperatures(max(temperatures), min(temperatures), total / count, variance, sqrt(variance), count)


def merged(parts: Sequence[Temperatures]) -> Temperatures:
    """The temperatures of a whole from those of its parts, of which there is at least one.

    The mean of the whole is the weighted mean of the parts; its variance is what is left within the parts
    plus what lies between their means (Chan, Golub and LeVeque 1979), so no hour is read again.
    """
    count = sum(part.count for part in parts)
    total = squares = 0.0
    for part in parts:
        total += part.count * part.mean
    mean = total / count
    for part in parts:
        distance = part.mean - mean
        squares += part.count * (part.variance + distance * distance)
    variance = squares / count
    high, low = max(part.high for part in parts), min(part.low for part in parts)
    return Temperatures(high, low, mean, variance, sqrt(variance), count)
