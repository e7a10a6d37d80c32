"""What questions about a station have in common: whom they are about, and which days, months or years.

A range is checked where it is built. ``start`` and ``end`` are both included; one day, month or year is a range too.
"""

from datetime import date, datetime, timezone
from typing import Any

from killrweather.errors import BadRequest
from killrweather.messages.base import message
from killrweather.model.month import Month
from killrweather.model.observation import FIRST_YEAR, canonical_wsid


def last_year() -> int:
    """The last year that an observation can be of: the next one, so that no clock has to be exact."""
    return datetime.now(timezone.utc).year + 1


def check_year(year: int, argument: str = "year") -> None:
    """Raise BadRequest unless there can be observations of this year."""
    if not FIRST_YEAR <= year <= last_year():
        raise BadRequest(f"{argument} {year}: expected {FIRST_YEAR} to {last_year()}", argument)


def check_month(month: int, argument: str = "month") -> None:
    """Raise BadRequest unless a year has this month."""
    if not 1 <= month <= 12:
        raise BadRequest(f"{argument} {month}: expected 1 to 12", argument)


@message
class StationRequest:
    """A question about one station; its id is padded on the way in."""

    wsid: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "wsid", canonical_wsid(self.wsid))


@message
class DayRange(StationRequest):
    """A question about the days from start to end, both included."""

    start: date
    end: date

    def __post_init__(self) -> None:
        StationRequest.__post_init__(self)
        _check_order(self.start, self.end, "day")


@message
class MonthRange(StationRequest):
    """A question about a year's months, or one month, or the months up to ``end_month`` of ``end_year``.

    However it is asked, all four numbers are there afterwards: ``(2008)`` asks what ``(2008, 1, 2008, 12)`` does.
    """

    year: int
    month: int | None = None
    end_year: int | None = None
    end_month: int | None = None

    def __post_init__(self) -> None:
        StationRequest.__post_init__(self)
        start, end = self.start, self.end
        for argument, moment in (("", start), ("end_", end)):
            check_year(moment.year, f"{argument}year")
            check_month(moment.month, f"{argument}month")
            object.__setattr__(self, f"{argument}year", moment.year)
            object.__setattr__(self, f"{argument}month", moment.month)
        _check_order(start, end, "month")

    @property
    def start(self) -> Month:
        """The first month."""
        return Month(self.year, 1 if self.month is None else self.month)

    @property
    def end(self) -> Month:
        """The last month."""
        year = self.year if self.end_year is None else self.end_year
        month = 12 if self.month is None or self.end_year is not None else self.month
        return Month(year, month if self.end_month is None else self.end_month)


@message
class YearRange(StationRequest):
    """A question about a year, or the years from ``year`` to ``end_year``, which is there afterwards in both cases."""

    year: int
    end_year: int | None = None

    def __post_init__(self) -> None:
        StationRequest.__post_init__(self)
        object.__setattr__(self, "end_year", self.end)
        check_year(self.start, "year")
        check_year(self.end, "end_year")
        _check_order(self.start, self.end, "year")

    @property
    def start(self) -> int:
        """The first year."""
        return self.year

    @property
    def end(self) -> int:
        """The last year."""
        return self.year if self.end_year is None else self.end_year


def period(asked: DayRange | MonthRange | YearRange) -> str:
    """What a question is about, in words: ``of 2008-07``, ``from 2008 to 2013``."""
    return f"of {asked.start}" if asked.start == asked.end else f"from {asked.start} to {asked.end}"


def _check_order(start: Any, end: Any, unit: str) -> None:
    if end < start:
        raise BadRequest(f"end {end} is before start {start}: expected that {unit} or a later one", "end")
