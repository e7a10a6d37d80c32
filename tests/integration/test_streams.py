"""What reads and writes the topics, on a real Kafka."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from stream_stage import fresh, service_settings

from killrweather.actorsystem.testkit import eventually
from killrweather.home import Home
from killrweather.services import ensure, find_java
from killrweather.services.kafka import EmbeddedKafka
from killrweather.streams.connection import client_options
from killrweather.streams.follower import Follower
from killrweather.streams.observations import ObservationLog
from killrweather.streams.producer import Producer
from killrweather.streams.topics import ensure_topics, log_end, partitions_of, started


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    """A broker alone."""
    settings, home = service_settings(), Home(tmp_path_factory.mktemp("kafka"))
    home.directory("run")
    broker = EmbeddedKafka(settings, home)
    broker.launch(find_java(settings), ensure(broker.name, home, settings))
    eventually(lambda: broker.poll() == "ready", within_s=120)
    yield settings
    broker.stop()


async def publish(settings, rows):
    """Publish so many records, each of a station of its own."""
    producer = Producer(settings, settings.kafka.topic.raw)
    await producer.start()
    await producer.publish([(b"%d" % row, [b"a record"]) for row in range(rows)])
    await producer.stop()


def test_a_partition_that_is_added_counts_from_its_first_record_on(kafka):
    """For the lag, for the number of accepted rows, and for a listener that catches up."""
    settings = fresh(kafka)
    topic = settings.kafka.topic.raw

    async def ends_before_and_after():
        await ensure_topics(settings)
        consumer = await started(AIOKafkaConsumer(**client_options(settings)), settings)
        observations = ObservationLog(settings)
        admin = AIOKafkaAdminClient(**client_options(settings))
        await admin.start()
        try:
            await publish(settings, 100)
            assert sum((await log_end(consumer, topic)).values()) == 100
            assert len(await observations.spans()) == settings.kafka.topic.partitions
            await admin.create_partitions({topic: NewPartitions(7)})
            await publish(settings, 100)
            return await log_end(consumer, topic), await observations.spans()
        finally:
            await admin.close()
            await observations.stop()
            await consumer.stop()

    ends, spans = asyncio.run(ends_before_and_after())

    assert len(ends) == 7
    assert sum(ends.values()) == 200
    assert {number: span.end for number, span in spans.items()} == ends


def test_whoever_follows_a_topic_takes_each_record_once_when_partitions_are_added(kafka):
    """aiokafka begins all partitions anew; the new ones come from their first record on."""
    settings = fresh(kafka)
    topic = settings.kafka.topic.raw

    async def followed():
        await ensure_topics(settings)
        consumer = AIOKafkaConsumer(topic, **client_options(settings), auto_offset_reset="earliest")
        follower = Follower(await started(consumer, settings))
        admin = AIOKafkaAdminClient(**client_options(settings))
        await admin.start()
        try:
            found = []
            await publish(settings, 100)
            while len(found) < 100:
                found += await follower.take(500)
            await admin.create_partitions({topic: NewPartitions(7)})
            await publish(settings, 100)
            while len(await follower.next_offsets()) < 7 or len(found) < 200:
                await partitions_of(consumer, topic)
                found += await follower.take(500)
            return found + await follower.take(500), await follower.next_offsets(), await log_end(consumer, topic)
        finally:
            await admin.close()
            await consumer.stop()

    found, next_offsets, ends = asyncio.run(asyncio.wait_for(followed(), 60))

    assert len(found) == len({(record.partition, record.offset) for record in found}) == 200
    assert next_offsets == ends
    assert len(ends) == 7
