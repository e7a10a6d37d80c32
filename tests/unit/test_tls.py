"""TLS files of the configuration: as Python's context, as stores for Java, and what is said of bad ones."""

import ssl
import stat
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from killrweather.errors import ConfigurationError
from killrweather.jobs.kafka import kafka_options
from killrweather.jobs.session import spark_options
from killrweather.jobs.tls import connector_options, for_executors
from killrweather.settings import CassandraTls, Settings
from killrweather.tls import client_context

PEM = serialization.Encoding.PEM


@pytest.fixture
def files(tmp_path):
    """A certificate that vouches for itself, its key, and the same key under a passphrase."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    older = serialization.PrivateFormat.TraditionalOpenSSL
    locked = serialization.BestAvailableEncryption(b"passphrase")
    (tmp_path / "own.crt").write_bytes(certificate.public_bytes(PEM))
    (tmp_path / "own.key").write_bytes(key.private_bytes(PEM, older, serialization.NoEncryption()))
    (tmp_path / "locked.key").write_bytes(key.private_bytes(PEM, older, locked))
    (tmp_path / "junk.pem").write_text("junk")
    return tmp_path


def cassandra_tls(files, **changes):
    given = {"ca_file": files / "own.crt", "certificate": files / "own.crt", "key": files / "own.key"} | changes
    return CassandraTls(enabled=True, **given)


def locked_kafka(files, **changes):
    security = {
        "protocol": "SASL_SSL",
        "mechanism": "SCRAM-SHA-256",
        "username": 'we"ather',
        "password": 'a\\b"ä',
        "ca_file": files / "own.crt",
        "certificate": files / "own.crt",
        "key": files / "own.key",
    }
    kafka = {"bootstrap_servers": ["k:9093"], "security": security | changes}
    return Settings.model_validate({"kafka": kafka})


def test_a_context_checks_names_and_trusts_the_authority_alone(files):
    """One authority, and its name must be the host's."""
    context = client_context("kafka.security", files / "own.crt")

    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) <= 1
    assert context.cert_store_stats()["x509"] == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ca_file": "none.pem"}, ["kafka.security.ca_file", "none.pem", "No such file"]),
        ({"ca_file": "junk.pem"}, ["kafka.security.ca_file", "junk.pem", "PEM"]),
        ({"certificate": "none.pem"}, ["kafka.security.certificate", "none.pem", "No such file"]),
        ({"key": "junk.pem"}, ["kafka.security.key", "junk.pem", "PEM"]),
        ({"key": "locked.key"}, ["kafka.security.key", "locked.key", "passphrase"]),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_setting(files, changes, expected):
    """Python's clients and Java's say the same, and nobody asks for a passphrase on the terminal."""
    security = locked_kafka(files, **{name: files / file for name, file in changes.items()}).kafka.security
    with pytest.raises(ConfigurationError) as of_python:
        client_context("kafka.security", security.ca_file, security.certificate, security.key)
    with pytest.raises(ConfigurationError) as of_java:
        kafka_options(locked_kafka(files, **{name: files / file for name, file in changes.items()}))

    for part in expected:
        assert part in str(of_python.value)
        assert part in str(of_java.value)


def test_kafkas_java_clients_get_the_certificates_themselves(files):
    """Executors need no files, and Java reads no key in the older form."""
    options = kafka_options(locked_kafka(files))

    assert options["kafka.security.protocol"] == "SASL_SSL"
    assert options["kafka.ssl.truststore.certificates"] == (files / "own.crt").read_text()
    assert options["kafka.ssl.keystore.certificate.chain"] == (files / "own.crt").read_text()
    assert options["kafka.ssl.keystore.key"].startswith("-----BEGIN PRIVATE KEY-----")


def test_a_password_with_quotes_and_letters_of_any_alphabet_reaches_java_unchanged(files):
    """JAAS knows backslashes before quotes and backslashes, and no \\u00e4."""
    assert kafka_options(locked_kafka(files))["kafka.sasl.jaas.config"] == (
        'org.apache.kafka.common.security.scram.ScramLoginModule required username="we\\"ather" password="a\\\\b\\"ä";'
    )


def test_the_connectors_stores_are_this_users_alone_and_hold_the_certificates(files, tmp_path):
    """Mode 0600, a password made for this start, the key and the authority in them."""
    first = connector_options(cassandra_tls(files), tmp_path)
    second = connector_options(cassandra_tls(files), tmp_path)
    name = "spark.cassandra.connection.ssl"
    key_store, trust_store = (tmp_path / f"cassandra.{kind}.p12" for kind in ("key", "trust"))

    assert second[f"{name}.enabled"] == second[f"{name}.clientAuth.enabled"] == "true"
    assert [second[f"{name}.{kind}.path"] for kind in ("keyStore", "trustStore")] == [str(key_store), str(trust_store)]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (key_store, trust_store)] == [0o600, 0o600]
    assert first[f"{name}.keyStore.password"] != second[f"{name}.keyStore.password"]
    key, certificate, _ = pkcs12.load_key_and_certificates(
        key_store.read_bytes(), second[f"{name}.keyStore.password"].encode()
    )
    assert certificate.public_bytes(PEM) == (files / "own.crt").read_bytes()
    assert key.public_key() == certificate.public_key()


def test_executors_find_the_stores_by_name(files, tmp_path):
    """Spark brings them to where each executor works."""
    options = for_executors(connector_options(cassandra_tls(files), tmp_path))

    assert options["spark.cassandra.connection.ssl.trustStore.path"] == "cassandra.trust.p12"
    assert options["spark.files"].split(",") == [str(tmp_path / f"cassandra.{k}.p12") for k in ("trust", "key")]


def test_without_tls_the_session_has_no_stores(tmp_path):
    """Nothing is written either."""
    options = spark_options(Settings(), [], tmp_path)

    assert not [name for name in options if "ssl" in name]
    assert list(tmp_path.iterdir()) == []
