"""Query parameters that routes share: days, times, places and pages."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Path, Query, Request

from killrweather.errors import BadRequest
from killrweather.messages.weather import FIRST_YEAR, MAX_LIMIT

FIRST_DAY = date(FIRST_YEAR, 1, 1)

Wsid = Annotated[
    str, Path(description="Station id, USAF:WBAN; zeros in front may be left out", examples=["725030:14732"])
]
Year = Annotated[int, Query(description="UTC year", examples=[2008])]
Limit = Annotated[int, Query(description="Values in one answer at most", ge=1, le=MAX_LIMIT)]


def last_day() -> date:
    """The last day that an observation can be of."""
    return date(datetime.now(timezone.utc).year + 1, 12, 31)


def parse_day(argument: str, text: str) -> date:
    """A day such as ``2008-01-31``."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f'{argument} "{text[:40]}": expected a day such as 2008-01-31', argument) from None


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


def _days(
    start: Annotated[
        str | None, Query(description="First day; none = from the beginning", examples=["2008-01-01"])
    ] = None,
    end: Annotated[
        str | None, Query(description="Last day, included; none = to the end", examples=["2008-01-31"])
    ] = None,
    day: Annotated[str | None, Query(alias="date", description="One day, instead of start and end")] = None,
) -> tuple[date, date]:
    if day is not None:
        if start is not None or end is not None:
            raise BadRequest(f"date {day[:40]}: expected either date, or start and end", "date")
        one = parse_day("date", day)
        return one, one
    first = parse_day("start", start) if start is not None else FIRST_DAY
    return first, parse_day("end", end) if end is not None else last_day()


Days = Annotated[tuple[date, date], Depends(_days)]
"""The first and the last day that a request asks for, both included."""
