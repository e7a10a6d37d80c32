"""Several Cassandra nodes on loopback addresses of this machine, in one or more data centres."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml
from cassandra import ConsistencyLevel, DriverException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.policies import WhiteListRoundRobinPolicy
from cluster_node import PATIENCE_S, ClusterNode, ServiceCluster

from killrweather.actorsystem.testkit import eventually
from killrweather.home import Home
from killrweather.processes import free_port
from killrweather.services.cassandra import EmbeddedCassandra
from killrweather.services.probe import cassandra_answers
from killrweather.settings import Settings

_RING_DELAY_MS = 3000
_PROBE = "cluster_probe"


class CassandraNode(ClusterNode, EmbeddedCassandra):
    """One node at an address of its own; all share the ports."""

    def __init__(self, cluster: "CassandraCluster", settings: Settings, number: int, host: str, data_center: str):
        super().__init__(settings, Home(cluster.directory / f"cassandra-{number}"), number)
        self._cluster = cluster
        self.host, self.data_center = host, data_center

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"{self.host}:{self.port}"

    def answers(self) -> bool:
        """Whether the native protocol is open."""
        return cassandra_answers(self.host, self.port)

    def write_configuration(self, template: str, **values: object) -> Path:
        """The embedded node's configuration, made one of several."""
        path = super().write_configuration(template, **values)
        settings = yaml.safe_load(path.read_text())
        storage_port = self.settings.services.cassandra.storage_port
        seeds = ",".join(f"{node.host}:{storage_port}" for node in self._cluster.nodes)
        settings |= {
            "endpoint_snitch": "GossipingPropertyFileSnitch",
            "listen_address": self.host,
            "rpc_address": self.host,
            # All are seeds with tokens of their own: none has to wait for another before it joins.
            "seed_provider": [
                {"class_name": "org.apache.cassandra.locator.SimpleSeedProvider", "parameters": [{"seeds": seeds}]}
            ],
            "initial_token": str(self._cluster.token(self)),
            "auto_bootstrap": False,
            "hinted_handoff_enabled": True,
        }
        path.write_text(yaml.safe_dump(settings))
        rack = self.home.run("cassandra-rackdc.properties")
        rack.write_text(f"dc={self.data_center}\nrack=rack1\n")
        return path

    def arguments(self, jars: Sequence[Path]) -> list[str]:
        """The embedded node's, without its claim to be alone: the last value of a property counts."""
        *arguments, main = super().arguments(jars)
        rack = self.home.run("cassandra-rackdc.properties")
        return [
            *arguments,
            # Half the processor time of a start, and 100 MB less.
            *("-XX:TieredStopAtLevel=1", "-XX:-UseG1GC", "-XX:+UseSerialGC"),
            f"-Dcassandra-rackdc.properties={rack.as_uri()}",
            f"-Dcassandra.ring_delay_ms={_RING_DELAY_MS}",
            "-Dcassandra.skip_wait_for_gossip_to_settle=-1",
            "-Dcassandra.gossip_settle_min_wait_ms=1000",
            "-Dcassandra.gossip_settle_interval_ms=500",
            main,
        ]


class CassandraCluster(ServiceCluster[CassandraNode]):
    """Data centre → how many nodes it has; the nodes are numbered through, the first data centre's first."""

    service: ClassVar[str] = "cassandra"

    def __init__(
        self,
        directory: Path,
        data_centers: Mapping[str, int] = {"dc1": 3},
        heap: str = "700m",
    ):
        super().__init__(directory)
        self.data_centers = dict(data_centers)
        port, storage_port = free_port(), free_port()
        services = self._settings.services.model_dump() | {"cassandra": {"storage_port": storage_port, "heap": heap}}
        settings = Settings.model_validate({"cassandra": {"port": port}, "services": services})
        names = [name for name, count in data_centers.items() for _ in range(count)]
        for number, name in enumerate(names, 1):
            self.nodes.append(CassandraNode(self, settings, number, f"127.0.0.{10 + number}", name))

    @property
    def port(self) -> int:
        """Where every node listens to clients."""
        return self.nodes[0].port

    @property
    def contact_points(self) -> list[str]:
        """The nodes' addresses."""
        return [node.host for node in self.nodes]

    @property
    def replication(self) -> dict[str, str | int]:
        """NetworkTopologyStrategy with a copy on every node."""
        return {"class": "NetworkTopologyStrategy", **self.data_centers}

    @property
    def settings(self) -> dict[str, Any]:
        """What a configuration in the first data centre says of this cluster."""
        local_dc = self.nodes[0].data_center
        return {
            "cassandra": {
                "contact_points": self.hosts(local_dc),
                "port": self.port,
                "local_dc": local_dc,
                "replication": self.replication,
            }
        }

    def hosts(self, data_center: str) -> list[str]:
        """The addresses of a data centre's nodes."""
        return [node.host for node in self.nodes if node.data_center == data_center]

    def token(self, node: CassandraNode) -> int:
        """Its place in the ring, so that all have equal shares."""
        return -(2**63) + 1 + (node.number - 1) * (2**64 // len(self.nodes))

    def wait_until_whole(self) -> None:
        """Wait until every node reaches every other, seen by the driver: each as coordinator reads from all.

        While one is down, there is nothing that all have; then the others' native protocol must do.
        """
        if len(self.running()) < len(self.nodes):
            return
        for node in self.nodes:
            eventually(lambda node=node: self._reads_from_all(node.number), PATIENCE_S)

    def connect(self, number: int, consistency: int = ConsistencyLevel.LOCAL_QUORUM) -> Cluster:
        """A driver that asks this node alone; ``connect()`` it, and ``shutdown()`` it afterwards."""
        host = self.node(number).host
        policy = WhiteListRoundRobinPolicy([host])
        profile = ExecutionProfile(load_balancing_policy=policy, consistency_level=consistency, request_timeout=30)
        return Cluster([host], port=self.port, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, connect_timeout=30)

    def _reads_from_all(self, number: int) -> bool:
        cluster = self.connect(number, ConsistencyLevel.ALL)
        try:
            session = cluster.connect()
            session.execute(f"CREATE KEYSPACE IF NOT EXISTS {_PROBE} WITH replication = {self.replication}")
            session.execute(f"CREATE TABLE IF NOT EXISTS {_PROBE}.one (key int PRIMARY KEY)")
            session.execute(f"SELECT key FROM {_PROBE}.one WHERE key = 1")
        except (DriverException, NoHostAvailable, ConnectionException, OSError) as error:
            raise AssertionError(f"cassandra {number} does not reach all others: {error}") from error
        finally:
            cluster.shutdown()
        return True
