"""The producer when Kafka was away for longer than a record may wait."""

import asyncio

import pytest
from kafka_stage import TOPIC, Broker, Library

from killrweather.errors import Unavailable
from killrweather.settings import Settings
from killrweather.streams import producer as module
from killrweather.streams.producer import Producer


@pytest.fixture
def library(monkeypatch):
    kind = type("Fresh", (Library,), {"made": []})
    monkeypatch.setattr(module, "SeverableProducer", kind)
    return kind


ROWS = [(b"key", [b"1", b"2"])]


async def published(producer, rows):
    """Publish as a client does: as long as it is told to come back."""
    while True:
        try:
            return await producer.publish(rows)
        except Unavailable:
            await asyncio.sleep(0.01)


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
        return await published(producer, ROWS), await producer.publish(ROWS)

    assert asyncio.run(scenario()) == ({0: 2}, {0: 2})
    assert [(made.is_severed, made.is_stopped) for made in library.made] == [(True, True), (False, False)]


def test_to_start_it_again_changes_nothing(library):
    """Who opens several things begins again with the first when a later one is away."""

    async def scenario():
        producer = Producer(Settings(), "raw")
        for _ in range(3):
            await producer.start()

    asyncio.run(scenario())

    assert len(library.made) == 1


def test_while_no_new_connection_can_be_had_records_are_refused(library):
    """Each caller is told that Kafka is away, and so is who asks for the node's health, until it is back."""

    async def scenario():
        producer = Producer(Settings(), "raw")
        await producer.start()
        library.has_leader = library.is_reachable = False
        for _ in range(3):
            with pytest.raises(Unavailable):
                await producer.publish(ROWS)
        assert not producer.is_connected
        library.has_leader = library.is_reachable = True
        return await published(producer, ROWS), producer.is_connected

    assert asyncio.run(scenario()) == ({0: 2}, True)


def settings(broker):
    """Of a producer that waits no longer than it has to."""
    kafka = {"bootstrap_servers": [f"127.0.0.1:{broker.port}"], "request_timeout_s": 1.0}
    return Settings.model_validate({"kafka": kafka})


WORDY = b"late " * 40_000
"""More than the two kernels between a producer and the broker on stage have room for."""


def test_what_was_not_acknowledged_in_time_never_comes():
    """Somebody else may have published the next version of these hours by then."""

    async def scenario():
        async with Broker() as broker:
            producer = Producer(settings(broker), TOPIC)
            await producer.start()
            await producer.publish([(b"key", [b"before"])])
            broker.cut()
            with pytest.raises(Unavailable, match="1 of 1 batches not acknowledged in 1 s"):
                await producer.publish([(b"key", [WORDY])])
            broker.heal()
            await published(producer, [(b"key", [b"after"])])
            await producer.stop()
            return broker.log

    assert asyncio.run(scenario()) == [b"before", b"after"]


def test_who_publishes_at_the_same_time_is_told_too():
    """One connection carries what both have sent, so neither may come later."""

    async def scenario():
        async with Broker() as broker:
            producer = Producer(settings(broker), TOPIC)
            await producer.start()
            broker.cut()
            told = await asyncio.gather(
                *(producer.publish([(b"key", [WORDY])]) for _ in range(3)), return_exceptions=True
            )
            broker.heal()
            await published(producer, [(b"key", [b"after"])])
            await producer.stop()
            return broker.log, [type(one) for one in told]

    assert asyncio.run(scenario()) == ([b"after"], [Unavailable] * 3)


def test_a_publication_that_is_cancelled_is_given_up(library):
    """Nobody waits for it: its sender is told that it failed."""
    sent = asyncio.Event()

    async def send_batch(self, batch, topic, partition):
        sent.set()
        return asyncio.get_running_loop().create_future()

    library.send_batch = send_batch

    async def scenario():
        producer = Producer(Settings(), "raw")
        await producer.start()
        publication = asyncio.create_task(producer.publish(ROWS))
        await sent.wait()
        publication.cancel()
        await asyncio.wait([publication])

    asyncio.run(scenario())

    assert library.made[0].is_severed


def test_closing_sends_nothing_more():
    """Whoever waited for it was told Unavailable, and may have sent it elsewhere."""

    async def scenario():
        async with Broker() as broker:
            producer = Producer(settings(broker), TOPIC)
            await producer.start()
            broker.cut()
            with pytest.raises(Unavailable):
                await producer.publish([(b"key", [WORDY])])
            await producer.stop()
            broker.heal()
            while broker.connections:
                await asyncio.sleep(0.01)
            return broker.log

    assert asyncio.run(scenario()) == []


def test_a_record_may_be_appended_to_a_partition_of_ones_own_choice(library):
    """Without a key; its place and the broker's time come back."""

    async def scenario():
        producer = Producer(Settings(), "raw")
        await producer.start()
        return await producer.append(7, b"value")

    assert asyncio.run(scenario()).partition == 7
