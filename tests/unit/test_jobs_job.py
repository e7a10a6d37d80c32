"""What a job does before it starts its JVM."""

import shutil
from collections import namedtuple

from killrweather.home import Home
from killrweather.jobs import job
from killrweather.jobs.job import Job
from killrweather.settings import Settings


class Waiting(Job):
    """A job that never gets as far as its work."""

    name = directory = log = "stream"
    hang_s = 1.0


class Told:
    """Keeps what the job tells."""

    def __init__(self):
        self.events = []

    def tell(self, event, **fields):
        self.events.append((event, fields["for"], fields["text"]))


def test_a_job_waits_for_room_on_its_disk_and_says_so(tmp_path, monkeypatch):
    """What an earlier JVM has left is removed first; the text names the directory and what is expected."""
    usage, free = namedtuple("usage", "total used free"), [5 << 20, 6 << 20, 1 << 30]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 30, 0, free.pop(0)))
    monkeypatch.setattr(job, "_ALIVE_INTERVAL_S", 0.0)
    told, scratch = Told(), tmp_path / "stream"
    waiting = Waiting(Settings(), Home(tmp_path), told)
    (scratch / "blockmgr-1").mkdir()
    (scratch / "blockmgr-1" / "rdd").touch()
    (scratch / "liblz4-java-1.so").touch()
    (scratch / "kept").touch()

    waiting._make_room()

    assert [left.name for left in scratch.iterdir()] == ["kept"]
    assert [(event, what) for event, what, _ in told.events] == [("waiting", "disk")] * 2
    assert f"{scratch} has 5 MiB of free space, expected at least 32 MiB" in told.events[0][2]
