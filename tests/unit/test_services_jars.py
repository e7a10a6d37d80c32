"""Jars are fetched once, checked, kept; what is missing or wrong is named."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from killrweather.errors import ServiceError
from killrweather.home import Home
from killrweather.services import jars as jars_module
from killrweather.services.jars import ensure
from killrweather.services.locked import Jar
from killrweather.settings import Settings

# Stands in for Java running Ivy: copies the artifacts that ivy.xml names from a directory into Ivy's cache.
FAKE_JAVA = """\
#!{python}
import os, shutil, sys, xml.etree.ElementTree as tree
if "-version" in sys.argv:
    sys.exit('openjdk version "17.0.9"')
argument = lambda name: sys.argv[sys.argv.index(name) + 1]
settings, module = tree.parse(argument("-settings")), tree.parse(argument("-ivy"))
root, cache = settings.find(".//ibiblio").get("root"), settings.find("caches").get("defaultCacheDir")
print({says!r})
open(os.path.join(root, "calls"), "a").write("x")
for dependency in module.iter("dependency"):
    for artifact in dependency.iter("artifact"):
        classifier = artifact.get("{{http://ant.apache.org/ivy/maven}}classifier")
        parts = [dependency.get("name"), dependency.get("rev")] + [classifier] * bool(classifier)
        name = "-".join(parts) + ".jar"
        if os.path.exists(os.path.join(root, name)):
            folder = os.path.join(cache, dependency.get("org"))
            os.makedirs(folder, exist_ok=True)
            shutil.copy(os.path.join(root, name), os.path.join(folder, name + ".part"))
            os.replace(os.path.join(folder, name + ".part"), os.path.join(folder, name))
            print("[SUCCESSFUL ]", name, flush=True)
"""
CONTENT = {("a", ""): b"first", ("b", ""): b"second jar", ("b", "linux"): b"native", ("c", ""): b"third"}
JARS = [
    Jar("org.example", module, "1.0", classifier, hashlib.sha256(content).hexdigest(), len(content))
    for (module, classifier), content in CONTENT.items()
]


class Repository:
    """A place to fetch from, the state directory to fetch to, and what was asked for so far."""

    def __init__(self, path: Path):
        self.path, self.home = path / "repository", Home(path / "home")
        self.path.mkdir()
        for jar, content in zip(JARS, CONTENT.values(), strict=True):
            (self.path / jar.file_name).write_bytes(content)
        self.java_home = path / "java"
        self.speak("")
        self.settings = Settings.model_validate(
            {"services": {"java_home": self.java_home, "maven_repository": str(self.path)}}
        )

    def speak(self, says: str) -> None:
        """Have Ivy print this."""
        program = self.java_home / "bin" / "java"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(FAKE_JAVA.format(python=sys.executable, says=says))
        program.chmod(0o755)

    @property
    def calls(self) -> int:
        """How many Ivys ran."""
        calls = self.path / "calls"
        return len(calls.read_text()) if calls.exists() else 0

    def fetch(self, report=jars_module.silent):
        """Ensure the set."""
        return ensure("kafka", self.home, self.settings, report)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Four small jars of three modules."""
    monkeypatch.setattr(jars_module, "locked_jars", lambda set_name: JARS)
    monkeypatch.setattr("killrweather.services.ivy._trust", lambda directory: [])
    return Repository(tmp_path)


def test_all_jars_of_a_set_arrive_in_the_lock_files_order(repository):
    """Each jar is in the state directory afterwards, also those with a classifier, and nothing else."""
    paths = repository.fetch()

    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert sorted(os.listdir(repository.home.path / "jars")) == [".lock", "kafka"]


def test_what_is_there_is_not_fetched_again(repository):
    """A second start asks nobody."""
    repository.fetch()
    calls = repository.calls
    repository.fetch()

    assert repository.calls == calls > 0


def test_what_is_there_is_not_hashed_again(repository, monkeypatch):
    """Size and time of a checked jar are enough to know it again."""
    repository.fetch()
    monkeypatch.setattr(jars_module, "_sha256", lambda path: pytest.fail(f"{path} was read"))

    assert len(repository.fetch()) == len(JARS)


def test_jars_that_are_read_only_are_checked_and_used_as_they_are(repository, monkeypatch):
    """An image has rounded their times, and nothing can be noted beside them."""
    paths = repository.fetch()
    note = repository.home.path / "jars" / "kafka" / ".checked"
    before = note.read_bytes()
    for path in paths:
        os.utime(path, (1, 1))
    monkeypatch.setattr(jars_module.os, "access", lambda path, mode: mode != os.W_OK)

    assert repository.fetch() == paths
    assert note.read_bytes() == before


def test_a_jar_that_changed_on_disk_is_fetched_anew(repository):
    """A damaged jar is replaced."""
    damaged = repository.fetch()[1]
    damaged.write_bytes(b"damaged!!!")
    repository.fetch()

    assert damaged.read_bytes() == b"second jar"


def test_a_broken_download_goes_on_with_what_is_missing(repository):
    """Jars that came before the failure stay; only the others are asked for."""
    absent = repository.path / JARS[3].file_name
    absent.rename(absent.with_suffix(".away"))
    with pytest.raises(ServiceError):
        repository.fetch()
    kept = {path.name for path in (repository.home.path / "jars" / "kafka").glob("*.jar")}
    calls = repository.calls
    absent.with_suffix(".away").rename(absent)
    repository.fetch()

    assert kept == {jar.file_name for jar in JARS[:3]}
    assert repository.calls == calls + 1


def test_a_jar_with_another_checksum_is_refused(repository):
    """A replaced jar never reaches the state directory; the error names it and both sums."""
    (repository.path / JARS[0].file_name).write_bytes(b"evil!")

    with pytest.raises(ServiceError, match=rf"org\.example:a:1\.0: .*SHA-256 .*expected {JARS[0].sha256}"):
        repository.fetch()
    assert not (repository.home.path / "jars" / "kafka" / JARS[0].file_name).exists()


@pytest.mark.parametrize(
    ("says", "cause"),
    [
        ("", "not fetched"),
        ("\torg.example#c;1.0: not found", "gave no such file"),
        ("Server access error at url x (java.net.UnknownHostException: repo)", "can't be reached.*repo"),
        ("java.io.IOException: No space left on device", "no space left"),
    ],
)
def test_a_jar_that_cannot_be_had_is_named_with_its_cause(repository, says, cause):
    """One line: which jar, why, what to do."""
    (repository.path / JARS[3].file_name).unlink()
    repository.speak(says)

    with pytest.raises(ServiceError, match=rf"^org\.example:c:1\.0: .*{cause}") as caught:
        repository.fetch()
    assert "\n" not in str(caught.value)


def test_progress_ends_with_every_byte(repository):
    """Each jar is reported as it arrives, in bytes of all."""
    seen = []
    repository.fetch(seen.append)

    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 26, 26)
    assert {step.detail for step in seen[1:]} == {jar.file_name for jar in JARS}


def test_two_state_directories_share_a_jar_cache(repository, tmp_path):
    """services.jars names one cache for all."""
    shared = {"services": {**repository.settings.services.model_dump(), "jars": tmp_path / "cache"}}
    settings = Settings.model_validate(shared)
    first = ensure("kafka", repository.home, settings)
    calls = repository.calls
    second = ensure("kafka", Home(tmp_path / "other"), settings)

    assert first == second == [tmp_path / "cache" / "kafka" / jar.file_name for jar in JARS]
    assert repository.calls == calls


def test_a_cache_that_cannot_be_made_is_named(repository, tmp_path):
    """A file in the place of the directory: the error names it and the setting."""
    (tmp_path / "file").write_text("")
    settings = Settings.model_validate(
        {"services": {**repository.settings.services.model_dump(), "jars": tmp_path / "file"}}
    )

    with pytest.raises(ServiceError, match=r"jars of kafka: .*file.*services\.jars"):
        ensure("kafka", repository.home, settings)
