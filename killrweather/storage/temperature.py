"""Temperatures of days, and what is merged from them."""

from datetime import date

from cassandra.cluster import Session

from killrweather.model.temperature import DailyTemperature, MonthlyTemperature, months
from killrweather.storage.days import last_day, slice_of_days
from killrweather.storage.session import execute

_COLUMNS = "wsid, year, month, day, high, low, mean, variance, stdev, count"


class TemperatureRepository:
    """Reads daily_aggregate_temperature; the stream alone writes it."""

    def __init__(self, session: Session):
        self._session = session
        self._daily = session.prepare(slice_of_days(_COLUMNS, "daily_aggregate_temperature"))

    async def daily(self, wsid: str, start: date, end: date) -> tuple[DailyTemperature, ...]:
        """The days from start to end, both included, oldest first; days without a temperature are not there."""
        values = (wsid, start.year, start.month, start.day, end.year, end.month, end.day)
        return tuple(DailyTemperature(*row) for row in await execute(self._session, self._daily, values))

    async def monthly(self, wsid: str, year: int, month: int | None = None) -> tuple[MonthlyTemperature, ...]:
        """The year's months that have a temperature, or the one asked for, oldest first."""
        days = await self.daily(wsid, date(year, month or 1, 1), last_day(year, month or 12))
        return tuple(months(days))
