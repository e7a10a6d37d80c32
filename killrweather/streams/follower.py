"""Following a topic without a group: whoever follows gets everything, and each record once."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition


class Follower:
    """What comes in a topic from some offsets on; partitions without one, and those added later, from their first on.

    aiokafka assigns all partitions anew when their number changes, and several times while brokers do not agree on
    it. Each of them then begins where ``auto_offset_reset`` says: it has to be ``earliest``.
    """

    def __init__(self, consumer: AIOKafkaConsumer, next_offsets: Mapping[int, int] | None = None):
        self._consumer = consumer
        self._next_offsets = dict(next_offsets or {})
        self._assigned: AbstractSet[TopicPartition] = frozenset()

    async def take(self, timeout_ms: int, max_records: int | None = None) -> list[ConsumerRecord]:
        """What has come since, of each partition in its order; nothing after a silence. Raises KafkaError."""
        self._go_on()
        found = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)
        return [record for place, records in found.items() for record in self._new(place, records)]

    async def next_offsets(self) -> dict[int, int]:
        """For each partition the offset before which everything was taken; raises KafkaError."""
        return {
            place.partition: max(self._next_offsets.get(place.partition, 0), await self._consumer.position(place))
            for place in self._consumer.assignment()
        }

    def _go_on(self) -> None:
        """Have what was assigned anew go on where it was, so that the whole log does not pass once more."""
        assigned = self._consumer.assignment()
        if assigned != self._assigned:
            for place in assigned:
                if place.partition in self._next_offsets:
                    self._consumer.seek(place, self._next_offsets[place.partition])
            self._assigned = assigned

    def _new(self, place: TopicPartition, records: Sequence[ConsumerRecord]) -> Iterator[ConsumerRecord]:
        """Those not taken yet: partitions may be assigned anew while records are waited for."""
        begin = self._next_offsets.get(place.partition, 0)
        end = self._consumer.highwater(place)
        if end is not None and end < begin:  # the topic was made anew
            begin = 0
        for record in records:
            if record.offset >= begin:
                self._next_offsets[place.partition] = record.offset + 1
                yield record
