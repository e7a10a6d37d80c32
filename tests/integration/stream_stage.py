"""The stream's own process on real Kafka and Cassandra, with what a test wants to do to it and know of it."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from killrweather.home import Home
from killrweather.jobs.events import DISOWN, OWN, dump
from killrweather.processes import free_port
from killrweather.settings import Settings
from killrweather.storage import schema
from killrweather.storage import session as cassandra
from killrweather.streams.connection import client_options
from killrweather.streams.producer import Producer
from killrweather.streams.topics import ensure_topics

JARS = Path(os.environ.get("KILLRWEATHER_SERVICES_JARS") or Home.find().path / "jars")
SENT_AT_ONCE = 5_000


def service_settings() -> Settings:
    """Embedded services on free ports."""
    return Settings.model_validate(
        {
            "cassandra": {"port": free_port()},
            "services": {
                "jars": JARS,
                "kafka": {"port": free_port(), "controller_port": free_port()},
                "cassandra": {"storage_port": free_port()},
            },
        }
    )


def fresh(services: Settings, **spark: Any) -> Settings:
    """A topic, a consumer group and a keyspace of their own on the running services."""
    name = f"t{uuid4().hex[:12]}"
    own = {
        "kafka": {"topic": {"raw": name, "rejected": f"{name}.rejected"}, "group_id": name},
        "cassandra": {**services.cassandra.model_dump(), "keyspace": name},
        "spark": spark,
        "services": services.services.model_dump(),
    }
    return Settings.model_validate(own)


@dataclass
class Stage:
    """A fresh topic, group and keyspace, and the stream processes that were started on them."""

    settings: Settings
    home: Home
    events: list[dict[str, Any]] = field(default_factory=list)
    process: subprocess.Popen | None = None
    sent: dict[int, int] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.session = cassandra.connect(self.settings)
        schema.apply(self.session, self.settings)
        self.session.set_keyspace(self.settings.cassandra.keyspace)
        asyncio.run(ensure_topics(self.settings))

    def start(self, owning: bool = True) -> None:
        """Start a stream that owns the topic or stands by; what it tells is kept in ``events`` from now on."""
        self.events.clear()
        with self.home.log("stream").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "killrweather.jobs.stream", "--home", str(self.home.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        threading.Thread(target=self._hear, args=(self.process,), daemon=True).start()
        self.say(dump(self.settings))
        if owning:
            self.own()

    def say(self, line: str) -> None:
        """Tell the stream something."""
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def own(self) -> None:
        """Have the stream own the topic."""
        self.say(OWN)

    def disown(self) -> None:
        """Have it leave the topic to another owner; returns when it has."""
        self.events.clear()
        self.say(DISOWN)
        self.wait_for("standby")
        self.events.clear()

    def jvm(self) -> psutil.Process:
        """The stream's JVM."""
        return psutil.Process(self.process.pid).children()[0]

    def publish(self, key: str, lines: Iterable[str | bytes]) -> None:
        """Send records of one station, in whole batches, and remember where the log ends then."""
        values = [line.encode() if isinstance(line, str) else line for line in lines]

        async def send() -> None:
            producer = Producer(self.settings, self.settings.kafka.topic.raw)
            await producer.start()
            try:
                for begin in range(0, len(values), SENT_AT_ONCE):
                    self.sent |= await producer.publish([(key.encode(), values[begin : begin + SENT_AT_ONCE])])
            finally:
                await producer.stop()

        asyncio.run(send())

    def wait_for(self, event: str, timeout_s: float = 120.0, **fields: Any) -> dict[str, Any]:
        """The first such event, with these fields, since the stream was started."""
        wanted = {"event": event, **fields}
        return self._wait(
            lambda: next((each for each in self.events if wanted.items() <= each.items()), None), str(wanted), timeout_s
        )

    def wait_until_stored(self, timeout_s: float = 120.0) -> None:
        """Wait until the stream has told of everything that was published."""
        self._wait(lambda: self._stored() == self.sent, f"offsets {self.sent}", timeout_s)

    def end(self) -> int:
        """Have the stream end as its actor does; its exit code."""
        with contextlib.suppress(BrokenPipeError):
            self.say("stop")
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """kill -9, the JVM's too if it is left."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Close the test's own session."""
        cassandra.close(self.session)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A table's rows, in the order of their columns' values."""
        found = self.session.execute(f"SELECT * FROM {table}")
        return sorted((row._asdict() for row in found), key=lambda row: json.dumps(row, default=str, sort_keys=True))

    def rejected(self, number: int, timeout_s: float = 30.0) -> list[ConsumerRecord]:
        """The records of the rejected topic, once there are that many."""
        topic = self.settings.kafka.topic.rejected

        async def read() -> list[ConsumerRecord]:
            consumer = AIOKafkaConsumer(**client_options(self.settings), auto_offset_reset="earliest")
            await consumer.start()
            try:
                partitions = [TopicPartition(topic, p) for p in range(self.settings.kafka.topic.partitions)]
                consumer.assign(partitions)
                await consumer.seek_to_beginning()
                found: list[ConsumerRecord] = []
                limit = time.monotonic() + timeout_s
                while len(found) < number and time.monotonic() < limit:
                    for records in (await consumer.getmany(timeout_ms=500)).values():
                        found.extend(records)
                return found
            finally:
                await consumer.stop()

        return asyncio.run(read())

    def _stored(self) -> dict[int, int]:
        told: dict[int, int] = {}
        for each in self.events:
            told |= {int(partition): offset for partition, offset in each.get("next_offsets", {}).items()}
        return {partition: told.get(partition, 0) for partition in self.sent}

    def _hear(self, process: subprocess.Popen) -> None:
        for line in process.stdout:
            with self._news:
                self.events.append(json.loads(line))
                self._news.notify_all()

    def _wait(self, claim, what: str, timeout_s: float):
        with self._news:
            if not self._news.wait_for(claim, timeout_s):
                last = [each for each in self.events if each["event"] != "alive"][-3:]
                raise AssertionError(f"{what}: not within {timeout_s} s; the stream said last {last}")
            return claim()
