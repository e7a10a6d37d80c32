"""The configuration: sources, order, checks and what errors say."""

import pytest
import yaml
from pydantic import ValidationError

from killrweather.configuration import OLD_NAMES, environment_name, keys, load_configuration, secret_keys
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


def test_the_worked_example_of_a_cluster_is_allowed_and_shipped():
    """conf/cluster.yaml names every external service, and lets one broker and one Cassandra node be away."""
    settings = load(resource("conf/cluster.yaml")).settings

    assert not settings.embedded_kafka
    assert not settings.embedded_cassandra
    assert settings.kafka.topic.replication_factor == 3
    assert settings.cassandra.replication == {"class": "NetworkTopologyStrategy", settings.cassandra.local_dc: 3}
    assert "conf/cluster.yaml" in (resource("schema.cql").parent / "setup.cfg").read_text().split()


@pytest.mark.parametrize("master", ["local", "local[*]", "local[2]", "spark://a:7077", "spark://a:7077,b:7077"])
def test_a_spark_master_is_local_or_a_standalone_cluster(master):
    """Only a local one keeps the jobs in their drivers."""
    assert load(spark__master=master).settings.spark.is_local == master.startswith("local")


@pytest.mark.parametrize("master", ["yarn", "spark://a", "localhost:7077", "k8s://https://a:443", ""])
def test_another_spark_master_is_refused_with_its_key(master):
    """The error names the key and the value."""
    with pytest.raises(ConfigurationError, match=r"spark\.master is"):
        load(spark__master=master)


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
        ("client: {nodes: [n1]}", ["client.nodes", "'n1'", "expected a URL", "http://weather.example:8080"]),
        ("kafka: {bootstrap_servers: [k1]}", ["kafka.bootstrap_servers", "'k1'", "localhost:9092"]),
        ("spark: {master: yarn}", ["spark.master", "'yarn'", "spark://host:7077"]),
        ("http: {host: 0.0.0.0}", ["http.host", "0.0.0.0", "http.token"]),
        ("node: {hung_after_s: 2}", ["node.hung_after_s is 2", "four times node.ping_interval_s", "is 1"]),
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


@pytest.mark.parametrize(
    ("replication", "level"),
    [
        ("{class: SimpleStrategy, replication_factor: 3}", "LOCAL_QUORUM"),
        ("{class: NetworkTopologyStrategy, east: 3}", "LOCAL_QUORUM"),
        ("{class: NetworkTopologyStrategy, east: 3, west: 1}", "EACH_QUORUM"),
    ],
)
def test_what_every_data_centre_has_written_is_read_at_a_level_that_asks_each_of_them(tmp_path, replication, level):
    """Where there is one, its own majority has seen everything."""
    path = a_file(tmp_path / "c.yaml", f"cassandra: {{replication: {replication}}}")
    cassandra = load(path).settings.cassandra

    assert cassandra.reads_everywhere_at == level
    assert cassandra.spans_data_centres == (level == "EACH_QUORUM")


def test_a_file_changes_one_actor_and_leaves_the_others(tmp_path):
    """The tree of actors is merged by name."""
    path = a_file(tmp_path / "c.yaml", "actors: {kafka-publisher: {pool: 4}}")

    actors = load(path).settings.actors

    assert actors["kafka-publisher"].pool == 4
    assert actors["kafka-publisher"].actor_class == "actors.kafka_publisher.KafkaPublisherActor"
    assert set(actors) == set(Settings().actors)


@pytest.mark.parametrize("key", ["http.token", "kafka.security.password", "cassandra.password"])
def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path, key):
    """Named by <key>_file, in a file or in the environment; the line's end is none of it."""
    secret = a_file(tmp_path / "secret", " s3cret with 'signs' \n")
    login = {"KILLRWEATHER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KILLRWEATHER_KAFKA_SECURITY_USERNAME": "u"}
    given = {
        "KAFKA_HOSTS": "k:1",
        environment_name(f"{key}_file"): str(secret),
        **(login if key.startswith("kafka") else {}),
    }

    loaded = load(environment=given)

    value = loaded.settings
    for part in key.split("."):
        value = getattr(value, part)
    assert value.get_secret_value() == " s3cret with 'signs' "
    assert loaded.origin(key) == str(secret)
    assert "s3cret" not in repr(loaded.shown())
    assert key in secret_keys()


@pytest.mark.parametrize(
    ("content", "also", "expected"),
    [
        (None, {}, ["http.token_file", "No such file"]),
        ("", {}, ["http.token_file", "empty"]),
        ("s3cret\ns3cret\n", {}, ["http.token_file", "several lines"]),
        ("s3cret", {"KILLRWEATHER_HTTP_TOKEN": "s3cret"}, ["http.token_file", "KILLRWEATHER_HTTP_TOKEN", "one of"]),
    ],
)
def test_a_file_that_is_no_secret_is_named_without_its_content(tmp_path, content, also, expected):
    """Missing, empty, longer than a line, or given twice."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigurationError) as caught:
        load(environment={"KILLRWEATHER_HTTP_TOKEN_FILE": str(path), **also})

    for part in expected:
        assert part in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "http: {token: [s3cret]}",
        "http: {token: {a: s3cret}}",
        "http: [token, s3cret]",
        "kafka: {security: [{password: s3cret}]}",
        "kafka: {security: {protocol: {password: s3cret}}}",
        "cassandra: {password: *s3cret}",
        "cassandra: {password: !s3cret }",
        "cassandra: {password: 's3cret}",
        "cassandra: {password: s3cret, tls: {ca_file: /ca.pem}}",
        "kafka: {security: {password: s3cret}}",
        "s3cret",
    ],
)
def test_an_error_never_shows_a_secret(tmp_path, text):
    """Wherever in a file that is wrong a password stands."""
    with pytest.raises(ConfigurationError) as caught:
        load(a_file(tmp_path / "wrong.yaml", text))

    assert "s3cret" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_an_error_of_the_model_itself_hides_what_it_was_given():
    """A traceback in a log has the error's own text."""
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"kafka": {"security": ["s3cret"]}})

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kafka: {security: {ca_file: /ca.pem}}", ["kafka.security.ca_file", "PLAINTEXT", "SASL_SSL"]),
        ("kafka: {security: {protocol: SSL, username: u}}", ["kafka.security.username", "SSL", "SASL_SSL"]),
        ("kafka: {security: {protocol: SASL_SSL, username: u}}", ["kafka.security.password", "needs both"]),
        ("kafka: {security: {protocol: SSL, key: /k}}", ["kafka.security.key", "certificate"]),
        ("kafka: {security: {protocol: SSL}}", ["kafka.security.protocol", "kafka.bootstrap_servers"]),
        ("cassandra: {tls: {ca_file: /ca.pem}}", ["cassandra.tls.ca_file", "cassandra.tls.enabled"]),
        ("cassandra: {tls: {enabled: true, key: /k}}", ["cassandra.tls.key", "certificate"]),
        ("cassandra: {tls: {enabled: true}}", ["cassandra.tls.enabled", "cassandra.contact_points"]),
    ],
)
def test_security_that_would_be_without_effect_is_refused(tmp_path, text, expected):
    """Nobody believes in a lock that is not there."""
    path = a_file(tmp_path / "wrong.yaml", text)
    with pytest.raises(ConfigurationError) as caught:
        load(path)

    for part in (*expected, str(path)):
        assert part in str(caught.value)
