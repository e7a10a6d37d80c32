"""The rows of a file in a topic of their own, for the references that read from Kafka."""

import asyncio
import gzip
from itertools import groupby
from pathlib import Path
from uuid import uuid4

from killrweather.settings import Settings
from killrweather.streams.producer import Producer
from killrweather.streams.topics import ensure_topics

_ROWS_AT_ONCE = 5_000


def fresh(settings: Settings) -> Settings:
    """The settings with a topic of its own, which is made when it is first used with ``ensure_topics``."""
    name = f"bench.{uuid4().hex[:8]}"
    topic = settings.kafka.topic.model_copy(update={"raw": name, "rejected": f"{name}.rejected"})
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"topic": topic})})


def filled(settings: Settings, rows: Path) -> tuple[Settings, int]:
    """A fresh topic with the file's lines, each with its station as key: its settings, and how many there are."""
    own = fresh(settings)
    with gzip.open(rows, "rb") as file:
        lines = file.read().splitlines()
    asyncio.run(_fill(own, lines))
    return own, len(lines)


async def _fill(settings: Settings, lines: list[bytes]) -> None:
    await ensure_topics(settings)
    producer = Producer(settings, settings.kafka.topic.raw)
    await producer.start()
    try:
        for wsid, own in groupby(lines, key=lambda line: line.split(b",", 1)[0]):
            values = list(own)
            for start in range(0, len(values), _ROWS_AT_ONCE):
                await producer.publish([(wsid, values[start : start + _ROWS_AT_ONCE])])
    finally:
        await producer.stop()
