"""Where the stream begins in each partition, from its stored progress and from what the log still has."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from killrweather.errors import RecordsLost
from killrweather.settings import Settings
from killrweather.storage.progress import Position
from killrweather.streams.connection import client_options
from killrweather.streams.topics import away, ensure_topics


@dataclass(frozen=True, slots=True)
class Span:
    """The offsets that a partition's log has: ``begin`` is its first record, ``end`` where the next will be."""

    begin: int
    end: int


def start_positions(stored: Mapping[int, Position], spans: Mapping[int, Span], now_us: int) -> dict[int, Position]:
    """The position at which each partition of the log is taken up.

    A partition that is seen for the first time gets the epoch ``now_us``. So does one whose log ends before the
    stored offset: the topic was deleted and made again. A topic that was made again and has grown beyond the stored
    offset cannot be told from the old one. Raises ``RecordsLost`` when the log no longer has the stored offset.
    """
    positions = {}
    for partition, span in spans.items():
        known = stored.get(partition)
        if known is None or span.end < known.next_offset:
            reached_us = known.epoch_us + known.next_offset if known else 0
            positions[partition] = Position(max(now_us, reached_us), span.begin)
        elif known.next_offset < span.begin:
            raise RecordsLost(
                f"partition {partition}: progress is at offset {known.next_offset}, but the log begins "
                f"at {span.begin}: {span.begin - known.next_offset} records are gone unread, expected "
                "kafka.topic.retention_ms to outlast every pause of the stream; to go on "
                "without them set next_offset in stream_progress"
            )
        else:
            positions[partition] = known
    return positions


def log_spans(settings: Settings) -> dict[int, Span]:
    """The offsets of every partition of the raw topic; creates it if need be, raises ``Unavailable``."""
    return asyncio.run(_log_spans(settings))


async def _log_spans(settings: Settings) -> dict[int, Span]:
    numbers = await ensure_topics(settings)
    partitions = [TopicPartition(settings.kafka.topic.raw, number) for number in numbers]
    consumer = AIOKafkaConsumer(**client_options(settings))
    try:
        await consumer.start()
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        return {place.partition: Span(begins[place], ends[place]) for place in partitions}
    except (KafkaError, OSError, asyncio.TimeoutError) as error:
        raise away(settings, error) from error
    finally:
        await consumer.stop()
