"""What can be said about embedded services before any of them starts."""

import shutil
from collections import namedtuple
from itertools import pairwise
from types import SimpleNamespace

import pytest

from killrweather.errors import ServiceError
from killrweather.home import Home
from killrweather.services import Embedded
from killrweather.services.cassandra import EmbeddedCassandra
from killrweather.services.embedded import ServiceEvent, _Watched
from killrweather.services.kafka import EmbeddedKafka, new_cluster_id
from killrweather.settings import Settings

EXTERNAL = {"kafka": {"bootstrap_servers": ["k1:9092", "k2:9092"]}, "cassandra": {"contact_points": ["c1"]}}


class Fragile:
    """Stands in for a service that is told when to die and whether it can be launched."""

    def __init__(self):
        self.name, self.address = "kafka", "127.0.0.1:1"
        self.cause, self.launchable, self.launches = None, True, []

    def died(self):
        """Why it is dead."""
        return self.cause

    def launch(self, java, jars, restarts):
        """Come back to life, or fail to."""
        self.launches.append(restarts)
        if not self.launchable:
            raise ServiceError("kafka: port 1 is in use")
        self.cause = None

    def poll(self):
        """It is quick."""
        return "ready"


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when told."""
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr("killrweather.services.embedded.time", SimpleNamespace(monotonic=lambda: now.s))
    return now


@pytest.fixture
def watching(tmp_path, clock):
    """A launcher that watches one running fragile service."""
    embedded, service = Embedded(Settings(), Home(tmp_path)), Fragile()
    embedded._watched.append(_Watched(service, java=None, jars=[], state="running", since=clock.s))
    return embedded, service


def test_external_services_are_not_embedded(tmp_path):
    """With both named in the configuration nothing starts, and no directory is made."""
    embedded = Embedded(Settings.model_validate(EXTERNAL), Home(tmp_path / "home"))
    embedded.start()
    embedded.stop()

    assert [(status.name, status.state, status.address) for status in embedded.status()] == [
        ("kafka", "external", "k1:9092, k2:9092"),
        ("cassandra", "external", "c1"),
    ]
    assert not (tmp_path / "home").exists()


def test_services_that_never_ran_are_stopped(tmp_path):
    """A fresh state directory has no running service."""
    states = [status.state for status in Embedded(Settings(), Home(tmp_path)).status()]

    assert states == ["stopped", "stopped"]


def test_a_dead_service_is_restarted_after_a_pause(watching, clock):
    """Death, a pause, launch and answer are told one after the other, and the restart is counted."""
    embedded, service = watching
    service.cause = "kafka: ended by signal 9"
    died = embedded.watch()
    too_early = embedded.watch()
    clock.s += 1
    launched, answered = embedded.watch(), embedded.watch()

    assert died == [ServiceEvent("kafka", "died", "kafka: ended by signal 9")]
    assert (too_early, launched) == ([], [])
    assert [event.kind for event in answered] == ["restarted"]
    assert service.launches == [1]


def test_a_service_that_cannot_come_back_is_tried_again_ever_more_slowly(watching, clock):
    """Pauses double up to 15 s; no attempt is the last."""
    embedded, service = watching
    service.cause, service.launchable = "kafka: ended with code 1", False
    embedded.watch()
    failures = []
    for _ in range(1200):
        clock.s += 0.1
        failures += [clock.s for event in embedded.watch() if event.kind == "failed"]
    pauses = [round(later - earlier) for earlier, later in pairwise(failures)]

    assert pauses[:4] == [1, 2, 4, 8]
    assert set(pauses[4:]) == {15}


def test_status_says_why_a_service_does_not_come_back_until_it_does(watching, clock):
    """The launcher's last failure, in the words of its log, is known to every other process."""
    embedded, service = watching
    service.cause, service.launchable = "kafka: ended with code 1", False

    def told():
        return next(one.problem for one in Embedded(embedded.settings, embedded.home).status() if one.name == "kafka")

    before = told()
    embedded.watch()
    died = told()
    clock.s += 1
    embedded.watch()
    failed = told()
    service.launchable = True
    clock.s += 15
    embedded.watch(), embedded.watch()

    assert (before, died, failed, told()) == (None, "kafka: ended with code 1", "kafka: port 1 is in use", None)


def test_a_service_that_ran_for_a_minute_is_restarted_at_once_again(watching, clock):
    """Only deaths that follow one another make the pause longer."""
    embedded, service = watching
    for _ in range(3):
        service.cause = "kafka: ended by signal 9"
        embedded.watch()
        clock.s += 15
        embedded.watch(), embedded.watch()
        clock.s += 61
        embedded.watch()
    service.cause = "kafka: ended by signal 9"
    embedded.watch()
    clock.s += 0.6
    embedded.watch()

    assert service.launches == [1, 2, 3, 4]


@pytest.mark.parametrize("service_class", [EmbeddedKafka, EmbeddedCassandra])
def test_a_full_disk_is_one_line_with_its_setting(tmp_path, monkeypatch, service_class):
    """Nothing is started on a disk without room for it."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 1 << 30, 5 << 20))
    service = service_class(Settings(), Home(tmp_path))
    monkeypatch.setattr("killrweather.services.service.require_free_port", lambda port, setting: None)

    with pytest.raises(ServiceError, match=rf"5 MiB of free space, .*services\.{service.name}\.directory"):
        service.launch(java=None, jars=[])


def test_a_directory_that_java_cannot_name_is_refused(tmp_path, monkeypatch):
    """A comma would split Kafka's list of directories."""
    settings = Settings.model_validate({"services": {"kafka": {"directory": tmp_path / "a,b"}}})
    monkeypatch.setattr("killrweather.services.service.require_free_port", lambda port, setting: None)

    with pytest.raises(ServiceError, match=r"services\.kafka\.directory: .*a,b contains ','"):
        EmbeddedKafka(settings, Home(tmp_path)).launch(java=None, jars=[])


def test_a_new_cluster_id_is_never_taken_for_an_option():
    """Kafka's tool would read an id that begins with a dash as an option."""
    ids = {new_cluster_id() for _ in range(200)}

    assert all(len(value) == 22 and "-" not in value for value in ids)
    assert len(ids) == 200
