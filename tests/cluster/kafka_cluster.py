"""Several brokers on this machine, each of them a controller too (KRaft)."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

from aiokafka.admin import AIOKafkaAdminClient
from cluster_node import PATIENCE_S, ClusterNode, ServiceCluster

from killrweather.actorsystem.testkit import eventually
from killrweather.home import Home
from killrweather.processes import LOOPBACK, free_port
from killrweather.services.kafka import EmbeddedKafka, new_cluster_id
from killrweather.services.probe import kafka_brokers
from killrweather.settings import Settings

# Over the embedded broker's properties, of which the last value of a key counts. Time-outs are Kafka's defaults.
_PROPERTIES = """
node.id={number}
controller.quorum.voters={voters}
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.num.partitions=3
offsets.topic.replication.factor={copies}
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
group.min.session.timeout.ms=6000
controller.quorum.election.timeout.ms=1000
controller.quorum.election.backoff.max.ms=1000
broker.session.timeout.ms=9000
broker.heartbeat.interval.ms=2000
"""


class Broker(ClusterNode, EmbeddedKafka):
    """One broker and controller."""

    def __init__(self, cluster: "KafkaCluster", settings: Settings, number: int):
        super().__init__(settings, Home(cluster.directory / f"kafka-{number}"), number)
        self._cluster = cluster

    def cluster_id(self) -> str:
        """The same for all."""
        return self._cluster.id

    def write_configuration(self, template: str, **values: object) -> Path:
        """The embedded broker's configuration, made one of several."""
        path = super().write_configuration(template, **values)
        brokers = self._cluster.nodes
        properties = _PROPERTIES.format(
            number=self.number,
            voters=",".join(f"{b.number}@{LOOPBACK}:{b.settings.services.kafka.controller_port}" for b in brokers),
            copies=min(3, len(brokers)),
            in_sync=min(2, len(brokers)),
        )
        path.write_text(path.read_text() + properties)
        return path


class KafkaCluster(ServiceCluster[Broker]):
    """``n`` brokers; topics have three copies and need two, unless they are created otherwise."""

    service: ClassVar[str] = "kafka"

    def __init__(self, directory: Path, n: int = 3, heap: str = "256m"):
        super().__init__(directory)
        self.id = new_cluster_id()
        for number in range(1, n + 1):
            kafka = {"port": free_port(), "controller_port": free_port(), "heap": heap}
            services = self._settings.services.model_dump() | {"kafka": kafka}
            self.nodes.append(Broker(self, Settings.model_validate({"services": services}), number))

    @property
    def bootstrap_servers(self) -> list[str]:
        """Every broker, ``host:port``."""
        return [broker.address for broker in self.nodes]

    @property
    def settings(self) -> dict[str, Any]:
        """What a configuration says of this cluster."""
        return {
            "kafka": {
                "bootstrap_servers": self.bootstrap_servers,
                "topic": {"replication_factor": min(3, len(self.nodes))},
            }
        }

    def launch(self, nodes: Sequence[Broker]) -> None:
        """Format side by side what was never started, then start."""
        assert self._java
        with ThreadPoolExecutor() as pool:
            for broker in nodes:
                broker._make_directories()
            list(pool.map(lambda broker: broker.prepare(self._java, self._jars), nodes))
        super().launch(nodes)

    def wait_until_whole(self) -> None:
        """Wait until every running broker counts all running ones as available."""
        expected = len(self.running())

        def seen() -> dict[int, int]:
            return {broker.number: kafka_brokers(LOOPBACK, broker.port) for broker in self.running()}

        eventually(lambda: _all_are(seen(), expected), PATIENCE_S)

    def copies(self, topic: str) -> dict[int, list[int]]:
        """Partition → the brokers that have it, its leader first."""
        return {
            one["partition"]: sorted(one["replicas"], key=lambda broker: broker != one["leader"])
            for one in self._partitions()
            if one["topic"] == topic
        }

    def lagging(self) -> dict[str, list[int]]:
        """``topic-partition`` → the copies that are not in sync; empty when every copy is."""
        return {
            f"{one['topic']}-{one['partition']}": missing
            for one in self._partitions()
            if (missing := sorted(set(one["replicas"]) - set(one["isr"])))
        }

    def _partitions(self) -> list[dict[str, Any]]:
        async def look() -> list[dict[str, Any]]:
            admin = AIOKafkaAdminClient(bootstrap_servers=[broker.address for broker in self.running()])
            await admin.start()
            try:
                topics = await admin.describe_topics()
                return [{**one, "topic": topic["topic"]} for topic in topics for one in topic["partitions"]]
            finally:
                await admin.close()

        return asyncio.run(look())

    def wait_until_in_sync(self) -> None:
        """Wait until every copy of every partition is in sync, so that another broker may be killed."""

        def is_in_sync() -> bool:
            lagging = self.lagging()
            assert not lagging, lagging
            return True

        eventually(is_in_sync, PATIENCE_S)


def _all_are(seen: dict[int, int], expected: int) -> bool:
    assert set(seen.values()) == {expected}, f"broker → brokers that it sees: {seen}, expected {expected}"
    return True
