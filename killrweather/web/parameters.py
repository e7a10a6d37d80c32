"""Query parameters that routes share: days, months, years, times, places and pages."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Path, Query, Request

from killrweather.errors import BadRequest
from killrweather.messages.ranges import check_month, check_year, last_year
from killrweather.messages.weather import MAX_LIMIT
from killrweather.model.month import Month
from killrweather.model.observation import FIRST_YEAR

FIRST_DAY = date(FIRST_YEAR, 1, 1)

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")

Wsid = Annotated[
    str, Path(description="Station id, USAF:WBAN; zeros in front may be left out", examples=["725030:14732"])
]
Year = Annotated[int, Query(description="UTC year", examples=[2008])]
Limit = Annotated[int, Query(description="Values in one answer at most", ge=1, le=MAX_LIMIT)]


def last_day() -> date:
    """The last day that an observation can be of."""
    return date(last_year(), 12, 31)


def parse_day(argument: str, text: str) -> date:
    """A day such as ``2008-01-31``."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f'{argument} "{text[:40]}": expected a day such as 2008-01-31', argument) from None


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
    if len(text) == 10:
        day = parse_day(argument, text) + timedelta(days=whole_day)
        return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
    try:
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError:
        expected = "expected a day such as 2008-01-31, or a time such as 2008-01-31T18:00:00Z"
        raise BadRequest(f'{argument} "{text[:40]}": {expected}', argument) from None
    if moment.tzinfo is None:
        raise BadRequest(f'{argument} "{text}" has no offset: expected for example {text}Z', argument)
    return moment.astimezone(timezone.utc)


def parse_place(text: str) -> tuple[float, float]:
    """A latitude and a longitude in degrees, ``40.64,-73.78``."""
    try:
        lat, long = (float(part) for part in text.split(","))
    except ValueError:
        raise BadRequest(f'near "{text[:40]}": expected latitude,longitude such as 40.64,-73.78', "near") from None
    return lat, long


def next_page(request: Request, cursor: str) -> dict[str, str]:
    """The header that names the page after this one (RFC 8288)."""
    query: Sequence[tuple[str, str]] = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
    return {"Link": f'<{request.url.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'}


async def _days(
    start: Annotated[
        str | None, Query(description="First day; none = from the beginning", examples=["2008-01-01"])
    ] = None,
    end: Annotated[
        str | None, Query(description="Last day, included; none = to the end", examples=["2008-01-31"])
    ] = None,
    day: Annotated[str | None, Query(alias="date", description="One day, instead of start and end")] = None,
) -> tuple[date, date]:
    if day is not None:
        _check_alone("date", day, start, end)
        one = parse_day("date", day)
        return one, one
    first = parse_day("start", start) if start is not None else FIRST_DAY
    return first, parse_day("end", end) if end is not None else last_day()


async def _months(
    year: Annotated[int | None, Query(description="One year, instead of start and end", examples=[2008])] = None,
    month: Annotated[int | None, Query(description="One month of year", examples=[7])] = None,
    start: Annotated[
        str | None, Query(description="First month; none = from the beginning", examples=["2007-12"])
    ] = None,
    end: Annotated[
        str | None, Query(description="Last month, included; none = to the end", examples=["2008-02"])
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
    year: Annotated[int | None, Query(description="One year, instead of start and end", examples=[2008])] = None,
    start: Annotated[int | None, Query(description="First year; none = from the beginning", examples=[2007])] = None,
    end: Annotated[int | None, Query(description="Last year, included; none = to the end", examples=[2013])] = None,
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
