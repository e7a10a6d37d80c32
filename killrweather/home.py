"""The state directory: everything that a run writes lies under it.

jars/       the services' jars, checked against their SHA-256
kafka/      data of the embedded broker         cassandra/  data of the embedded node
spark/      checkpoints and scratch space        logs/       one file a process
run/        pid files, sockets and locks of what is running now
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from killrweather.errors import ConfigurationError, ServiceError


@dataclass(frozen=True)
class Home:
    """One state directory; two of them with different ports run side by side."""

    path: Path

    @classmethod
    def find(cls, flag: Path | None = None) -> "Home":
        """The flag's directory, else ``KILLRWEATHER_HOME``, else ``.killrweather`` in the working directory."""
        chosen = flag or Path(os.environ.get("KILLRWEATHER_HOME") or ".killrweather")
        return cls(chosen.expanduser().absolute())

    def directory(self, name: str) -> Path:
        """One of the directories above, made if it is not there yet; raises ConfigurationError if it can't be."""
        path = self.path / name
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            text = f"state directory {self.path}: {path} cannot be made: {error.strerror}"
            raise ConfigurationError(f"{text}; choose a writable directory with --home") from None
        return path

    def log(self, process: str) -> Path:
        """The log file of a process, for example ``node`` or ``kafka``."""
        return self.directory("logs") / f"{process}.log"

    def run(self, name: str) -> Path:
        """A file of what is running now, for example ``up.pid``."""
        return self.directory("run") / name


def require_space(what: str, directory: Path, least: int, setting: str) -> None:
    """Raise ServiceError when the disk of a directory has fewer free bytes than ``least``."""
    free = shutil.disk_usage(directory).free
    if free < least:
        raise ServiceError(
            f"{what}: {directory} has {free >> 20} MiB of free space, expected at least {least >> 20} MiB; "
            f"make room on the disk or set {setting}"
        )
