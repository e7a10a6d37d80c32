"""The embedded Kafka: broker and controller (KRaft) in one process."""

import base64
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from killrweather.errors import ServiceError
from killrweather.processes import LOOPBACK
from killrweather.resources import resource
from killrweather.services.java import Java
from killrweather.services.last_words import advice, last_words
from killrweather.services.probe import kafka_answers
from killrweather.services.service import Service


class EmbeddedKafka(Service):
    """One broker on loopback whose data survives a restart."""

    name: ClassVar[str] = "kafka"
    least_space: ClassVar[int] = 64 << 20

    @property
    def ports(self) -> Mapping[str, int]:
        """The broker's and the controller's port."""
        kafka = self.settings.services.kafka
        return {"services.kafka.port": kafka.port, "services.kafka.controller_port": kafka.controller_port}

    @property
    def directory(self) -> Path:
        """The log directory: topics and the cluster's metadata."""
        return (self.settings.services.kafka.directory or self.home.path / "kafka").absolute()

    def answers(self) -> bool:
        """Whether it gives out metadata with itself as an available broker."""
        return kafka_answers(LOOPBACK, self.port)

    def prepare(self, java: Java, jars: Sequence[Path]) -> None:
        """Write server.properties; format the directory if this is its first start."""
        kafka = self.settings.services.kafka
        values = {"port": kafka.port, "controller_port": kafka.controller_port, "directory": self._topics}
        configuration = self.write_configuration("kafka.properties", **values)
        if not (self._topics / "meta.properties").exists():
            self._format(java, jars, configuration)

    def arguments(self, jars: Sequence[Path]) -> list[str]:
        """The broker with its heap."""
        return [
            # A broker mostly moves bytes: half the processor time of a start and two thirds of the memory at rest with
            # the quick compiler and one collector thread.
            *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            "-Xms64m",
            f"-Xmx{self.settings.services.kafka.heap}",
            f"-Dlog4j2.configurationFile={resource('conf/services/log4j2.xml').as_uri()}",
            "kafka.Kafka",
            str(self.home.run("kafka.properties")),
        ]

    def cluster_id(self) -> str:
        """The id of the cluster that its directory is formatted for."""
        return new_cluster_id()

    @property
    def _topics(self) -> Path:
        # Kafka takes every directory beside its own files for a partition, so the scratch space can't be among them.
        return self.directory / "topics"

    def _format(self, java: Java, jars: Sequence[Path], configuration: Path) -> None:
        tool = [
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            ":".join(map(str, jars)),
            "kafka.tools.StorageTool",
        ]
        command = [
            str(java.executable),
            *tool,
            "format",
            "-t",
            self.cluster_id(),
            "-c",
            str(configuration),
            "--ignore-formatted",
        ]
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if answer.returncode != 0:
            words = last_words("", answer.stdout)
            raise ServiceError(f"kafka: {self._topics} could not be formatted: {words}; {advice(words, self.name)}")


def new_cluster_id() -> str:
    """A random id in Kafka's own form; a leading dash would be taken for an option."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
