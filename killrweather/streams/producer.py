"""Publishing records in whole batches, acknowledged by Kafka or refused in time."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Literal

from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from killrweather.connection import Connection
from killrweather.settings import Settings
from killrweather.streams.connection import client_options
from killrweather.streams.severable import SeverableProducer
from killrweather.streams.topics import away

BATCH_BYTES = 262_144
"""Bytes of one batch: 1.2 M rows/s with whole batches against 54,000 with one send a row."""

Headers = list[tuple[str, bytes]]
Keyed = tuple[bytes, list[bytes]] | tuple[bytes, list[bytes], Headers]
"""A key, its values in their order, and the headers that each of them has."""


class Producer:
    """An idempotent producer for one topic: every record is acknowledged by all copies, and keeps its key's order.

    When that takes longer than ``kafka.request_timeout_s`` the caller gets Unavailable, and what Kafka does not have by
    then it never gets. It must not come late: the place in the log decides which version of an hour counts, so a
    late record would cover what somebody else has published since. Then a new connection is opened, and until it is
    there callers get Unavailable at once: what is in memory stays bounded.
    """

    def __init__(self, settings: Settings, topic: str, compression: Literal["gzip"] | None = None):
        self._settings = settings
        self._topic = topic
        self._compression = compression
        self._producer: SeverableProducer | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def is_connected(self) -> bool:
        """Kafka was reached, and has acknowledged everything published so far or still has time to."""
        return self._producer is not None

    async def start(self) -> None:
        """Connect if it is not yet; raises Unavailable, and Refused when the topic may not be used."""
        if self._producer is None:
            self._producer = await self._connected()

    async def publish(self, groups: Iterable[Keyed]) -> dict[int, int]:
        """Publish the values of each key in their order; return for each partition the offset after them.

        Raises Unavailable when Kafka has not acknowledged all of them in time: some may have arrived, none will.
        """
        return _next_offsets(await self._acknowledged(lambda producer: _batches(producer, self._topic, groups)))

    async def append(self, partition: int, value: bytes) -> RecordMetadata:
        """Publish one record to a partition, in whose order it stands; raises as ``publish`` does."""
        [(metadata, _)] = await self._acknowledged(lambda producer: [(partition, _batch_of(producer, value))])
        return metadata

    async def _acknowledged(
        self, batches: Callable[[SeverableProducer], Iterable[tuple[int, BatchBuilder]]]
    ) -> list[tuple[RecordMetadata, int]]:
        """Send batches, each to its partition; return the place of each, and how many records it has."""
        producer, limit_s = self._usable(), self._settings.kafka.request_timeout_s
        now = asyncio.get_running_loop().time
        deadline = now() + limit_s
        sent: list[tuple[asyncio.Future, int]] = []
        try:
            for partition, batch in batches(producer):
                sending = producer.send_batch(batch, self._topic, partition=partition)
                sent.append((await asyncio.wait_for(sending, deadline - now()), batch.record_count()))
            futures = [future for future, _ in sent]
            if futures:
                _, pending = await asyncio.wait(futures, timeout=max(0.0, deadline - now()))
                if pending:
                    text = f"{len(pending)} of {len(futures)} batches not acknowledged in {limit_s:g} s"
                    raise asyncio.TimeoutError(text)
            found = [(future.result(), count) for future, count in sent]
            if any(metadata.offset < 0 for metadata, _ in found):  # Kafka recognised a repeat and forgot its place
                raise asyncio.TimeoutError("Kafka has the records but cannot say where; sending them again is safe")
            return found
        except BaseException as error:
            self._give_up(producer)
            for future, _ in sent:
                future.add_done_callback(asyncio.Future.exception)  # nobody else asks for it any more
            if isinstance(error, KafkaError | OSError | asyncio.TimeoutError):
                raise away(self._settings, error) from error
            raise

    async def stop(self) -> None:
        """Close; what is not acknowledged is given up."""
        producer, self._producer = self._producer, None
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])
        if producer is not None:
            self._close(producer)
        await asyncio.gather(*self._closing)

    async def _connected(self) -> SeverableProducer:
        producer = SeverableProducer(
            **client_options(self._settings),
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            compression_type=self._compression,
        )
        try:
            await producer.start()
            await producer.partitions_for(self._topic)
        except BaseException as error:
            await producer.stop()
            if isinstance(error, KafkaError | OSError | asyncio.TimeoutError):
                raise away(self._settings, error) from error
            raise
        return producer

    def _usable(self) -> SeverableProducer:
        if self._producer is None:
            if self._renewal is not None and self._renewal.done():
                self._renewal.result()
            raise away(self._settings, TimeoutError("earlier records were not acknowledged"))
        return self._producer

    def _give_up(self, producer: SeverableProducer) -> None:
        """Have nothing more of it sent, and open another one; what others publish with it fails in its time, too."""
        producer.sever()
        if producer is self._producer:
            self._producer = None
            self._close(producer)
            self._renewal = asyncio.create_task(self._renew())

    def _close(self, producer: SeverableProducer) -> None:
        closing = asyncio.create_task(producer.stop())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _renew(self) -> None:
        self._producer = await Connection("kafka", self._connected).open()


def _batches(producer: SeverableProducer, topic: str, groups: Iterable[Keyed]) -> Iterable[tuple[int, BatchBuilder]]:
    """Full batches as they fill up, then the rest; the records of a key are never apart from their order."""
    open_batches: dict[int, BatchBuilder] = {}
    for key, values, *more in groups:
        headers = more[0] if more else []
        partition = producer._partition(topic, None, None, None, key, b"")  # the library's murmur2, as Java's
        batch = open_batches.get(partition) or producer.create_batch()
        for value in values:
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                yield partition, batch
                batch = producer.create_batch()
                # the first record of a batch always fits
                batch.append(timestamp=None, key=key, value=value, headers=headers)
        open_batches[partition] = batch
    for partition, batch in open_batches.items():
        batch.close()
        yield partition, batch


def _batch_of(producer: SeverableProducer, value: bytes) -> BatchBuilder:
    batch = producer.create_batch()
    batch.append(timestamp=None, key=None, value=value)
    batch.close()
    return batch


def _next_offsets(acknowledged: Iterable[tuple[RecordMetadata, int]]) -> dict[int, int]:
    ends: dict[int, int] = {}
    for metadata, count in acknowledged:
        ends[metadata.partition] = max(ends.get(metadata.partition, 0), metadata.offset + count)
    return ends
