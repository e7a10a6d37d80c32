"""Query parameters that routes share: days, months, years, times, places and pages."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Path, Query, Request

from killrweather.errors import BadRequest
from killrweather.messages.ranges import check_month, check_year, last_year
from killrweather.messages.weather import MAX_LIMIT
from killrweather.model.month import Month
from killrweather.model.observation import FIRST_YEAR

FIRST_DAY = date(FIRST_YEAR, 1, 1)

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = rf"{_DAY}[Tt ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.][0-9]{{1,6}})?)?([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})?"
_NUMBER = r"[-+]?[0-9]{1,3}([.][0-9]{0,15})?"
_TO_90 = r"[0-8]?[0-9]([.][0-9]{0,15})?|90([.]0{0,15})?"
_TO_180 = r"(1[0-7]|[0-9])?[0-9]([.][0-9]{0,15})?|180([.]0{0,15})?"

WSID: dict[str, Any] = {
    "type": "string",
    "pattern": "^(([0-9]{1,6}|[A-Za-z][0-9]{5}):[0-9]{1,5}|[A-Za-z]{2}[0-9A-Za-z]{9})$",
}
"""A station id as JSON Schema."""

DAY: dict[str, Any] = {"type": "string", "format": "date", "pattern": f"^{_DAY}$"}
"""A day as JSON Schema."""

MOMENT: dict[str, Any] = {"anyOf": [DAY, {"type": "string", "format": "date-time"}]}
"""A day, or a time with its offset, as JSON Schema."""

PLACE: dict[str, Any] = {"type": "string", "pattern": f"^[-+]?({_TO_90}),[-+]?({_TO_180})$"}
"""A latitude and a longitude as JSON Schema."""

_MONTHS: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}

MONTH_OF_YEAR: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": 12}

YEARS: dict[str, Any] = {"type": "integer", "minimum": FIRST_YEAR, "maximum": last_year()}
"""A year as JSON Schema; the last one is checked by the clock, here it is that of the start."""

Wsid = Annotated[
    str,
    Path(
        description="Station id, USAF:WBAN; zeros in front may be left out",
        examples=["725030:14732"],
        json_schema_extra=WSID,
    ),
]
Year = Annotated[int, Query(description="UTC year", examples=[2008], json_schema_extra=YEARS)]
MonthOfYear = Annotated[int, Query(description="Month of the year", examples=[7], json_schema_extra=MONTH_OF_YEAR)]
Limit = Annotated[int, Query(description="Values in one answer at most", ge=1, le=MAX_LIMIT)]


def last_day() -> date:
    """The last day that an observation can be of."""
    return date(last_year(), 12, 31)


def parse_day(argument: str, text: str) -> date:
    """A day such as ``2008-01-31``."""
    try:
        if re.fullmatch(_DAY, text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise BadRequest(f'{argument} "{text[:40]}": expected a day such as 2008-01-31', argument)


def parse_month(argument: str, text: str) -> Month:
    """A month such as ``2008-07``."""
    if not _MONTH.fullmatch(text):
        raise BadRequest(f'{argument} "{text[:40]}": expected a month such as 2008-07', argument)
    month = Month(int(text[:4]), int(text[5:]))
    check_year(month.year, argument)
    check_month(month.month, argument)
    return month


def parse_moment(argument: str, text: str, whole_day: bool = False) -> datetime:
    """A UTC day or an ISO time with its offset; with ``whole_day`` a day stands for its end."""
    try:
        if re.fullmatch(_DAY, text):
            day = date.fromisoformat(text)
            moment = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
            return moment + timedelta(days=1) if whole_day and day < date.max else moment
        if re.fullmatch(_TIME, text):
            moment = datetime.fromisoformat(_as_python_reads(text))
            if moment.tzinfo is None:
                raise BadRequest(f'{argument} "{text}" has no offset: expected for example {text}Z', argument)
            return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        pass
    expected = "expected a day such as 2008-01-31, or a time such as 2008-01-31T18:00:00Z"
    raise BadRequest(f'{argument} "{text[:40]}": {expected}', argument)


def _as_python_reads(text: str) -> str:
    """A time in the form that every Python reads: with an offset in numbers, and all digits of a second or none."""
    text = text[:-1] + "+00:00" if text[-1] in "Zz" else text
    return re.sub(r"[.]([0-9]{1,6})", lambda found: f".{found[1]:0<6}", text)


def parse_place(text: str) -> tuple[float, float]:
    """A latitude and a longitude in degrees, ``40.64,-73.78``."""
    if not re.fullmatch(f"{_NUMBER},{_NUMBER}", text):
        raise BadRequest(f'near "{text[:40]}": expected latitude,longitude such as 40.64,-73.78', "near")
    lat, long = (float(part) for part in text.split(","))
    return lat, long


def next_page(request: Request, cursor: str) -> dict[str, str]:
    """The header that names the page after this one (RFC 8288)."""
    query: Sequence[tuple[str, str]] = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
    return {"Link": f'<{request.url.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'}


async def _days(
    start: Annotated[
        str | None,
        Query(description="First day; none = from the beginning", examples=["2008-01-01"], json_schema_extra=DAY),
    ] = None,
    end: Annotated[
        str | None,
        Query(description="Last day, included; none = to the end", examples=["2008-01-31"], json_schema_extra=DAY),
    ] = None,
    day: Annotated[
        str | None, Query(alias="date", description="One day, instead of start and end", json_schema_extra=DAY)
    ] = None,
) -> tuple[date, date]:
    if day is not None:
        _check_alone("date", day, start, end)
        one = parse_day("date", day)
        return one, one
    first = parse_day("start", start) if start is not None else FIRST_DAY
    return first, parse_day("end", end) if end is not None else last_day()


async def _months(
    year: Annotated[
        int | None, Query(description="One year, instead of start and end", json_schema_extra=YEARS)
    ] = None,
    month: Annotated[int | None, Query(description="One month of year", json_schema_extra=MONTH_OF_YEAR)] = None,
    start: Annotated[
        str | None,
        Query(description="First month; none = from the beginning", examples=["2007-12"], json_schema_extra=_MONTHS),
    ] = None,
    end: Annotated[
        str | None,
        Query(description="Last month, included; none = to the end", examples=["2008-02"], json_schema_extra=_MONTHS),
    ] = None,
) -> tuple[int, ...]:
    if year is not None:
        _check_alone("year", year, start, end)
        return (year,) if month is None else (year, month)
    if month is not None:
        raise BadRequest(f"month {month} has no year: expected year and month, or start and end", "month")
    first = parse_month("start", start) if start is not None else Month(FIRST_YEAR, 1)
    return *first, *(parse_month("end", end) if end is not None else Month(last_year(), 12))


async def _years(
    year: Annotated[
        int | None, Query(description="One year, instead of start and end", json_schema_extra=YEARS)
    ] = None,
    start: Annotated[
        int | None, Query(description="First year; none = from the beginning", examples=[2007], json_schema_extra=YEARS)
    ] = None,
    end: Annotated[
        int | None,
        Query(description="Last year, included; none = to the end", examples=[2013], json_schema_extra=YEARS),
    ] = None,
) -> tuple[int, ...]:
    if year is not None:
        _check_alone("year", year, start, end)
        return (year,)
    for argument, value in (("start", start), ("end", end)):
        if value is not None:
            check_year(value, argument)
    return start if start is not None else FIRST_YEAR, end if end is not None else last_year()


def _check_alone(argument: str, value: object, start: object, end: object) -> None:
    """Raise BadRequest when a single day, month or year is asked for together with a range."""
    if start is not None or end is not None:
        raise BadRequest(f"{argument} {str(value)[:40]}: expected either {argument}, or start and end", argument)


Days = Annotated[tuple[date, date], Depends(_days)]
"""The first and the last day that a request asks for, both included."""

Months = Annotated[tuple[int, ...], Depends(_months)]
"""What a request asks for, as ``MonthRange`` wants it after the station."""

Years = Annotated[tuple[int, ...], Depends(_years)]
"""What a request asks for, as ``YearRange`` wants it after the station."""
