"""Answers questions about stations and what they observed."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from killrweather.errors import BadRequest, StationNotFound
from killrweather.messages.feed import GetWsids, Wsids
from killrweather.messages.weather import (
    FindWeatherStations,
    GetCurrentWeather,
    GetObservedStations,
    GetRawWeather,
    GetSkyConditionLookup,
    GetWeatherStation,
    NoDataAvailable,
    ObservedStation,
    StationsStored,
    StoreWeatherStations,
)
from killrweather.model import station
from killrweather.model.observation import RawWeatherData
from killrweather.model.sky import SkyCondition
from killrweather.model.station import WeatherStation
from killrweather.storage.actor import StoreActor

_TABLE_AGE_S = 30.0
"""How old the stations in memory may be: a search reads all of them, and they seldom change."""

_AT_ONCE = 32
"""Of so many stations the newest observations are read at a time."""


class WeatherStationActor(StoreActor):
    """Stations, their observations and the sky condition codes."""

    def pre_start(self) -> None:
        super().pre_start()
        self._stations: list[WeatherStation] = []
        self._read_at = float("-inf")
        self._observed: tuple[ObservedStation, ...] = ()
        self._observed_began = float("-inf")
        self._one_reads = asyncio.Lock()

    async def receiveMsg_GetWeatherStation(self, msg: GetWeatherStation, sender: Any) -> WeatherStation:
        found = await self.store.stations.find(msg.wsid)
        if found:
            return found
        if await self.store.stations.is_known(msg.wsid):
            return WeatherStation(msg.wsid)
        raise StationNotFound.of(msg.wsid)

    async def receiveMsg_FindWeatherStations(self, msg: FindWeatherStations, sender: Any) -> tuple[WeatherStation, ...]:
        everything = await self._all()
        found: Sequence[WeatherStation] = station.search(everything, msg.search) if msg.search else everything
        if msg.country:
            found = [one for one in found if one.country_code == msg.country.upper()]
        if msg.near:
            found = station.near(found, *msg.near, msg.km)
        return station.page_of(found, msg.after, msg.limit)

    async def receiveMsg_GetWsids(self, msg: GetWsids, sender: Any) -> Wsids:
        return Wsids(station.wsids_of(await self._all(), msg.ghcnh_ids))

    async def receiveMsg_StoreWeatherStations(self, msg: StoreWeatherStations, sender: Any) -> StationsStored:
        await self.store.stations.save(msg.stations)
        self._read_at = float("-inf")
        return StationsStored(len(msg.stations))

    async def receiveMsg_GetCurrentWeather(
        self, msg: GetCurrentWeather, sender: Any
    ) -> RawWeatherData | NoDataAvailable:
        newest = await self.store.raw.newest(msg.wsid, await self.store.stations.years(msg.wsid))
        return newest or await self.absence(msg.wsid, "no observation")

    async def receiveMsg_GetRawWeather(
        self, msg: GetRawWeather, sender: Any
    ) -> tuple[RawWeatherData, ...] | NoDataAvailable:
        years = await self.store.stations.years(msg.wsid)
        found = await self.store.raw.between(msg.wsid, years, msg.start, msg.end, msg.limit)
        return found or await self.absence(
            msg.wsid, f"no observation from {msg.start.isoformat()} to {msg.end.isoformat()}"
        )

    async def receiveMsg_GetSkyConditionLookup(self, msg: GetSkyConditionLookup, sender: Any) -> SkyCondition:
        found = await self.store.stations.sky_condition(msg.code)
        if found is None:
            raise BadRequest(f"sky condition {msg.code}: expected 0 to 19", "code")
        return found

    async def receiveMsg_GetObservedStations(
        self, msg: GetObservedStations, sender: Any
    ) -> tuple[ObservedStation, ...]:
        asked = time.monotonic()
        async with self._one_reads:
            if self._observed_began <= asked:  # no reading began since
                began = time.monotonic()
                self._observed = await self._newest_of_all()
                self._observed_began = began
        return self._observed[: msg.limit]

    async def _newest_of_all(self) -> tuple[ObservedStation, ...]:
        """Every station that has observations with its newest, some of them at a time."""
        known = {one.wsid: one for one in await self._all()}
        years = await self.store.stations.observed()
        left, found = iter(years.items()), {}

        async def read() -> None:
            for wsid, of_station in left:
                if newest := await self.store.raw.newest(wsid, of_station):
                    found[wsid] = ObservedStation(known.get(wsid) or WeatherStation(wsid), newest)

        await asyncio.gather(*(read() for _ in range(_AT_ONCE)))
        return tuple(found[wsid] for wsid in years if wsid in found)

    async def _all(self) -> list[WeatherStation]:
        if time.monotonic() - self._read_at > _TABLE_AGE_S:
            self._stations, self._read_at = await self.store.stations.all(), time.monotonic()
        return self._stations
