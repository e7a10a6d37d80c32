"""The log of what happens among the nodes: partition 0 of the topic ``node.group``, kept for ever."""

import asyncio
import json
import logging
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timezone

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from killrweather.errors import Unavailable
from killrweather.messages.cluster import EVENTS, ClusterEvent
from killrweather.settings import Settings
from killrweather.streams.connection import client_options
from killrweather.streams.producer import Producer
from killrweather.streams.topics import ensure_cluster_topic

log = logging.getLogger(__name__)


class EventLog:
    """Reads the events in order and adds to them. The time of an event is the broker's, so no node's clock matters."""

    def __init__(self, settings: Settings, reader: AIOKafkaConsumer, producer: Producer):
        self._place = TopicPartition(settings.node.group, 0)
        self._limit_s = settings.session_timeout_s / 2
        self._reader, self._producer = reader, producer

    @classmethod
    async def open(cls, settings: Settings) -> "EventLog":
        """At its beginning, and made if it was not there; raises what aiokafka does, and as ``ensure_topics``."""
        await ensure_cluster_topic(settings)
        reader = AIOKafkaConsumer(**client_options(settings), fetch_max_wait_ms=100)
        producer = Producer(settings, settings.node.group)
        opened = cls(settings, reader, producer)
        try:
            await reader.start()
            reader.assign([opened._place])
            await reader.seek_to_beginning(opened._place)
            await producer.start()
        except BaseException:
            await opened.close()
            raise
        return opened

    async def news(self) -> list[ClusterEvent]:
        """The events up to the log's end that were not read before.

        Raises asyncio.TimeoutError or KafkaError when Kafka does not answer within half a session time-out.
        """
        ends = await asyncio.wait_for(self._reader.end_offsets([self._place]), self._limit_s)
        deadline, events = time.monotonic() + self._limit_s, []
        while await self._reader.position(self._place) < ends[self._place]:
            records = await self._reader.getmany(self._place, timeout_ms=100)
            events += [event for record in records.get(self._place, ()) if (event := _event_of(record))]
            if time.monotonic() > deadline and not records:
                raise asyncio.TimeoutError(f"the log of {self._place.topic} could not be read to its end")
        return events

    async def write(self, event: ClusterEvent) -> float:
        """Add an event; when the broker got it, in s since 1970. The event's own time is not written.

        Raises asyncio.TimeoutError when Kafka does not acknowledge it within half a session time-out; it may have
        arrived then, and does not come later.
        """
        fields = {name: value for name, value in asdict(event).items() if name != "at"}
        value = json.dumps({"event": type(event).__name__, **fields}).encode()
        try:
            sent = await asyncio.wait_for(self._producer.append(self._place.partition, value), self._limit_s)
        except Unavailable as error:
            raise asyncio.TimeoutError(str(error)) from error
        return float(sent.timestamp) / 1000

    async def close(self) -> None:
        """Close both clients; what Kafka has not acknowledged by then is lost."""
        for client in (self._reader, self._producer):
            with suppress(KafkaError, asyncio.TimeoutError):
                await asyncio.wait_for(client.stop(), self._limit_s)


def _event_of(record: ConsumerRecord) -> ClusterEvent | None:
    try:
        told = json.loads(record.value)
        kind = EVENTS[told.pop("event")]
        if "roles" in told:
            told["roles"] = tuple(told["roles"])
        return kind(at=datetime.fromtimestamp(record.timestamp / 1000, timezone.utc), **told)
    except (ValueError, KeyError, TypeError, AttributeError):
        log.warning("a record of the cluster's topic is no event", extra={"offset": record.offset})
        return None
