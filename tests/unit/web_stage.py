"""A node for the HTTP application: it answers the same messages as the guardian, from what the test put there."""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx

from killrweather.feed.parsing import parse
from killrweather.messages.cluster import ClusterView
from killrweather.messages.feed import ObservationsPublished, PublishObservations
from killrweather.messages.node import Check, Counters, GetNodeStatus, GetStreamProgress, NodeStatus, StreamProgress
from killrweather.messages.weather import StationsStored, StoreWeatherStations
from killrweather.settings import Settings
from killrweather.web import create_app

LGA = "725030:14732"
LINE = f"{LGA},2008,01,01,00,5.0,-3.9,1020.4,270,4.6,2,0.0,0.0\n"
LAST_YEAR = date.today().year + 1


def hour(n: int) -> str:
    """The line of the n-th hour of 2008."""
    day, hour_of_day = divmod(n, 24)
    return f"{LGA},2008,{1 + day // 28:02},{1 + day % 28:02},{hour_of_day:02},5.0,-3.9,1020.4,270,4.6,2,0.0,0.0\n"


class Node:
    """Publishes with the real parsers, keeps what it was asked, and gives prepared answers by message class."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answers: dict[type, Any] = {}
        self.accepted = 0
        self.outstanding = self.most_outstanding = 0
        self.before_publishing: Callable[[PublishObservations], Any] = lambda order: None
        self.answers[GetNodeStatus] = status(ready=True)
        self.answers[GetStreamProgress] = StreamProgress({0: 90}, {0: 100}, 0, "running", "")

    async def ask(self, message: Any) -> Any:
        """What the application is given to ask."""
        self.asked.append(message)
        if isinstance(message, PublishObservations):
            return await self._publish(message)
        if isinstance(message, StoreWeatherStations) and StoreWeatherStations not in self.answers:
            return StationsStored(len(message.stations))
        value = self.answers[type(message)]
        if isinstance(value, Exception):
            raise value
        return value

    async def _publish(self, order: PublishObservations) -> ObservationsPublished:
        self.outstanding += 1
        self.most_outstanding = max(self.most_outstanding, self.outstanding)
        try:
            # Kafka's acknowledgement: the next pieces come meanwhile, and the first one's comes last.
            await asyncio.sleep(0.02 if order.first_line == 1 and len(order.data) > 1_000 else 0.002)
            self.before_publishing(order)
            parsed = parse(order.format, order.data, order.first_line, LAST_YEAR, order.header, order.wsid)
        finally:
            self.outstanding -= 1
        good = parsed.read - parsed.rejected
        self.accepted += good
        offsets = {0: self.accepted} if good else {}
        return ObservationsPublished(parsed.read, good, parsed.rejected, tuple(parsed.rejects), offsets)


class Browser:
    """Calls an application of its own without a socket; each call is a run of its own event loop."""

    def __init__(self, node: Node, settings: Settings):
        self.app = create_app(settings, node.ask)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET a path."""
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """POST to a path."""
        return self.call("POST", path, **options)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request and its response."""

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
                return await client.request(method, path, **options)

        return asyncio.run(once())


def status(ready: bool) -> NodeStatus:
    """A node's own report."""
    return NodeStatus(
        name="n1",
        address="http://127.0.0.1:8080",
        state="Up" if ready else "Joining",
        roles=("feed",),
        version="1",
        uptime_s=3_725.0,
        restarts=0,
        ready=ready,
        checks=(Check("kafka", True, "127.0.0.1:9092"), Check("stream", ready, "<starting>")),
        counters=Counters(received=12_345),
        actors=(),
        cluster=ClusterView(""),
    )


def settings(**sections: Any) -> Settings:
    """Settings with these sections."""
    return Settings.model_validate(sections)


def problem_of(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem document of a response, which has to be one of this status and type."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert (document["type"], document["status"]) == (kind, status)
    assert document["detail"]
    return document
