"""Rain of days and years: the values, and how days become a year."""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nsmallest
from math import fsum


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


def annual(days: Iterable[DailyPrecipitation]) -> AnnualPrecipitation:
    """Add up the days of one station and year; there must be at least one."""
    parts = list(days)
    return AnnualPrecipitation(
        wsid=parts[0].wsid,
        year=parts[0].year,
        precipitation=fsum(part.precipitation for part in parts),
        wet_hours=sum(part.wet_hours for part in parts),
        trace_hours=sum(part.trace_hours for part in parts),
    )


def top_k(days: Iterable[DailyPrecipitation], k: int) -> tuple[DailyPrecipitation, ...]:
    """The k wettest of these days, wettest first; days without measurable rain are not among them."""
    wet = (day for day in days if day.precipitation > 0)
    return tuple(nsmallest(k, wet, key=lambda day: (-day.precipitation, day.month, day.day)))
