"""A plain Python consumer: aiokafka and the driver's ``execute_concurrent``, raw rows only."""

import asyncio
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer
from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.query import UNSET_VALUE

from bench.references.topic import filled
from killrweather.model.observation import COLUMNS, TIME_COLUMNS, VALUE_FIELDS
from killrweather.settings import Settings
from killrweather.storage import session as cassandra
from killrweather.streams.connection import client_options

_CONVERT = [str, *(int for _ in TIME_COLUMNS), *(field.type for field in VALUE_FIELDS)]


def measure(settings: Settings, rows: Path, directory: Path) -> float:
    """rows/s of one process from the first fetch to the last acknowledged write."""
    own, number = filled(settings, rows)
    session = cassandra.connect(settings)
    try:
        start = time.perf_counter()
        asyncio.run(_consume(own, session, number))
        return number / (time.perf_counter() - start)
    finally:
        cassandra.close(session)


async def _consume(settings: Settings, session: Session, number: int) -> None:
    names, marks = ", ".join(COLUMNS), ", ".join("?" * len(COLUMNS))
    table = f"{settings.cassandra.keyspace}.raw_weather_data"
    statement = session.prepare(f"INSERT INTO {table} ({names}) VALUES ({marks})")
    consumer = AIOKafkaConsumer(
        settings.kafka.topic.raw, **client_options(settings), auto_offset_reset="earliest", max_poll_records=5_000
    )
    await consumer.start()
    try:
        while number:
            found = await consumer.getmany(timeout_ms=1_000)
            values = [_row(record.value) for records in found.values() for record in records]
            execute_concurrent_with_args(session, statement, values, concurrency=128)
            number -= len(values)
    finally:
        await consumer.stop()


def _row(line: bytes) -> list[object]:
    fields = line.decode().split(",")
    return [convert(text) if text else UNSET_VALUE for convert, text in zip(_CONVERT, fields, strict=True)]
