"""Listening: streams of events that are taken up again where they broke off."""

import logging
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class ObservationEvent:
    """An observation that was just accepted."""

    id: str
    """Its place; given as ``after`` it takes the stream up from there."""
    observation: RawWeatherData


class Listening(Series[T]):
    """One stream: what is asked for on each connection, and what its events mean."""

    def __init__(self, path: str, parameters: Mapping[str, Any], after: str = ""):
        self.path, self.parameters = path, parameters
        self.after = after

    @abstractmethod
    def value(self, event: Event) -> T | None:
        """What an event means; None = nothing that the caller should see."""

    def converse(self, core: Core) -> Conversation[None]:
        """Give what happens, for ever.

        Where a connection ends, the next one says which event came last. Raises Unavailable when no node can be
        listened to for as long as the client's patience lasts.
        """
        reader = EventReader(self.after)
        while True:
            headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
            if reader.last_id:
                headers["Last-Event-ID"] = reader.last_id
            call = Call("GET", self.path, self.parameters, headers=headers)
            yield from core.send(call, core.patience_s, silence_s=_SILENCE_S)
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
    def value(self, event: Event) -> ObservationEvent | None:
        if event.kind == "observation":
            return ObservationEvent(event.id, _read(_OBSERVATION, event))
        _remark("observations", event)
        return None


class _ClusterEvents(Listening[PastEvent]):
    """After a break the node begins with those of the instant that was heard last, which are left out."""

    _newest: tuple[PastEvent, ...] = ()
    """Those of one instant."""

    def value(self, event: Event) -> PastEvent | None:
        if event.kind in ("closed", "gap"):
            _remark("cluster events", event)
            return None
        found: PastEvent = _read(_PAST_EVENT, event)
        if found in self._newest:
            return None
        self._newest = (*(one for one in self._newest if one.at == found.at), found)
        return found


def weather_events(*wsids: str, after: str = "") -> Listening[ObservationEvent]:
    """Observations as they are accepted, of these stations or of all, for ever.

    ``after`` is the id of the last event that is known: what came since is given first.
    """
    chosen = [canonical_wsid(wsid) for wsid in wsids]
    return _Observations("/weather/events", {"wsid": chosen} if chosen else {}, after)


def cluster_events(history: int = 0) -> Listening[PastEvent]:
    """What happens among the nodes, for ever; so many past events first."""
    return _ClusterEvents("/cluster/events", {"history": str(history)})


def _remark(of: str, event: Event) -> None:
    """Note what a node says of the stream itself; one that closes it is asked again from the same place."""
    if event.kind != "closed":
        log.warning("the stream of %s says %s: %s", of, event.kind, event.data[:500])


def _read(adapter: TypeAdapter[Any], event: Event) -> Any:
    try:
        return adapter.validate_json(event.data)
    except ValidationError:
        text = f"event {event.kind} {event.data[:80]!r}: expected one of a killrweather node"
        raise KillrWeatherError(text) from None


_OBSERVATION: TypeAdapter[RawWeatherData] = TypeAdapter(RawWeatherData)
_PAST_EVENT: TypeAdapter[PastEvent] = TypeAdapter(PastEvent)
