"""The jars of the embedded services and of Spark's connectors: fetched once, checked by SHA-256, kept.

    jars/<set>/              whole, checked jars; a jar gets here in one step
    jars/<set>/.checked      size and time of each when it was checked, so that a start doesn't hash them all again
    jars/.fetch-<set>/       what is being fetched; thrown away afterwards
    jars/.lock               held by whoever fetches

A broken download loses the jars that were under way; the next one asks for what is missing.
"""

import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from xml.sax.saxutils import quoteattr

from filelock import FileLock

from killrweather.checksum import sha256 as _sha256
from killrweather.errors import ServiceError
from killrweather.home import Home
from killrweather.processes import die_with_parent
from killrweather.services.ivy import Ivy
from killrweather.services.java import find_java
from killrweather.services.locked import Jar, lock_path, locked_jars
from killrweather.settings import Settings

# Most of the time is spent waiting for the repository's answers: Cassandra's 99 jars took 14 s with one Ivy and 6 s
# with four; each costs 60 MB while it runs.
_PARALLEL_FETCHES = 4


@dataclass(frozen=True)
class Progress:
    """How far a task is; the unit of a download is bytes, that of a start is steps."""

    task: str
    detail: str
    done: int
    total: int


Report = Callable[[Progress], None]
"""Told of every step; what it does with it is the caller's business."""


def silent(progress: Progress) -> None:
    """A report to nobody."""


def ensure(set_name: str, home: Home, settings: Settings, report: Report = silent) -> list[Path]:
    """The jars of a set, in the lock file's order, fetched if they aren't there yet.

    Raises ServiceError that names the jar if one can't be had or isn't what the lock file says.
    """
    jars = locked_jars(set_name)
    root = jars_root(home, settings)
    try:
        store = _Store(set_name, root, jars)
        if store.missing():
            store.directory.mkdir(parents=True, exist_ok=True)
            with FileLock(store.root / ".lock"):
                _fetch(store, settings, report)
    except OSError as error:
        raise ServiceError(
            f"jars of {set_name}: {root}: {error.strerror or error}, expected a directory to write to "
            f"with {sum(jar.size for jar in jars) >> 20} MiB of space; make room or set services.jars"
        ) from error
    return [store.path(jar) for jar in jars]


def jars_root(home: Home, settings: Settings) -> Path:
    """The directory with a directory for each set."""
    return (settings.services.jars or home.path / "jars").expanduser().absolute()


@dataclass
class _Store:
    """The directory of one set and what is known of its jars."""

    set_name: str
    root: Path
    jars: Sequence[Jar]
    checked: dict[str, list[int | str]] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.checked = json.loads((self.directory / ".checked").read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            self.checked = {}

    @property
    def directory(self) -> Path:
        return self.root / self.set_name

    def path(self, jar: Jar) -> Path:
        return self.directory / jar.file_name

    def missing(self) -> list[Jar]:
        """The jars that aren't here, or aren't what the lock file says."""
        before = dict(self.checked)
        missing = [jar for jar in self.jars if not self._is_here(jar)]
        # An image's jars are read only, and its layers may have rounded their times: they are checked at each start.
        if self.checked != before and os.access(self.directory, os.W_OK):
            self._remember()
        return missing

    def accept(self, jar: Jar, file: Path) -> None:
        """Take a downloaded file in if it is the jar that the lock file names."""
        found = _sha256(file)
        if found != jar.sha256:
            raise ServiceError(
                f"{jar}: the downloaded file has SHA-256 {found}, expected {jar.sha256} ({lock_path(self.set_name)}); "
                "it was damaged or replaced on the way: try again, and if it stays so, check services.maven_repository"
            )
        os.replace(file, self.path(jar))
        self.checked[jar.file_name] = self._stamp(jar)
        self._remember()

    def _is_here(self, jar: Jar) -> bool:
        path = self.path(jar)
        if not path.exists():
            return False
        if self.checked.get(jar.file_name) == self._stamp(jar):
            return True
        if path.stat().st_size != jar.size or _sha256(path) != jar.sha256:
            return False
        self.checked[jar.file_name] = self._stamp(jar)
        return True

    def _stamp(self, jar: Jar) -> list[int | str]:
        status = self.path(jar).stat()
        return [jar.sha256, status.st_size, status.st_mtime_ns]

    def _remember(self) -> None:
        scratch = self.directory / f".checked.{os.getpid()}"
        scratch.write_text(json.dumps(self.checked), encoding="utf-8")
        scratch.replace(self.directory / ".checked")


def _fetch(store: _Store, settings: Settings, report: Report) -> None:
    """Fetch what is still missing now that nobody else is fetching."""
    missing = store.missing()
    if not missing:
        return
    task, total = f"jars of {store.set_name}", sum(jar.size for jar in store.jars)
    done = total - sum(jar.size for jar in missing)
    report(Progress(task, f"{len(missing)} to fetch", done, total))
    scratch = store.root / f".fetch-{store.set_name}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        ivy = Ivy(find_java(settings), scratch, settings.services.maven_repository)
        waiting = {ivy.cache(f"part-{n}"): missing[n::_PARALLEL_FETCHES] for n in range(_PARALLEL_FETCHES)}
        commands = [ivy.command(cache.parent.name, _dependencies(part), poms=False) for cache, part in waiting.items()]
        said = []
        for line in _run_all([command for command, part in zip(commands, waiting.values(), strict=True) if part]):
            said.append(line)
            for jar in _arrived(waiting, store):
                done += jar.size
                report(Progress(task, jar.file_name, done, total))
        absent = [jar for part in waiting.values() for jar in part]
        if absent:
            raise ServiceError(_reason(absent, "".join(said), settings))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _dependencies(jars: Iterable[Jar]) -> list[str]:
    """The jars as Ivy wants them: one ``<dependency>`` a module, since some modules have several jars."""
    modules = defaultdict(list)
    for jar in jars:
        classifier = f" m:classifier={quoteattr(jar.classifier)}" if jar.classifier else ""
        artifact = f'<artifact name={quoteattr(jar.module)} type="jar" ext="jar"{classifier}/>'
        modules[jar.organisation, jar.module, jar.revision].append(artifact)
    return [
        f'<dependency org="{organisation}" name="{module}" rev="{revision}" transitive="false" conf="default->default">'
        f"{''.join(artifacts)}</dependency>"
        for (organisation, module, revision), artifacts in modules.items()
    ]


def _run_all(commands: Sequence[Sequence[str]]) -> Iterator[str]:
    """Run commands side by side and yield the lines that they print, until all have ended."""
    read_end, write_end = os.pipe()
    processes = []
    with open(read_end, encoding="utf-8", errors="replace") as lines:
        try:
            try:
                for command in commands:
                    processes.append(
                        subprocess.Popen(
                            command,
                            stdin=subprocess.DEVNULL,
                            stdout=write_end,
                            stderr=subprocess.STDOUT,
                            preexec_fn=partial(die_with_parent, parent=os.getpid()),
                        )
                    )
            finally:
                os.close(write_end)
            yield from lines
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _arrived(waiting: dict[Path, list[Jar]], store: _Store) -> list[Jar]:
    """Take in every jar that a cache has whole by now, and wait for it no longer."""
    arrived = []
    for cache, jars in waiting.items():
        for jar in [jar for jar in jars if (cache / jar.organisation / jar.file_name).exists()]:
            store.accept(jar, cache / jar.organisation / jar.file_name)
            jars.remove(jar)
            arrived.append(jar)
    return arrived


def _reason(absent: Sequence[Jar], said: str, settings: Settings) -> str:
    """One line on why a jar didn't come, from what Ivy printed."""
    repository = settings.services.maven_repository or "Maven Central"
    if "No space left on device" in said:
        cause, advice = "no space left on the device", "make room, or set services.jars to a directory with more"
    elif trouble := re.search(r"Server access error at url \S+ \((?:[\w.]+\.)?(.+?)\)\n", said):
        cause = f"{repository} can't be reached ({trouble.group(1)})"
        advice = "check the network, HTTPS_PROXY and services.maven_repository"
    elif any(f"{jar.organisation}#{jar.module};{jar.revision}: not found" in said for jar in absent):
        cause = f"{repository} gave no such file"
        advice = "check the network, HTTPS_PROXY and services.maven_repository"
    else:
        lines = [line for line in said.splitlines() if line.strip()]
        cause, advice = f"Ivy ended early: {lines[-1].strip() if lines else 'it said nothing'}", "try again"
    more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
    return f"{absent[0]}{more}: not fetched, {cause}; what has come is kept: {advice}, then start again"
