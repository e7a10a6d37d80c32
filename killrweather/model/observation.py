"""One observation of one station in one hour, and what is plausible in it.

The tables below are plain data, so that the feed (polars) and the stream (Spark) check with the same numbers.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timezone

from killrweather.errors import BadRequest

TRACE_MM = -0.1
"""Precipitation seen but too little to measure; it counts as 0.0 in every sum."""

FIRST_YEAR = 1900
"""Earlier observations are rejected; the last year is the next one, so that no clock has to be exact."""

CANONICAL_WSID = r"^(?:[0-9A-Z][0-9]{5}:[0-9]{5}|[A-Z]{2}[0-9A-Z]{9})$"
"""The form of every stored station id: USAF:WBAN, or a GHCNh id that has none. The same in Python, Java and Rust."""

WSID_EXPECTED = "USAF:WBAN such as 725030:14732, or a GHCNh id such as USW00014732"

_WSID = re.compile(r"(?:([0-9]{1,6}|[A-Z][0-9]{5}):([0-9]{1,5})|[A-Z]{2}[0-9A-Z]{9})")


@dataclass(frozen=True, slots=True)
class ValueField:
    """What a value column holds: ``low`` to ``high`` in ``unit``, both included; ``trace`` also allows ``TRACE_MM``.

    ``missing`` is how the sample files, and so records of the raw topic, write an absent value besides nothing at all.
    """

    name: str
    type: type[int] | type[float]
    low: float
    high: float
    unit: str
    trace: bool = False
    missing: float | None = None

    @property
    def range(self) -> str:
        """The plausible values in words, for example ``-95…60 °C``."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{f'{TRACE_MM} (trace) or ' if self.trace else ''}{self.low:g}…{self.high:g}{unit}"


VALUE_FIELDS = (
    ValueField("temperature", float, -95, 60, "°C"),
    ValueField("dewpoint", float, -100, 40, "°C", missing=999.9),
    ValueField("pressure", float, 850, 1090, "hPa", missing=0.0),
    ValueField("wind_direction", int, 0, 360, "degrees"),
    ValueField("wind_speed", float, 0, 115, "m/s"),
    ValueField("sky_condition", int, 0, 19, ""),
    ValueField("one_hour_precip", float, 0, 310, "mm", trace=True),
    ValueField("six_hour_precip", float, 0, 900, "mm", trace=True),
)

TIME_COLUMNS = ("year", "month", "day", "hour")
KEY_COLUMNS = ("wsid", *TIME_COLUMNS)
VALUE_COLUMNS = tuple(field.name for field in VALUE_FIELDS)
COLUMNS = (*KEY_COLUMNS, *VALUE_COLUMNS)
"""The canonical order: of the hourly CSV, of the raw topic's records and of ``RawWeatherData``."""


@dataclass(frozen=True, slots=True)
class RawWeatherData:
    """One hour of one station; the hour is UTC, and None is a value that nobody stated.

    Temperatures in °C, pressure in hPa at sea level, wind direction in degrees (0 = calm) and speed in m/s,
    sky condition as a code 0…19, precipitation in mm with -0.1 for a trace.
    The six-hour amount overlaps the hourly ones: never add both.
    """

    wsid: str
    year: int
    month: int
    day: int
    hour: int
    temperature: float | None = None
    dewpoint: float | None = None
    pressure: float | None = None
    wind_direction: int | None = None
    wind_speed: float | None = None
    sky_condition: int | None = None
    one_hour_precip: float | None = None
    six_hour_precip: float | None = None

    @property
    def time(self) -> datetime:
        """The start of the hour, UTC and aware."""
        return datetime(self.year, self.month, self.day, self.hour, tzinfo=timezone.utc)


def canonical_wsid(text: str) -> str:
    """The one spelling of a station id: upper case, USAF padded to 6 and WBAN to 5 digits.

    ``10010:99999`` and ``010010:99999`` are the same station. Anything else raises BadRequest.
    """
    match = _WSID.fullmatch(text.strip().upper())
    if match is None:
        raise BadRequest(f'wsid "{text[:80]}": expected {WSID_EXPECTED}', argument="wsid")
    usaf, wban = match.groups()
    return f"{usaf:0>6}:{wban:0>5}" if usaf else match.group()
