"""A served application over a node that is not there: plausible weather of some stations, and rows that arrive."""

import asyncio
import json
import math
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import Any

from killrweather.errors import KillrWeatherError, StationNotFound, Unavailable
from killrweather.feed.parsing import parse
from killrweather.messages.cluster import ClusterView, Member
from killrweather.messages.control import ActorState
from killrweather.messages.feed import ObservationsPublished, PublishObservations
from killrweather.messages.node import Check, Counters, GetNodeStatus, GetStreamProgress, NodeStatus, StreamProgress
from killrweather.messages.weather import (
    FindWeatherStations,
    GetAnnualTemperature,
    GetCurrentWeather,
    GetDailyPrecipitation,
    GetDailyTemperature,
    GetMonthlyPrecipitation,
    GetMonthlyTemperature,
    GetObservedStations,
    GetPrecipitation,
    GetRawWeather,
    GetTopKPrecipitation,
    GetWeatherStation,
    NoDataAvailable,
    ObservedStation,
    StationsStored,
    StoreWeatherStations,
)
from killrweather.model import precipitation, station, temperature
from killrweather.model.observation import RawWeatherData
from killrweather.model.precipitation import (
    AnnualPrecipitation,
    DailyPrecipitation,
    MonthlyPrecipitation,
    TopKPrecipitation,
)
from killrweather.model.station import WeatherStation
from killrweather.model.temperature import AnnualTemperature, DailyTemperature, MonthlyTemperature, Temperatures
from killrweather.processes import free_port
from killrweather.settings import Settings
from killrweather.streams.observations import Arrival, Arrivals, Positions
from killrweather.web import Server, create_app
from killrweather.web.observations import Observations

LGA, HOSTILE, SILENT = "725030:14732", "999991:00001", "011000:99999"
EVIL_NAME = "<img src=x onerror=alert(1)><script>alert(2)</script> & Sons"
STATIONS = (
    WeatherStation(LGA, "LA GUARDIA AIRPORT", "US", "NY", "KLGA", 40.779, -73.880, 3.4),
    WeatherStation("744860:94789", "JOHN F KENNEDY INTL", "US", "NY", "KJFK", 40.639, -73.762, 3.4),
    WeatherStation("725020:14734", "NEWARK LIBERTY INTL", "US", "NJ", "KEWR", 40.683, -74.169, 2.1),
    WeatherStation("724940:23234", "SAN FRANCISCO INTL", "US", "CA", "KSFO", 37.620, -122.365, 2.4),
    WeatherStation("037720:99999", "HEATHROW", "UK", None, "EGLL", 51.478, -0.461, 25.3),
    WeatherStation("476710:99999", "TOKYO INTL", "JA", None, "RJTT", 35.552, 139.780, 10.7),
    WeatherStation("688160:99999", "CAPE TOWN INTL", "SF", None, "FACT", -33.965, 18.602, 46.0),
    WeatherStation(HOSTILE, EVIL_NAME, "XX", None, None, -23.62, -46.65, 802.0),
    WeatherStation(SILENT, "JAN MAYEN", "NO", None, "ENJA", 70.940, -8.670, 9.0),
)
FIRST, HOURS = datetime(2012, 10, 1, tzinfo=timezone.utc), 24 * 400


class StagedLog:
    """The log of what a node accepts; it may be away."""

    def __init__(self) -> None:
        self._arrivals: list[Arrival] = []
        self._changed = asyncio.Condition()
        self.away = ""

    def __len__(self) -> int:
        return len(self._arrivals)

    async def write(self, row: RawWeatherData) -> None:
        """Have a row arrive."""
        document = json.dumps(asdict(row)).encode()
        self._arrivals.append(Arrival(row.wsid, document, 0, len(self) + 1))
        await self._tell()

    async def be_away(self, why: str) -> None:
        """Be away for this reason, or be there again."""
        self.away = why
        await self._tell()

    async def follow(self) -> tuple[Positions, AsyncGenerator[Arrivals, None]]:
        """As the log of a node does it."""
        self._check()
        return {0: len(self)}, self._coming(len(self))

    async def stop(self) -> None:
        """Nothing is open."""

    async def _coming(self, told: int) -> AsyncGenerator[Arrivals, None]:
        while True:
            async with self._changed:
                while not self.away and len(self) == told:
                    await self._changed.wait()
            self._check()
            found, told = self._arrivals[told:], len(self)
            yield Arrivals(found, {0: told})

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _check(self) -> None:
        if self.away:
            raise Unavailable(self.away)


class StagedNode:
    """Answers what the actors answer, from rows that it made or was sent."""

    def __init__(self, with_data: bool = True) -> None:
        self.stations = {one.wsid: one for one in STATIONS} if with_data else {}
        self.rows: dict[str, dict[datetime, RawWeatherData]] = {}
        self.failing: KillrWeatherError | None = None
        self.received = self.accepted = 0
        self.asked: Counter[type] = Counter()
        self.may_find = asyncio.Event()
        """Searches wait for it."""
        self.may_find.set()
        self.log = StagedLog()
        self.is_storing = True
        """Else what is accepted waits until it is told to."""
        self._waiting: list[RawWeatherData] = []
        if with_data:
            self.rows = {wsid: dict(hours) for wsid, hours in _hours_of_all().items()}

    async def ask(self, message: Any) -> Any:
        """What the application is given to ask."""
        if self.failing is not None:
            raise self.failing
        self.asked[type(message)] += 1
        if isinstance(message, PublishObservations):
            return await self._publish(message)
        answer = getattr(self, type(message).__name__)(message)
        if isinstance(message, FindWeatherStations):
            await self.may_find.wait()
        return answer

    # -- what is asked

    def GetObservedStations(self, msg: GetObservedStations) -> tuple[ObservedStation, ...]:
        return tuple(
            ObservedStation(self.stations.get(wsid) or WeatherStation(wsid), rows[max(rows)])
            for wsid, rows in sorted(self.rows.items())
        )

    def FindWeatherStations(self, msg: FindWeatherStations) -> tuple[WeatherStation, ...]:
        everything: Iterable[WeatherStation] = sorted(self.stations.values(), key=lambda one: one.wsid)
        found = station.search(everything, msg.search) if msg.search else list(everything)
        if msg.near:
            found = station.near(found, *msg.near, msg.km)
        return station.page_of(found, msg.after, msg.limit)

    def GetWeatherStation(self, msg: GetWeatherStation) -> WeatherStation:
        if msg.wsid in self.stations or msg.wsid in self.rows:
            return self.stations.get(msg.wsid) or WeatherStation(msg.wsid)
        raise StationNotFound.of(msg.wsid)

    def GetCurrentWeather(self, msg: GetCurrentWeather) -> RawWeatherData | NoDataAvailable:
        rows = self.rows.get(msg.wsid)
        return rows[max(rows)] if rows else NoDataAvailable(msg.wsid, "no observation")

    def GetRawWeather(self, msg: GetRawWeather) -> Any:
        rows = self.rows.get(msg.wsid, {})
        found = tuple(rows[at] for at in sorted(rows) if msg.start <= at < msg.end)
        return found[: msg.limit] or NoDataAvailable(msg.wsid, "no observation")

    def GetDailyTemperature(self, msg: GetDailyTemperature) -> Any:
        return self._temperatures(msg.wsid, DailyTemperature, ("year", "month", "day"),
                                  lambda row: msg.start <= row.time.date() <= msg.end)  # fmt: skip

    def GetMonthlyTemperature(self, msg: GetMonthlyTemperature) -> Any:
        return self._temperatures(msg.wsid, MonthlyTemperature, ("year", "month"),
                                  lambda row: msg.start <= (row.year, row.month) <= msg.end)  # fmt: skip

    def GetAnnualTemperature(self, msg: GetAnnualTemperature) -> Any:
        return self._temperatures(msg.wsid, AnnualTemperature, ("year",), lambda row: msg.start <= row.year <= msg.end)

    def GetDailyPrecipitation(self, msg: GetDailyPrecipitation) -> Any:
        return self._rain(msg.wsid, DailyPrecipitation, ("year", "month", "day"),
                          lambda row: msg.start <= row.time.date() <= msg.end)  # fmt: skip

    def GetMonthlyPrecipitation(self, msg: GetMonthlyPrecipitation) -> Any:
        return self._rain(msg.wsid, MonthlyPrecipitation, ("year", "month"),
                          lambda row: msg.start <= (row.year, row.month) <= msg.end)  # fmt: skip

    def GetPrecipitation(self, msg: GetPrecipitation) -> Any:
        return self._rain(msg.wsid, AnnualPrecipitation, ("year",), lambda row: msg.start <= row.year <= msg.end)

    def GetTopKPrecipitation(self, msg: GetTopKPrecipitation) -> Any:
        year = GetDailyPrecipitation(msg.wsid, date(msg.year, 1, 1), date(msg.year, 12, 31))
        days = self.GetDailyPrecipitation(year)
        return days if isinstance(days, NoDataAvailable) else TopKPrecipitation(
            msg.wsid, msg.year, precipitation.top_k(days, msg.k))  # fmt: skip

    def StoreWeatherStations(self, msg: StoreWeatherStations) -> StationsStored:
        self.stations.update({one.wsid: one for one in msg.stations})
        return StationsStored(len(msg.stations))

    def GetNodeStatus(self, msg: GetNodeStatus) -> NodeStatus:
        rejected = self.received - self.accepted
        counters = Counters(395_453 + self.received, 395_449 + self.accepted, 4 + rejected, 395_449 + self.accepted,
                            282_470 + self.accepted, 112_979, 0, 0, {"feed.range": 3, "feed.calendar": 1})  # fmt: skip
        return NodeStatus(
            "n1", "http://127.0.0.1:8080", "Up", ("feed", "stream", "query"), "0.1.0", 11_572.0, 1, True,
            tuple(Check(name, True, "ok") for name in ("actors", "cassandra", "http", "kafka", "schema", "stream")),
            counters,
            tuple(ActorState(name, f"actors.{name}", "running", 4_000 + number, number % 2, error, number, {}, {})
                  for number, (name, error) in enumerate(
                      [("http-feed", None), ("kafka-publisher-1", "ValueError: <b>month</b> 13"),
                       ("kafka-streaming", None), ("temperature", None), ("weather-station", None)])),
            ClusterView("a", 3, (
                Member("n1", "a", "http://127.0.0.1:8080", ("feed", "stream", "query"), "0.1.0", 1, "Up"),
                Member("n2", "b", "http://127.0.0.2:8080", ("query",), "0.1.0", 2, "Down"),
            ), {"stream": "a"}, ""),
        )  # fmt: skip

    def GetStreamProgress(self, msg: GetStreamProgress) -> StreamProgress:
        return StreamProgress({0: len(self.log) - len(self._waiting)}, {0: len(self.log)}, 0, "running", "")

    # -- how it is answered

    async def _publish(self, order: PublishObservations) -> ObservationsPublished:
        parsed = parse(order.format, order.data, order.first_line, date.today().year + 1, order.header, order.wsid)
        rejected_lines = {one.line for one in parsed.rejects}
        for number, line in enumerate(order.data.decode().splitlines(), order.first_line):
            if line and number not in rejected_lines:
                row = of_line(line)
                self._waiting.append(row)
                await self.log.write(row)
        if self.is_storing:
            self.store()
        good = parsed.read - parsed.rejected
        self.received += parsed.read
        self.accepted += good
        return ObservationsPublished(
            parsed.read, good, parsed.rejected, tuple(parsed.rejects), {0: self.accepted} if good else {}
        )

    async def answer_searches(self) -> None:
        """Answer those that wait."""
        self.may_find.set()

    def store(self) -> None:
        """Store what was accepted, as the stream would."""
        for row in self._waiting:
            self.rows.setdefault(row.wsid, {})[row.time] = row
        self._waiting.clear()

    def _groups(
        self, wsid: str, key: tuple[str, ...], wanted: Callable[[RawWeatherData], bool]
    ) -> dict[tuple[int, ...], list[RawWeatherData]]:
        groups: dict[tuple[int, ...], list[RawWeatherData]] = {}
        rows = self.rows.get(wsid, {})
        for at in sorted(rows):
            if wanted(rows[at]):
                groups.setdefault(tuple(getattr(rows[at], name) for name in key), []).append(rows[at])
        return groups

    def _temperatures(
        self, wsid: str, kind: Any, key: tuple[str, ...], wanted: Callable[[RawWeatherData], bool]
    ) -> Any:
        found = []
        for numbers, rows in self._groups(wsid, key, wanted).items():
            stated = [row.temperature for row in rows if row.temperature is not None]
            if stated:
                of: Temperatures = temperature.of_hours(stated)
                found.append(kind(wsid, *numbers, of.high, of.low, of.mean, of.variance, of.stdev, of.count))
        return tuple(found) or NoDataAvailable(wsid, "no temperature")

    def _rain(self, wsid: str, kind: Any, key: tuple[str, ...], wanted: Callable[[RawWeatherData], bool]) -> Any:
        found = []
        for numbers, rows in self._groups(wsid, key, wanted).items():
            stated = [row.one_hour_precip for row in rows if row.one_hour_precip is not None]
            if stated:
                of = precipitation.of_hours(stated)
                found.append(kind(wsid, *numbers, of.precipitation, of.wet_hours, of.trace_hours))
        return tuple(found) or NoDataAvailable(wsid, "no rain")


@cache
def _hours_of_all() -> dict[str, dict[datetime, RawWeatherData]]:
    """The weather of all stations, made once: no test changes a row."""
    return {
        one.wsid: {row.time: row for row in weather_of(one, number)}
        for number, one in enumerate(STATIONS)
        if one.wsid != SILENT
    }


def weather_of(one: WeatherStation, seed: int) -> Iterable[RawWeatherData]:
    """Hours that look like weather, the same ones every time."""
    mean = 27 - abs(one.lat or 0) * 0.42
    swing = min(14.0, abs(one.lat or 0) / 3.4) * (1 if (one.lat or 0) > 0 else -1)
    for number in range(HOURS):
        at = FIRST + timedelta(hours=number)
        season = math.cos((at.timetuple().tm_yday - 200) / 365 * 2 * math.pi)
        local = math.cos((at.hour - 15 + (one.long or 0) / 15) / 24 * 2 * math.pi)
        drift = 3 * math.sin(number / 61 + seed) + 2 * math.sin(number / 23 + 2 * seed)
        wet = math.sin(number / 37 + seed) + math.sin(number / 11 + 3 * seed)
        celsius = round(mean + swing * season + 3.5 * local + drift, 1)
        rain = round((wet - 1.55) * 6, 1) if wet > 1.55 else (-0.1 if wet > 1.5 else 0.0)
        yield RawWeatherData(
            one.wsid, at.year, at.month, at.day, at.hour, celsius, round(celsius - 4 + wet, 1),
            round(1_015 - 6 * wet, 1), (number * 7) % 360, round(3.5 + wet, 1), int(4 + 2 * wet), rain, None,
        )  # fmt: skip


def of_line(line: str) -> RawWeatherData:
    """The observation of a canonical line."""
    wsid, *parts = line.split(",")
    times = [int(part) for part in parts[:4]]
    numbers = [float(part) if part else None for part in parts[4:]]
    row = RawWeatherData(wsid, *times, *numbers)
    return replace(row, wind_direction=_whole(row.wind_direction), sky_condition=_whole(row.sky_condition))


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


class Served:
    """The application on a port of its own, in an event loop of another thread, as an actor has it."""

    def __init__(self, node: StagedNode, **http: Any):
        self.node = node
        settings = Settings.model_validate({"http": {"port": free_port(), **http}})
        self._arriving = Observations(node.log)
        self._server = Server(create_app(settings, node.ask, arriving=self._arriving), settings)
        self.url = self._server.url
        self.run(self._server.start())

    def stop(self) -> None:
        """End the server."""
        self.run(self._arriving.close())
        self.run(self._server.stop(2.0))

    @staticmethod
    def run(work: Any) -> None:
        """Have this done in the application's loop."""
        asyncio.run_coroutine_threadsafe(work, _loop()).result(20)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The one of this process, as a process of the node has one."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop
