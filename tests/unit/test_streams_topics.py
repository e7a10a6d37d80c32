"""The topics, as a broker tells of them that has not heard of everything yet."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)

from killrweather.errors import Refused, Unavailable
from killrweather.settings import Settings
from killrweather.streams import topics as module
from killrweather.streams.topics import away, ensure_topics

UNKNOWN_TOPIC, FORBIDDEN_TOPIC = 3, 29
"""UNKNOWN_TOPIC_OR_PARTITION and TOPIC_AUTHORIZATION_FAILED of Kafka's protocol."""


class Broker:
    """Stands in for the administrator's connection to a broker that hears of a topic only some looks later."""

    deaf_for = 0
    may_create = may_describe = True

    def __init__(self, **options):
        self.looks = 0

    async def start(self):
        pass

    async def close(self):
        pass

    async def create_topics(self, wanted):
        code = 0 if self.may_create else FORBIDDEN_TOPIC
        return SimpleNamespace(topic_errors=[(topic.name, code, None) for topic in wanted])

    async def describe_topics(self, names):
        self.looks += 1
        if not self.may_describe:
            return [{"topic": names[0], "error_code": FORBIDDEN_TOPIC, "partitions": []}]
        if self.looks <= self.deaf_for:
            return [{"topic": names[0], "error_code": UNKNOWN_TOPIC, "partitions": []}]
        partitions = [{"partition": number} for number in (1, 0)]
        return [{"topic": names[0], "error_code": 0, "partitions": partitions}]


def looked_at(monkeypatch, **broker):
    kind = type("Deaf", (Broker,), broker)
    monkeypatch.setattr(module, "AIOKafkaAdminClient", kind)
    return asyncio.run(ensure_topics(Settings()))


def test_a_topic_that_the_broker_does_not_know_yet_is_asked_for_again(monkeypatch):
    """Another broker has made it a moment ago: none of its partitions may be overlooked."""
    assert looked_at(monkeypatch, deaf_for=2) == (0, 1)


def test_a_topic_that_stays_unknown_is_said(monkeypatch):
    """Who waits for Kafka tries again; nobody goes on with a topic without partitions."""
    monkeypatch.setattr(module, "_KNOWN_S", 0.2)

    with pytest.raises(Unavailable, match=r"killrweather\.raw"):
        looked_at(monkeypatch, deaf_for=1_000)


@pytest.mark.parametrize("missing", ["may_create", "may_describe"])
def test_a_topic_that_may_not_be_used_is_refused_by_its_name(monkeypatch, missing):
    """To wait mends nothing: somebody has to allow it."""
    with pytest.raises(
        Refused, match=r"this client may not use topic killrweather\.raw: expected ACLs that allow Create"
    ):
        looked_at(monkeypatch, **{missing: False})


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TopicAuthorizationFailedError("raw"), 'user "feeder" may not use topic raw: expected ACLs that allow'),
        (TopicAuthorizationFailedError({"b", "a"}), "may not use topic a, b: expected ACLs that allow"),
        (GroupAuthorizationFailedError("nodes"), "may not use group nodes (node.group): expected ACLs that allow Read"),
        (ClusterAuthorizationFailedError(), "may not use the cluster: expected ACLs that allow Create and Idempotent"),
    ],
)
def test_a_missing_acl_is_told_from_a_broker_that_is_away(error, said):
    """Whatever was tried: the one is for the operator of Kafka, the other passes."""
    security = {"protocol": "SASL_PLAINTEXT", "username": "feeder", "password": "secret"}
    settings = Settings.model_validate({"kafka": {"bootstrap_servers": ["here:9092"], "security": security}})
    refused, unavailable = away(settings, error), away(settings, KafkaConnectionError("gone"))

    assert isinstance(refused, Refused)
    assert said in str(refused)
    assert isinstance(unavailable, Unavailable)
