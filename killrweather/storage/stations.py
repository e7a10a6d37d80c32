"""Stations and the years of which they have observations."""

from collections.abc import Iterable

from cassandra.cluster import Session

from killrweather.model.sky import SkyCondition
from killrweather.model.station import WeatherStation
from killrweather.storage.session import execute, execute_all

_COLUMNS = "name, country_code, state_code, call_sign, lat, long, elevation"


class StationRepository:
    """Reads and writes weather_station, and reads raw_weather_year and sky_condition_lookup."""

    def __init__(self, session: Session):
        self._session = session
        self._find = session.prepare(f"SELECT wsid, {_COLUMNS} FROM weather_station WHERE wsid = ?")
        self._all = session.prepare(f"SELECT wsid, {_COLUMNS} FROM weather_station")
        self._save = session.prepare(f"INSERT INTO weather_station (wsid, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        self._years = session.prepare("SELECT year FROM raw_weather_year WHERE wsid = ?")
        self._observed = session.prepare("SELECT wsid, year FROM raw_weather_year")
        self._sky = session.prepare("SELECT code, condition FROM sky_condition_lookup WHERE code = ?")

    async def find(self, wsid: str) -> WeatherStation | None:
        """What the station tables say of a station, or None."""
        rows = await execute(self._session, self._find, (wsid,))
        return WeatherStation(*rows[0]) if rows else None

    async def all(self) -> list[WeatherStation]:
        """Every station, in the order of their ids."""
        rows = await execute(self._session, self._all)
        return sorted((WeatherStation(*row) for row in rows), key=lambda station: station.wsid)

    async def save(self, stations: Iterable[WeatherStation]) -> None:
        """Keep these stations, whatever was known of them."""
        await execute_all(
            self._session,
            self._save,
            ((s.wsid, s.name, s.country_code, s.state_code, s.call_sign, s.lat, s.long, s.elevation) for s in stations),
        )

    async def years(self, wsid: str) -> list[int]:
        """The years of which the station has observations, the newest first."""
        return [year for (year,) in await execute(self._session, self._years, (wsid,))]

    async def observed(self) -> dict[str, list[int]]:
        """The stations that have observations, in the order of their ids, each with its years, the newest first."""
        found: dict[str, list[int]] = {}
        for wsid, year in sorted(await execute(self._session, self._observed), key=lambda row: (row[0], -row[1])):
            found.setdefault(wsid, []).append(year)
        return found

    async def is_known(self, wsid: str) -> bool:
        """The station has observations or stands in a station table."""
        return bool(await self.years(wsid)) or await self.find(wsid) is not None

    async def sky_condition(self, code: int) -> SkyCondition | None:
        """What a sky condition code means, or None."""
        rows = await execute(self._session, self._sky, (code,))
        return SkyCondition(*rows[0]) if rows else None
