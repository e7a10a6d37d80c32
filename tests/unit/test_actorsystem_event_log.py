"""What is written among the nodes while Kafka does not answer."""

import asyncio
from datetime import datetime, timezone

import pytest
from kafka_stage import TOPIC, Broker, Library

from killrweather.actorsystem.event_log import EventLog
from killrweather.messages.cluster import MemberUp
from killrweather.settings import Settings
from killrweather.streams import producer as module
from killrweather.streams.producer import Producer

UP = MemberUp(datetime(2026, 1, 1, tzinfo=timezone.utc), "node-1", "1")


async def log_of(broker):
    """The log on a broker on stage, of a node that is given up after a second of silence."""
    kafka = {"bootstrap_servers": [f"127.0.0.1:{broker.port}"], "request_timeout_s": 5.0}
    settings = Settings.model_validate({"kafka": kafka, "node": {"group": TOPIC, "session_timeout_s": 1.0}})
    producer = Producer(settings, TOPIC)
    await producer.start()
    return EventLog(settings, None, producer), producer


async def written(log):
    """Write as a member does: at each of its looks, until it is written."""
    while True:
        try:
            return await log.write(UP)
        except asyncio.TimeoutError:
            await asyncio.sleep(0.01)


def test_a_member_waits_for_its_log_no_longer_than_half_a_session():
    """It has to show that it lives, and to say that it is cut off."""

    async def scenario():
        async with Broker() as broker:
            log, producer = await log_of(broker)
            broker.cut()
            loop = asyncio.get_running_loop()
            begin = loop.time()
            with pytest.raises(asyncio.TimeoutError):
                await log.write(UP)
            waited_s = loop.time() - begin
            await producer.stop()
            return waited_s

    assert asyncio.run(scenario()) == pytest.approx(0.5, abs=0.4)


def test_after_an_event_was_given_up_the_next_one_is_written(monkeypatch):
    """The library's sequence has a gap by then, and Kafka would refuse everything that follows."""
    monkeypatch.setattr(module, "SeverableProducer", type("Fresh", (Library,), {"made": []}))

    async def scenario():
        producer = Producer(Settings(), "nodes")
        await producer.start()
        log = EventLog(Settings(), None, producer)
        monkeypatch.setattr(Library, "has_leader", False)
        with pytest.raises(asyncio.TimeoutError, match="LeaderNotAvailable"):
            await log.write(UP)
        monkeypatch.setattr(Library, "has_leader", True)
        return await written(log)

    assert asyncio.run(scenario()) == 1.0
