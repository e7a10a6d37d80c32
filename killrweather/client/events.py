"""Listening: streams of events that are taken up again where they broke off."""

import logging
from abc import abstractmethod
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from killrweather.client.core import Core, Series
from killrweather.client.sse import Event, EventReader
from killrweather.client.steps import Call, Conversation, Give, Pause, Read
from killrweather.errors import KillrWeatherError
from killrweather.messages.cluster import PastEvent
from killrweather.model.observation import RawWeatherData, canonical_wsid

log = logging.getLogger(__name__)

T = TypeVar("T")

_SILENCE_S = 45.0
"""A node says every 15 s that it is still there."""

_RECONNECT_S = 1.0
"""s between two connections where the node does not ask for another time."""

_MOST_HISTORY = 1_000


@dataclass(frozen=True, slots=True)
class ObservationEvent:
    """An observation that was just accepted."""

    id: str
    """Its place; given as ``after`` it takes the stream up from there."""
    observation: RawWeatherData


class Listening(Series[T]):
    """One stream: what is asked for on each connection, and what its events mean."""

    def __init__(self, after: str = ""):
        self.after = after

    @abstractmethod
    def call(self, is_again: bool) -> Call:
        """What to connect with, the first time or again."""

    @abstractmethod
    def value(self, event: Event) -> T | None:
        """What an event means; None = nothing that the caller should see."""

    def converse(self, core: Core) -> Conversation[None]:
        """Give what happens, for ever.

        Where a connection ends, the next one says which event came last. Raises Unavailable when no node can be
        listened to for as long as the client's patience lasts.
        """
        reader, is_again = EventReader(self.after), False
        while True:
            call = self.call(is_again)
            headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
            if reader.last_id:
                headers["Last-Event-ID"] = reader.last_id
            call = Call(call.method, call.path, call.parameters, headers=headers)
            yield from core.send(call, core.patience_s, silence_s=_SILENCE_S)
            is_again = True
            try:
                while block := (yield Read()):
                    for event in reader.feed(block):
                        if (value := self.value(event)) is not None:
                            yield Give(value)
            except httpx.RequestError as error:
                log.info("a stream of events broke off", extra={"path": call.path, "reason": repr(error)})
            reader.reconnected()
            yield Pause(_RECONNECT_S if reader.retry_s is None else reader.retry_s)


class _Observations(Listening[ObservationEvent]):
    def __init__(self, wsids: list[str], after: str):
        super().__init__(after)
        self._wsids = wsids

    def call(self, is_again: bool) -> Call:
        return Call("GET", "/weather/events", {"wsid": self._wsids} if self._wsids else {})

    def value(self, event: Event) -> ObservationEvent | None:
        if event.kind == "observation":
            return ObservationEvent(event.id, _read(_OBSERVATION, event))
        _remark("observations", event)
        return None


class _ClusterEvents(Listening[PastEvent]):
    """Events without ids: after a break the past ones are asked for, and those that are known are left out."""

    def __init__(self, history: int):
        super().__init__()
        self._history = history
        self._recent: deque[PastEvent] = deque(maxlen=_MOST_HISTORY)

    def call(self, is_again: bool) -> Call:
        history = _MOST_HISTORY if is_again and self._recent else self._history
        return Call("GET", "/cluster/events", {"history": str(history)})

    def value(self, event: Event) -> PastEvent | None:
        if event.kind in ("closed", "gap"):
            _remark("cluster events", event)
            return None
        found: PastEvent = _read(_PAST_EVENT, event)
        is_known = found in self._recent or (self._recent and _time(found) < _time(self._recent[0]))
        if is_known:
            return None
        self._recent.append(found)
        return found


def weather_events(*wsids: str, after: str = "") -> Listening[ObservationEvent]:
    """Observations as they are accepted, of these stations or of all, for ever.

    ``after`` is the id of the last event that is known: what came since is given first.
    """
    return _Observations([canonical_wsid(wsid) for wsid in wsids], after)


def cluster_events(history: int = 0) -> Listening[PastEvent]:
    """What happens among the nodes, for ever; so many past events first."""
    return _ClusterEvents(history)


def _remark(of: str, event: Event) -> None:
    """Note what a node says of the stream itself; one that closes it is asked again from the same place."""
    if event.kind != "closed":
        log.warning("the stream of %s says %s: %s", of, event.kind, event.data[:500])


def _time(event: PastEvent) -> datetime:
    return datetime.fromisoformat(event.at)


def _read(adapter: TypeAdapter[Any], event: Event) -> Any:
    try:
        return adapter.validate_json(event.data)
    except ValidationError:
        text = f"event {event.kind} {event.data[:80]!r}: expected one of a killrweather node"
        raise KillrWeatherError(text) from None


_OBSERVATION: TypeAdapter[RawWeatherData] = TypeAdapter(RawWeatherData)
_PAST_EVENT: TypeAdapter[PastEvent] = TypeAdapter(PastEvent)
