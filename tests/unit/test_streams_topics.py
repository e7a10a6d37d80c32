"""The topics, as a broker tells of them that has not heard of everything yet."""

import asyncio

import pytest

from killrweather.errors import Unavailable
from killrweather.settings import Settings
from killrweather.streams import topics as module
from killrweather.streams.topics import ensure_topics

UNKNOWN_TOPIC = 3
"""UNKNOWN_TOPIC_OR_PARTITION of Kafka's protocol."""


class Answer:
    topic_errors = ()


class Broker:
    """Stands in for the administrator's connection to a broker that hears of a topic only some looks later."""

    deaf_for = 0

    def __init__(self, **options):
        self.looks = 0

    async def start(self):
        pass

    async def close(self):
        pass

    async def create_topics(self, wanted):
        return Answer()

    async def describe_topics(self, names):
        self.looks += 1
        if self.looks <= self.deaf_for:
            return [{"topic": names[0], "error_code": UNKNOWN_TOPIC, "partitions": []}]
        partitions = [{"partition": number} for number in (1, 0)]
        return [{"topic": names[0], "error_code": 0, "partitions": partitions}]


def looked_at(monkeypatch, deaf_for):
    kind = type("Deaf", (Broker,), {"deaf_for": deaf_for})
    monkeypatch.setattr(module, "AIOKafkaAdminClient", kind)
    return asyncio.run(ensure_topics(Settings()))


def test_a_topic_that_the_broker_does_not_know_yet_is_asked_for_again(monkeypatch):
    """Another broker has made it a moment ago: none of its partitions may be overlooked."""
    assert looked_at(monkeypatch, deaf_for=2) == (0, 1)


def test_a_topic_that_stays_unknown_is_said(monkeypatch):
    """Who waits for Kafka tries again; nobody goes on with a topic without partitions."""
    monkeypatch.setattr(module, "_KNOWN_S", 0.2)

    with pytest.raises(Unavailable, match=r"topic killrweather\.raw"):
        looked_at(monkeypatch, deaf_for=1_000)
