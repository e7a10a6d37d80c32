"""One Kafka and one Cassandra that demand TLS, a client's certificate and a password, and who signs for them."""

import ipaddress
import os
import subprocess
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from killrweather.errors import Refused, Unavailable
from killrweather.home import Home
from killrweather.processes import free_port
from killrweather.services.cassandra import EmbeddedCassandra
from killrweather.services.jars import ensure
from killrweather.services.java import find_java
from killrweather.services.kafka import EmbeddedKafka
from killrweather.settings import Settings
from killrweather.storage import session as cassandra
from killrweather.tls import speaks_tls

JARS = Path(os.environ.get("KILLRWEATHER_SERVICES_JARS") or Home.find().path / "jars")
STORE_PASSWORD = "store-of-the-tests"
USER = "weather"
KAFKA_PASSWORD = "kafka-s3cret-with\\a-backslash"
CASSANDRA_PASSWORD = "cassandra-s3cret-with'a-quote"


class Authority:
    """Signs certificates and writes them where a test wants them."""

    def __init__(self, directory: Path, name: str):
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._name = directory, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign(name, self._key, is_authority=True)
        self.file = self._write(f"{name}.pem", _pem(self._certificate))

    def issue(self, name: str, hosts: tuple[str, ...] = ("127.0.0.1", "localhost")) -> tuple[Path, Path]:
        """A certificate and its key as PEM files."""
        certificate, key = self._made(name, hosts)
        # The older form of a key, which Java does not read.
        plain = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return self._write(f"{name}.crt", _pem(certificate)), self._write(f"{name}.key", plain)

    def stores(self, name: str) -> tuple[Path, Path]:
        """A server's key store and trust store."""
        certificate, key = self._made(name, ("127.0.0.1", "localhost"))
        locked = serialization.BestAvailableEncryption(STORE_PASSWORD.encode())
        own = pkcs12.serialize_key_and_certificates(b"server", key, certificate, [self._certificate], locked)
        trusted = pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(self._certificate, b"ca")], locked)
        return self._write(f"{name}.p12", own), self._write(f"{name}.trust.p12", trusted)

    def _made(self, name: str, hosts: tuple[str, ...]) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        return self._sign(name, key, hosts), key

    def _sign(
        self, name: str, key: ec.EllipticCurvePrivateKey, hosts: tuple[str, ...] = (), is_authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self._name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(h) for h in hosts]), False)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name: str, data: bytes) -> Path:
        path = self._directory / name
        path.write_bytes(data)
        return path


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class LockedKafka(EmbeddedKafka):
    """A broker with a listener for each kind of lock; PLAIN and SCRAM know the same user."""

    key_store: Path
    trust_store: Path
    listeners: dict[str, int]

    def write_configuration(self, template: str, **values: object) -> Path:
        path = super().write_configuration(template, **values)
        kinds = {"OPEN": "PLAINTEXT", "LOGIN": "SASL_PLAINTEXT", "SEALED": "SSL", "LOCKED": "SASL_SSL"}
        addresses = ",".join(f"{name}://127.0.0.1:{port}" for name, port in self.listeners.items())
        jaas_password = KAFKA_PASSWORD.replace("\\", "\\\\")
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        own = {
            "listeners": f"{addresses},CONTROLLER://127.0.0.1:{values['controller_port']}",
            "advertised.listeners": addresses,
            "listener.security.protocol.map": ",".join(f"{k}:{v}" for k, v in kinds.items()) + ",CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "OPEN",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.login.sasl.enabled.mechanisms": "PLAIN",
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.location": self.key_store,
            "ssl.keystore.password": STORE_PASSWORD,
            "ssl.key.password": STORE_PASSWORD,
            "ssl.truststore.type": "PKCS12",
            "ssl.truststore.location": self.trust_store,
            "ssl.truststore.password": STORE_PASSWORD,
            "ssl.client.auth": "none",
            "listener.name.locked.ssl.client.auth": "required",
        }
        for name in ("login", "locked"):
            prefix = f"listener.name.{name}"
            own[f"{prefix}.plain.sasl.jaas.config"] = f'{plain} user_{USER}="{jaas_password}";'
            own[f"{prefix}.scram-sha-512.sasl.jaas.config"] = scram
        lines = [f"{key}={value}".replace("\\", "\\\\") for key, value in own.items()]
        path.write_text("\n".join([path.read_text(), *lines, ""]))
        return path

    def _format(self, java, jars, configuration):
        user = f"SCRAM-SHA-512=[name={USER},password={KAFKA_PASSWORD}]"
        command = [str(java.executable), "-cp", ":".join(map(str, jars)), "kafka.tools.StorageTool", "format"]
        command += ["-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c", str(configuration), "--add-scram", user]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


class LockedCassandra(EmbeddedCassandra):
    """A node that demands a login and certificates of both sides."""

    key_store: Path
    trust_store: Path

    def answers(self) -> bool:
        if not speaks_tls("127.0.0.1", self.port):
            return False
        try:
            cassandra.close(cassandra.connect(self.settings))
        except (Unavailable, Refused):
            return False
        return True

    def write_configuration(self, template: str, **values: object) -> Path:
        path = super().write_configuration(template, **values)
        own = {
            "authenticator": "PasswordAuthenticator",
            "client_encryption_options": {
                "enabled": True,
                "optional": False,
                "keystore": str(self.key_store),
                "keystore_password": STORE_PASSWORD,
                "require_client_auth": True,
                "truststore": str(self.trust_store),
                "truststore_password": STORE_PASSWORD,
                "store_type": "PKCS12",
            },
        }
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | own))
        return path

    def arguments(self, jars):
        return ["-Dcassandra.superuser_setup_delay_ms=0", *super().arguments(jars)]


@dataclass
class LockedServices:
    """Both, their authority, and the settings of a client that they let in."""

    home: Home
    authority: Authority = field(init=False)
    foreign: Authority = field(init=False)
    client: tuple[Path, Path] = field(init=False)

    def __post_init__(self) -> None:
        self.home.directory("run")
        self.authority = Authority(self.home.path / "tls", "authority")
        self.foreign = Authority(self.home.path / "tls", "foreign")
        self.client = self.authority.issue("client", hosts=())
        self.listeners = {name: free_port() for name in ("OPEN", "LOGIN", "SEALED", "LOCKED")}
        self.cassandra_port = free_port()
        self._own = Settings.model_validate(
            {
                "kafka": {"bootstrap_servers": [f"127.0.0.1:{self.listeners['LOCKED']}"]},
                "cassandra": {
                    "contact_points": ["127.0.0.1"],
                    "port": self.cassandra_port,
                    "username": "cassandra",
                    "password": "cassandra",
                    "request_timeout_s": 30,
                    "tls": self.cassandra_tls(),
                },
                "services": {
                    "jars": JARS,
                    "start_timeout_s": 300,
                    "kafka": {"port": self.listeners["OPEN"], "controller_port": free_port(), "heap": "256m"},
                    "cassandra": {"storage_port": free_port(), "heap": "512m"},
                },
            }
        )
        self._kafka, self._cassandra = LockedKafka(self._own, self.home), LockedCassandra(self._own, self.home)
        self._kafka.listeners = self.listeners
        self._kafka.key_store, self._kafka.trust_store = self.authority.stores("kafka")
        self._cassandra.key_store, self._cassandra.trust_store = self.authority.stores("cassandra")

    def ports(self) -> list[int]:
        """Where both listen."""
        own = self._own.services
        others = [self.cassandra_port, own.kafka.controller_port, own.cassandra.storage_port]
        return [*self.listeners.values(), *others]

    def private_key_line(self) -> str:
        """A line of the client's key, in the form that Java gets."""
        key = serialization.load_pem_private_key(self.client[1].read_bytes(), None)
        form, encryption = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return key.private_bytes(serialization.Encoding.PEM, form, encryption).decode().splitlines()[2]

    def cassandra_tls(self) -> dict[str, Any]:
        certificate, key = self.client
        ca_file = self.authority.file
        return {"enabled": True, "ca_file": str(ca_file), "certificate": str(certificate), "key": str(key)}

    def kafka_security(self) -> dict[str, Any]:
        certificate, key = self.client
        return {
            "protocol": "SASL_SSL",
            "mechanism": "SCRAM-SHA-512",
            "username": USER,
            "password": KAFKA_PASSWORD,
            "ca_file": str(self.authority.file),
            "certificate": str(certificate),
            "key": str(key),
        }

    def configuration(self) -> dict[str, Any]:
        """What a client's configuration file says of them, secrets included."""
        return {
            "kafka": {
                "bootstrap_servers": [f"127.0.0.1:{self.listeners['LOCKED']}"],
                "security": self.kafka_security(),
            },
            "cassandra": {
                "contact_points": ["127.0.0.1"],
                "port": self.cassandra_port,
                "username": USER,
                "password": CASSANDRA_PASSWORD,
                "request_timeout_s": 30,
                "tls": self.cassandra_tls(),
            },
        }

    def start(self) -> None:
        java = find_java(self._own)
        for service in (self._cassandra, self._kafka):
            service.launch(java, ensure(service.name, self.home, self._own))
        waiting = [self._kafka, self._cassandra]
        while waiting := [service for service in waiting if service.poll() == "starting"]:
            time.sleep(0.3)
        session = cassandra.connect(self._own)
        password = CASSANDRA_PASSWORD.replace("'", "''")
        session.execute(f"CREATE ROLE {USER} WITH LOGIN = true AND PASSWORD = '{password}'")
        cassandra.close(session)

    def stop(self) -> None:
        for service in (self._kafka, self._cassandra):
            service.ask_to_stop()
        for service in (self._kafka, self._cassandra):
            service.stop()
