"""Rain of days, and what is added up from them."""

from datetime import date

from cassandra.cluster import Session

from killrweather.model.precipitation import AnnualPrecipitation, DailyPrecipitation, TopKPrecipitation, annual, top_k
from killrweather.storage.days import slice_of_days
from killrweather.storage.session import execute

_COLUMNS = "wsid, year, month, day, precipitation, wet_hours, trace_hours"


class PrecipitationRepository:
    """Reads daily_aggregate_precip; the stream alone writes it."""

    def __init__(self, session: Session):
        self._session = session
        self._daily = session.prepare(slice_of_days(_COLUMNS, "daily_aggregate_precip"))

    async def daily(self, wsid: str, start: date, end: date) -> tuple[DailyPrecipitation, ...]:
        """The days from start to end, both included, oldest first; days without a stated amount are not there."""
        values = (wsid, start.year, start.month, start.day, end.year, end.month, end.day)
        return tuple(DailyPrecipitation(*row) for row in await execute(self._session, self._daily, values))

    async def annual(self, wsid: str, year: int) -> AnnualPrecipitation | None:
        """The year's rain so far, or None when no hour of it has a stated amount."""
        days = await self.daily(wsid, date(year, 1, 1), date(year, 12, 31))
        return annual(days) if days else None

    async def top_k(self, wsid: str, year: int, k: int) -> TopKPrecipitation | None:
        """The k wettest days of the year, wettest first, or None when no hour of it has a stated amount."""
        days = await self.daily(wsid, date(year, 1, 1), date(year, 12, 31))
        return TopKPrecipitation(wsid, year, top_k(days, k)) if days else None
