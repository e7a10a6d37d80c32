"""Starts and watches the Spark stream, which lives in a process of its own; one node of a cluster owns the topic."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from secrets import token_hex
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from killrweather.actorsystem import AsyncActor
from killrweather.connection import Connection
from killrweather.errors import StreamFailed, Unavailable
from killrweather.jobs.events import DISOWN, OWN, ReplayOrder, partitions
from killrweather.jobs.process import JobProcess
from killrweather.messages.cluster import ClusterView
from killrweather.messages.control import OutputStreamInitialized
from killrweather.messages.layers import Replay, Replaying
from killrweather.messages.node import Batches, GetStreamProgress, StreamProgress
from killrweather.streams.connection import client_options
from killrweather.streams.offsets import replay_begin, spans_of
from killrweather.streams.topics import away, ensure_topics, log_end, started

log = logging.getLogger(__name__)

_LOG_END_INTERVAL_S = 1.0
_AGAIN_S, _FENCED_LIMIT = 1.0, 5
"""A stream that was replaced although this node is its owner takes the topic again, after a pause and so many times."""
_SET_BACK_S = 4.0
"""How long the answer to an order for a replay waits for the micro-batch that comes first."""


class KafkaStreamingActor(AsyncActor):
    """Has the stream follow the topic while this node owns it, and stand by with a warm JVM while another one does.

    A stream that ends or falls silent is a failure of this actor, which a restart mends.
    """

    def pre_start(self) -> None:
        self._stream = JobProcess("stream", self.settings, self.home)
        self._state, self._text = "starting", "the stream is starting"
        self._view: ClusterView | None = None
        self._is_ordered = self._is_started = False
        self._fenced = 0
        self._stored: dict[int, int] = {}
        self._log_end: dict[int, int] = {}
        self._rejected = 0
        self._newest: datetime | None = None
        self._batches = Batches()
        self._replay: Replaying | None = None
        self._set_back = asyncio.Event()
        self._kafka = Connection("kafka", self._connect)
        self.spawn(self._follow())
        self.spawn(self._watch())
        self.spawn(self._follow_log_end())

    async def post_stop(self) -> None:
        self._state = "stopped"
        await self._stream.stop(self.settings.node.shutdown_timeout_s / 2)
        if self._kafka.is_open:
            await self._kafka.get().stop()

    async def pre_restart(self) -> None:
        await self._stream.kill()
        if self._kafka.is_open:
            await self._kafka.get().stop()

    def health(self) -> dict[str, Any]:
        """Whether the stream runs, as the check of /ready wants it."""
        return {"stream": "" if self._state == "running" or self._is_elsewhere else self._text}

    def counters(self) -> dict[str, int | float]:
        """What is known of where the log ends and where the stream is."""
        progress = self._progress()
        if self._state == "standby":
            return {}
        found = {"in_kafka": sum(progress.log_end.values()) if progress.log_end else None, "lag": progress.lag}
        return {name: number for name, number in found.items() if number is not None}

    async def receiveMsg_ClusterView(self, view: ClusterView, sender: Any) -> None:
        """Own the topic, or leave it, as the cluster has it."""
        self._view = view
        await self._order()

    async def receiveMsg_GetStreamProgress(self, msg: GetStreamProgress, sender: Any) -> StreamProgress:
        return self._progress()

    async def receiveMsg_Replay(self, msg: Replay, sender: Any) -> Replaying:
        """Have the stream set itself back: it owns the progress, and nobody else writes it."""
        self._require_no_replay()
        stored = dict(self._stored)
        begin = await self._begin_of(msg, stored)
        self._require_no_replay()  # the stream may have changed hands, or heard another order
        until = {partition: stored[partition] for partition in begin}
        begin = {partition: min(offset, stored[partition]) for partition, offset in begin.items()}
        self._replay = Replaying(token_hex(4), begin, until, has_begun=False)
        self._set_back.clear()
        await self._stream.say(ReplayOrder(self._replay.id, begin).dump())
        try:
            await asyncio.wait_for(self._set_back.wait(), _SET_BACK_S)
        except asyncio.TimeoutError:
            log.info("a replay waits for the end of a micro-batch", extra={"begin": begin})
        if self._replay is None:
            raise Unavailable("the stream was handed over before the replay began; order it again")
        return self._replay

    def _require_no_replay(self) -> None:
        if self._state != "running":
            raise Unavailable(f"the stream is {self._state}: {self._standing}; a replay needs a stream that runs")
        if not self._is_ordered:
            raise Unavailable("the stream is being handed over; order the replay again")
        if self._replay and not self._replay.has_begun:
            raise Unavailable("a replay is ordered and has not begun yet; look at it with: killrweather status")

    async def _begin_of(self, order: Replay, stored: Mapping[int, int]) -> dict[int, int]:
        consumer, topic = self._kafka.get(), self.settings.kafka.topic.raw
        try:
            spans = await spans_of(consumer, topic, stored)
            since: dict[int, int | None] = {}
            if order.from_time is not None:
                time_ms = max(0, round(order.from_time.timestamp() * 1000))
                found = await consumer.offsets_for_times({TopicPartition(topic, number): time_ms for number in spans})
                since = {place.partition: first and first.offset for place, first in found.items()}
        except (KafkaError, asyncio.TimeoutError) as error:
            raise away(self.settings, error) from error
        return replay_begin(order, topic, spans, since)

    def _progress(self) -> StreamProgress:
        return StreamProgress(
            dict(self._stored),
            dict(self._log_end),
            self._rejected,
            self._state,
            self._standing,
            self._replay,
            self._newest,
            self._batches,
        )

    @property
    def _is_elsewhere(self) -> bool:
        """The stream is ready here, and another node owns the topic."""
        view = self._view
        is_owned = view is not None and not view.problem and view.owner("stream") is not None
        return self._state == "standby" and is_owned and not self._is_ordered

    @property
    def _standing(self) -> str:
        """What the stream does, in words."""
        if self._is_elsewhere and self._view and (owner := self._view.owner("stream")):
            return f"ready to take over from {owner.name}"
        return self._text

    async def _order(self) -> None:
        is_owner = self._view is not None and self._view.owns("stream")
        if self._is_started and is_owner != self._is_ordered:
            self._is_ordered = is_owner
            await self._stream.say(OWN if is_owner else DISOWN)

    async def _follow(self) -> None:
        """Take in what the stream tells; its end is this actor's failure."""
        await self._stream.start()
        async for event in self._stream.events():
            self._take(event)
        code = await self._stream.wait()
        if self._state != "stopped":
            raise StreamFailed(f"the Spark stream ended with code {code}: {self._text}; see {self.home.log('spark')}")

    def _take(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "standby":
                self._state, self._text = "standby", event["text"]
                self._stored, self._replay, self._newest = {}, None, None
                if event["fenced"]:
                    self.spawn(self._after_fence())
                elif not self._is_started:
                    self._is_started = True
                    self.spawn(self._order())
            case "rehearsed":
                self._state, self._text = "standby", "the stream is ready to own the topic"
                log.info("stream rehearsed", extra={"seconds": event["seconds"]})
            case "started":
                self._state, self._text = "running", "the stream runs"
                self._stored.update(partitions(event["next_offsets"]))
                self._newest = _time(event["newest"])
                self._note_replay(event["replay"], partitions(event["replay_until"]))
                log.info("stream started", extra={"event": OutputStreamInitialized("killrweather")})
            case "batch":
                self._state, self._text = "running", "the stream runs"
                self._stored.update(partitions(event["next_offsets"]))
                self._rejected += event["rejected"]
                self._newest = _time(event["newest"])
                self._batches = self._batches.plus(event["rows"], event["seconds"], datetime.now(timezone.utc))
                self._fenced = 0
                fields = {name: event[name] for name in ("rows", "stored", "rejected", "next_offsets", "seconds")}
                log.info("batch", extra=fields)
            case "waiting":
                self._state, self._text = "waiting", event["text"]
                log.warning("stream waits", extra={"what": event["for"], "reason": event["text"]})
            case "apart" | "expired":
                log.warning("another data centre", extra={"what": event["event"], "reason": event["text"]})
            case "reconciled":
                log.info("reconciled", extra={name: event[name] for name in ("stream", "number", "of", "days")})
            case "failed":
                self._text = event["text"]

    async def _after_fence(self) -> None:
        """Another stream has taken the topic. If that was this cluster's will, its next view says so."""
        self._fenced += 1
        if self._fenced > _FENCED_LIMIT:
            raise StreamFailed(
                f"a stream that is not of this cluster owns the progress of {self.settings.kafka.group_id}:"
                f" {self._text}; end it, or set kafka.group_id to a name of its own"
            )
        await asyncio.sleep(_AGAIN_S)
        self._is_ordered = False
        await self._order()

    def _note_replay(self, order: str | None, until: dict[int, int]) -> None:
        """Know the replay that the stream has begun, or goes on with since before this actor started."""
        if self._replay and order == self._replay.id:
            begin = {partition: self._stored[partition] for partition in until}
            self._replay = replace(self._replay, begin=begin, until=until, has_begun=True)
            self._set_back.set()
            log.info("replay", extra={"begin": begin, "until": until})
        elif self._replay is None and until:
            begin = {partition: self._stored[partition] for partition in until}
            self._replay = Replaying("", begin, until, has_begun=True)

    async def _watch(self) -> None:
        """Kill a stream that gives no sign of life; its end is then seen as any other."""
        self._text = await self._stream.silence()
        log.error("the stream hangs", extra={"reason": self._text})
        await self._stream.kill()

    async def _follow_log_end(self) -> None:
        """Keep knowing where the log ends, for the lag."""
        consumer = await self._kafka.open()
        while True:
            try:
                self._log_end = await log_end(consumer, self.settings.kafka.topic.raw)
            except (KafkaError, asyncio.TimeoutError) as error:
                log.warning("the end of the log is unknown", extra={"reason": repr(error)})
            await asyncio.sleep(_LOG_END_INTERVAL_S)

    async def _connect(self) -> AIOKafkaConsumer:
        await ensure_topics(self.settings)
        return await started(AIOKafkaConsumer(**client_options(self.settings)), self.settings)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
