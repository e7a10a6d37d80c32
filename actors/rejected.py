"""Knows what became of all that was received, and sends rejected records through the feed again."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from killrweather.actorsystem import AsyncActor
from killrweather.connection import Connection
from killrweather.errors import Conflict, KillrWeatherError, Unavailable
from killrweather.messages.control import RequestFailed
from killrweather.messages.feed import ObservationsPublished, PublishObservations
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
from killrweather.streams.follower import Follower
from killrweather.streams.offsets import Span, spans_of
from killrweather.streams.producer import Producer
from killrweather.streams.refusal import forbidden
from killrweather.streams.rejected import RejectedLog, between, newest
from killrweather.streams.rejected_retry import Retry
from killrweather.streams.topics import away, ensure_topics, log_end, partitions_of, started

log = logging.getLogger(__name__)

_LOOK_S = 0.5
_COUNT_S, _COUNT_SHARE = 60.0, 20
"""The stored rows are counted after so long although the stream did nothing, for a recompute may have; and counting
takes at most one second of so many."""


class RejectedActor(AsyncActor):
    """Follows the rejected topic from its first record, so that what it counts survives every process.

    What was accepted is counted where the raw topic ends, what was stored in Cassandra.
    """

    def pre_start(self) -> None:
        self._log = RejectedLog()
        self._log_end: dict[int, int] = {}
        self._followed: dict[int, int] = {}
        self._has_caught_up = False
        self._retry: Retry | None = None
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
        found: list[RejectedRecord] = []
        async with self._reading() as (reader, spans):
            for number, span in spans.items():
                found += await newest(reader, self._place(number), span, self._log, msg)
        found.sort(key=lambda record: record.time)
        counts = sorted(self._log.counts.items())
        return RejectedRecords(
            tuple(found[-msg.limit :] if msg.limit else ()),
            tuple(RejectedCount("feed" if origin == "feed" else "stream", code, n) for (origin, code), n in counts),
        )

    def receiveMsg_GetRejectedRetry(self, msg: GetRejectedRetry, sender: Any) -> RejectedRetry:
        return self._retry.progress if self._retry else RejectedRetry()

    async def receiveMsg_RetryRejected(self, msg: RetryRejected, sender: Any) -> RejectedRetry:
        """Begin; what is rejected from now on is for the next retry."""
        if self._retry and self._retry.progress.is_under_way:
            raise Conflict("a retry is under way; look at it with: GET /weather/rejected/retry")
        self._retry = Retry(msg, self._log, self._feed, self._producer.publish)
        self.spawn(self._send_again(self._retry))
        return self._retry.progress

    async def _follow(self) -> None:
        consumer, topic = await self._kafka.open(), self.settings.kafka.topic
        follower = Follower(consumer)
        while True:
            try:
                self._log_end = await log_end(consumer, topic.raw)
                for record in await follower.take(round(_LOOK_S * 1000)):
                    self._log.take(record)
                followed = await follower.next_offsets()
                async with self._moved:
                    self._followed = followed
                    self._moved.notify_all()
                if not self._has_caught_up:
                    self._has_caught_up = self._is_followed_to(await log_end(consumer, topic.rejected))
            except (KafkaError, asyncio.TimeoutError) as error:
                if refused := forbidden(self.settings, error):
                    raise refused from None
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

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[tuple[AIOKafkaConsumer, dict[int, Span]]]:
        """A reader of the rejected topic, once all that is there now has been counted; raises Unavailable.

        With it comes what each partition has now.
        """
        consumer, topic = self._kafka.get(), self.settings.kafka.topic.rejected
        try:
            await self._until_followed(await log_end(consumer, topic))
            async with self._one_reader:
                options = {
                    "auto_offset_reset": "earliest",
                    "fetch_max_wait_ms": 5,
                    "max_partition_fetch_bytes": 1 << 22,
                }
                reader = await started(AIOKafkaConsumer(**client_options(self.settings), **options), self.settings)
                try:
                    # Asked of the reader, which must have begun to run before it may be stopped, even if nobody reads.
                    yield reader, await spans_of(reader, topic, await partitions_of(reader, topic))
                finally:
                    await reader.stop()
        except (KafkaError, asyncio.TimeoutError) as error:
            raise away(self.settings, error) from error

    async def _until_followed(self, ends: dict[int, int]) -> None:
        async def moved() -> None:
            async with self._moved:
                await self._moved.wait_for(lambda: self._is_followed_to(ends))

        try:
            await asyncio.wait_for(moved(), self.settings.http.request_timeout_s / 2)
        except asyncio.TimeoutError as error:
            left = sum(max(0, end - self._followed.get(number, 0)) for number, end in ends.items())
            raise Unavailable(f"{left:,} rejected records are still being read; ask again", 2.0) from error

    def _is_followed_to(self, ends: dict[int, int]) -> bool:
        return all(self._followed.get(number, 0) >= end for number, end in ends.items())

    def _place(self, number: int) -> TopicPartition:
        return TopicPartition(self.settings.kafka.topic.rejected, number)

    async def _send_again(self, retry: Retry) -> None:
        try:
            async with self._reading() as (reader, spans):
                for number, span in spans.items():
                    begin = retry.begin(number, span.begin)
                    await retry.send(number, between(reader, self._place(number), begin, span.end))
            retry.ended()
        except KillrWeatherError as error:
            retry.ended(str(error))
        log.info("retry", extra={"retry": retry.progress})

    async def _feed(self, order: PublishObservations) -> ObservationsPublished:
        answer = await self.request("guardian", order)
        if isinstance(answer, RequestFailed):
            raise answer.to_error()
        published: ObservationsPublished = answer
        return published

    async def _connect(self) -> AIOKafkaConsumer:
        await ensure_topics(self.settings)
        await self._producer.start()
        # Subscribed without a group: all partitions, those that come later too.
        consumer = AIOKafkaConsumer(
            self.settings.kafka.topic.rejected, **client_options(self.settings), auto_offset_reset="earliest"
        )
        return await started(consumer, self.settings)
