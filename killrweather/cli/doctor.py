"""``killrweather doctor``: is everything there that a node needs?"""

import asyncio
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from killrweather.cli.options import ConfigFiles, Environment, HomeDirectory, environment
from killrweather.cli.output import Output
from killrweather.cli.tables import print_table
from killrweather.errors import KillrWeatherError

_DISK_BYTES = 2 << 30
_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Finding:
    """What one check found; ``text`` names host, port and setting, and what to do when it is not ok."""

    name: str
    ok: bool
    text: str


def run(*, output: Output, config: ConfigFiles = None, home: HomeDirectory = None) -> int:
    """Check Java, ports, disk, each service and the schema; exit code 1 when something is missing.

    Example: `killrweather doctor`
    """
    findings = list(examine(environment(config, home)))
    rows = [(f.name, "ok" if f.ok else "FAILED", f.text) for f in findings]
    output.print(findings, lambda: print_table(rows, ["check", "", ""]))
    return 0 if all(finding.ok for finding in findings) else 1


def examine(found: Environment) -> Iterator[Finding]:
    """Every check, one after the other; one that fails does not keep the others from being made."""
    checks: list[tuple[str, Callable[[Environment], str]]] = [
        ("java", _java),
        ("disk", _disk),
        ("kafka", _kafka),
        ("cassandra", _cassandra),
        ("spark", _spark),
        ("schema", _schema),
        ("node", _node),
    ]
    for name, check in checks:
        try:
            yield Finding(name, True, check(found))
        except KillrWeatherError as error:
            yield Finding(name, False, str(error))


def _java(found: Environment) -> str:
    from killrweather.services.java import find_java

    java = find_java(found.settings)
    return f"Java 17 at {java.home} (from {java.origin})"


def _disk(found: Environment) -> str:
    path = found.home.path if found.home.path.exists() else found.home.path.parent
    free = shutil.disk_usage(path).free
    if free < _DISK_BYTES:
        wanted = _DISK_BYTES / 1e9
        raise KillrWeatherError(f"{path}: {free / 1e9:.1f} GB free, expected {wanted:.0f} GB; make room or use --home")
    return f"{path}: {free / 1e9:.0f} GB free"


def _kafka(found: Environment) -> str:
    from killrweather.streams.refusal import refusal

    embedded = found.settings.embedded_kafka
    setting = "services.kafka.port" if embedded else "kafka.bootstrap_servers"
    answer = _reach(map(_host_and_port, found.settings.kafka_servers), setting, embedded)
    if refused := asyncio.run(refusal(found.settings)):
        raise refused
    return answer


def _cassandra(found: Environment) -> str:
    settings = found.settings
    setting = "cassandra.port" if settings.embedded_cassandra else "cassandra.contact_points"
    nodes = [(host, settings.cassandra.port) for host in settings.cassandra_hosts]
    return _reach(nodes, setting, settings.embedded_cassandra)


def _spark(found: Environment) -> str:
    spark = found.settings.spark
    if spark.is_local:
        return f"{spark.master}: in processes of this node"
    try:
        socket.create_server((spark.driver_host or socket.gethostname(), 0)).close()
    except OSError as error:
        raise KillrWeatherError(
            f"spark.driver_host {spark.driver_host or socket.gethostname()}: {error.strerror or error}; "
            "expected an address of this machine at which Spark's workers reach it"
        ) from None
    masters = spark.master.removeprefix("spark://").split(",")
    return _reach(map(_host_and_port, masters), "spark.master", is_embedded=False)


def _schema(found: Environment) -> str:
    from killrweather.storage.store import Store

    keyspace = found.settings.cassandra.keyspace
    store = Store.open(found.settings)
    asyncio.run(store.close())
    return f"keyspace {keyspace} has every table"


def _node(found: Environment) -> str:
    from killrweather.cli.status import look, what_is_missing

    status = look(found)
    if not status["ready"]:
        raise KillrWeatherError(what_is_missing(status))
    return f"{found.url} is ready"


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _reach(nodes: Iterable[tuple[str, int]], setting: str, is_embedded: bool) -> str:
    """Connect to each; one that answers will do, and those that do not are named."""
    there, away = [], []
    for host, port in nodes:
        try:
            socket.create_connection((host, port), _TIMEOUT_S).close()
            there.append(f"{host} port {port}")
        except OSError as error:
            away.append(f"{host} port {port} ({setting}): {error.strerror or error}")
    if not there:
        do = "start it with: killrweather up" if is_embedded else "is it running, and is the setting right?"
        raise KillrWeatherError(f"{'; '.join(away)}; {do}")
    return "; ".join([f"{', '.join(there)} accepts connections ({setting})", *away])
