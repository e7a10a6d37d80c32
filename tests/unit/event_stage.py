"""Readers of server-sent events on a real socket, and a log of observations for them that a test writes."""

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass

import httpx
from web_stage import LGA, Node, settings

from killrweather.errors import Unavailable
from killrweather.model.observation import RawWeatherData
from killrweather.processes import free_port
from killrweather.streams.observations import Arrival, Arrivals
from killrweather.streams.offsets import Span
from killrweather.web import Server, create_app
from killrweather.web.nodes import Nodes
from killrweather.web.observations import Observations


@dataclass(frozen=True)
class Event:
    """One event as a client sees it."""

    event: str
    data: dict
    id: str


class WrittenLog:
    """Two partitions; ``write`` adds an observation, and whoever follows is told."""

    def __init__(self):
        self.partitions: dict[int, list[Arrival]] = {0: [], 1: []}
        self.begin = {0: 0, 1: 0}
        self.followers = 0
        self.pages = 0
        self.away, self.failure = False, Unavailable
        self._news = asyncio.Condition()

    async def write(self, *observations, partition=0):
        """Have these come, all at once."""
        log = self.partitions[partition]
        for one in observations:
            log.append(Arrival(one.wsid, json.dumps(asdict(one)).encode(), partition, len(log) + 1))
        async with self._news:
            self._news.notify_all()

    async def fail(self, failure=Unavailable):
        """Have Kafka go away, or no longer let us read."""
        self.away, self.failure = True, failure
        async with self._news:
            self._news.notify_all()

    @property
    def ends(self):
        return {number: len(log) for number, log in self.partitions.items()}

    async def follow(self):
        self._check()
        return self.ends, self._coming(self.ends)

    async def _coming(self, told):
        self.followers += 1
        try:
            while True:
                async with self._news:
                    await self._news.wait_for(lambda told=told: self.away or self.ends != told)
                self._check()
                ends = self.ends
                found = [one for number, log in self.partitions.items() for one in log[told[number] : ends[number]]]
                told = ends
                yield Arrivals(found, ends)
        finally:
            self.followers -= 1

    async def spans(self):
        self._check()
        return {number: Span(self.begin[number], end) for number, end in self.ends.items()}

    async def page(self, begin, until):
        self._check()
        self.pages += 1
        number = next(number for number in until if begin.get(number, 0) < until[number])
        end = min(begin.get(number, 0) + 3, until[number])
        return Arrivals(self.partitions[number][begin.get(number, 0) : end], {number: end})

    async def stop(self):
        pass

    def _check(self):
        if self.away:
            raise self.failure("Kafka is away")


class Door:
    """A node's HTTP door on a port of its own."""

    def __init__(self, **http):
        self.log, self.node = WrittenLog(), Node()
        self.settings = settings(http={"port": free_port(), **http})
        self.nodes, self.observations = Nodes(self.settings), Observations(self.log)
        self.app = create_app(self.settings, self.node.ask, self.nodes, self.observations)
        self.server = Server(self.app, self.settings)

    async def __aenter__(self):
        await self.server.start()
        self.client = httpx.AsyncClient(base_url=self.server.url, timeout=20)
        return self

    async def __aexit__(self, *_):
        await self.client.aclose()
        self.nodes.listeners.close()
        await self.observations.close()
        await self.server.stop(1)

    @asynccontextmanager
    async def listening(self, path="/weather/events", last_event_id=None, **params):
        """The events of a stream that has begun."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        async with self.client.stream("GET", path, params=params, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.aiter_lines()
            assert (await anext(lines)).startswith("retry: ")
            async with aclosing(events_of(lines)) as events:
                yield events


async def events_of(lines):
    """Events as a browser makes them of lines: an id stays until the next one, and what has no data is no event."""
    event = data = ""
    last_id = ""
    async for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            last_id = value
        elif name == "event":
            event = value
        elif name == "data":
            data = value
        elif not line:
            if data:
                yield Event(event, json.loads(data), last_id)
            event = data = ""


async def some(events, number):
    """The next so many events."""
    return [await asyncio.wait_for(anext(events), 10) for _ in range(number)]


def observed(hour, wsid=LGA, temperature=5.0):
    """An observation of the n-th hour of a day."""
    return RawWeatherData(wsid, 2008, 1, 1, hour, temperature)
