"""Reads chunks of input and publishes the good rows."""

import asyncio
from datetime import datetime, timezone
from typing import Any

import polars as pl

from killrweather.actorsystem import AsyncActor
from killrweather.connection import Connection
from killrweather.errors import Unavailable
from killrweather.feed.canonical import records
from killrweather.feed.checks import Parsed
from killrweather.feed.parsing import parse
from killrweather.feed.wsids import ghcnh_ids, with_wsids
from killrweather.messages.control import RequestFailed
from killrweather.messages.feed import GetWsids, ObservationsPublished, PublishObservations
from killrweather.streams.producer import Producer


class KafkaPublisherActor(AsyncActor):
    """One of the pool: parse, check, publish, acknowledge, a whole chunk at a time."""

    def pre_start(self) -> None:
        self._producer = Producer(self.settings, self.settings.kafka.topic.raw)
        self._connection = Connection("kafka", self._connect)
        self._received = self._accepted = self._rejected = 0
        self.spawn(self._connection.open())

    async def post_stop(self) -> None:
        await self._producer.stop()

    def health(self) -> dict[str, Any]:
        """Whether Kafka takes records, as the checks of /ready want it."""
        if not self._connection.is_open:
            return {"kafka": str(self._connection.problem)}
        return {"kafka": "" if self._producer.is_connected else "Kafka has not acknowledged the last records"}

    def counters(self) -> dict[str, int | float]:
        return {"received": self._received, "accepted": self._accepted, "rejected": self._rejected}

    async def receiveMsg_PublishObservations(self, msg: PublishObservations, sender: Any) -> ObservationsPublished:
        producer = self._connection.get()
        parsed = _parse(msg) if len(msg.data) < _WORTH_A_THREAD else await asyncio.to_thread(_parse, msg)
        observations = await self._with_known_wsids(parsed.observations)
        accepted = len(observations)
        next_offsets = await producer.publish(records(observations)) if accepted else {}
        self._received += parsed.read
        self._accepted += accepted
        self._rejected += parsed.rejected
        return ObservationsPublished(parsed.read, accepted, parsed.rejected, tuple(parsed.rejects), next_offsets)

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
        await self._producer.start()
        return self._producer


def _parse(msg: PublishObservations) -> Parsed:
    next_year = datetime.now(timezone.utc).year + 1
    return parse(msg.format, msg.data, msg.first_line, next_year, msg.header, msg.wsid)


_WORTH_A_THREAD = 16_384
"""Bytes: a smaller chunk is parsed sooner than a thread has taken it."""
