"""What pages are told: that observations are stored, which is some tenths of a second after they were accepted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from killrweather.errors import KillrWeatherError
from killrweather.model.observation import VALUE_COLUMNS, RawWeatherData

if TYPE_CHECKING:
    from killrweather.streams.observations import Arrivals
    from killrweather.web.observations import Observations
    from killrweather.web.operations import Status

T = TypeVar("T")

EVERY_S = 1.0
"""s in which arrivals are gathered, so that pages draw no more often; then the stream is looked at twice as often."""

RETRY_S = 5.0
"""s until what does not answer is tried again."""


@dataclass(frozen=True)
class News:
    """What has been stored since the news before."""

    newest: Mapping[str, RawWeatherData] = field(default_factory=dict)
    """Of each station that has something new, the newest hour of it; corrections of older hours are there, too."""
    is_gap: bool = False
    """More may have been stored than is told here: look at everything again."""
    problem: str = ""
    """Why nothing can be told for now; empty when it can."""

    def then(self, later: News) -> News:
        """These and later ones as one."""
        newest = dict(self.newest)
        for wsid, stated in later.newest.items():
            newest[wsid] = latest(newest.get(wsid), stated)
        return News(newest, self.is_gap or later.is_gap, later.problem)

    def concerns(self, wsid: str) -> bool:
        """Something of this station is stored, or may be."""
        return self.is_gap or wsid in self.newest


class Reader:
    """One page: what it has not taken yet is kept together, however much it is."""

    def __init__(self) -> None:
        self._waiting: News | None = None
        self._is_there = asyncio.Event()

    def put(self, news: News) -> None:
        """Have this taken with what waits already."""
        self._waiting = self._waiting.then(news) if self._waiting else news
        self._is_there.set()

    async def take(self) -> News:
        """The news since those taken before, as soon as there are some."""
        await self._is_there.wait()
        self._is_there.clear()
        news, self._waiting = self._waiting or News(), None
        return news


class Stored:
    """Follows the log while pages are open, once for all of them; what came is told when the stream has passed it.

    Nothing is asked of anybody while nothing comes. When following begins, and begins again after the log was away,
    a gap is told, once what was accepted before is stored.
    """

    def __init__(self, arriving: Observations, status: Callable[[], Awaitable[Status]], every_s: float = EVERY_S):
        self._arriving, self._status, self._every_s = arriving, status, every_s
        self._readers: set[Reader] = set()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._problem = ""
        self._forget()

    @contextmanager
    def listening(self) -> Iterator[Reader]:
        """Be told of what is stored from now on."""
        reader = Reader()
        self._readers.add(reader)
        if self._problem:
            reader.put(News(problem=self._problem))
        if not self._tasks:
            self._forget()
            self._tasks = (asyncio.create_task(self._follow()), asyncio.create_task(self._tell_stored()))
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            if not self._readers:
                for task in self._tasks:
                    task.cancel()
                self._tasks = ()

    def _forget(self) -> None:
        self._news, self._ends, self._some = News(), dict[int, int](), asyncio.Event()

    async def _follow(self) -> None:
        """Gather what comes."""
        while True:
            try:
                async with aclosing(self._arriving.arrivals()) as coming:
                    self._gather(News(is_gap=True), await anext(coming))
                    self._say("")
                    async for arrivals in coming:
                        self._gather(News(), arrivals)
            except KillrWeatherError as error:
                self._say(str(error))
            await asyncio.sleep(RETRY_S)

    def _gather(self, news: News, arrivals: Arrivals) -> None:
        newest: dict[str, RawWeatherData] = {}
        for one in arrivals.observations:
            newest[one.wsid] = latest(newest.get(one.wsid), RawWeatherData(**json.loads(one.document)))
        if newest or news.is_gap:
            self._news = self._news.then(replace(news, newest=newest))
            self._ends.update(arrivals.next_offsets)
            self._some.set()

    async def _tell_stored(self) -> None:
        """Tell what was gathered when it is stored, and go on with what was gathered meanwhile."""
        while True:
            await self._some.wait()
            await asyncio.sleep(self._every_s)
            news, ends = self._news, self._ends
            self._news, self._ends = News(), {}
            self._some.clear()
            while not await self._is_stored(ends):
                await asyncio.sleep(self._every_s / 2)
            for reader in self._readers:
                reader.put(replace(news, problem=self._problem))

    async def _is_stored(self, ends: Mapping[int, int]) -> bool:
        try:
            stream = (await self._status()).stream
        except KillrWeatherError:
            return False  # it is asked again; the operations page says what is the matter
        return stream is not None and all(stream.stored.get(number, 0) >= end for number, end in ends.items())

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            for reader in self._readers:
                reader.put(News(problem=problem))


def latest(known: RawWeatherData | None, stated: RawWeatherData) -> RawWeatherData:
    """The newest hour after one more was stated: each field of an hour has its newest stated value, as it is stored."""
    if known is None or stated.time > known.time:
        return stated
    if stated.time < known.time:
        return known
    values = {name: value for name in VALUE_COLUMNS if (value := getattr(stated, name)) is not None}
    return replace(known, **values)


async def patiently(ask: Callable[[], Awaitable[T]], failed: Callable[[KillrWeatherError], None] = lambda _: None) -> T:
    """Ask again and again until there is an answer; each failure is told."""
    while True:
        try:
            return await ask()
        except KillrWeatherError as error:
            failed(error)
            await asyncio.sleep(RETRY_S)
