"""Knows what became of all that was received, and sends rejected records through the feed again."""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from secrets import token_hex
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from killrweather.actorsystem import AsyncActor
from killrweather.connection import Connection
from killrweather.errors import Conflict, KillrWeatherError, Unavailable
from killrweather.messages.control import RequestFailed
from killrweather.messages.feed import ObservationsPublished
from killrweather.messages.rejected import (
    GetRejected,
    GetRejectedRetry,
    RejectedCount,
    RejectedRecord,
    RejectedRecords,
    RejectedRetry,
    RetryRejected,
)
from killrweather.storage.counts import CountRepository
from killrweather.streams.connection import client_options
from killrweather.streams.producer import Producer
from killrweather.streams.rejected import Distinct, RejectedLog, between, order_of, retry_note, shown
from killrweather.streams.topics import away, ensure_topics, log_end, started

log = logging.getLogger(__name__)

_LOOK_S = 0.5
_COUNT_S, _COUNT_SHARE = 60.0, 20
"""The stored rows are counted after so long although the stream did nothing, for a recompute may have; and counting
takes at most one second of so many."""

_PORTION = 200
"""Records after which a retry notes how far it is: so many may be sent twice when this process dies."""

_WINDOW = 2_000
"""Records that are read at once on the way from the newest to older ones."""


class RejectedActor(AsyncActor):
    """Follows the rejected topic from its first record, so that what it counts survives every process.

    What was accepted is counted where the raw topic ends, what was stored in Cassandra.
    """

    def pre_start(self) -> None:
        self._log = RejectedLog()
        self._log_end: dict[int, int] = {}
        self._followed: dict[TopicPartition, int] = {}
        self._has_caught_up = False
        self._retry = RejectedRetry()
        self._one_reader, self._moved = asyncio.Lock(), asyncio.Condition()
        self._stored: int | None = None
        self._taken = 0
        self._kafka = Connection("kafka", self._connect)
        self._counts = Connection("cassandra", lambda: asyncio.to_thread(CountRepository.open, self.settings))
        self._producer = Producer(self.settings, self.settings.kafka.topic.rejected)
        self.spawn(self._follow())
        self.spawn(self._count())

    async def post_stop(self) -> None:
        if self._kafka.is_open:
            await self._kafka.get().stop()
        if self._counts.is_open:
            await self._counts.get().close()
        await self._producer.stop()

    def health(self) -> dict[str, Any]:
        """Whether Kafka was reached, as the check of /ready wants it."""
        return {"kafka": str(self._kafka.problem or "")}

    def counters(self) -> dict[str, int | float]:
        """What became of all rows ever received, as the logs of both topics and Cassandra have it."""
        if not self._has_caught_up:
            return {}
        counts = dict(self._log.counts)  # at once, for the follower adds to it in another thread
        by_origin = {"feed": 0, "stream": 0}
        for (origin, _), number in counts.items():
            by_origin[origin] += number
        accepted = sum(self._log_end.values())
        found: dict[str, int | float] = {
            "received": accepted + by_origin["feed"],
            "accepted": accepted,
            "rejected": by_origin["feed"],
            "rejected_by_stream": by_origin["stream"],
            **{f"rejected.{origin}.{code}": number for (origin, code), number in counts.items()},
        }
        if self._stored is not None:
            found["stored"] = self._stored
            found["repeated"] = max(0, self._taken - by_origin["stream"] - self._stored)
        return found

    async def receiveMsg_GetRejected(self, msg: GetRejected, sender: Any) -> RejectedRecords:
        consumer = await self._caught_up()
        newest: list[RejectedRecord] = []
        async with self._one_reader:
            reader = await self._reader()
            try:
                for partition, (begin, end) in (await _spans(consumer)).items():
                    newest += await self._newest(reader, partition, begin, end, msg)
            except (KafkaError, asyncio.TimeoutError) as error:
                raise away(self.settings, error) from error
            finally:
                await reader.stop()
        newest.sort(key=lambda record: record.time)
        counts = sorted(self._log.counts.items())
        return RejectedRecords(
            tuple(newest[-msg.limit :] if msg.limit else ()),
            tuple(RejectedCount("feed" if origin == "feed" else "stream", code, n) for (origin, code), n in counts),
        )

    def receiveMsg_GetRejectedRetry(self, msg: GetRejectedRetry, sender: Any) -> RejectedRetry:
        return self._retry

    async def receiveMsg_RetryRejected(self, msg: RetryRejected, sender: Any) -> RejectedRetry:
        """Begin; what is rejected from now on is for the next retry."""
        if self._retry.is_under_way:
            raise Conflict("a retry is under way; look at it with: GET /weather/rejected/retry")
        self._retry = RejectedRetry(token_hex(4), "running")
        self.spawn(self._retry_all(msg))
        return self._retry

    async def _follow(self) -> None:
        consumer = await self._kafka.open()
        while True:
            try:
                self._log_end = await log_end(consumer, self.settings.kafka.topic.raw)
                for records in (await consumer.getmany(timeout_ms=round(_LOOK_S * 1000))).values():
                    for record in records:
                        self._log.take(record)
                followed = {place: await consumer.position(place) for place in consumer.assignment()}
                async with self._moved:
                    self._followed = followed
                    self._moved.notify_all()
                if followed and not self._has_caught_up:
                    self._has_caught_up = self._is_followed_to(await _ends(consumer))
            except (KafkaError, asyncio.TimeoutError) as error:
                log.warning("the rejected topic can't be read", extra={"reason": repr(error)})
                await asyncio.sleep(_LOOK_S)

    async def _count(self) -> None:
        """Count the stored rows again when there may be others, and seldom where that takes long."""
        counts = await self._counts.open()
        counted_at, wait_s = -math.inf, 0.0
        while True:
            try:
                taken, start = await counts.taken(), time.monotonic()
                if taken != self._taken or start > counted_at + _COUNT_S:
                    self._stored, self._taken = await counts.stored(), taken
                    counted_at = time.monotonic()
                    wait_s = _COUNT_SHARE * (counted_at - start)
            except Unavailable as error:
                log.warning("the stored rows can't be counted", extra={"reason": str(error)})
            await asyncio.sleep(max(_LOOK_S, wait_s))

    async def _caught_up(self) -> AIOKafkaConsumer:
        """The follower's consumer, once all that is in the topic now has been taken in."""
        consumer = self._kafka.get()
        try:
            ends = await _ends(consumer)
        except (KafkaError, asyncio.TimeoutError) as error:
            raise away(self.settings, error) from error
        try:
            await asyncio.wait_for(self._until_followed(ends), self.settings.http.request_timeout_s / 2)
        except asyncio.TimeoutError as error:
            left = sum(max(0, end - self._followed.get(place, 0)) for place, end in ends.items())
            raise Unavailable(f"{left:,} rejected records are still being read; ask again", 2.0) from error
        return consumer

    async def _until_followed(self, ends: dict[TopicPartition, int]) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._is_followed_to(ends))

    def _is_followed_to(self, ends: dict[TopicPartition, int]) -> bool:
        return all(self._followed.get(place, 0) >= end for place, end in ends.items())

    async def _newest(
        self, reader: AIOKafkaConsumer, partition: TopicPartition, begin: int, end: int, msg: GetRejected
    ) -> list[RejectedRecord]:
        """The newest of a partition that are asked for, found from its end backwards, the oldest first."""
        found: deque[RejectedRecord] = deque()
        seen: set[tuple[str, int, int]] = set()
        while end > begin and len(found) < msg.limit:
            low = max(begin, end - _WINDOW)
            page = [shown(record, self._log) async for record in between(reader, partition, low, end)]
            for record in reversed(page):
                if record is None or not msg.wants(record):
                    continue
                if record.topic is not None and record.partition is not None and record.offset is not None:
                    place = record.topic, record.partition, record.offset
                    if place in seen:
                        continue
                    seen.add(place)
                found.appendleft(record)
            end = low
        return list(found)[-msg.limit :] if msg.limit else []

    async def _retry_all(self, order: RetryRejected) -> None:
        try:
            consumer = await self._caught_up()
            async with self._one_reader:
                reader = await self._reader()
                try:
                    for partition, (begin, end) in (await _spans(consumer)).items():
                        begin = max(begin, self._log.retried_until(partition.partition, order.code))
                        await self._retry_partition(order, partition.partition, between(reader, partition, begin, end))
                finally:
                    await reader.stop()
            self._retry = replace(self._retry, state="done")
        except (KafkaError, asyncio.TimeoutError) as error:
            self._retry = replace(self._retry, state="failed", text=str(away(self.settings, error)))
        except KillrWeatherError as error:
            self._retry = replace(self._retry, state="failed", text=str(error))
        log.info("retry", extra={"retry": self._retry})

    async def _retry_partition(
        self, order: RetryRejected, partition: int, records: AsyncIterator[ConsumerRecord]
    ) -> None:
        """Send the records again, in their order, and note how far that has got, also when it fails."""
        distinct, done, noted = Distinct(), 0, 0
        try:
            async for record in records:
                seen = shown(record, self._log)
                is_wanted = seen is not None and order.code in (None, seen.code) and not seen.is_retried
                if is_wanted and distinct.is_new(record):
                    await self._retry_record(record, order.format)
                done = record.offset + 1
                if done >= noted + _PORTION:
                    await self._note(order, partition, done)
                    noted = done
        finally:
            if done > noted:
                await self._note(order, partition, done)

    async def _retry_record(self, record: ConsumerRecord, format: str | None) -> None:
        order, so_far = order_of(record, format), self._retry
        if order is None:
            self._retry = replace(so_far, incomplete=so_far.incomplete + 1)
            return
        answer = await self.request("guardian", order)
        if isinstance(answer, RequestFailed):
            raise answer.to_error()
        published: ObservationsPublished = answer
        self._retry = replace(
            so_far,
            retried=so_far.retried + 1,
            accepted=so_far.accepted + published.accepted,
            rejected=so_far.rejected + published.rejected,
        )

    async def _note(self, order: RetryRejected, partition: int, until: int) -> None:
        await self._producer.publish([retry_note(order.code, {partition: until})])

    async def _connect(self) -> AIOKafkaConsumer:
        await ensure_topics(self.settings)
        await self._producer.start()
        # Subscribed without a group: all partitions, those that come later too.
        consumer = AIOKafkaConsumer(
            self.settings.kafka.topic.rejected, **client_options(self.settings), auto_offset_reset="earliest"
        )
        return await started(consumer, self.settings)

    async def _reader(self) -> AIOKafkaConsumer:
        options = {"auto_offset_reset": "earliest", "fetch_max_wait_ms": 5, "max_partition_fetch_bytes": 1 << 22}
        return await started(AIOKafkaConsumer(**client_options(self.settings), **options), self.settings)


async def _spans(consumer: AIOKafkaConsumer) -> dict[TopicPartition, tuple[int, int]]:
    """The first and the next offset of each partition that a consumer reads."""
    partitions = sorted(consumer.assignment())
    begins, ends = await consumer.beginning_offsets(partitions), await _ends(consumer)
    return {partition: (begins[partition], ends[partition]) for partition in partitions}


async def _ends(consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """The next offset of each partition that a consumer reads."""
    ends: dict[TopicPartition, int] = await consumer.end_offsets(sorted(consumer.assignment()))
    return ends
