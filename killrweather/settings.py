"""The configuration: every key with its type, unit, default and bounds.

``conf/killrweather.yaml`` shows the same keys to people; a test holds the two together.
How files, environment and flags are merged is ``configuration.py``'s business.
"""

import re
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

Role = Literal["feed", "stream", "query", "analytics", "alerts"]
DirectiveName = Literal["resume", "restart", "stop", "escalate"]
LimitDirectiveName = Literal["stop", "escalate"]
Port = Annotated[int, Field(ge=1, le=65535)]


def _like(pattern: str, expected: str) -> AfterValidator:
    """A text of this pattern; whoever gives another one is told in words what is expected."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise PydanticCustomError("pattern", "expected {expected}", {"expected": expected})
        return text

    return AfterValidator(check)


TopicName = Annotated[str, _like(r"[A-Za-z0-9._-]{1,249}", "1 to 249 letters, digits, dots, underscores and hyphens")]
HostPort = Annotated[str, _like(r"\[?[^\s,]+\]?:\d{1,5}", "host:port, such as localhost:9092")]
Identifier = Annotated[
    str, _like(r"[a-z][a-z0-9_]{0,47}", "at most 48 small letters, digits and underscores, a letter first")
]
Memory = Annotated[str, _like(r"\d+[mg]", "megabytes or gigabytes, such as 512m or 2g")]
Url = Annotated[str, _like(r"https?://[^\s/]+", "a URL without a path, such as http://weather.example:8080")]
Origin = Annotated[str, _like(r"\*|https?://[^\s/*,]+", "an origin such as https://weather.example, or *")]
SparkMaster = Annotated[
    str,
    _like(
        r"local(\[[^\s\]]+\])?|spark://[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*", "local[*], local[n] or spark://host:7077"
    ),
]


class Section(BaseModel):
    """A group of keys; unknown keys are refused, and no error's own text shows a value: it may be a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


class Node(Section):
    name: str = ""
    roles: tuple[Role, ...] = Field(("feed", "stream", "query", "analytics", "alerts"), min_length=1)
    group: TopicName = "killrweather.nodes"
    session_timeout_s: float | None = Field(None, ge=1)
    max_clock_skew_s: float = Field(5.0, gt=0)
    ping_interval_s: float = Field(1.0, gt=0)
    hung_after_s: float = Field(10.0, gt=0)
    start_timeout_s: float = Field(60.0, gt=0)
    shutdown_timeout_s: float = Field(30.0, gt=0)

    @model_validator(mode="after")
    def _silence_is_heard(self) -> "Node":
        if self.ping_interval_s > self.hung_after_s / 4:
            raise ValueError(
                f"node.hung_after_s is {self.hung_after_s:g}: expected at least four times node.ping_interval_s,"
                f" which is {self.ping_interval_s:g}, so that one late sign is no death"
            )
        return self


class HttpTls(Section):
    certificate: Path | None = None
    key: Path | None = None
    ca_file: Path | None = None


class Http(Section):
    host: str = "127.0.0.1"
    port: Port = 8080
    token: SecretStr | None = None
    token_file: Path | None = None
    cors_origins: tuple[Origin, ...] = ()
    max_body_bytes: int = Field(268_435_456, ge=1)
    request_timeout_s: float = Field(10.0, gt=0)
    advertised_url: Url | None = None
    tls: HttpTls = HttpTls()

    @property
    def url(self) -> str:
        """Where other nodes and clients reach the door."""
        if self.advertised_url:
            return self.advertised_url
        host = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared only
        return f"{'https' if self.tls.certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @model_validator(mode="after")
    def _a_public_door_has_a_lock(self) -> "Http":
        if self.host not in ("127.0.0.1", "::1", "localhost") and not self.token:
            raise ValueError(f"http.host {self.host} is open to other machines: set http.token, or use 127.0.0.1")
        if bool(self.tls.certificate) != bool(self.tls.key):
            raise ValueError("http.tls needs both certificate and key, or neither")
        return self

    @property
    def scheme(self) -> str:
        """What this configuration's node is asked by; a client's has only the authority."""
        return "https" if self.tls.certificate or self.tls.ca_file else "http"


class Feed(Section):
    directories: tuple[Path, ...] = ()
    chunk_bytes: int = Field(1_048_576, ge=4_096, le=16_777_216)
    max_line_bytes: int = Field(65_536, ge=128)
    max_decompressed_bytes: int = Field(8_589_934_592, ge=1)
    noaa_url: Annotated[str, _like(r"https?://[^\s/]+\S*", "a URL")] = "https://www.ncei.noaa.gov"


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
    password_file: Path | None = None
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def has_tls(self) -> bool:
        """Brokers are spoken to over TLS."""
        return self.protocol.endswith("SSL")

    @property
    def has_login(self) -> bool:
        """Brokers are told a name and a password."""
        return self.protocol.startswith("SASL")

    @model_validator(mode="after")
    def _nothing_is_given_in_vain(self) -> "KafkaSecurity":
        section, tls, login = "kafka.security", ("ca_file", "certificate", "key"), ("username", "password")
        for names, is_used, expected in (
            (tls, self.has_tls, "SSL or SASL_SSL"),
            (login, self.has_login, "SASL_PLAINTEXT or SASL_SSL"),
        ):
            vain = [name for name in names if getattr(self, name)]
            if vain and not is_used:
                text = f"{section}.{vain[0]} is set and {section}.protocol is {self.protocol}: expected {expected}"
                raise ValueError(text)
        if bool(self.certificate) != bool(self.key):
            given = "certificate" if self.certificate else "key"
            raise ValueError(f"{section}.{given} is set alone: expected certificate and key, or neither")
        if self.has_login and not (self.username and self.password):
            raise ValueError(f"{section}.username and {section}.password: {self.protocol} needs both")
        return self


class Kafka(Section):
    bootstrap_servers: tuple[HostPort, ...] = ()
    topic: Topics = Topics()
    group_id: TopicName = "killrweather.group"
    request_timeout_s: float = Field(5.0, ge=1)
    security: KafkaSecurity = KafkaSecurity()


class CassandraTtl(Section):
    raw_s: int = Field(0, ge=0)
    journal_s: int = Field(2_592_000, ge=3_600)


class CassandraTls(Section):
    enabled: bool = False
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _nothing_is_given_in_vain(self) -> "CassandraTls":
        section = "cassandra.tls"
        vain = [name for name in ("ca_file", "certificate", "key") if getattr(self, name)]
        if vain and not self.enabled:
            raise ValueError(f"{section}.{vain[0]} is set and {section}.enabled is false: expected true")
        if bool(self.certificate) != bool(self.key):
            given = "certificate" if self.certificate else "key"
            raise ValueError(f"{section}.{given} is set alone: expected certificate and key, or neither")
        return self


class Cassandra(Section):
    contact_points: tuple[str, ...] = ()
    port: Port = 9042
    local_dc: str = "datacenter1"
    keyspace: Identifier = "isd_weather_data"
    replication: dict[str, str | int] = {"class": "SimpleStrategy", "replication_factor": 1}
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    request_timeout_s: float = Field(5.0, gt=0)
    ttl: CassandraTtl = CassandraTtl()
    tls: CassandraTls = CassandraTls()

    @property
    def spans_data_centres(self) -> bool:
        """The keyspace is replicated to more than one data centre."""
        return self.replication["class"] == "NetworkTopologyStrategy" and len(self.replication) > 2

    @property
    def reads_everywhere_at(self) -> str:
        """The consistency level at which a read sees what was written at LOCAL_QUORUM in any data centre."""
        return "EACH_QUORUM" if self.spans_data_centres else "LOCAL_QUORUM"

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
    master: SparkMaster = "local[*]"
    trigger_interval_s: float = Field(0.0, ge=0)
    driver_memory: Memory = "1g"
    analytics_memory: Memory = "1g"
    max_rows_per_batch: int = Field(200_000, ge=1)
    shuffle_partitions: int = Field(2, ge=1)
    executor_memory: Memory = "1g"
    executor_cores: int = Field(1, ge=1)
    max_cores: int = Field(2, ge=1)
    driver_host: str = ""
    driver_port: int = Field(0, ge=0, le=65_000)

    @property
    def is_local(self) -> bool:
        """The jobs run in their drivers, without a cluster."""
        return self.master.startswith("local")


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

    decide: dict[str, DirectiveName] = {"ConfigurationError": "escalate", "Refused": "escalate", "*": "restart"}
    max_restarts: int = Field(10, ge=0)
    within_s: float = Field(60.0, gt=0)
    backoff_s: float = Field(0.05, ge=0)
    backoff_max_s: float = Field(5.0, ge=0)
    on_limit: LimitDirectiveName = "stop"


class ActorSpec(Section):
    actor_class: Annotated[
        str, _like(r"[A-Za-z_][\w.]*\.[A-Za-z_]\w*", "a dotted name such as actors.temperature.TemperatureActor")
    ] = Field(alias="class")
    roles: tuple[Role, ...]
    pool: int = Field(1, ge=1, le=32)
    strategy: Strategy = Strategy()


ALL_ROLES: tuple[Role, ...] = ("feed", "stream", "query", "analytics", "alerts")
_INDISPENSABLE = Strategy(on_limit="escalate")


def _actor(path: str, *roles: Role, pool: int = 1, strategy: Strategy | None = None) -> ActorSpec:
    return ActorSpec(actor_class=path, roles=roles, pool=pool, strategy=strategy or Strategy())


DEFAULT_ACTORS: dict[str, ActorSpec] = {
    "http-feed": _actor("actors.http_feed.HttpFeedActor", *ALL_ROLES, strategy=_INDISPENSABLE),
    "kafka-publisher": _actor("actors.kafka_publisher.KafkaPublisherActor", "feed", pool=2),
    "rejected": _actor("actors.rejected.RejectedActor", "feed"),
    "kafka-streaming": _actor("actors.kafka_streaming.KafkaStreamingActor", "stream"),
    "membership": _actor("actors.membership.MembershipActor", *ALL_ROLES, strategy=_INDISPENSABLE),
    "temperature": _actor("actors.temperature.TemperatureActor", "query"),
    "precipitation": _actor("actors.precipitation.PrecipitationActor", "query"),
    "weather-station": _actor("actors.weather_station.WeatherStationActor", "query"),
    "analytics": _actor("actors.analytics.AnalyticsActor", "analytics"),
}


class Client(Section):
    nodes: tuple[Url, ...] = ()


class Logging(Section):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["text", "json"] = "text"


class Settings(Section):
    """The whole configuration, checked."""

    node: Node = Node()
    http: Http = Http()
    feed: Feed = Feed()
    kafka: Kafka = Kafka()
    cassandra: Cassandra = Cassandra()
    spark: Spark = Spark()
    services: Services = Services()
    client: Client = Client()
    logging: Logging = Logging()
    guardian: str = "actors.node_guardian.NodeGuardian"
    actors: dict[str, ActorSpec] = DEFAULT_ACTORS

    @model_validator(mode="after")
    def _embedded_services_have_no_locks(self) -> "Settings":
        if self.embedded_kafka and self.kafka.security.protocol != "PLAINTEXT":
            protocol = self.kafka.security.protocol
            text = "the embedded Kafka speaks PLAINTEXT, on loopback; name other brokers in kafka.bootstrap_servers"
            raise ValueError(f"kafka.security.protocol is {protocol}: {text}")
        if self.embedded_cassandra and self.cassandra.tls.enabled:
            text = "the embedded Cassandra has no TLS, on loopback; name other nodes in cassandra.contact_points"
            raise ValueError(f"cassandra.tls.enabled is true: {text}")
        return self

    @property
    def embedded_kafka(self) -> bool:
        """No external Kafka is named, so this machine runs its own."""
        return not self.kafka.bootstrap_servers

    @property
    def embedded_cassandra(self) -> bool:
        """No external Cassandra is named, so this machine runs its own."""
        return not self.cassandra.contact_points

    @property
    def session_timeout_s(self) -> float:
        """After how long a silent node is given up: the brokers' smallest default, the embedded one allows less."""
        return self.node.session_timeout_s or (2.5 if self.embedded_kafka else 6.0)

    @property
    def kafka_servers(self) -> tuple[str, ...]:
        """The brokers to talk to, embedded or external, each ``host:port``."""
        return self.kafka.bootstrap_servers or (f"127.0.0.1:{self.services.kafka.port}",)

    @property
    def cassandra_hosts(self) -> tuple[str, ...]:
        """The Cassandra nodes to ask first, embedded or external."""
        return self.cassandra.contact_points or ("127.0.0.1",)
