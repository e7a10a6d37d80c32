"""The embedded Kafka and Cassandra start, keep what they acknowledged, come back, and leave nothing behind."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from cassandra.cluster import Cluster

from killrweather.errors import ServiceError
from killrweather.home import Home
from killrweather.processes import LOOPBACK, free_port, is_port_free
from killrweather.services import Embedded
from killrweather.services.jars import ensure
from killrweather.services.locked import locked_jars
from killrweather.settings import Settings

JARS = Path(os.environ.get("KILLRWEATHER_SERVICES_JARS") or Home.find().path / "jars")
NOBODY = "127.0.0.1:1"

LAUNCHER = """\
import json, sys, time
from pathlib import Path
from killrweather.home import Home
from killrweather.services import Embedded
from killrweather.settings import Settings
embedded = Embedded(Settings.model_validate(json.loads(sys.argv[1])), Home(Path(sys.argv[2])))
embedded.start()
print("ready", flush=True)
time.sleep(300)
"""


def make_settings(only=None, **services):
    """Settings on free ports; ``only`` names the one service that is embedded."""
    kafka = {"port": free_port(), "controller_port": free_port(), **services.pop("kafka", {})}
    storage = {"storage_port": free_port(), **services.pop("cassandra", {})}
    return Settings.model_validate(
        {
            "kafka": {"bootstrap_servers": [NOBODY] if only == "cassandra" else []},
            "cassandra": {"port": free_port(), "contact_points": ["127.0.0.1"] if only == "kafka" else []},
            "services": {"jars": JARS, "kafka": kafka, "cassandra": storage, **services},
        }
    )


def eventually(claim, timeout_s=60.0):
    """Wait until a claim holds; fails with what it said last."""
    limit = time.monotonic() + timeout_s
    while not (last := claim()):
        assert time.monotonic() < limit, f"not within {timeout_s} s: {last!r}"
        time.sleep(0.05)
    return last


def pid_of(embedded, name):
    """The pid of a running service."""
    return next(status.pid for status in embedded.status() if status.name == name)


def watch_until(embedded, kind, name):
    """Do what a launcher does until something happened to a service; everything that happened."""
    seen = []

    def happened():
        seen.extend(embedded.watch())
        return [event for event in seen if (event.kind, event.service) == (kind, name)]

    eventually(happened)
    return seen


@contextmanager
def cassandra_session(settings):
    """A session of the driver."""
    cluster = Cluster([LOOPBACK], port=settings.cassandra.port)
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def send(settings, topic, values):
    """Write records and wait until they are acknowledged."""

    async def run():
        server = settings.kafka_servers[0]
        admin = AIOKafkaAdminClient(bootstrap_servers=server)
        await admin.start()
        await admin.create_topics([NewTopic(topic, 1, 1)])
        await admin.close()
        async with AIOKafkaProducer(bootstrap_servers=server, acks="all") as producer:
            for value in values:
                await producer.send_and_wait(topic, value)

    asyncio.run(run())


def receive(settings, topic, count):
    """Read this many records from the beginning."""

    async def run():
        partition = TopicPartition(topic, 0)
        async with AIOKafkaConsumer(bootstrap_servers=settings.kafka_servers[0]) as consumer:
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]

    return asyncio.run(run())


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Both services, started once for this module."""
    settings = make_settings()
    embedded = Embedded(settings, Home(tmp_path_factory.mktemp("both")))
    steps = []
    embedded.start(steps.append)
    yield embedded, settings, steps
    embedded.stop()


@pytest.fixture
def home(tmp_path):
    """A fresh state directory."""
    return Home(tmp_path / "home")


@pytest.fixture
def launched():
    """Starts launchers as processes of their own and leaves none behind."""
    launchers = []

    def launch(settings, home):
        command = [sys.executable, "-c", LAUNCHER, settings.model_dump_json(exclude={"actors"}), str(home.path)]
        launcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        launchers.append((launcher, Embedded(settings, home)))
        assert launcher.stdout.readline() == "ready\n"
        return launcher

    yield launch
    for launcher, embedded in launchers:
        launcher.kill()
        launcher.wait()
        launcher.stdout.close()
        embedded.stop()


def test_start_returns_when_both_serve(running):
    """Right after start both answer, and the steps on the way were told."""
    _, settings, steps = running
    with cassandra_session(settings) as session:
        version = session.execute("SELECT release_version FROM system.local").one()[0]
    send(settings, "first", [b"x"])

    assert version == "5.0.9"
    assert {(step.task, step.detail.split()[0]) for step in steps} >= {("kafka", "ready"), ("cassandra", "ready")}


def test_status_tells_pid_address_memory_and_uptime(running):
    """Whoever looks at the state directory sees what runs."""
    embedded, settings, _ = running
    kafka, cassandra = Embedded(settings, embedded.home).status()

    assert (kafka.name, kafka.state, kafka.address) == ("kafka", "running", settings.kafka_servers[0])
    assert (cassandra.name, cassandra.state) == ("cassandra", "running")
    assert min(kafka.memory_bytes, cassandra.memory_bytes) > 50_000_000
    assert min(kafka.uptime_s, cassandra.uptime_s) > 0


def test_services_listen_on_loopback_only_and_on_no_other_port(running):
    """Neither a storage port, nor the controller, nor JMX is reachable from outside."""
    embedded, settings, _ = running
    services = settings.services
    listening = {
        (connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port)
        for status in embedded.status()
        for connection in psutil.Process(status.pid).net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    ports = {
        services.kafka.port,
        services.kafka.controller_port,
        settings.cassandra.port,
        services.cassandra.storage_port,
    }

    assert listening == {(LOOPBACK, port) for port in ports}


def test_a_second_launcher_of_the_same_state_directory_is_refused(running):
    """Two launchers never share one state directory; the error names the first one's pid."""
    embedded, settings, _ = running
    command = [sys.executable, "-c", LAUNCHER, settings.model_dump_json(exclude={"actors"}), str(embedded.home.path)]
    answer = subprocess.run(command, capture_output=True, text=True)

    assert answer.returncode == 1
    assert f"already run by pid {os.getpid()}" in answer.stderr
    assert pid_of(embedded, "kafka")


def test_acknowledged_writes_survive_kill_9_of_cassandra(running):
    """What was acknowledged right before kill -9 is there when the watcher has brought Cassandra back."""
    embedded, settings, _ = running
    with cassandra_session(settings) as session:
        session.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        session.execute("CREATE TABLE k.t (a int PRIMARY KEY)")
        insert = session.prepare("INSERT INTO k.t (a) VALUES (?)")
        for number in range(100):
            session.execute(insert, (number,))
        os.kill(pid_of(embedded, "cassandra"), signal.SIGKILL)
    events = watch_until(embedded, "restarted", "cassandra")
    with cassandra_session(settings) as session:
        kept = {row.a for row in session.execute("SELECT a FROM k.t")}

    assert kept == set(range(100))
    assert "signal 9" in next(event.detail for event in events if event.kind == "died")
    assert {status.name: status.restarts for status in embedded.status()}["cassandra"] == 1


def test_acknowledged_records_survive_kill_9_of_kafka(running):
    """What was acknowledged right before kill -9 is there when the watcher has brought Kafka back."""
    embedded, settings, _ = running
    values = [b"%d" % number for number in range(100)]
    send(settings, "kept", values)
    os.kill(pid_of(embedded, "kafka"), signal.SIGKILL)
    watch_until(embedded, "restarted", "kafka")

    assert receive(settings, "kept", len(values)) == values


def test_data_survives_a_stop_and_a_new_start(home):
    """stop leaves no process and no held port; the next start finds the records again."""
    settings = make_settings(only="kafka")
    embedded = Embedded(settings, home)
    embedded.start()
    send(settings, "kept", [b"a", b"b"])
    pid = pid_of(embedded, "kafka")
    embedded.stop()
    ended = not psutil.pid_exists(pid) and is_port_free(settings.services.kafka.port)
    state = embedded.status()[0].state
    embedded.start()
    try:
        values = receive(settings, "kept", 2)
    finally:
        embedded.stop()

    assert ended
    assert state == "stopped"
    assert values == [b"a", b"b"]


def test_kill_9_of_the_launcher_ends_its_services(home, launched):
    """No orphan and no held port is left behind by a launcher that could do nothing about it."""
    settings = make_settings()
    launcher = launched(settings, home)
    pids = [status.pid for status in Embedded(settings, home).status()]
    launcher.kill()

    eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    assert all(
        is_port_free(port)
        for port in (
            settings.services.kafka.port,
            settings.services.kafka.controller_port,
            settings.cassandra.port,
            settings.services.cassandra.storage_port,
        )
    )


def test_a_leftover_that_does_not_end_by_itself_is_ended_by_the_next_start(home, launched):
    """A service that hangs when its launcher is killed holds ports and data until the next start kills it."""
    settings = make_settings(only="kafka", stop_timeout_s=0.5)
    launcher = launched(settings, home)
    leftover = pid_of(Embedded(settings, home), "kafka")
    os.kill(leftover, signal.SIGSTOP)
    launcher.kill()
    launcher.wait()
    embedded = Embedded(settings, home)
    embedded.start()
    try:
        pid = pid_of(embedded, "kafka")
    finally:
        embedded.stop()

    assert pid != leftover
    assert not psutil.pid_exists(leftover)


def start_error(settings, home):
    """The one line that a failed start gives; nothing is left running by it."""
    embedded = Embedded(settings, home)
    with pytest.raises(ServiceError) as caught:
        embedded.start()

    assert "\n" not in str(caught.value)
    assert {status.state for status in embedded.status()} <= {"stopped", "external"}
    return str(caught.value)


@pytest.mark.parametrize(
    ("only", "setting"),
    [
        ("kafka", "services.kafka.port"),
        ("kafka", "services.kafka.controller_port"),
        ("cassandra", "cassandra.port"),
        ("cassandra", "services.cassandra.storage_port"),
    ],
)
def test_a_port_in_use_is_one_line_with_port_owner_and_setting(home, only, setting):
    """Each port is checked before anything starts."""
    settings = make_settings(only=only)
    port = settings
    for key in setting.split("."):
        port = getattr(port, key)
    with socket.create_server((LOOPBACK, port)):
        error = start_error(settings, home)

    assert error.startswith(f"{setting}: port {port} on 127.0.0.1 is in use by")
    assert f"(pid {os.getpid()})" in error


def test_damaged_kafka_data_is_one_line_with_the_file(home):
    """A damaged meta.properties stops the start, with Kafka's own reason and where its data is."""
    topics = home.path / "kafka" / "topics"
    topics.mkdir(parents=True)
    (topics / "meta.properties").write_text("version=damaged\n")
    error = start_error(make_settings(only="kafka"), home)

    assert error.startswith("kafka: ended with code 1: ")
    assert "services.kafka.directory" in error
    assert str(home.log("kafka")) in error


def test_damaged_cassandra_data_is_one_line_with_the_file(home):
    """A commit log that can't be read stops the start, with Cassandra's own reason."""
    commit_log = home.path / "cassandra" / "commitlog"
    commit_log.mkdir(parents=True)
    (commit_log / "CommitLog-7-1700000000000.log").write_bytes(b"damaged" * 100)
    (commit_log / "CommitLog-7-1700000000001.log").write_bytes(b"damaged" * 100)
    error = start_error(make_settings(only="cassandra"), home)

    assert error.startswith("cassandra: ended with code ")
    assert "CommitLog-7-1700000000000.log" in error


def test_a_directory_that_cannot_be_written_is_named_with_its_setting(home):
    """A file in the place of the data directory."""
    home.directory("run")
    (home.path / "kafka").write_text("")
    error = start_error(make_settings(only="kafka"), home)

    assert str(home.path / "kafka") in error
    assert "services.kafka.directory" in error


def test_a_heap_that_does_not_fit_is_told_with_its_setting(home):
    """The JVM's own words and the setting to change."""
    error = start_error(make_settings(only="kafka", kafka={"heap": "99999999g"}), home)

    assert "services.kafka.heap" in error


@pytest.fixture
def repository(tmp_path):
    """A Maven repository in a directory, with the jars of the Spark set."""
    settings = make_settings()
    root = tmp_path / "repository"
    for jar, path in zip(locked_jars("spark"), ensure("spark", Home(tmp_path), settings), strict=True):
        folder = root / jar.organisation.replace(".", "/") / jar.module / jar.revision
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / jar.file_name)
    return root


def fetching(tmp_path, repository):
    """Fetch the Spark set from a repository into an empty cache."""
    services = {"jars": tmp_path / "cache", "maven_repository": repository}
    return ensure("spark", Home(tmp_path / "home"), Settings.model_validate({"services": services}))


def test_ivy_fetches_a_set_from_a_repository(tmp_path, repository):
    """The real Ivy brings every jar, and nothing is left beside them."""
    paths = fetching(tmp_path, repository.as_uri() + "/")

    assert all(path.exists() for path in paths)
    assert sorted(os.listdir(tmp_path / "cache")) == [".lock", "spark"]


def test_a_repository_without_the_jar_is_one_line(tmp_path, repository):
    """The missing jar is named; the others are kept."""
    shutil.rmtree(repository / "com" / "typesafe")

    with pytest.raises(
        ServiceError, match=r"^com\.typesafe:config:1\.4\.1: not fetched, .* gave no such file"
    ) as caught:
        fetching(tmp_path, repository.as_uri() + "/")
    assert "\n" not in str(caught.value)
    assert len(list((tmp_path / "cache" / "spark").glob("*.jar"))) == 14


def test_an_unreachable_repository_is_one_line(tmp_path):
    """No network: the first jar, the cause, and what to look at."""
    with pytest.raises(
        ServiceError, match=r"and 14 more: not fetched, .*can't be reached \(ConnectException"
    ) as caught:
        fetching(tmp_path, f"http://127.0.0.1:{free_port()}/")
    assert "HTTPS_PROXY" in str(caught.value)
