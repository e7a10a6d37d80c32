"""The configuration: every key with its type, unit, default and bounds.

``conf/killrweather.yaml`` shows the same keys to people; a test holds the two together.
How files, environment and flags are merged is ``configuration.py``'s business.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

Role = Literal["feed", "stream", "query", "analytics", "alerts"]
DirectiveName = Literal["resume", "restart", "stop", "escalate"]
Port = Annotated[int, Field(ge=1, le=65535)]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
HostPort = Annotated[str, Field(pattern=r"^\[?[^\s,]+\]?:\d{1,5}$")]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Memory = Annotated[str, Field(pattern=r"^\d+[mg]$")]


class Section(BaseModel):
    """A group of keys; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Node(Section):
    name: str = ""
    roles: tuple[Role, ...] = ("feed", "stream", "query", "analytics", "alerts")
    group: TopicName = "killrweather.nodes"
    session_timeout_s: float = Field(6.0, ge=1)
    ping_interval_s: float = Field(1.0, gt=0)
    hung_after_s: float = Field(10.0, gt=0)
    start_timeout_s: float = Field(60.0, gt=0)
    shutdown_timeout_s: float = Field(30.0, gt=0)


class HttpTls(Section):
    certificate: Path | None = None
    key: Path | None = None


class Http(Section):
    host: str = "127.0.0.1"
    port: Port = 8080
    token: SecretStr | None = None
    max_body_bytes: int = Field(268_435_456, ge=1)
    request_timeout_s: float = Field(10.0, gt=0)
    tls: HttpTls = HttpTls()

    @model_validator(mode="after")
    def _a_public_door_has_a_lock(self) -> "Http":
        if self.host not in ("127.0.0.1", "::1", "localhost") and not self.token:
            raise ValueError(f"http.host {self.host} is open to other machines: set http.token, or use 127.0.0.1")
        if bool(self.tls.certificate) != bool(self.tls.key):
            raise ValueError("http.tls needs both certificate and key, or neither")
        return self


class Feed(Section):
    directories: tuple[Path, ...] = ()
    chunk_bytes: int = Field(1_048_576, ge=4_096, le=16_777_216)
    max_line_bytes: int = Field(65_536, ge=128)
    max_decompressed_bytes: int = Field(8_589_934_592, ge=1)
    noaa_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$")] = "https://www.ncei.noaa.gov"


class Topics(Section):
    raw: TopicName = "killrweather.raw"
    rejected: TopicName = "killrweather.rejected"
    partitions: int = Field(2, ge=1)
    replication_factor: int = Field(1, ge=1)
    retention_ms: int = Field(-1, ge=-1)


class KafkaSecurity(Section):
    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None


class Kafka(Section):
    bootstrap_servers: tuple[HostPort, ...] = ()
    topic: Topics = Topics()
    group_id: TopicName = "killrweather.group"
    request_timeout_s: float = Field(5.0, ge=1)
    security: KafkaSecurity = KafkaSecurity()


class CassandraTtl(Section):
    raw_s: int = Field(0, ge=0)


class CassandraTls(Section):
    enabled: bool = False
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class Cassandra(Section):
    contact_points: tuple[str, ...] = ()
    port: Port = 9042
    local_dc: str = "datacenter1"
    keyspace: Identifier = "isd_weather_data"
    replication: dict[str, str | int] = {"class": "SimpleStrategy", "replication_factor": 1}
    username: str | None = None
    password: SecretStr | None = None
    request_timeout_s: float = Field(5.0, gt=0)
    ttl: CassandraTtl = CassandraTtl()
    tls: CassandraTls = CassandraTls()

    @model_validator(mode="after")
    def _replication_has_a_strategy(self) -> "Cassandra":
        strategy = self.replication.get("class")
        if strategy not in ("SimpleStrategy", "NetworkTopologyStrategy"):
            raise ValueError(
                f"cassandra.replication.class is {strategy!r}, expected SimpleStrategy or NetworkTopologyStrategy"
            )
        factors = {k: v for k, v in self.replication.items() if k != "class"}
        if strategy == "SimpleStrategy" and set(factors) != {"replication_factor"}:
            raise ValueError("cassandra.replication with SimpleStrategy needs exactly replication_factor")
        if not factors or not all(str(v).isdigit() and int(v) >= 1 for v in factors.values()):
            raise ValueError(f"cassandra.replication {factors}: expected a factor of 1 or more for each data centre")
        return self


class Spark(Section):
    master: str = "local[*]"
    trigger_interval_s: float = Field(0.0, ge=0)
    driver_memory: Memory = "1g"
    analytics_memory: Memory = "1g"
    max_rows_per_batch: int = Field(200_000, ge=1)
    shuffle_partitions: int = Field(2, ge=1)


class EmbeddedKafka(Section):
    port: Port = 9092
    controller_port: Port = 9093
    heap: Memory = "512m"
    directory: Path | None = None


class EmbeddedCassandra(Section):
    storage_port: Port = 7000
    heap: Memory = "1024m"
    directory: Path | None = None


class Services(Section):
    java_home: Path | None = None
    maven_repository: str | None = None
    jars: Path | None = None
    start_timeout_s: float = Field(90.0, gt=0)
    stop_timeout_s: float = Field(30.0, gt=0)
    kafka: EmbeddedKafka = EmbeddedKafka()
    cassandra: EmbeddedCassandra = EmbeddedCassandra()


class Strategy(Section):
    """A OneForOne supervisor strategy: what becomes of a child whose handler raised, by exception class."""

    decide: dict[str, DirectiveName] = {"*": "restart"}
    max_restarts: int = Field(10, ge=0)
    within_s: float = Field(60.0, gt=0)
    backoff_s: float = Field(0.05, ge=0)
    backoff_max_s: float = Field(5.0, ge=0)


class ActorSpec(Section):
    actor_class: str = Field(alias="class", pattern=r"^[A-Za-z_][\w.]*\.[A-Za-z_]\w*$")
    roles: tuple[Role, ...]
    pool: int = Field(1, ge=1, le=32)
    strategy: Strategy = Strategy()


def _actor(path: str, role: Role, pool: int = 1) -> ActorSpec:
    return ActorSpec(actor_class=path, roles=(role,), pool=pool)


DEFAULT_ACTORS: dict[str, ActorSpec] = {
    "http-feed": _actor("actors.http_feed.HttpFeedActor", "feed"),
    "kafka-publisher": _actor("actors.kafka_publisher.KafkaPublisherActor", "feed", pool=2),
    "rejected": _actor("actors.rejected.RejectedActor", "feed"),
    "kafka-streaming": _actor("actors.kafka_streaming.KafkaStreamingActor", "stream"),
    "temperature": _actor("actors.temperature.TemperatureActor", "query"),
    "precipitation": _actor("actors.precipitation.PrecipitationActor", "query"),
    "weather-station": _actor("actors.weather_station.WeatherStationActor", "query"),
    "analytics": _actor("actors.analytics.AnalyticsActor", "analytics"),
}


class Logging(Section):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(Section):
    """The whole configuration, checked."""

    node: Node = Node()
    http: Http = Http()
    feed: Feed = Feed()
    kafka: Kafka = Kafka()
    cassandra: Cassandra = Cassandra()
    spark: Spark = Spark()
    services: Services = Services()
    logging: Logging = Logging()
    guardian: str = "actors.node_guardian.NodeGuardian"
    actors: dict[str, ActorSpec] = DEFAULT_ACTORS

    @property
    def embedded_kafka(self) -> bool:
        """No external Kafka is named, so this machine runs its own."""
        return not self.kafka.bootstrap_servers

    @property
    def embedded_cassandra(self) -> bool:
        """No external Cassandra is named, so this machine runs its own."""
        return not self.cassandra.contact_points

    @property
    def kafka_servers(self) -> tuple[str, ...]:
        """The brokers to talk to, embedded or external, each ``host:port``."""
        return self.kafka.bootstrap_servers or (f"127.0.0.1:{self.services.kafka.port}",)

    @property
    def cassandra_hosts(self) -> tuple[str, ...]:
        """The Cassandra nodes to ask first, embedded or external."""
        return self.cassandra.contact_points or ("127.0.0.1",)
