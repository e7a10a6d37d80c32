"""Starts and watches the Spark stream, which lives in a process of its own."""

import asyncio
import logging
import time
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from killrweather.actorsystem import AsyncActor
from killrweather.connection import Connection
from killrweather.errors import StreamFailed
from killrweather.jobs.process import StreamProcess
from killrweather.messages.control import OutputStreamInitialized
from killrweather.messages.node import GetStreamProgress, StreamProgress
from killrweather.streams.connection import client_options
from killrweather.streams.topics import away, ensure_topics, log_end

log = logging.getLogger(__name__)

_LOG_END_INTERVAL_S = 1.0


class KafkaStreamingActor(AsyncActor):
    """Owns the stream: a stream that ends or falls silent is a failure of this actor, which a restart mends."""

    def pre_start(self) -> None:
        self._stream = StreamProcess(self.settings, self.home)
        self._state, self._text = "starting", "the stream is starting"
        self._heard_at = time.monotonic()
        self._stored: dict[int, int] = {}
        self._log_end: dict[int, int] = {}
        self._rejected = 0
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
        return {"stream": "" if self._state == "running" else self._text}

    def counters(self) -> dict[str, int | float]:
        progress = self._progress()
        return {
            "in_kafka": sum(progress.log_end.values()),
            "stored": sum(progress.stored.values()),
            "rejected_by_stream": self._rejected,
            "lag": max(0, progress.lag),
        }

    async def receiveMsg_GetStreamProgress(self, msg: GetStreamProgress, sender: Any) -> StreamProgress:
        return self._progress()

    def _progress(self) -> StreamProgress:
        return StreamProgress(dict(self._stored), dict(self._log_end), self._rejected, self._state, self._text)

    async def _follow(self) -> None:
        """Take in what the stream tells; its end is this actor's failure."""
        await self._stream.start()
        async for event in self._stream.events():
            self._heard_at = time.monotonic()
            self._take(event)
        code = await self._stream.wait()
        if self._state != "stopped":
            raise StreamFailed(f"the Spark stream ended with code {code}: {self._text}; see {self.home.log('spark')}")

    def _take(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "started":
                self._state, self._text = "running", "the stream runs"
                self._stored.update(_partitions(event["next_offsets"]))
                log.info("stream started", extra={"event": OutputStreamInitialized("killrweather")})
            case "batch":
                self._state, self._text = "running", "the stream runs"
                self._stored.update(_partitions(event["next_offsets"]))
                self._rejected += event["rejected"]
                fields = {name: event[name] for name in ("rows", "stored", "rejected", "next_offsets", "seconds")}
                log.info("batch", extra=fields)
            case "waiting":
                self._state, self._text = "waiting", event["text"]
                log.warning("stream waits", extra={"what": event["for"], "reason": event["text"]})
            case "failed":
                self._text = event["text"]

    async def _watch(self) -> None:
        """Kill a stream that gives no sign of life; its end is then seen as any other."""
        limit_s = self.settings.node.hung_after_s
        while True:
            await asyncio.sleep(limit_s / 4)
            silent_s = time.monotonic() - self._heard_at
            starting_s = self.settings.services.start_timeout_s
            if silent_s > (starting_s if self._state == "starting" else limit_s):
                self._text = f"it gave no sign of life for {silent_s:.0f} s and was killed"
                log.error("stream hangs, so it is killed", extra={"silent_s": round(silent_s, 1)})
                await self._stream.kill()
                return

    async def _follow_log_end(self) -> None:
        """Keep knowing where the log ends, for the lag."""
        consumer = await self._kafka.open()
        while True:
            try:
                self._log_end = await log_end(consumer, self.settings.kafka.topic.raw, self._partitions)
            except (KafkaError, asyncio.TimeoutError) as error:
                log.warning("the end of the log is unknown", extra={"reason": repr(error)})
            await asyncio.sleep(_LOG_END_INTERVAL_S)

    async def _connect(self) -> AIOKafkaConsumer:
        self._partitions = await ensure_topics(self.settings)
        consumer = AIOKafkaConsumer(**client_options(self.settings))
        try:
            await consumer.start()
        except (KafkaError, OSError, asyncio.TimeoutError) as error:
            await consumer.stop()
            raise away(self.settings, error) from error
        return consumer


def _partitions(offsets: dict[str, int]) -> dict[int, int]:
    """Offsets as the stream tells them: JSON has no numbers for keys."""
    return {int(partition): offset for partition, offset in offsets.items()}
