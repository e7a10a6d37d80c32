"""How Spark reaches Kafka, and where it starts to read."""

import json
from collections.abc import Mapping

from killrweather.jobs.tls import kafka_tls_options
from killrweather.settings import Settings

_LOGIN = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


def kafka_options(settings: Settings) -> dict[str, str]:
    """The options that Spark's Kafka source and sink share."""
    security = settings.kafka.security
    timeout_ms = str(round(settings.kafka.request_timeout_s * 1000))
    options = {
        "kafka.bootstrap.servers": ",".join(settings.kafka_servers),
        "kafka.security.protocol": security.protocol,
        "kafka.request.timeout.ms": timeout_ms,
        "kafka.default.api.timeout.ms": timeout_ms,
    }
    options |= kafka_tls_options(security)
    if security.has_login:
        password = security.password.get_secret_value() if security.password else ""
        user = f"username={_quoted(security.username or '')} password={_quoted(password)}"
        options |= {
            "kafka.sasl.mechanism": security.mechanism,
            "kafka.sasl.jaas.config": f"{_LOGIN[security.mechanism]} required {user};",
        }
    return options


def _quoted(text: str) -> str:
    """As JAAS reads it: backslashes before quotes, but none for other alphabets."""
    return json.dumps(text, ensure_ascii=False)


def source_options(settings: Settings, starts: Mapping[int, int]) -> dict[str, str]:
    """The options of the stream's source, which begins at these offsets."""
    topic = settings.kafka.topic.raw
    return kafka_options(settings) | {
        "subscribe": topic,
        "startingOffsets": json.dumps({topic: {str(partition): offset for partition, offset in starts.items()}}),
        "failOnDataLoss": "true",
        "maxOffsetsPerTrigger": str(settings.spark.max_rows_per_batch),
        # A busy partition is read by as many tasks as the others together leave idle: two stations may share one.
        "minPartitions": str(settings.spark.shuffle_partitions),
        # A fetch that finds the end of the log waits this long, by default 500 ms, at the end of every micro-batch.
        "kafka.fetch.max.wait.ms": "5",
        "kafka.max.partition.fetch.bytes": "8388608",
        "kafka.max.poll.records": "5000",
        "kafkaConsumer.pollTimeoutMs": "10000",
        "fetchOffset.numRetries": "3",
        "fetchOffset.retryIntervalMs": "250",
    }
