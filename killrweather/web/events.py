"""Server-sent events: readers that each have a bounded queue, and what they are sent."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, Generic, Literal, TypeVar

from fastapi.responses import StreamingResponse
from starlette.types import Send

from killrweather.errors import Unavailable
from killrweather.web.problems import HttpProblem

MAX_LISTENERS = 2_000
"""Readers of one kind of events at once; one more gets 429."""

MOST_WAITING_BYTES = 4_194_304
"""What may wait for one reader; one that leaves more unread is dropped. Readers share what waits."""

HEARTBEAT_S = 15.0
"""s of silence after which a stream says that it is still there."""

_AT_ONCE_BYTES = 65_536
"""What is given to a connection at once: one that stalls holds so much besides the queue."""

_RETRY_MS = 2_000
"""What a reader is asked to wait before it connects again."""

Reason = Literal["too-slow", "stopping", "unavailable"]


def encoded(event: str, data: Any, id: str | None = None) -> bytes:
    """One event; ``data`` is JSON already, or a value that becomes it."""
    text = data.decode() if isinstance(data, bytes) else json.dumps(data)
    return f"{_place(id)}event: {event}\ndata: {text}\n\n".encode()


def greeting(id: str | None = None) -> bytes:
    """The beginning of a stream, at once: how long to wait before the next try, and the place to go on from."""
    return f"retry: {_RETRY_MS}\n{_place(id)}\n".encode()


def heartbeat(id: str | None = None) -> bytes:
    """A comment, which no reader sees as an event; the place to go on from moves on with it."""
    return f": still here\n{_place(id)}\n".encode()


class Listener:
    """One reader: what waits for it, and why it is sent no more."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._known: frozenset[bytes] = frozenset()
        self.farewell = b""
        """The last event, once there will be no other."""

    def put(self, events: Sequence[bytes]) -> None:
        """Have these sent; a reader for which too much waits is dropped instead."""
        if self.farewell:
            return
        if self._known:
            events = [event for event in events if event not in self._known]
        self._waiting.extend(events)
        self._size += sum(map(len, events))
        self._news.set()
        if self._size > MOST_WAITING_BYTES:
            text = f"more than {MOST_WAITING_BYTES:,} bytes wait unread; connect again to go on after the last event"
            self.end("too-slow", text)

    def skip(self, known: Iterable[bytes]) -> None:
        """Send none of these, now or later: the reader has them already."""
        self._known = frozenset(known)
        waiting, self._size = list(self._waiting), 0
        self._waiting.clear()
        self.put(waiting)

    def end(self, reason: Reason, text: str) -> None:
        """Send nothing more but why; of several reasons the first is told."""
        if self.farewell:
            return
        self._waiting.clear()
        self.farewell = encoded("closed", {"reason": reason, "text": text})
        self._news.set()

    async def take(self, timeout_s: float) -> bytes:
        """Some of what waits, as soon as there is something; nothing after a silence, or at the end."""
        if not self._waiting and not self.farewell:
            try:
                await asyncio.wait_for(self._news.wait(), timeout_s)
            except asyncio.TimeoutError:
                return b""
        self._news.clear()
        taken: list[bytes] = []
        size = 0
        while self._waiting and size < _AT_ONCE_BYTES:
            taken.append(self._waiting.popleft())
            size += len(taken[-1])
        self._size -= size
        return b"".join(taken)

    async def everything(self, place: Callable[[], str | None] = lambda: None) -> AsyncIterator[bytes]:
        """All that is to be sent until the end, heartbeats in silence; ``place`` is where what was sent so far ends."""
        while not self.farewell:
            if chunk := await self.take(HEARTBEAT_S):
                yield chunk
            elif not self.farewell:
                yield heartbeat(place())
        yield self.farewell


L = TypeVar("L", bound=Listener)


class Listeners(Generic[L]):
    """All readers of one kind of events."""

    def __init__(self) -> None:
        self._all: set[L] = set()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[L]:
        return iter(self._all)

    @contextmanager
    def listening(self, listener: L) -> Iterator[L]:
        """Be one of them; raises Unavailable when the node stops, and 429 as an HttpProblem when there are too many."""
        if self._is_closed:
            raise Unavailable("this node is stopping; ask another one, or this one later")
        if len(self._all) >= MAX_LISTENERS:
            text = f"{len(self._all):,} readers listen already, as many as there may be; try again later"
            raise HttpProblem(429, "too-many-listeners", text, {"Retry-After": "5"})
        self._all.add(listener)
        try:
            yield listener
        finally:
            self._all.discard(listener)

    def tell(self, events: Sequence[bytes]) -> None:
        """Have the same events sent to all."""
        for listener in self._all:
            listener.put(events)

    def end(self, reason: Reason, text: str) -> None:
        """Send all of them nothing more but why."""
        for listener in self._all:
            listener.end(reason, text)

    def close(self) -> None:
        """The node stops: so that no reader keeps it from that."""
        self._is_closed = True
        self.end("stopping", "this node is stopping; connect again to go on after the last event")


class EventStream(StreamingResponse):
    """The answer that lasts; what its events hold is let go as soon as the reader is gone."""

    media_type = "text/event-stream"

    def __init__(self, first: bytes, events: AsyncGenerator[bytes, None]):
        super().__init__(_all(first, events), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._events = events

    @classmethod
    async def begun(cls, events: AsyncGenerator[bytes, None]) -> "EventStream":
        """The answer, once there is something to send: what goes wrong before that is an error of the request."""
        return cls(await anext(events), events)

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._events):
            await super().stream_response(send)


async def _all(first: bytes, events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield first
    async for chunk in events:
        yield chunk


def _place(id: str | None) -> str:
    return f"id: {id}\n" if id is not None else ""
