"""The configuration: sources, order, checks and what errors say."""

import pytest
import yaml

from killrweather.configuration import OLD_NAMES, environment_name, keys, load_configuration
from killrweather.errors import ConfigurationError
from killrweather.resources import resource
from killrweather.settings import Settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def load(*files, environment=None, **flags):
    return load_configuration(files, {k.replace("__", "."): v for k, v in flags.items()}, environment or {})


def a_file(path, text):
    path.write_text(text)
    return path


def test_the_shipped_file_states_every_key_with_its_default():
    """conf/killrweather.yaml and the model have the same keys and values."""
    shipped = yaml.safe_load(resource("conf/killrweather.yaml").read_text())

    assert Settings.model_validate(shipped) == Settings()
    for key in keys():
        branch = shipped
        for part in key.split("."):
            assert part in branch, key
            branch = branch[part]


def test_later_sources_win(tmp_path):
    """File < later file < environment < flag, each seen in the origin."""
    one = a_file(tmp_path / "one.yaml", "http: {port: 1001}\nnode: {name: one}\nspark: {master: 'local[1]'}")
    two = a_file(tmp_path / "two.yaml", "http: {port: 1002}\nnode: {name: two}")

    loaded = load(one, two, environment={"KILLRWEATHER_NODE_NAME": "env"}, http__port=1003)

    assert loaded.settings.http.port == 1003
    assert loaded.origin("http.port") == "--port"
    assert loaded.settings.node.name == "env"
    assert loaded.origin("node.name") == "KILLRWEATHER_NODE_NAME"
    assert loaded.settings.spark.master == "local[1]"
    assert loaded.origin("spark.master") == str(one)
    assert loaded.origin("http.host").endswith("conf/killrweather.yaml")


@pytest.mark.parametrize("name", OLD_NAMES)
def test_old_environment_names_still_work(name):
    """A deployment that sets the old names keeps working."""
    value = {"KAFKA_HOSTS": "k1:9092,k2:9092", "SPARK_MASTER": "spark://m:7077"}.get(name, "x")

    loaded = load(environment={name: value})

    assert loaded.origin(OLD_NAMES[name]) == name


def test_lists_in_the_environment_are_separated_by_commas():
    """KAFKA_HOSTS names several brokers."""
    loaded = load(environment={"KAFKA_HOSTS": "k1:9092, k2:9092"})

    assert loaded.settings.kafka.bootstrap_servers == ("k1:9092", "k2:9092")
    assert not loaded.settings.embedded_kafka


def test_every_key_has_an_environment_name_of_its_own():
    """No two keys share a name, though dots and underscores become the same sign."""
    names = [environment_name(key) for key in keys()]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http: {prot: 1}", ["http.prot", "unknown key", "port"]),
        ("http: {port: 99999}", ["http.port", "99999", "65535"]),
        ("http: {port: many}", ["http.port", "'many'", "integer"]),
        ("http: {host: 0.0.0.0}", ["http.host", "0.0.0.0", "http.token"]),
        ("node: {roles: [feed, cook]}", ["node.roles", "'cook'", "'stream'"]),
        ("cassandra: {replication: {class: Simple}}", ["cassandra.replication", "Simple", "NetworkTopologyStrategy"]),
        ("actors: {http-feed: {strategy: {decide: {'*': reboot}}}}", ["actors.http-feed", "'reboot'", "'restart'"]),
        ("a: [", ["not YAML"]),
        ("- 1", ["expected a map"]),
    ],
)
def test_a_wrong_value_is_named_with_its_file_and_what_is_allowed(tmp_path, text, expected):
    """File, key, value and the allowed values stand in one line."""
    path = a_file(tmp_path / "wrong.yaml", text)

    with pytest.raises(ConfigurationError) as caught:
        load(path)

    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    for part in expected:
        assert part in message


def test_secrets_are_shown_as_stars(tmp_path):
    """`config show` never prints a token or a password, and neither does an error about one."""
    loaded = load(environment={"KILLRWEATHER_HTTP_TOKEN": "s3cret", "CASSANDRA_AUTH_PASSWORD": "hidden"})

    assert loaded.settings.http.token.get_secret_value() == "s3cret"
    text = repr(loaded.shown()) + repr(loaded.settings)
    assert "s3cret" not in text
    assert "hidden" not in text


def test_a_replication_replaces_the_default_one(tmp_path):
    """A map of data centres does not keep SimpleStrategy's factor beside it."""
    path = a_file(tmp_path / "c.yaml", "cassandra: {replication: {class: NetworkTopologyStrategy, east: 3, west: 2}}")

    assert load(path).settings.cassandra.replication == {"class": "NetworkTopologyStrategy", "east": 3, "west": 2}


def test_a_file_changes_one_actor_and_leaves_the_others(tmp_path):
    """The tree of actors is merged by name."""
    path = a_file(tmp_path / "c.yaml", "actors: {kafka-publisher: {pool: 4}}")

    actors = load(path).settings.actors

    assert actors["kafka-publisher"].pool == 4
    assert actors["kafka-publisher"].actor_class == "actors.kafka_publisher.KafkaPublisherActor"
    assert set(actors) == set(Settings().actors)
