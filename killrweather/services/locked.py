"""The lock files ``conf/services/*.jars``: which jars a set has, each pinned to its version, SHA-256 and size."""

import re
from dataclasses import dataclass
from pathlib import Path

from killrweather.errors import ServiceError
from killrweather.resources import resource

SETS = ("kafka", "cassandra", "spark")
_LINE = re.compile(
    r"(?P<organisation>[\w.-]+):(?P<module>[\w.-]+):(?P<revision>[\w.-]+)(:(?P<classifier>[\w.-]+))?"
    r" (?P<sha256>[0-9a-f]{64}) (?P<size>\d+)"
)


@dataclass(frozen=True, order=True)
class Jar:
    """One jar of a set; ``str()`` of it is its Maven coordinate."""

    organisation: str
    module: str
    revision: str
    classifier: str
    sha256: str
    size: int

    def __str__(self) -> str:
        parts = (self.organisation, self.module, self.revision, self.classifier)
        return ":".join(part for part in parts if part)

    @property
    def line(self) -> str:
        """The jar as a line of a lock file."""
        return f"{self} {self.sha256} {self.size}"

    @property
    def file_name(self) -> str:
        """The jar's name in a directory, the one it has in a Maven repository."""
        parts = (self.module, self.revision, self.classifier)
        return "-".join(part for part in parts if part) + ".jar"


def parse_lock(text: str, name: str) -> list[Jar]:
    """The jars of a lock file's text, in its order; ``name`` is for the error."""
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if not match:
            raise ServiceError(
                f"{name}, line {number}: {line!r}, expected organisation:module:revision[:classifier] sha256 size; "
                "make the file anew with: python -m killrweather.services.lock"
            )
        *coordinate, sha256, size = match.group("organisation", "module", "revision", "classifier", "sha256", "size")
        organisation, module, revision, classifier = (part or "" for part in coordinate)
        jars.append(Jar(organisation, module, revision, classifier, sha256, int(size)))
    return jars


def lock_path(set_name: str) -> Path:
    """Where the lock file of a set is."""
    return resource(f"conf/services/{set_name}.jars")


def locked_jars(set_name: str) -> list[Jar]:
    """The jars of a set as the project ships them."""
    path = lock_path(set_name)
    return parse_lock(path.read_text(encoding="utf-8"), str(path))
