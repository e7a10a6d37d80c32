"""The feed: from POST until Kafka has acknowledged, beside the same rows sent by a bare producer."""

import asyncio
import gzip
import statistics
import time
from itertools import groupby
from pathlib import Path

from aiokafka import AIOKafkaProducer

from bench.figures import Figure, at_least
from bench.references.topic import fresh
from bench.system import System
from killrweather.settings import Settings
from killrweather.streams.connection import client_options
from killrweather.streams.topics import ensure_topics

_BATCH_BYTES = 262_144


def measure(home: Path, rows: Path) -> list[Figure]:
    """A node that only feeds, so that no stream takes part; loads and bare sends in turns."""
    system = System(home, node={"roles": ["feed"]})
    system.run("up", "--detach")
    try:
        system.load(rows, wait=False)
        rates, bare = [], []
        for _ in range(3):
            rates.append(system.load(rows, wait=False))
            bare.append(asyncio.run(_send(system.settings, rows)))
    finally:
        system.run("down")
    what = "aiokafka send_batch of the same rows, already parsed"
    return [at_least("feed: POST until Kafka's acknowledgement", *map(statistics.median, (rates, bare)), what, 0.4)]


async def _send(system: Settings, rows: Path) -> float:
    settings = fresh(system)
    topic = settings.kafka.topic.raw
    await ensure_topics(settings)
    with gzip.open(rows, "rb") as file:
        lines = file.read().splitlines()
    stations = [(wsid, list(own)) for wsid, own in groupby(lines, key=lambda line: line.split(b",", 1)[0])]
    producer = AIOKafkaProducer(
        **client_options(settings), acks="all", enable_idempotence=True, max_batch_size=_BATCH_BYTES
    )
    await producer.start()
    try:
        await producer.partitions_for(topic)
        start = time.perf_counter()
        acknowledged = []
        for number, (wsid, values) in enumerate(stations):
            batch = producer.create_batch()
            for value in values:
                if batch.append(timestamp=None, key=wsid, value=value) is None:
                    acknowledged.append(await producer.send_batch(batch, topic, partition=number % 2))
                    batch = producer.create_batch()
                    batch.append(timestamp=None, key=wsid, value=value)
            acknowledged.append(await producer.send_batch(batch, topic, partition=number % 2))
        await asyncio.gather(*acknowledged)
        return len(lines) / (time.perf_counter() - start)
    finally:
        await producer.stop()
