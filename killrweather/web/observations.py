"""``/weather/events``: every observation as it is accepted, as server-sent events; and the same for the pages."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Annotated, Protocol

from fastapi import APIRouter, Header, Query

from killrweather.errors import BadRequest, KillrWeatherError, Unavailable
from killrweather.model.observation import canonical_wsid
from killrweather.streams.observations import POSITIONS, Arrival, Arrivals, Positions, read_positions, written
from killrweather.streams.offsets import Span
from killrweather.web.answers import EVENTS, may_answer
from killrweather.web.events import EventStream, Listener, Listeners, encoded, greeting, heartbeat
from killrweather.web.negotiation import NegotiatedRoute
from killrweather.web.parameters import WSID

MAX_STATIONS = 100
"""Stations that one reader may choose."""

_TOGETHER = 100
"""Events that are put together once for all readers of everything."""

_CLOSE_S = 5.0

_REST_S, _REST_FOR_EACH_S, _LONGEST_REST_S = 0.01, 0.0005, 0.5
"""s between two rounds of events, growing with the readers: a round costs some 0.1 ms for each of them."""


class Log(Protocol):
    """The log of observations, as ``ObservationLog`` reads it."""

    async def follow(self) -> tuple[Positions, AsyncGenerator[Arrivals, None]]:
        """Where it ends, and what comes from there on."""

    async def spans(self) -> Mapping[int, Span]:
        """The offsets that it has."""

    async def page(self, begin: Positions, until: Positions) -> Arrivals:
        """What came from one place to before another, as much as is read at once."""

    async def stop(self) -> None:
        """Close it."""


def router(observations: "Observations") -> APIRouter:
    """``/weather/events``."""
    routes = APIRouter(prefix="/weather", tags=["observations"], route_class=NegotiatedRoute)

    @routes.get(
        "/events", response_class=EventStream, status_code=200, responses={200: EVENTS, **may_answer(422, 429, 503)}
    )
    async def observation_events(
        wsid: Annotated[
            list[str] | None,
            Query(
                description="Only this station, may be repeated up to 100 times; none = all",
                examples=[["725030:14732"]],
                json_schema_extra={"items": WSID, "maxItems": MAX_STATIONS},
            ),
        ] = None,
        last_event_id: Annotated[
            str | None,
            Header(
                description="Go on after the event with this id",
                examples=["0:1250,1:980"],
                json_schema_extra={"pattern": f"^{POSITIONS}$"},
            ),
        ] = None,
    ) -> EventStream:
        """Observations as they are accepted, as server-sent events; some tenths of a second later they are stored.

        `event: observation` has the observation as its data. After a break a browser goes on where it was by itself;
        other clients send the last id as `Last-Event-ID`. An event may come twice then, none is left out.
        """
        chosen = frozenset(canonical_wsid(text) for text in wsid or ())
        if len(chosen) > MAX_STATIONS:
            text = f"wsid is there {len(chosen)} times: expected at most {MAX_STATIONS}; without it all stations come"
            raise BadRequest(text, "wsid")
        return await EventStream.begun(observations.stream(chosen, last_event_id))

    return routes


class _Reader(Listener):
    """A listener to some stations, or to all of them; while it catches up it is told nothing new."""

    def __init__(self, wsids: frozenset[str]):
        super().__init__()
        self.wsids = wsids
        self.is_catching_up = True

    def wants(self, arrival: Arrival) -> bool:
        """Whether it is about one of its stations."""
        return not self.wsids or arrival.wsid in self.wsids


class Observations:
    """Follows the log while there are readers, once for all of them.

    The id of an event is how far the log has been told, in every partition. A reader that brings one is first given
    what came since, page by page as fast as it reads, and then listens with the others.
    """

    def __init__(self, log: Log):
        self._log = log
        self.readers: Listeners[_Reader] = Listeners()
        """Who listens now."""
        self._inside: set[asyncio.Queue[Arrivals | KillrWeatherError]] = set()
        self._told: dict[int, int] = {}
        self._follower: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._is_closed = False

    async def stream(self, wsids: frozenset[str], last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """Everything from now on, or after an event.

        Before the first step is done it raises BadRequest, Unavailable, Refused, or 429 as an HttpProblem.
        """
        asked = read_positions(last_event_id) if last_event_id else None
        reader = _Reader(wsids)
        try:
            with self.readers.listening(reader):
                await self._follow()
                position, gap = dict(self._told), b""
                if asked is not None:
                    position, gap = _inside(asked, await self._log.spans())
                yield greeting(written(position)) + gap
                async with aclosing(self._sent(reader, position)) as sent:
                    async for chunk in sent:
                        yield chunk
        finally:
            self._rest()

    async def arrivals(self) -> AsyncGenerator[Arrivals, None]:
        """Everything from now on, for this process, which takes it at once; first, empty, where the log ends now.

        Raises Unavailable or Refused when the log cannot be followed, or no longer.
        """
        coming: asyncio.Queue[Arrivals | KillrWeatherError] = asyncio.Queue()
        self._inside.add(coming)
        try:
            if self._is_closed:
                raise Unavailable("this node is stopping")
            await self._follow()
            yield Arrivals((), dict(self._told))
            while not isinstance(one := await coming.get(), KillrWeatherError):
                yield one
            raise one
        finally:
            self._inside.discard(coming)
            self._rest()

    async def close(self) -> None:
        """End all streams, and follow no longer."""
        self._is_closed = True
        self.readers.close()
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.wait([self._follower], timeout=_CLOSE_S)
        await self._log.stop()

    async def _sent(self, reader: _Reader, position: dict[int, int]) -> AsyncGenerator[bytes, None]:
        """What others were told since this position, then what all are told, at last why it ends."""
        while not reader.farewell and _is_behind(position, self._told):
            try:
                page = await self._log.page(position, dict(self._told))
            except KillrWeatherError as error:
                reader.end("unavailable", str(error))
                break
            wanted = [event for arrival, event in _events(page, position) if reader.wants(arrival)]
            yield b"".join(wanted) or heartbeat(written(position))
        reader.is_catching_up = False
        # In a silence all that was told so far has been taken: the place in the heartbeat is this reader's.
        async for chunk in reader.everything(lambda: written(self._told)):
            yield chunk

    async def _follow(self) -> None:
        """Follow the log, if nobody does yet."""
        async with self._starting:
            if self._follower is None or self._follower.done():
                told, coming = await self._log.follow()
                self._told = dict(told)
                self._follower = asyncio.create_task(self._tell_all(coming))

    async def _tell_all(self, coming: AsyncGenerator[Arrivals, None]) -> None:
        try:
            async with aclosing(coming):
                async for arrivals in coming:
                    self._tell(arrivals)
                    await asyncio.sleep(min(_LONGEST_REST_S, _REST_S + _REST_FOR_EACH_S * len(self.readers)))
        except KillrWeatherError as error:
            self._end(error)
        finally:
            # After a failure that nobody foresaw, too; but whoever listens to the next follower is not meant.
            if self._follower is asyncio.current_task():
                self._end(Unavailable("this node no longer follows the log; connect again"))

    def _end(self, error: KillrWeatherError) -> None:
        self.readers.end("unavailable", str(error))
        for coming in self._inside:
            coming.put_nowait(error)

    def _rest(self) -> None:
        """Follow no longer, unless somebody still listens."""
        if not self.readers and not self._inside and self._follower is not None:
            self._follower.cancel()
            self._follower = None

    def _tell(self, arrivals: Arrivals) -> None:
        for coming in self._inside:
            coming.put_nowait(arrivals)
        if not self.readers:
            self._told.update(arrivals.next_offsets)
            return
        found = list(_events(arrivals, self._told))
        of_all = [event for _, event in found]
        together = [b"".join(of_all[start : start + _TOGETHER]) for start in range(0, len(of_all), _TOGETHER)]
        for reader in self.readers:
            if not reader.is_catching_up:
                reader.put([event for arrival, event in found if reader.wants(arrival)] if reader.wsids else together)


def _events(arrivals: Arrivals, position: dict[int, int]) -> Iterable[tuple[Arrival, bytes]]:
    """Each observation as an event; the position moves on with them, and at last to the end of all."""
    for arrival in arrivals.observations:
        position[arrival.partition] = arrival.next_offset
        yield arrival, encoded("observation", arrival.document, written(position))
    position.update(arrivals.next_offsets)


def _is_behind(position: Positions, other: Positions) -> bool:
    return any(position.get(partition, 0) < offset for partition, offset in other.items())


def _inside(asked: Mapping[int, int], spans: Mapping[int, Span]) -> tuple[dict[int, int], bytes]:
    """The position inside the log that is nearest to the one asked for, and an event if they differ."""
    found = {number: min(max(asked.get(number, 0), span.begin), span.end) for number, span in spans.items()}
    moved = [f"{number}: {asked[number]}" for number in found.keys() & asked.keys() if found[number] != asked[number]]
    if not moved:
        return found, b""
    text = f"the log no longer has what came after these offsets of its partitions: {', '.join(sorted(moved))}"
    return found, encoded("gap", {"text": text}, written(found))
