"""The topics of this system, created with the settings that its exactness rests on."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code
from aiokafka.structs import TopicPartition

from killrweather.errors import ConfigurationError, Refused, Unavailable
from killrweather.messages.cluster import SINGLETONS
from killrweather.settings import Settings
from killrweather.streams.connection import client_options
from killrweather.streams.refusal import FORBIDDEN, forbidden, refusal

_KNOWN_S, _AGAIN_S = 10.0, 0.1
"""How long a new topic may be unknown to a broker, and how often it is asked."""


def topics(settings: Settings) -> list[NewTopic]:
    """The topics as they are created.

    Two copies must have a record before it is acknowledged, wherever there are two.
    Records carry the broker's time, so that a client with a wrong clock cannot hide its records from retention.
    """
    topic = settings.kafka.topic
    return [_topic(settings, name, topic.partitions, topic.retention_ms) for name in (topic.raw, topic.rejected)]


def _topic(settings: Settings, name: str, partitions: int, retention_ms: int) -> NewTopic:
    factor = settings.kafka.topic.replication_factor
    options = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(min(2, factor)),
        "retention.ms": str(retention_ms),
    }
    return NewTopic(name, partitions, factor, topic_configs=options)


async def _create(admin: AIOKafkaAdminClient, settings: Settings, wanted: Sequence[NewTopic]) -> None:
    response = await admin.create_topics(wanted)
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError or code == 0:
            continue
        if error.retriable or issubclass(error, FORBIDDEN):
            raise error(name)
        factor = settings.kafka.topic.replication_factor
        raise ConfigurationError(
            f"topic {name}: Kafka refuses it: {error.__name__} (kafka.topic.partitions"
            f" {settings.kafka.topic.partitions}, kafka.topic.replication_factor {factor})"
        )


async def ensure_topics(settings: Settings) -> tuple[int, ...]:
    """Create the topics that are not there yet, leave existing ones as they are; return the raw topic's partitions.

    Raises Unavailable when Kafka does not answer, Refused when it does not let us in, ConfigurationError when it
    refuses the topic's settings.
    """
    async with _administering(settings) as admin:
        await _create(admin, settings, topics(settings))
        return await _partitions(admin, settings.kafka.topic.raw)


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> tuple[int, ...]:
    """A topic's partitions; a broker may hear only some moments later of one that another broker has made."""
    deadline = time.monotonic() + _KNOWN_S
    while True:
        [found] = await admin.describe_topics([topic])
        error = for_code(found["error_code"])
        if error is NoError:
            return tuple(sorted(partition["partition"] for partition in found["partitions"]))
        if not error.retriable or time.monotonic() > deadline:
            raise error(topic)
        await asyncio.sleep(_AGAIN_S)


async def ensure_cluster_topic(settings: Settings) -> None:
    """Create the topic of ``node.group`` if it is not there yet: what happened among the nodes, kept for ever.

    Raises what ``ensure_topics`` does.
    """
    async with _administering(settings) as admin:
        await _create(admin, settings, [_topic(settings, settings.node.group, len(SINGLETONS), -1)])


@asynccontextmanager
async def _administering(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, asyncio.TimeoutError) as error:
        if refused := forbidden(settings, error) or await refusal(settings):
            raise refused from None
        raise away(settings, error) from error
    finally:
        await admin.close()


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    """The partitions that a topic has now, of which there may be more than a moment ago; raises KafkaError."""
    client = consumer._client  # the consumer itself tells only of topics that it has subscribed to, and of these late
    client.add_topic(topic)
    await client.force_metadata_update()
    if not (found := consumer.partitions_for_topic(topic)):
        raise UnknownTopicOrPartitionError(topic)
    return sorted(found)


async def log_end(consumer: AIOKafkaConsumer, topic: str) -> dict[int, int]:
    """The offset that the next record of each partition of a topic will have; raises KafkaError."""
    places = [TopicPartition(topic, number) for number in await partitions_of(consumer, topic)]
    ends = await consumer.end_offsets(places)
    return {where.partition: offset for where, offset in ends.items()}


async def started(consumer: AIOKafkaConsumer, settings: Settings) -> AIOKafkaConsumer:
    """The consumer, connected; one that can't be, or is no longer waited for, is closed.

    What ``away`` makes of Kafka's errors is raised.
    """
    try:
        await consumer.start()
    except BaseException as error:
        await consumer.stop()
        if isinstance(error, KafkaError | OSError | asyncio.TimeoutError):
            raise away(settings, error) from error
        raise
    return consumer


def away(settings: Settings, error: BaseException) -> Unavailable | Refused:
    """Kafka did not answer, or does not allow what was asked for, in words for people."""
    reason = str(error) or type(error).__name__
    text = f"Kafka at {', '.join(settings.kafka_servers)} does not answer: {reason}; is it running?"
    return forbidden(settings, error) or Unavailable(text)
