"""Observations as they were stated."""

from collections.abc import Iterable
from datetime import datetime, timezone

from cassandra.cluster import Session

from killrweather.model.observation import COLUMNS, RawWeatherData
from killrweather.storage.session import execute


class RawWeatherRepository:
    """Reads raw_weather_data; the stream alone writes it."""

    def __init__(self, session: Session):
        self._session = session
        columns = ", ".join(COLUMNS)
        self._newest = session.prepare(f"SELECT {columns} FROM raw_weather_data WHERE wsid = ? AND year = ? LIMIT 1")
        self._range = session.prepare(
            f"SELECT {columns} FROM raw_weather_data WHERE wsid = ? AND year = ?"
            " AND (month, day, hour) >= (?, ?, ?) AND (month, day, hour) <= (?, ?, ?)"
            " ORDER BY month ASC, day ASC, hour ASC LIMIT ?"
        )

    async def newest(self, wsid: str, years: Iterable[int]) -> RawWeatherData | None:
        """The newest observation in these years, which come newest first, or None."""
        for year in years:
            rows = await execute(self._session, self._newest, (wsid, year))
            if rows:
                return RawWeatherData(*rows[0])
        return None

    async def between(
        self, wsid: str, years: Iterable[int], start: datetime, end: datetime, limit: int
    ) -> tuple[RawWeatherData, ...]:
        """The first ``limit`` observations at or after start and before end, oldest first.

        ``years`` are those that have any; only theirs among the asked ones are read.
        """
        start, end = start.astimezone(timezone.utc), end.astimezone(timezone.utc)
        found: list[RawWeatherData] = []
        for year in sorted(year for year in years if start.year <= year <= end.year):
            first = (start.month, start.day, start.hour + _started(start)) if year == start.year else (1, 1, 0)
            last = (end.month, end.day, end.hour - 1 + _started(end)) if year == end.year else (12, 31, 23)
            rows = await execute(self._session, self._range, (wsid, year, *first, *last, limit - len(found)))
            found += [RawWeatherData(*row) for row in rows]
            if len(found) >= limit:
                break
        return tuple(found)


def _started(moment: datetime) -> int:
    """1 when the hour has begun before this moment, so that its observation lies before it; else 0."""
    return int(bool(moment.minute or moment.second or moment.microsecond))
