"""The embedded Cassandra: one node on loopback."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from killrweather.processes import LOOPBACK
from killrweather.resources import resource
from killrweather.services.java import Java
from killrweather.services.probe import cassandra_answers
from killrweather.services.service import Service

# Parts of Java 17 that Cassandra 5.0 reaches into; the same list as in its own conf/jvm17-server.options.
_EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "java.rmi/sun.rmi.transport.tcp",
)
_OPENS = (
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "jdk.management/com.sun.management.internal",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/java.util.concurrent",
    "java.base/java.util",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.lang",
)


class EmbeddedCassandra(Service):
    """One node whose acknowledged writes survive a kill -9."""

    name: ClassVar[str] = "cassandra"
    # Four segments of the commit log.
    least_space: ClassVar[int] = 128 << 20

    @property
    def ports(self) -> Mapping[str, int]:
        """The native protocol's and the storage port."""
        return {
            "cassandra.port": self.settings.cassandra.port,
            "services.cassandra.storage_port": self.settings.services.cassandra.storage_port,
        }

    @property
    def directory(self) -> Path:
        """Data, commit log and caches."""
        return (self.settings.services.cassandra.directory or self.home.path / "cassandra").absolute()

    def answers(self) -> bool:
        """Whether the native protocol is open."""
        return cassandra_answers(LOOPBACK, self.port)

    def prepare(self, java: Java, jars: Sequence[Path]) -> None:
        """Write cassandra.yaml."""
        storage_port = self.settings.services.cassandra.storage_port
        self.write_configuration("cassandra.yaml", port=self.port, storage_port=storage_port, directory=self.directory)

    def arguments(self, jars: Sequence[Path]) -> list[str]:
        """The node with its heap."""
        jamm = next(jar for jar in jars if jar.name.startswith("jamm-"))
        return [
            *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS),
            *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS),
            # At rest a third of the memory that a heap of full size from the start takes, at the same start time.
            "-XX:+UseG1GC",
            "-Xms256m",
            f"-Xmx{self.settings.services.cassandra.heap}",
            f"-javaagent:{jamm}",
            "-Djdk.attach.allowAttachSelf=true",
            f"-Dcassandra.storagedir={self.directory}",
            f"-Dcassandra.config={self.home.run('cassandra.yaml').as_uri()}",
            f"-Dlogback.configurationFile={resource('conf/services/logback.xml').as_uri()}",
            "-Dcassandra-foreground=yes",
            # There is no other node: none to wait for, none to tell that this one leaves.
            "-Dcassandra.skip_wait_for_gossip_to_settle=0",
            "-Dcassandra.ring_delay_ms=0",
            "-Dcassandra.shutdown_announce_in_ms=0",
            "org.apache.cassandra.service.CassandraDaemon",
        ]
