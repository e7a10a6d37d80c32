"""The certificates of the configuration, PEM files, in the forms that Java takes."""

import os
import warnings
from pathlib import Path
from secrets import token_hex

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12

from killrweather.errors import ConfigurationError
from killrweather.settings import CassandraTls, KafkaSecurity

_CONNECTOR = "spark.cassandra.connection.ssl"
_SUITES = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
)
"""The connector's own default are two suites of RSA key exchange, which Java 17 and most servers have given up."""


def connector_options(tls: CassandraTls, directory: Path) -> dict[str, str]:
    """The options of Spark's Cassandra connector, whose stores are written to ``directory`` for this user alone.

    The connector trusts what the authorities signed and does not compare a node's name with its certificate; the
    driver beside it, which connects first, does. Raises ConfigurationError for files that are no PEM.
    """
    if not tls.enabled:
        return {}
    password = token_hex(16)
    encryption = serialization.BestAvailableEncryption(password.encode())
    options = {f"{_CONNECTOR}.enabled": "true", f"{_CONNECTOR}.enabledAlgorithms": ",".join(_SUITES)}
    if tls.ca_file:
        authorities = _certificates(tls.ca_file, "cassandra.tls.ca_file")
        trusted = [pkcs12.PKCS12Certificate(one, b"authority-%d" % number) for number, one in enumerate(authorities)]
        store = _write(directory / "cassandra.trust.p12", pkcs12.serialize_java_truststore(trusted, encryption))
        options |= _store("trustStore", store, password)
    if tls.certificate and tls.key:
        own, *others = _certificates(tls.certificate, "cassandra.tls.certificate")
        key = _key(tls.key, "cassandra.tls.key")
        data = pkcs12.serialize_key_and_certificates(b"client", key, own, others, encryption)
        options |= _store("keyStore", _write(directory / "cassandra.key.p12", data), password)
        options[f"{_CONNECTOR}.clientAuth.enabled"] = "true"
    return options


def for_executors(options: dict[str, str]) -> dict[str, str]:
    """The connector's options for a cluster: Spark copies the stores to each executor's working directory.

    There, as in the driver's own, they are found by their names alone.
    """
    stores = [value for name, value in options.items() if name.endswith("Store.path")]
    named = {name: Path(value).name if value in stores else value for name, value in options.items()}
    return named | ({"spark.files": ",".join(stores)} if stores else {})


def kafka_tls_options(security: KafkaSecurity) -> dict[str, str]:
    """The options of Kafka's Java clients: the certificates themselves, so that executors need no files.

    Raises ConfigurationError for files that are no PEM.
    """
    if not security.has_tls:
        return {}
    options: dict[str, str] = {}
    if security.ca_file:
        authorities = _certificates(security.ca_file, "kafka.security.ca_file")
        options |= {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": _pem(authorities)}
    if security.certificate and security.key:
        key = _key(security.key, "kafka.security.key").private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = _pem(_certificates(security.certificate, "kafka.security.certificate"))
        options |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": chain,
            "ssl.keystore.key": key.decode(),
        }
    return {f"kafka.{name}": value for name, value in options.items()}


def _store(kind: str, path: Path, password: str) -> dict[str, str]:
    name = f"{_CONNECTOR}.{kind}"
    return {f"{name}.path": str(path), f"{name}.password": password, f"{name}.type": "PKCS12"}


def _certificates(path: Path, setting: str) -> list[x509.Certificate]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some old authorities break a rule of the format by their serial number
        try:
            return x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError) as error:
            raise _unusable(setting, path, error, "a PEM file with certificates") from None


def _key(path: Path, setting: str) -> RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:  # TypeError: it has a passphrase
        raise _unusable(setting, path, error, "a PEM file with a key without a passphrase") from None
    if not isinstance(key, (RSAPrivateKey, EllipticCurvePrivateKey, Ed25519PrivateKey)):
        raise _unusable(setting, path, TypeError(type(key).__name__), "an RSA, EC or Ed25519 key")
    return key


def _pem(certificates: list[x509.Certificate]) -> str:
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


def _write(path: Path, data: bytes) -> Path:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    return path


def _unusable(setting: str, path: Path, error: Exception, expected: str) -> ConfigurationError:
    reason = (isinstance(error, OSError) and error.strerror) or error
    return ConfigurationError(f"{setting} {path}: {reason}; expected {expected}")
