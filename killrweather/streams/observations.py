"""Observations as they arrive in the raw topic, for whoever listens: read without a group, so each reader gets all."""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from killrweather.errors import BadRequest
from killrweather.model.observation import CANONICAL_WSID
from killrweather.settings import Settings
from killrweather.streams.connection import client_options
from killrweather.streams.follower import Follower
from killrweather.streams.offsets import Span, spans_of
from killrweather.streams.topics import away, ensure_topics, partitions_of, started

Positions = Mapping[int, int]
"""For each partition the offset of the record that comes next."""

_AT_ONCE = 1_000
"""Records that are read, parsed and handed on at once."""

_WORTH_A_THREAD = 200
"""Records; fewer are parsed sooner than a thread has taken them."""

_POLL_MS = 1_000
_IS_OBSERVATION_OF_A_STATION = re.compile(CANONICAL_WSID.removesuffix("$").encode() + rb",[^\r\n]+")
POSITIONS = r"[0-9]{1,9}:[0-9]{1,18}(,[0-9]{1,9}:[0-9]{1,18})*"
"""The form of positions as text."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An observation that was accepted, and its place in the log."""

    wsid: str
    document: bytes
    """The observation as JSON, with the fields of ``RawWeatherData``."""
    partition: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What came in some of the partitions, in their order, and where each of these goes on."""

    observations: Sequence[Arrival]
    next_offsets: Positions


class ObservationLog:
    """The raw topic, read on two ways: everything that comes, and pages of what has come before."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._reader: AIOKafkaConsumer | None = None
        self._one_reader = asyncio.Lock()

    async def follow(self) -> tuple[Positions, AsyncGenerator[Arrivals, None]]:
        """Where the log ends now, and everything from there on until the iterator is closed.

        Raises Unavailable, and Refused when the topic may not be read; so does the iterator. While Kafka is away
        nothing comes; afterwards everything does.
        """
        topic = self._settings.kafka.topic.raw
        await ensure_topics(self._settings)
        # Subscribed without a group: all partitions, and those that come later from their first record on.
        consumer = await self._consumer(topic)
        try:
            ends = await consumer.end_offsets(sorted(consumer.assignment()))
        except BaseException as error:
            await consumer.stop()
            if isinstance(error, KafkaError | OSError | asyncio.TimeoutError):
                raise away(self._settings, error) from error
            raise
        begin = {place.partition: end for place, end in ends.items()}
        return begin, self._arriving(consumer, Follower(consumer, begin))

    async def spans(self) -> Mapping[int, Span]:
        """The offsets that the log has now, by partition; raises Unavailable or Refused."""
        async with self._one_reader:
            reader = await self._usable_reader()
            try:
                topic = self._settings.kafka.topic.raw
                return await spans_of(reader, topic, await partitions_of(reader, topic))
            except (KafkaError, OSError, asyncio.TimeoutError) as error:
                raise away(self._settings, error) from error

    async def page(self, begin: Positions, until: Positions) -> Arrivals:
        """The next observations from ``begin`` to before ``until``, of one partition.

        Raises Unavailable or Refused. All pages come from one reader, one after the other, so many listeners that
        catch up wait for each other.
        """
        number = next(number for number, offset in until.items() if begin.get(number, 0) < offset)
        partition = TopicPartition(self._settings.kafka.topic.raw, number)
        async with self._one_reader:
            reader = await self._usable_reader()
            try:
                reader.assign([partition])
                reader.seek(partition, begin.get(number, 0))
                records = await reader.getmany(partition, timeout_ms=_POLL_MS, max_records=_AT_ONCE)
                next_offset = min(await reader.position(partition), until[number])
            except (KafkaError, OSError, asyncio.TimeoutError) as error:
                raise away(self._settings, error) from error
        wanted = [record for record in records.get(partition, ()) if record.offset < until[number]]
        return Arrivals(await _parsed(wanted), {number: next_offset})

    async def stop(self) -> None:
        """Close the reader of pages."""
        if self._reader is not None:
            await self._reader.stop()
            self._reader = None

    async def _arriving(self, consumer: AIOKafkaConsumer, follower: Follower) -> AsyncGenerator[Arrivals, None]:
        try:
            while True:
                if records := await follower.take(_POLL_MS, _AT_ONCE):
                    ends = {record.partition: record.offset + 1 for record in records}
                    yield Arrivals(await _parsed(records), ends)
        except (KafkaError, OSError) as error:
            raise away(self._settings, error) from error
        finally:
            await consumer.stop()

    async def _usable_reader(self) -> AIOKafkaConsumer:
        if self._reader is None:
            await ensure_topics(self._settings)
            self._reader = await self._consumer()
        return self._reader

    async def _consumer(self, *topics: str) -> AIOKafkaConsumer:
        options = {"auto_offset_reset": "earliest", "max_partition_fetch_bytes": 1 << 20}
        return await started(AIOKafkaConsumer(*topics, **client_options(self._settings), **options), self._settings)


def arrivals(records: Sequence[ConsumerRecord]) -> list[Arrival]:
    """The observations among records of the raw topic, each with its place; what the stream rejects is left out."""
    from killrweather.feed.parsing import parse  # brings polars, which only a node with listeners needs here

    readable = [one for one in records if one.value and _IS_OBSERVATION_OF_A_STATION.fullmatch(one.value)]
    if not readable:
        return []
    next_year = datetime.now(timezone.utc).year + 1
    found = parse("csv", b"\n".join(record.value for record in readable), 0, next_year)
    rejected = {reject.line for reject in found.rejects}
    places = [record for line, record in enumerate(readable) if line not in rejected]
    documents = found.observations.write_ndjson().encode().splitlines()
    return [
        Arrival(wsid, document, place.partition, place.offset + 1)
        for wsid, document, place in zip(found.observations["wsid"], documents, places, strict=True)
    ]


def written(positions: Positions) -> str:
    """Positions as the id of an event: ``0:1250,1:980``."""
    return ",".join(f"{number}:{offset}" for number, offset in sorted(positions.items()))


def read_positions(text: str) -> dict[int, int]:
    """The positions of an event's id; raises BadRequest for anything else."""
    if not re.fullmatch(POSITIONS, text):
        expected = "expected the id of an event, such as 0:1250,1:980: for each partition its next offset"
        raise BadRequest(f'Last-Event-ID "{text[:80]}": {expected}', "Last-Event-ID")
    pairs = (pair.split(":") for pair in text.split(","))
    return {int(number): int(offset) for number, offset in pairs}


async def _parsed(records: Sequence[ConsumerRecord]) -> list[Arrival]:
    return arrivals(records) if len(records) < _WORTH_A_THREAD else await asyncio.to_thread(arrivals, records)
