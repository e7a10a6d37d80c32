"""A node for clients: the whole HTTP application on a real port, over hours that are kept in memory."""

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import contextmanager
from dataclasses import asdict, astuple
from datetime import date, datetime, timezone
from itertools import count
from typing import Any

from starlette.responses import StreamingResponse
from starlette.routing import Route
from web_stage import LAST_YEAR, Node, settings

from killrweather.errors import StationNotFound
from killrweather.feed.parsing import parse
from killrweather.messages import weather
from killrweather.messages.cluster import ClusterEvents, ClusterView, GetClusterEvents, GetClusterView, MemberUp
from killrweather.messages.node import GetStreamProgress, StreamProgress
from killrweather.model import precipitation, temperature
from killrweather.model.observation import RawWeatherData
from killrweather.model.sky import sky_condition
from killrweather.model.station import near, page_of, search
from killrweather.processes import free_port
from killrweather.web import Server, create_app

VALUES = slice(5, None)


class WeatherNode(Node):
    """Keeps what it is fed, and answers from it as the actors do."""

    def __init__(self) -> None:
        super().__init__()
        self.hours: dict[str, dict[datetime, RawWeatherData]] = defaultdict(dict)
        self.stations: dict[str, weather.WeatherStation] = {}
        self.bodies: list[bytes] = []
        self.before_publishing = self._keep
        self.listeners: set[asyncio.Queue[RawWeatherData]] = set()
        up = MemberUp(datetime(2013, 7, 1, tzinfo=timezone.utc), "n1", "1")
        self.answers[GetClusterEvents] = ClusterEvents((up,))
        self.answers[GetClusterView] = ClusterView("1")

    async def ask(self, message: Any) -> Any:
        self.answers[GetStreamProgress] = StreamProgress({0: self.accepted}, {0: self.accepted}, 0, "running", "")
        if type(message) not in self.answers and type(message).__module__ == weather.__name__:
            self.asked.append(message)
            return self._answer(message)
        return await super().ask(message)

    def _keep(self, order: Any) -> None:
        self.bodies.append(order.data)
        parsed = parse(order.format, order.data, order.first_line, LAST_YEAR, order.header, order.wsid)
        for row in parsed.observations.iter_rows():
            new = RawWeatherData(*row)
            for listener in self.listeners:
                listener.put_nowait(new)
            old = self.hours[new.wsid].get(new.time, new)
            values = [b if a is None else a for a, b in zip(astuple(new)[VALUES], astuple(old)[VALUES], strict=True)]
            self.hours[new.wsid][new.time] = RawWeatherData(*astuple(new)[:5], *values)

    def _answer(self, message: Any) -> Any:
        match message:
            case weather.StoreWeatherStations(stations):
                self.stations.update({one.wsid: one for one in stations})
                return weather.StationsStored(len(stations))
            case weather.FindWeatherStations():
                found = sorted(self.stations.values(), key=lambda one: one.wsid)
                found = search(found, message.search) if message.search else found
                found = near(found, *message.near, message.km) if message.near else found
                return page_of(found, message.after, message.limit)
            case weather.GetSkyConditionLookup(code):
                return sky_condition(code)
            case weather.GetWeatherStation(wsid):
                return self.stations[wsid]
        if message.wsid not in self.hours:
            raise StationNotFound.of(message.wsid)
        hours = [hour for _, hour in sorted(self.hours[message.wsid].items())]
        found = self._of_hours(message, hours)
        return weather.NoDataAvailable(message.wsid, f"station {message.wsid}: no such data") if found == () else found

    def _of_hours(self, message: Any, hours: list[RawWeatherData]) -> Any:
        wsid = message.wsid
        match message:
            case weather.GetCurrentWeather():
                return hours[-1]
            case weather.GetRawWeather(_, start, end, limit):
                return tuple(hour for hour in hours if start <= hour.time < end)[:limit]
            case weather.GetDailyTemperature(_, start, end):
                return _temperatures(temperature.DailyTemperature, hours, 3, tuple_of(start), tuple_of(end))
            case weather.GetMonthlyTemperature():
                return _temperatures(temperature.MonthlyTemperature, hours, 2, message.start, message.end)
            case weather.GetAnnualTemperature():
                return _temperatures(temperature.AnnualTemperature, hours, 1, (message.start,), (message.end,))
            case weather.GetMonthlyHiLowTemperature(_, year, month):
                [found] = _temperatures(temperature.MonthlyTemperature, hours, 2, (year, month), (year, month))
                return temperature.MonthlyHiLowTemperature(wsid, year, month, found.high, found.low)
            case weather.GetDailyPrecipitation(_, start, end):
                return _rain(precipitation.DailyPrecipitation, hours, 3, tuple_of(start), tuple_of(end))
            case weather.GetMonthlyPrecipitation():
                return _rain(precipitation.MonthlyPrecipitation, hours, 2, message.start, message.end)
            case weather.GetPrecipitation():
                return _rain(precipitation.AnnualPrecipitation, hours, 1, (message.start,), (message.end,))
            case weather.GetTopKPrecipitation(_, year, k):
                days = _rain(precipitation.DailyPrecipitation, hours, 3, (year, 1, 1), (year, 12, 31))
                return precipitation.TopKPrecipitation(wsid, year, precipitation.top_k(days, k))
        raise AssertionError(message)


class Stage:
    """A node that is served on a port of loopback by the real server, in a thread with an event loop of its own."""

    def __init__(self, node: Node | None = None, **http: Any):
        self.node = node or WeatherNode()
        self.connections: list[dict[str, str]] = []
        """What each connection to ``/weather/events`` brought: its Last-Event-ID and its stations."""
        self.streams: list[list[bytes]] = []
        """What each connection to ``/weather/events`` is sent before it ends; later ones are told what is accepted."""
        chosen = settings(http={"port": free_port(), **http})
        self.app = create_app(chosen, self.node.ask)
        # In front of the application's own: what is sent, and where it breaks off, is the test's to say.
        self.app.router.routes.insert(0, Route("/weather/events", self._events))
        self._server = Server(self.app, chosen)
        self.url = self._server.url

    async def _events(self, request: Any) -> StreamingResponse:
        wsids = request.query_params.getlist("wsid")
        self.connections.append({"after": request.headers.get("last-event-id", ""), "wsids": ",".join(wsids)})
        parts = self.streams.pop(0) if self.streams else None

        chosen = self._live(wsids) if parts is None else _told(parts)
        return StreamingResponse(chosen, media_type="text/event-stream")

    async def _live(self, wsids: list[str]) -> AsyncIterator[bytes]:
        """What is accepted from now on."""
        queue: asyncio.Queue[RawWeatherData] = asyncio.Queue()
        self.node.listeners.add(queue)
        try:
            yield b"retry: 20\n\n"
            for number in count(1):
                observation = await queue.get()
                if not wsids or observation.wsid in wsids:
                    yield event(observation, f"0:{number}")
        finally:
            self.node.listeners.discard(queue)


async def _told(parts: list[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@contextmanager
def served(node: Node | None = None, **http: Any):
    """A stage whose node answers until the context ends."""
    stage = Stage(node, **http)
    loop, started = asyncio.new_event_loop(), threading.Event()

    async def run() -> None:
        await stage._server.start()
        started.set()

    def work() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(run())
        loop.run_forever()

    thread = threading.Thread(target=work, name="stage", daemon=True)
    thread.start()
    assert started.wait(30), "the staged node did not start"
    try:
        yield stage
    finally:
        asyncio.run_coroutine_threadsafe(stage._server.stop(1.0), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def event(observation: RawWeatherData, id: str) -> bytes:
    """An observation as the stream of events tells it."""
    return f"id: {id}\nevent: observation\ndata: {json.dumps(asdict(observation))}\n\n".encode()


def tuple_of(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _spans(hours, parts, start, end):
    """The hours of each day (3 parts), month (2) or year (1) of a range, oldest first."""
    found = defaultdict(list)
    for hour in hours:
        key = (hour.year, hour.month, hour.day)[:parts]
        if tuple(start) <= key <= tuple(end):
            found[key].append(hour)
    return found.items()


def _temperatures(kind, hours, parts, start, end):
    stated = [hour for hour in hours if hour.temperature is not None]
    return tuple(
        kind(hours[0].wsid, *key, *astuple(temperature.of_hours([hour.temperature for hour in span])))
        for key, span in _spans(stated, parts, start, end)
    )


def _rain(kind, hours, parts, start, end):
    stated = [hour for hour in hours if hour.one_hour_precip is not None]
    return tuple(
        kind(hours[0].wsid, *key, *astuple(precipitation.of_hours(hour.one_hour_precip for hour in span)))
        for key, span in _spans(stated, parts, start, end)
    )
