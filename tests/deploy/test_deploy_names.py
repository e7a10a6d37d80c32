"""deploy/ names nothing that the program does not have: commands, settings, paths, ports, times, versions."""

import configparser
import re

import pytest
import yaml
from deploy_stage import (
    DEPLOY,
    FILES,
    ROOT,
    UNITS,
    compose,
    containerfile,
    node_container,
    node_pod,
    resource,
    resources,
    text,
    unit,
)
from typer.main import get_command

from killrweather import __version__
from killrweather.cli import app
from killrweather.configuration import environment_name, keys, load_configuration
from killrweather.settings import Settings


def test_every_environment_variable_is_a_key_of_the_configuration():
    """Else it would be set in vain."""
    known = {environment_name(key) for key in keys()} | {"KILLRWEATHER_HOME"}

    for path in FILES:
        for name in re.findall(r"KILLRWEATHER_[A-Z0-9_]+", text(path)):
            assert name in known, f"{path.relative_to(ROOT)}: {name}"


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(lambda: text(DEPLOY / "cluster.yaml"), id="compose"),
        pytest.param(lambda: resource("ConfigMap")["data"]["cluster.yaml"], id="kubernetes"),
    ],
)
def test_the_settings_are_accepted_and_name_external_services(settings, tmp_path):
    """As `config check` reads them, with the token from the environment and no other secret in the file."""
    file = tmp_path / "cluster.yaml"
    file.write_text(settings(), encoding="utf-8")
    found = load_configuration([file], environment={"KILLRWEATHER_HTTP_TOKEN": "t"}).settings

    assert not found.embedded_kafka
    assert not found.embedded_cassandra
    assert len(found.kafka.bootstrap_servers) == len(found.cassandra.contact_points) == 3
    assert found.kafka.topic.replication_factor == 3
    assert found.cassandra.replication == {"class": "NetworkTopologyStrategy", found.cassandra.local_dc: 3}
    assert "token" not in file.read_text(encoding="utf-8").replace("KILLRWEATHER_HTTP_TOKEN", "")


def commands():
    """Every `killrweather …` that deploy/ runs, as lists of arguments."""
    services = compose()["services"].values()
    yield from (service["command"] for service in services if service["image"].startswith("killrweather"))
    yield node_container()["args"]
    yield resource("Job")["spec"]["template"]["spec"]["containers"][0]["args"]
    for path in UNITS:
        yield unit(path)["Service"]["ExecStart"][0].split()[1:]
    yield from (yaml.safe_load(value) for name, value in containerfile() if name == "CMD" and "check.py" not in value)


def test_every_command_and_flag_exists():
    """The command line would take them."""
    found = list(commands())

    assert len(found) == 9
    for arguments in found:
        command = get_command(app)
        while hasattr(command, "commands"):
            command, arguments = command.commands[arguments[0]], arguments[1:]
        flags = {name for parameter in command.params for name in parameter.opts}
        assert {part for part in arguments if part.startswith("--")} <= flags, arguments


def test_every_probe_asks_a_path_that_is_there():
    """/alive where there is no token, /ready by the check that has it; the port is that of the settings."""
    # A test holds this page to the application.
    paths = set(re.findall(r"^\| `GET (/\w+)`", text(ROOT / "docs" / "http.md"), re.MULTILINE))
    container, port = node_container(), Settings().http.port

    for probe in (container["startupProbe"], container["livenessProbe"]):
        assert probe["httpGet"] == {"path": "/alive", "port": "http"}
    assert container["readinessProbe"]["exec"]["command"] == ["python", "/opt/killrweather/check.py", "ready"]
    assert compose()["services"]["node-1"]["healthcheck"]["test"] == ["CMD", *_probe("ready")]
    assert [yaml.safe_load(value.split("CMD ", 1)[1]) for name, value in containerfile() if name == "HEALTHCHECK"] == [
        _probe("alive")
    ]
    assert {"/alive", "/ready"} <= paths
    assert container["ports"] == [{"name": "http", "containerPort": port}]
    assert ("EXPOSE", str(port)) in containerfile()
    for one in (1, 2, 3):
        assert compose()["services"][f"node-{one}"]["ports"] == [f"127.0.0.1:{port + one}:{port}"]


def _probe(name):
    return ["python", "/opt/killrweather/check.py", name]


def test_a_node_is_not_killed_before_its_own_shutdown_is_over():
    """Whoever stops it waits longer than node.shutdown_timeout_s, and the services after it."""
    settings = Settings()
    node_s, services_s = settings.node.shutdown_timeout_s, 2 * settings.services.stop_timeout_s
    pre_stop_s = int(node_container()["lifecycle"]["preStop"]["exec"]["command"][1])
    by_name = {path.stem: int(unit(path)["Service"]["TimeoutStopSec"][0]) for path in UNITS}

    assert node_pod()["terminationGracePeriodSeconds"] >= pre_stop_s + node_s + 5
    assert int(compose()["services"]["node-1"]["stop_grace_period"].removesuffix("s")) >= node_s + 5
    assert by_name == {"killrweather-node@": by_name["killrweather-node@"], "killrweather-up": 105}
    assert by_name["killrweather-node@"] >= node_s + 5
    assert by_name["killrweather-up"] >= node_s + services_s + 5


def test_the_brokers_are_of_the_version_that_the_tests_run_on():
    """As the lock files of the embedded services name it."""
    services = compose()["services"]
    kafka = re.search(r"kafka_2.13:([\d.]+)", text(ROOT / "conf" / "services" / "kafka.jars")).group(1)
    cassandra = re.search(r"cassandra-all:(\d+\.\d+)", text(ROOT / "conf" / "services" / "cassandra.jars")).group(1)

    assert {services[f"kafka-{n}"]["image"] for n in (1, 2, 3)} == {f"apache/kafka:{kafka}"}
    assert {services[f"cassandra-{n}"]["image"] for n in (1, 2, 3)} == {f"cassandra:{cassandra}"}
    assert services["node-1"]["image"] == f"killrweather:{__version__}"


def test_one_user_owns_what_the_image_and_the_pods_write():
    """The number in the image is the number in the manifests, and it is not root."""
    steps = containerfile()
    users = [value for name, value in steps if name == "USER"]

    assert users == ["10001:10001"]
    assert any(name == "RUN" and "--uid 10001" in value for name, value in steps)
    for pod in (node_pod(), resource("Job")["spec"]["template"]["spec"]):
        assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 10_001
        assert pod["securityContext"]["runAsNonRoot"]
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert "/var/lib/killrweather" in [mount["mountPath"] for mount in container["volumeMounts"]]


def test_a_selector_finds_the_nodes_and_only_them():
    """Services, budget and affinity mean the pods of the StatefulSet, not the schema's Job."""
    labels = resource("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    services = [one["spec"]["selector"] for one in resources(DEPLOY / "kubernetes" / "service.yaml")]
    budget = resource("PodDisruptionBudget")["spec"]
    job = resource("Job")["spec"]["template"]["metadata"]["labels"]

    assert services == [labels, labels]
    assert budget["selector"]["matchLabels"] == labels
    assert budget["maxUnavailable"] == 1
    assert job != labels


def test_no_secret_is_in_deploy():
    """The example says to replace it, and everything else takes it from outside."""
    for path in FILES:
        for name, value in re.findall(r"^([A-Z_]*(?:TOKEN|PASSWORD))=(.*)$", text(path), re.MULTILINE):
            assert path.name == "secrets.env.example", f"{path.name}: {name}"
            assert value.startswith("replace-me"), name


def test_the_image_has_the_versions_that_the_tests_run_with():
    """Each pin of deploy/requirements.lock is that of requirements.lock, and none that it needs is missing."""
    pin = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)
    tested = set(pin.findall(text(ROOT / "requirements.lock")))
    shipped = pin.findall(text(DEPLOY / "requirements.lock"))

    wanted = configparser.ConfigParser()
    wanted.read(ROOT / "setup.cfg")
    needed = wanted["options"]["install_requires"] + wanted["options.extras_require"]["embedded"]

    assert set(re.findall(r"^[a-z0-9-]+", needed, re.MULTILINE)) <= {name for name, _ in shipped}, "run make lock"
    for name, version in shipped:
        assert (name, version) in tested, f"{name}=={version}: run make lock"
