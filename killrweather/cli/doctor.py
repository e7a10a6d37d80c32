"""``killrweather doctor``: is everything there that a node needs?"""

import asyncio
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from killrweather.cli.options import AsJson, ConfigFiles, Environment, HomeDirectory, environment
from killrweather.cli.output import print_json, print_table
from killrweather.errors import KillrWeatherError

_DISK_BYTES = 2 << 30
_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Finding:
    """What one check found; ``text`` names host, port and setting, and what to do when it is not ok."""

    name: str
    ok: bool
    text: str


def run(as_json: AsJson = False, config: ConfigFiles = None, home: HomeDirectory = None) -> int:
    """Check Java, ports, disk, each service and the schema; exit code 1 when something is missing.

    Example: `killrweather doctor`
    """
    findings = list(examine(environment(config, home)))
    if as_json:
        print_json(findings)
    else:
        print_table(((f.name, "ok" if f.ok else "FAILED", f.text) for f in findings), ["check", "", ""])
    return 0 if all(finding.ok for finding in findings) else 1


def examine(found: Environment) -> Iterator[Finding]:
    """Every check, one after the other; one that fails does not keep the others from being made."""
    checks: list[tuple[str, Callable[[Environment], str]]] = [
        ("java", _java),
        ("disk", _disk),
        ("kafka", _kafka),
        ("cassandra", _cassandra),
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
    setting = "services.kafka.port" if found.settings.embedded_kafka else "kafka.bootstrap_servers"
    for server in found.settings.kafka_servers:
        host, _, port = server.rpartition(":")
        _connect(host.strip("[]"), int(port), setting, found.settings.embedded_kafka)
    return f"{', '.join(found.settings.kafka_servers)} accepts connections ({setting})"


def _cassandra(found: Environment) -> str:
    settings = found.settings
    setting = "cassandra.port" if settings.embedded_cassandra else "cassandra.contact_points"
    for host in settings.cassandra_hosts:
        _connect(host, settings.cassandra.port, setting, settings.embedded_cassandra)
    return f"{', '.join(settings.cassandra_hosts)} port {settings.cassandra.port} accepts connections ({setting})"


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


def _connect(host: str, port: int, setting: str, is_embedded: bool) -> None:
    try:
        socket.create_connection((host, port), _TIMEOUT_S).close()
    except OSError as error:
        do = "start it with: killrweather up" if is_embedded else "is it running, and is the setting right?"
        raise KillrWeatherError(f"{host} port {port} ({setting}): {error.strerror or error}; {do}") from None
