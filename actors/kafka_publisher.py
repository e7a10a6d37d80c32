"""Reads chunks of input, and publishes the good rows and the rejected ones."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import chain
from typing import Any

import polars as pl

from killrweather.actorsystem import AsyncActor
from killrweather.connection import Connection
from killrweather.errors import Unavailable
from killrweather.feed.canonical import records
from killrweather.feed.checks import Parsed
from killrweather.feed.formats import format_named
from killrweather.feed.kept import kept_lines
from killrweather.feed.parsing import parse
from killrweather.feed.wsids import ghcnh_ids, with_wsids
from killrweather.messages.control import RequestFailed
from killrweather.messages.feed import TOLD_REJECTS, GetWsids, ObservationsPublished, PublishObservations
from killrweather.streams.producer import Keyed, Producer
from killrweather.streams.rejected import feed_records
from killrweather.streams.topics import ensure_topics

log = logging.getLogger(__name__)


class KafkaPublisherActor(AsyncActor):
    """One of the pool: parse, check, publish, acknowledge, a whole chunk at a time.

    What is rejected goes to a topic of its own and is acknowledged, too, before the answer.
    """

    def pre_start(self) -> None:
        topic = self.settings.kafka.topic
        self._producer = Producer(self.settings, topic.raw)
        # Compressed, because a header of GHCNh has 9,000 bytes and goes with each of its lines.
        self._rejected = Producer(self.settings, topic.rejected, compression="gzip")
        self._connection = Connection("kafka", self._connect)
        self.spawn(self._connection.open())

    async def post_stop(self) -> None:
        await self._rejected.stop()
        await self._producer.stop()

    def health(self) -> dict[str, Any]:
        """Whether Kafka takes records, as the checks of /ready want it."""
        if not self._connection.is_open:
            return {"kafka": str(self._connection.problem)}
        is_connected = self._producer.is_connected and self._rejected.is_connected
        return {"kafka": "" if is_connected else "Kafka has not acknowledged the last records"}

    async def receiveMsg_PublishObservations(self, msg: PublishObservations, sender: Any) -> ObservationsPublished:
        producer = self._connection.get()
        parsed = _parse(msg) if len(msg.data) < _WORTH_A_THREAD else await asyncio.to_thread(_parse, msg)
        observations = await self._with_known_wsids(parsed.observations)
        accepted = len(observations)
        next_offsets = await producer.publish(records(observations)) if accepted else {}
        if parsed.rejects or msg.rejects:
            rejected = await asyncio.to_thread(_rejected_records, msg, parsed)
            for start in range(0, len(rejected), _REJECTED_AT_ONCE):
                await self._rejected.publish(rejected[start : start + _REJECTED_AT_ONCE])
        fields = {"source": msg.source, "rows": accepted, "next_offsets": next_offsets, "rejected": parsed.rejected}
        log.debug("published", extra=fields)
        told = tuple(parsed.rejects[:TOLD_REJECTS])
        return ObservationsPublished(parsed.read, accepted, parsed.rejected, told, next_offsets)

    async def _with_known_wsids(self, observations: pl.DataFrame) -> pl.DataFrame:
        """GHCNh's ids of airports are replaced by those that the station table has for them."""
        ids = ghcnh_ids(observations)
        if not ids:
            return observations
        answer = await self.request("guardian", GetWsids(ids))
        if isinstance(answer, RequestFailed):
            text = f"station {ids[0]}: the station table, which may have another id for it, is away: {answer.text}"
            raise Unavailable(text, answer.retry_after_s or 1.0)
        return with_wsids(observations, answer.wsids)

    async def _connect(self) -> Producer:
        await ensure_topics(self.settings)
        await self._producer.start()
        await self._rejected.start()
        return self._producer


def _parse(msg: PublishObservations) -> Parsed:
    next_year = datetime.now(timezone.utc).year + 1
    return parse(msg.format, msg.data, msg.first_line, next_year, msg.header, msg.wsid)


def _rejected_records(msg: PublishObservations, parsed: Parsed) -> list[Keyed]:
    hour_of = format_named(msg.format).hour_of
    in_hours = hour_of(msg.header) if hour_of is not None and msg.header is not None else None
    lines: Iterator[bytes] = kept_lines(msg.data, msg.first_line, parsed.rejects, in_hours)
    too_long = ((reject, None) for reject in msg.rejects)
    return list(feed_records(msg, chain(too_long, zip(parsed.rejects, lines, strict=True))))


_REJECTED_AT_ONCE = 20_000
"""Rejected rows that are published at once: some 0.1 s of work, however many lines of rubbish a chunk has."""

_WORTH_A_THREAD = 16_384
"""Bytes: a smaller chunk is parsed sooner than a thread has taken it."""
