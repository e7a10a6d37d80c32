"""The topics of this system, created with the settings that its exactness rests on."""

import asyncio
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.structs import TopicPartition

from killrweather.errors import ConfigurationError, Unavailable
from killrweather.settings import Settings
from killrweather.streams.connection import client_options


def topics(settings: Settings) -> list[NewTopic]:
    """The topics as they are created.

    Two copies must have a record before it is acknowledged, wherever there are two.
    Records carry the broker's time, so that a client with a wrong clock cannot hide its records from retention.
    """
    topic = settings.kafka.topic
    common = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": str(min(2, topic.replication_factor)),
        "retention.ms": str(topic.retention_ms),
    }
    return [
        NewTopic(name, topic.partitions, topic.replication_factor, topic_configs=common)
        for name in (topic.raw, topic.rejected)
    ]


async def ensure_topics(settings: Settings) -> tuple[int, ...]:
    """Create the topics that are not there yet, leave existing ones as they are; return the raw topic's partitions.

    Raises Unavailable when Kafka does not answer, ConfigurationError when it refuses the topic's settings.
    """
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        response = await admin.create_topics(topics(settings))
        for name, code, *_ in response.topic_errors:
            error = for_code(code)
            if error is TopicAlreadyExistsError or code == 0:
                continue
            if error.retriable:
                raise error()
            factor = settings.kafka.topic.replication_factor
            raise ConfigurationError(
                f"topic {name}: Kafka refuses it: {error.__name__} (kafka.topic.partitions"
                f" {settings.kafka.topic.partitions}, kafka.topic.replication_factor {factor})"
            )
        [raw] = await admin.describe_topics([settings.kafka.topic.raw])
        return tuple(sorted(partition["partition"] for partition in raw["partitions"]))
    except (KafkaError, OSError, asyncio.TimeoutError) as error:
        raise away(settings, error) from error
    finally:
        await admin.close()


async def log_end(client, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """The offset that the next record of each partition will have; ``client`` is a started AIOKafkaConsumer."""
    ends = await client.end_offsets([TopicPartition(topic, partition) for partition in partitions])
    return {where.partition: offset for where, offset in ends.items()}


def away(settings: Settings, error: BaseException) -> Unavailable:
    """Kafka did not answer, in words for people."""
    reason = str(error) or type(error).__name__
    return Unavailable(f"Kafka at {', '.join(settings.kafka_servers)} does not answer: {reason}; is it running?")
