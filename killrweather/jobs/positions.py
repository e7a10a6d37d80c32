"""Where the stream begins in each partition, from its stored progress and from what the log still has."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from killrweather.errors import RecordsLost
from killrweather.settings import Settings
from killrweather.storage.progress import Position
from killrweather.streams.connection import client_options
from killrweather.streams.offsets import Span, spans_of
from killrweather.streams.topics import away, ensure_topics


def start_positions(stored: Mapping[int, Position], spans: Mapping[int, Span], now_us: int) -> dict[int, Position]:
    """The position at which each partition of the log is taken up.

    A partition that is seen for the first time gets the epoch ``now_us``. So does one whose log ends before the
    stored offset: the topic was deleted and made again. A topic that was made again and has grown beyond the stored
    offset cannot be told from the old one. Records that expired before a replay came to them are passed over, because
    they were stored before; raises ``RecordsLost`` when the log no longer has what was never stored.
    """
    positions = {}
    for partition, span in spans.items():
        known = stored.get(partition)
        if known is None or span.end < known.reached:
            reached_us = known.epoch_us + known.reached if known else 0
            positions[partition] = Position(max(now_us, reached_us), span.begin)
        elif known.reached < span.begin:
            raise RecordsLost(
                f"partition {partition}: progress is at offset {known.reached}, but the log begins "
                f"at {span.begin}: {span.begin - known.reached} records are gone unread, expected "
                "kafka.topic.retention_ms to outlast every pause of the stream; to go on "
                "without them set next_offset in stream_progress"
            )
        else:
            positions[partition] = replace(known, next_offset=max(known.next_offset, span.begin))
    return positions


def set_back(
    positions: Mapping[int, Position], spans: Mapping[int, Span], begin: Mapping[int, int]
) -> dict[int, Position]:
    """The positions for a replay from the offsets ``begin``, as far as the log still has them; none goes forward."""
    return {
        partition: position.back_at(max(begin.get(partition, position.next_offset), spans[partition].begin))
        for partition, position in positions.items()
    }


def log_spans(settings: Settings) -> dict[int, Span]:
    """The offsets of every partition of the raw topic; creates it if need be, raises ``Unavailable``."""
    return asyncio.run(_log_spans(settings))


async def _log_spans(settings: Settings) -> dict[int, Span]:
    numbers = await ensure_topics(settings)
    consumer = AIOKafkaConsumer(**client_options(settings))
    try:
        await consumer.start()
        return await spans_of(consumer, settings.kafka.topic.raw, numbers)
    except (KafkaError, OSError, asyncio.TimeoutError) as error:
        raise away(settings, error) from error
    finally:
        await consumer.stop()
