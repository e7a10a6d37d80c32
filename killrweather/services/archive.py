"""Archives of classes: a JVM that has one starts with its classes read and verified (Java's class data sharing).

    jars/classes/<name>-<key>.jsa           made once, by ``services fetch``
    conf/services/<name>.classes.gz         what a start and the first loads need, recorded by ``make classes``

Java checks an archive itself and goes on without it where it does not fit.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from killrweather.errors import ServiceError
from killrweather.processes import die_with_parent
from killrweather.resources import resource
from killrweather.services.jars import Progress, Report, silent
from killrweather.services.java import Java

_TIMEOUT_S = 600


@dataclass(frozen=True)
class ClassArchive:
    """The archive of one kind of JVM: ``name`` is that of its set of jars, ``root`` the directory of all sets."""

    name: str
    java: Java
    class_path: Sequence[Path]
    root: Path

    @cached_property
    def path(self) -> Path:
        """Where it is, or will be: another Java, jar or list of classes makes it another archive."""
        key = hashlib.sha256(str(self.java.executable).encode() + self._list.read_bytes())
        for jar in self.class_path:
            status = jar.stat()
            key.update(f"{jar} {status.st_size} {int(status.st_mtime)}\n".encode())
        return self.root / "classes" / f"{self.name}-{key.hexdigest()[:16]}.jsa"

    def options(self) -> list[str]:
        """What tells the JVM to use it; nothing while it is not made. The class path must be the JVM's own."""
        return [f"-XX:SharedArchiveFile={self.path}", "-Xlog:cds=off"] if self.path.exists() else []

    def make(self) -> None:
        """Make it if it is not there, some ten seconds of work. Raises ServiceError when Java does not."""
        if self.path.exists():
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=self.path.parent, prefix=".") as name:
                scratch = Path(name)
                self._dump(scratch)
                for older in self.path.parent.glob(f"{self.name}-*.jsa"):
                    older.unlink()
                (scratch / "archive.jsa").replace(self.path)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._failed(str(error)) from error

    def _dump(self, scratch: Path) -> None:
        with gzip.open(self._list) as packed, (scratch / "classes").open("wb") as names:
            shutil.copyfileobj(packed, names)
        command = [
            str(self.java.executable),
            "-Xshare:dump",
            f"-XX:SharedClassListFile={scratch / 'classes'}",
            f"-XX:SharedArchiveFile={scratch / 'archive.jsa'}",
            "-Xlog:cds=off,class+path=off",
            "-cp",
            os.pathsep.join(map(str, self.class_path)),
        ]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            preexec_fn=partial(die_with_parent, parent=os.getpid()),
        )
        if done.returncode or not (scratch / "archive.jsa").exists():
            raise self._failed(f"Java ended with code {done.returncode}: {done.stdout.strip()[-200:]}")

    def _failed(self, reason: str) -> ServiceError:
        return ServiceError(f"archive of {self.name}'s classes in {self.path.parent}: {reason}")

    @property
    def _list(self) -> Path:
        return resource(f"conf/services/{self.name}.classes.gz")


def make_all(archives: Sequence[ClassArchive], report: Report = silent) -> list[ServiceError]:
    """Make those that are not there, side by side. What could not be made is returned: nothing depends on it."""
    failures = []
    with ThreadPoolExecutor(len(archives)) as threads:
        making = {threads.submit(archive.make): archive for archive in archives}
        for archive in archives:
            report(Progress(f"classes of {archive.name}", "making their archive", 0, 1))
        for done in as_completed(making):
            report(Progress(f"classes of {making[done].name}", "their archive is there", 1, 1))
            if error := done.exception():
                if not isinstance(error, ServiceError):
                    raise error
                failures.append(error)
    return failures
