"""A topic whose partitions a test writes and adds, and aiokafka's consumer of it without a group."""

import asyncio
from types import SimpleNamespace

from aiokafka.structs import TopicPartition


class WrittenTopic:
    """Stands in for a consumer that has subscribed: a number of partitions that changes sets all of them back to 0."""

    def __init__(self, partitions=1, name="weather"):
        self.name = name
        self.logs = {number: [] for number in range(partitions)}
        self.failure = None
        self.read = self.closed = 0
        self._client = SimpleNamespace(add_topic=lambda topic: None, force_metadata_update=lambda: asyncio.sleep(0))
        self.forget()

    def __call__(self, *topics, **options):
        return self

    def write(self, partition, *records):
        """Append these, each a value or a value and its headers."""
        for one in records:
            value, headers = one if isinstance(one, tuple) else (one, ())
            log = self.logs[partition]
            place = {"topic": self.name, "partition": partition, "offset": len(log)}
            log.append(SimpleNamespace(**place, key=b"k", value=value, headers=tuple(headers), timestamp=0))

    def add_partition(self):
        """As ``kafka-topics.sh --alter`` does."""
        self.logs[len(self.logs)] = []
        self.forget()

    def make_anew(self):
        """Delete it and create it again."""
        self.logs = {number: [] for number in self.logs}
        self.forget()

    def forget(self):
        """Assign all partitions anew."""
        self.positions = {TopicPartition(self.name, number): 0 for number in self.logs}

    async def start(self):
        pass

    async def stop(self):
        self.closed += 1

    def assignment(self):
        return frozenset(self.positions)

    def partitions_for_topic(self, topic):
        return set(self.logs)

    async def end_offsets(self, places):
        return {place: len(self.logs[place.partition]) for place in places}

    def seek(self, place, offset):
        self.positions[place] = offset

    async def position(self, place):
        return self.positions[place]

    def highwater(self, place):
        return len(self.logs[place.partition])

    async def getmany(self, timeout_ms, max_records=None):
        await asyncio.sleep(0.001)
        if self.failure:
            raise self.failure
        found = {}
        for place, position in self.positions.items():
            end = len(self.logs[place.partition])
            if records := self.logs[place.partition][position if position <= end else 0 :]:
                found[place] = records[:max_records]
                self.positions[place] = found[place][-1].offset + 1
                self.read += len(found[place])
        return found
