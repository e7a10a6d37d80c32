"""The producer when Kafka was away for longer than a record may wait."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import LeaderNotAvailableError, OutOfOrderSequenceNumber

from killrweather.errors import Unavailable
from killrweather.settings import Settings
from killrweather.streams import producer as module
from killrweather.streams.producer import Producer


class Batch:
    """Counts its records."""

    def __init__(self):
        self.count = 0

    def append(self, **_):
        self.count += 1
        return object()

    def record_count(self):
        return self.count

    def close(self):
        """Nothing more is added."""


class Library:
    """Stands in for aiokafka: while there is no leader a batch fails, and whatever follows it is out of order."""

    made: list["Library"]
    has_leader = True
    is_reachable = True

    def __init__(self, **_):
        self.has_gap, self.is_stopped = False, False
        self.made.append(self)

    async def start(self):
        if not self.is_reachable:
            raise LeaderNotAvailableError

    async def stop(self):
        self.is_stopped = True

    async def partitions_for(self, topic):
        return {0}

    def _partition(self, *_):
        return 0

    def create_batch(self):
        return Batch()

    async def send_batch(self, batch, topic, partition):
        future = asyncio.get_running_loop().create_future()
        if not self.has_leader:
            self.has_gap = True
            future.set_exception(LeaderNotAvailableError())
        elif self.has_gap:
            future.set_exception(OutOfOrderSequenceNumber())
        else:
            future.set_result(SimpleNamespace(partition=partition, offset=0))
        return future


@pytest.fixture
def library(monkeypatch):
    async def ensure_topics(settings):
        return (0,)

    kind = type("Fresh", (Library,), {"made": []})
    monkeypatch.setattr(module, "AIOKafkaProducer", kind)
    monkeypatch.setattr(module, "ensure_topics", ensure_topics)
    return kind


ROWS = [(b"key", [b"1", b"2"])]


def test_after_a_batch_was_given_up_the_next_one_begins_with_a_new_sequence(library):
    """The library's numbers have a gap by then, and Kafka would refuse everything that follows."""

    async def scenario():
        producer = Producer(Settings(), "raw")
        await producer.start()
        assert await producer.publish(ROWS) == {0: 2}
        library.has_leader = False
        with pytest.raises(Unavailable):
            await producer.publish(ROWS)
        library.has_leader = True
        return await producer.publish(ROWS), await producer.publish(ROWS)

    assert asyncio.run(scenario()) == ({0: 2}, {0: 2})
    assert [made.is_stopped for made in library.made] == [True, False]


def test_while_no_new_connection_can_be_had_records_are_refused(library):
    """Each caller is told that Kafka is away; the first one after its return gets through."""

    async def scenario():
        producer = Producer(Settings(), "raw")
        await producer.start()
        library.has_leader = library.is_reachable = False
        for _ in range(3):
            with pytest.raises(Unavailable):
                await producer.publish(ROWS)
        library.has_leader = library.is_reachable = True
        return await producer.publish(ROWS)

    assert asyncio.run(scenario()) == {0: 2}
