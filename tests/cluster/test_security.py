"""A whole node on services that demand TLS, certificates and passwords, and what it says when they are wrong."""

import asyncio
import contextlib
import hmac
import ipaddress
import os
import pickle
import socket
import ssl
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from locked_services import LockedServices

from killrweather.errors import Refused
from killrweather.home import Home
from killrweather.processes import end, free_port
from killrweather.settings import Settings
from killrweather.storage import session as cassandra
from killrweather.streams.topics import ensure_topics

TOKEN = "http-s3cret-of-a-test"
MARK = "s3cret"
"""Part of every secret here, and of nothing else."""

PATIENCE_S = 240.0
LINE = "725030:14732,2008,01,01,{hour:02},5.0,-3.9,1020.4,270,4.6,2,1.5,0.0\n"


def eventually(look: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
    """The first true value; an assertion with the last one seen when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what}: not in {timeout_s:g} s, last seen: {seen!r}"
        time.sleep(0.2)
    return seen


@dataclass
class GuardedNode:
    """``killrweather node start`` and what is asked of it, with secrets in files and in the environment."""

    home: Path
    config: Path
    port: int
    process: subprocess.Popen | None = None

    @classmethod
    def configure(cls, home: Path, configuration: dict[str, Any], **http: Any) -> "GuardedNode":
        """Write the configuration without its secrets, and each of them where it belongs."""
        home.mkdir(parents=True)
        port = free_port()
        for section, name in ((configuration["kafka"].get("security", {}), "kafka"), (configuration["cassandra"], "c")):
            if secret := section.pop("password", None):
                path = home / f"{name}.secret"
                path.write_text(f"{secret}\n")
                section["password_file"] = str(path)
        whole = {**configuration, "http": {"port": port, **http}, "node": {"hung_after_s": 30.0}}
        config = home / "node.yaml"
        config.write_text(yaml.safe_dump(whole))
        return cls(home, config, port)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "KILLRWEATHER_HTTP_TOKEN": TOKEN}

    def command(self, *arguments: str) -> list[str]:
        state = ["--config", str(self.config), "--home", str(self.home / "state")]
        return [sys.executable, "-m", "killrweather", *arguments, *state]

    def run(self, *arguments: str, timeout_s: float = PATIENCE_S) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=timeout_s, env=self.environment
        )

    def start(self) -> None:
        with (self.home / "node.out").open("wb") as output:
            self.process = subprocess.Popen(
                self.command("node", "start"), stdout=output, stderr=output, env=self.environment
            )

    def stop(self) -> None:
        if self.process:
            end(self.process.pid, 60.0)
            self.process.wait()

    def said(self) -> str:
        return (self.home / "node.out").read_text()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"the node ended: {self.said()}"
        return self.run("status").returncode == 0

    def browser(self) -> httpx.Client:
        ca_file = yaml.safe_load(self.config.read_text())["http"]["tls"]["ca_file"]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        trusted = ssl.create_default_context(cafile=ca_file)
        return httpx.Client(base_url=f"https://127.0.0.1:{self.port}", headers=headers, verify=trusted, timeout=60)

    def actors(self) -> dict[str, tuple[int, int]]:
        """Each actor's process and restarts."""
        with self.browser() as browser:
            node = browser.get("/status").json()["node"]
        return {actor["name"]: (actor["pid"], actor["restarts"]) for actor in node["actors"]}

    def processes(self) -> list[psutil.Process]:
        node = psutil.Process(self.process.pid)
        return [node, *node.children(recursive=True)]


@pytest.fixture(scope="module")
def locked(tmp_path_factory) -> Iterator[LockedServices]:
    services = LockedServices(Home(tmp_path_factory.mktemp("locked")))
    try:
        services.start()
        yield services
    finally:
        services.stop()


@pytest.fixture(scope="module")
def node(locked, tmp_path_factory) -> Iterator[GuardedNode]:
    """A node open to other machines, with certificates of its own authority."""
    home = tmp_path_factory.mktemp("node") / "home"
    certificate, key = locked.authority.issue("http")
    tls = {"certificate": str(certificate), "key": str(key), "ca_file": str(locked.authority.file)}
    node = GuardedNode.configure(home, locked.configuration(), host="0.0.0.0", tls=tls)
    try:
        applied = node.run("schema", "apply")
        assert applied.returncode == 0, applied.stderr
        node.start()
        eventually(node.is_ready, "the node is ready")
        yield node
    finally:
        node.stop()


def listening(process: psutil.Process) -> list[tuple[str, int]]:
    """Where a process listens."""
    try:
        connections = process.net_connections(kind="inet")
    except psutil.NoSuchProcess:
        return []
    return [tuple(connection.laddr) for connection in connections if connection.status == psutil.CONN_LISTEN]


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def crafted(bang: Path) -> list[bytes]:
    """What somebody on this machine might send, in the framing of Thespian, of the lines, of py4j, of HTTP and none."""
    bomb = pickle.dumps((None, Bomb(bang)))
    foreign = hmac.digest(b"another system's key", bomb, "sha256") + bomb
    framed = [b"%d>%s" % (len(data), data) for data in (bomb, foreign)]
    lines = [struct.pack("!I", len(data)) + data for data in (bomb, foreign)]
    gateway = [b"s\n", b"q\n", b"c\nt\nexit\ni1\ne\n", b"A\nwrong\nc\nz:java.lang.System\nexit\ni1\ne\n"]
    cut_off = [framed[0][:-5], lines[0][:-5], b"99999999999999999999", struct.pack("!I", 0xFFFFFFFF), b"-1>x"]
    http = [b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"]
    return [*framed, *lines, *gateway, *cut_off, *http, os.urandom(65_536), b"\0" * 65_536]


def send(port: int, data: bytes) -> None:
    """Send bytes and hang up; the other side may do so first."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(data)
        connection.settimeout(0.05)
        connection.recv(1)


def hours(home: Path) -> Path:
    """A day's file."""
    file = home / "hours.csv"
    file.write_text("".join(LINE.format(hour=hour) for hour in range(24)))
    return file


def test_a_node_loads_and_answers_where_everything_is_locked(node):
    """SCRAM and client certificates at both services, TLS and a token at the door; Spark stores, a client asks."""
    loaded = node.run("load", "--wait", str(hours(node.home)))
    asked = node.run("query", "daily", "725030:14732", "--start", "2008-01-01", "--end", "2008-01-01", "--json")

    assert loaded.returncode == 0, loaded.stderr
    assert asked.returncode == 0, asked.stderr
    assert "36" in asked.stdout


def test_no_secret_is_in_a_log_a_page_an_output_or_a_process_list(locked, node):
    """Whatever a node writes, prints, serves or was started with."""
    commands = [
        ("config", "show"), ("config", "show", "--json"), ("config", "check"), ("doctor",), ("doctor", "--json"),
        ("status",), ("status", "--json"), ("services", "status"), ("rejected", "list"), ("query", "station", "1:1"),
    ]  # fmt: skip
    said = {" ".join(command): _output(node.run(*command)) for command in commands}
    pages = ["/", "/alive", "/ready", "/status", "/openapi.json", "/weather/rejected", "/nowhere", "/weather/data?x=1"]
    with node.browser() as browser:
        said |= {page: browser.get(page).text for page in pages}
    said |= {"command lines": "\n".join(" ".join(process.cmdline()) for process in node.processes())}
    said |= {"node.out": node.said()}
    files = [path for path in (node.home / "state").rglob("*") if path.is_file() and not path.is_symlink()]
    kept = {str(path): path.read_bytes().decode("latin-1") for path in files}
    key = locked.private_key_line()

    assert "cassandra.password" in said["config show"]
    assert any("node.log" in path for path in kept)
    assert [what for what, text in (said | kept).items() if MARK in text or key in text] == []


def test_the_stores_for_spark_are_this_users_alone(node):
    """Nobody else reads the key in them."""
    stores = list((node.home / "state").rglob("*.p12"))

    assert sorted(path.name for path in stores) == ["cassandra.key.p12", "cassandra.trust.p12"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in stores} == {0o600}


def test_nothing_but_the_door_listens_beyond_loopback(node):
    """http.host is 0.0.0.0: the actors, their lines, Spark's driver and its gateway stay on loopback."""
    places = [place for process in node.processes() for place in listening(process)]

    assert len(places) > 10
    assert [place for place in places if not _is_loopback(place)] == [("0.0.0.0", node.port)]


def test_garbage_and_foreign_pickles_at_every_port_run_nothing_and_restart_nobody(locked, node):
    """Unsigned, signed with another key, cut off, endless and oversized, in the framing of each port that listens."""
    before = node.actors()
    ports = {port for process in node.processes() for _, port in listening(process)} | set(locked.ports())
    bang = node.home / "bang"
    for port in sorted(ports):
        for data in crafted(bang):
            send(port, data)

    now = eventually(lambda: node.is_ready() and node.actors(), "the node is ready after the garbage")
    assert not bang.exists()
    assert now == before
    assert node.run("load", "--wait", str(hours(node.home))).returncode == 0


def test_a_command_without_the_authority_or_the_token_is_told_what_is_missing(node):
    """A private certificate needs http.tls.ca_file, a door with a lock http.token."""
    configuration = yaml.safe_load(node.config.read_text())
    stranger = configuration["http"]["tls"] | {"ca_file": None}
    other = node.home / "stranger.yaml"
    other.write_text(yaml.safe_dump({**configuration, "http": {**configuration["http"], "tls": stranger}}))
    unknown = subprocess.run(
        [*node.command("status"), "--config", str(other)], capture_output=True, text=True, env=node.environment
    )
    wrong = {**node.environment, "KILLRWEATHER_HTTP_TOKEN": "other-s3cret"}
    locked_out = subprocess.run(node.command("query", "sky", "8"), capture_output=True, text=True, env=wrong)

    assert unknown.returncode == locked_out.returncode == 1
    assert "http.tls.ca_file" in unknown.stderr
    assert "http.token" in locked_out.stderr
    for done in (unknown, locked_out):
        assert "Traceback" not in _output(done)
        assert MARK not in _output(done)


NO_TLS = {"ca_file": None, "certificate": None, "key": None}
NO_LOGIN = {"username": None, "password": None}
WRONG = "wrong-s3cret"


@pytest.mark.parametrize(
    ("listener", "changes", "expected"),
    [
        ("LOCKED", {"password": WRONG}, ['user "weather"', "kafka.security.password"]),
        ("LOCKED", {"password": WRONG, "mechanism": "PLAIN"}, ['user "weather"', "kafka.security.password"]),
        ("LOCKED", {"mechanism": "SCRAM-SHA-256"}, ["kafka.security.mechanism", "SCRAM-SHA-256"]),
        ("LOCKED", {"ca_file": "foreign"}, ["certificate is not accepted", "kafka.security.ca_file"]),
        ("LOCKED", {"certificate": None, "key": None}, ["our certificate", "kafka.security.certificate"]),
        ("LOCKED", {"protocol": "PLAINTEXT", **NO_TLS, **NO_LOGIN}, ["demands TLS", "kafka.security.protocol"]),
        ("SEALED", {"protocol": "PLAINTEXT", **NO_TLS, **NO_LOGIN}, ["demands TLS", "kafka.security.protocol"]),
        ("LOCKED", {"protocol": "SSL", **NO_LOGIN}, ["demands a login", "SASL_SSL"]),
        ("LOGIN", {"protocol": "PLAINTEXT", **NO_TLS, **NO_LOGIN}, ["demands a login", "SASL_PLAINTEXT"]),
        ("OPEN", {"protocol": "SSL", **NO_LOGIN}, ["speaks no TLS", "PLAINTEXT"]),
        ("SEALED", {}, ["knows no login", "SSL"]),
    ],
)
def test_a_broker_that_does_not_let_us_in_is_named_with_what_it_wants(locked, listener, changes, expected):
    """Host, port, setting; the password never."""
    configuration = locked.configuration()
    server = configuration["kafka"]["bootstrap_servers"] = [f"127.0.0.1:{locked.listeners[listener]}"]
    configuration["kafka"]["security"] = _changed(locked, configuration["kafka"]["security"], changes)
    with pytest.raises(Refused) as caught:
        asyncio.run(ensure_topics(Settings.model_validate(configuration)))

    _is_one_line_with(str(caught.value), [f"Kafka at {server[0]}", *expected])


@pytest.mark.parametrize(
    ("listener", "mechanism"), [("LOCKED", "SCRAM-SHA-512"), ("LOCKED", "PLAIN"), ("LOGIN", "PLAIN")]
)
def test_each_way_to_log_in_lets_us_in(locked, listener, mechanism):
    """The topics are there."""
    configuration = locked.configuration()
    configuration["kafka"]["bootstrap_servers"] = [f"127.0.0.1:{locked.listeners[listener]}"]
    open_line = {"protocol": "SASL_PLAINTEXT", **NO_TLS} if listener == "LOGIN" else {}
    changes = {"mechanism": mechanism, **open_line}
    configuration["kafka"]["security"] = _changed(locked, configuration["kafka"]["security"], changes)

    assert asyncio.run(ensure_topics(Settings.model_validate(configuration))) == (0, 1)


@pytest.mark.parametrize(
    ("changes", "tls", "expected"),
    [
        ({"password": WRONG}, {}, ['user "weather"', "cassandra.password"]),
        (NO_LOGIN, {}, ["demands a login", "cassandra.username"]),
        ({}, {"enabled": False, **NO_TLS}, ["demands TLS", "cassandra.tls.enabled"]),
        ({}, {"ca_file": "foreign"}, ["certificate is not accepted", "cassandra.tls.ca_file"]),
        ({}, {"certificate": None, "key": None}, ["our certificate", "cassandra.tls.certificate"]),
    ],
)
def test_a_cassandra_that_does_not_let_us_in_is_named_with_what_it_wants(locked, changes, tls, expected):
    """Host, port, setting; the password never."""
    configuration = locked.configuration()["cassandra"]
    configuration = _changed(locked, configuration, changes) | {"tls": _changed(locked, configuration["tls"], tls)}
    with pytest.raises(Refused) as caught:
        cassandra.connect(Settings.model_validate({"cassandra": configuration}))

    _is_one_line_with(str(caught.value), [f"Cassandra at 127.0.0.1 port {locked.cassandra_port}", *expected])


def test_a_node_that_is_refused_ends_with_one_line_and_exit_code_1(locked, tmp_path):
    """A wrong password does not mend itself: the process manager hears why, without the password."""
    kafka, other = locked.configuration(), locked.configuration()
    kafka["kafka"]["security"]["password"] = WRONG
    other["cassandra"]["tls"] = _changed(locked, other["cassandra"]["tls"], {"ca_file": "foreign"})
    nodes = {
        "kafka.security.password": GuardedNode.configure(tmp_path / "kafka", kafka),
        "cassandra.tls.ca_file": GuardedNode.configure(tmp_path / "cassandra", other),
    }
    try:
        for node in nodes.values():
            node.start()
        codes = {setting: node.process.wait(PATIENCE_S) for setting, node in nodes.items()}
    finally:
        for node in nodes.values():
            node.stop()

    assert codes == dict.fromkeys(nodes, 1)
    for setting, node in nodes.items():
        _is_one_line_with(node.said().strip(), [setting, "127.0.0.1"])
        logs = [path.read_text() for path in (node.home / "state" / "logs").iterdir()]
        assert not any(MARK in text for text in logs)


def test_up_and_doctor_say_what_a_service_refuses(locked, tmp_path):
    """The same line, before anything is started."""
    configuration = locked.configuration()
    configuration["kafka"]["security"]["password"] = WRONG
    node = GuardedNode.configure(tmp_path / "home", configuration)
    up, doctor = node.run("up"), node.run("doctor")

    assert up.returncode == doctor.returncode == 1
    _is_one_line_with(up.stderr.strip(), ["error: Kafka at 127.0.0.1", "kafka.security.password"])
    assert "kafka.security.password" in doctor.stdout
    assert MARK not in _output(doctor)


def _changed(locked: LockedServices, section: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The section with other values; None leaves a key out."""
    foreign = {"ca_file": str(locked.foreign.file)} if changes.get("ca_file") == "foreign" else {}
    return {name: value for name, value in (section | changes | foreign).items() if value is not None}


def _is_one_line_with(text: str, parts: list[str]) -> None:
    assert "\n" not in text, text
    assert "Traceback" not in text
    assert MARK not in text
    for part in parts:
        assert part in text


def _output(done: subprocess.CompletedProcess) -> str:
    return done.stdout + done.stderr


def _is_loopback(place: tuple[str, int]) -> bool:
    address = ipaddress.ip_address(place[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
