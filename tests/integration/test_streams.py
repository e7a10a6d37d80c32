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
from killrweather.streams.observations import ObservationLog
from killrweather.streams.producer import Producer
from killrweather.streams.topics import ensure_topics, log_end, started


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
