"""Rain of days, months and years."""

from datetime import date

from cassandra.cluster import Session

from killrweather.model.month import Month
from killrweather.model.precipitation import (
    AnnualPrecipitation,
    DailyPrecipitation,
    MonthlyPrecipitation,
    TopKPrecipitation,
    top_k,
)
from killrweather.storage.aggregates import AggregateTable


class PrecipitationRepository:
    """Reads the aggregates of rain; ranges include both ends and come oldest first."""

    def __init__(self, session: Session):
        self._days = AggregateTable(session, "daily_aggregate_precip", DailyPrecipitation)
        self._months = AggregateTable(session, "monthly_aggregate_precip", MonthlyPrecipitation)
        self._years = AggregateTable(session, "year_cumulative_precip", AnnualPrecipitation)

    async def daily(self, wsid: str, start: date, end: date) -> tuple[DailyPrecipitation, ...]:
        """The days that have a stated amount."""
        return await self._days.between(wsid, (start.year, start.month, start.day), (end.year, end.month, end.day))

    async def monthly(self, wsid: str, start: Month, end: Month) -> tuple[MonthlyPrecipitation, ...]:
        """The months that have a stated amount."""
        return await self._months.between(wsid, start, end)

    async def annual(self, wsid: str, start: int, end: int) -> tuple[AnnualPrecipitation, ...]:
        """The years that have a stated amount."""
        return await self._years.between(wsid, (start,), (end,))

    async def top_k(self, wsid: str, year: int, k: int) -> TopKPrecipitation | None:
        """The k wettest days of the year, wettest first, or None when no hour of it has a stated amount."""
        days = await self.daily(wsid, date(year, 1, 1), date(year, 12, 31))
        return TopKPrecipitation(wsid, year, top_k(days, k)) if days else None
