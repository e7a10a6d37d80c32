"""Temperatures of days, months and years."""

from datetime import date

from cassandra.cluster import Session

from killrweather.model.month import Month
from killrweather.model.temperature import AnnualTemperature, DailyTemperature, MonthlyTemperature
from killrweather.storage.aggregates import AggregateTable


class TemperatureRepository:
    """Reads the aggregates of temperature; ranges include both ends and come oldest first."""

    def __init__(self, session: Session):
        self._days = AggregateTable(session, "daily_aggregate_temperature", DailyTemperature)
        self._months = AggregateTable(session, "monthly_aggregate_temperature", MonthlyTemperature)
        self._years = AggregateTable(session, "annual_aggregate_temperature", AnnualTemperature)

    async def daily(self, wsid: str, start: date, end: date) -> tuple[DailyTemperature, ...]:
        """The days that have a temperature."""
        return await self._days.between(wsid, (start.year, start.month, start.day), (end.year, end.month, end.day))

    async def monthly(self, wsid: str, start: Month, end: Month) -> tuple[MonthlyTemperature, ...]:
        """The months that have a temperature."""
        return await self._months.between(wsid, start, end)

    async def annual(self, wsid: str, start: int, end: int) -> tuple[AnnualTemperature, ...]:
        """The years that have a temperature."""
        return await self._years.between(wsid, (start,), (end,))
