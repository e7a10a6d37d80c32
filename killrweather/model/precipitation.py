"""Rain of days, months and years: the values, how hours become a day, and parts a whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nsmallest

from killrweather.model.observation import TRACE_MM


@dataclass(frozen=True, slots=True)
class DailyPrecipitation:
    """A station's rain of one UTC day, in mm; wet hours had a measurable amount, trace hours too little to measure."""

    wsid: str
    year: int
    month: int
    day: int
    precipitation: float
    wet_hours: int
    trace_hours: int


@dataclass(frozen=True, slots=True)
class MonthlyPrecipitation:
    """A station's rain of one month so far, in mm; wet and trace hours as in ``DailyPrecipitation``."""

    wsid: str
    year: int
    month: int
    precipitation: float
    wet_hours: int
    trace_hours: int


@dataclass(frozen=True, slots=True)
class AnnualPrecipitation:
    """A station's rain of one year so far, in mm."""

    wsid: str
    year: int
    precipitation: float
    wet_hours: int
    trace_hours: int


@dataclass(frozen=True, slots=True)
class TopKPrecipitation:
    """The k wettest days of a station in a year, wettest first, the earlier of equals before the later."""

    wsid: str
    year: int
    days: tuple[DailyPrecipitation, ...]


@dataclass(frozen=True, slots=True)
class Rain:
    """What a span of hours comes to, in mm; wet hours had a measurable amount, trace hours too little to measure."""

    precipitation: float
    wet_hours: int
    trace_hours: int


def of_hours(amounts: Iterable[float]) -> Rain:
    """The rain of the hours that state an amount; a trace adds 0.0."""
    total, wet, trace = 0.0, 0, 0
    for amount in amounts:
        if amount > 0:
            total += amount
            wet += 1
        elif amount == TRACE_MM:
            trace += 1
    return Rain(total, wet, trace)


def added(parts: Iterable[Rain]) -> Rain:
    """The rain of a whole from that of its parts, added up from the first to the last."""
    total, wet, trace = 0.0, 0, 0
    for part in parts:
        total += part.precipitation
        wet += part.wet_hours
        trace += part.trace_hours
    return Rain(total, wet, trace)


def top_k(days: Iterable[DailyPrecipitation], k: int) -> tuple[DailyPrecipitation, ...]:
    """The k wettest of these days, wettest first; days without measurable rain are not among them."""
    wet = (day for day in days if day.precipitation > 0)
    return tuple(nsmallest(k, wet, key=lambda day: (-day.precipitation, day.month, day.day)))
