"""Which offsets a log has, and where a replay begins in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from killrweather.errors import BadRequest
from killrweather.messages.layers import Replay


@dataclass(frozen=True, slots=True)
class Span:
    """The offsets that a partition's log has: ``begin`` is its first record, ``end`` where the next will be."""

    begin: int
    end: int


async def spans_of(consumer: AIOKafkaConsumer, topic: str, numbers: Iterable[int]) -> dict[int, Span]:
    """The offsets that these partitions have."""
    partitions = [TopicPartition(topic, number) for number in numbers]
    begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    return {place.partition: Span(begins[place], ends[place]) for place in partitions}


def replay_begin(
    order: Replay, topic: str, spans: Mapping[int, Span], since: Mapping[int, int | None]
) -> dict[int, int]:
    """The offset at which a replay begins in each partition that it is about.

    ``since`` has the first offset at or after the order's time, None where no record is that new. Raises
    ``BadRequest`` for a partition that the topic does not have, for a time after all records, and for an offset that
    has expired or lies beyond the end of a partition.
    """
    if order.partition is not None and order.partition not in spans:
        there = ", ".join(map(str, sorted(spans)))
        raise BadRequest(f"partition {order.partition}: topic {topic} has the partitions {there}", "partition")
    chosen = {number: span for number, span in spans.items() if order.partition in (None, number)}
    if order.from_time is not None:
        begin = {number: offset for number in chosen if (offset := since[number]) is not None}
        if not begin:
            text = order.from_time.isoformat()
            raise BadRequest(f"from_time {text}: topic {topic} has no record that is so new", "from_time")
        return begin
    if order.from_offset is None:
        return {number: span.begin for number, span in chosen.items()}
    outside = [
        _outside(number, order.from_offset, span)
        for number, span in sorted(chosen.items())
        if not span.begin <= order.from_offset <= span.end
    ]
    if outside:
        hint = "" if len(chosen) == 1 else "; name one partition to replay that alone"
        raise BadRequest(f"topic {topic}: {'; '.join(outside)}{hint}", "from_offset")
    return dict.fromkeys(chosen, order.from_offset)


def _outside(partition: int, offset: int, span: Span) -> str:
    where = "has expired" if offset < span.begin else "lies beyond the end"
    there = f"offsets {span.begin} to {span.end - 1}" if span.end > span.begin else "no records"
    return f"offset {offset} of partition {partition} {where}, its log has {there}"
