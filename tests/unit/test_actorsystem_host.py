"""The host of a node watches its guardian. No actor system is made."""

import os
from types import SimpleNamespace

import pytest

from killrweather.actorsystem import host
from killrweather.actorsystem.host import GUARDIAN
from killrweather.home import Home
from killrweather.messages.control import Ping, Started
from killrweather.settings import Settings
from killrweather.waking_clock import WakingClock


class Watch:
    """A host whose guardian has just started, and whose time is ours."""

    def __init__(self, home):
        self.now, self.told, self.lost = 1000.0, [], []
        self.host = host._Host(Settings(), home, None)
        self.host._awake = WakingClock(10.0, lambda: self.now)
        self.host._again = self.lost.append
        self.host._handle(Started(GUARDIAN, os.getpid(), 0))

    def look(self, after_s):
        self.now += after_s
        self.host._look_after()


@pytest.fixture
def watch(tmp_path, monkeypatch):
    system = SimpleNamespace(is_alive=True, reap=lambda: None, tell=lambda to, message: told.append(message))
    monkeypatch.setattr(host, "NodeSystem", lambda home: system)
    made = Watch(Home(tmp_path))
    told = made.told
    return made


def test_a_guardian_that_is_silent_is_lost(watch):
    """After node.hung_after_s; until then it is pinged."""
    for _ in range(10):
        watch.look(1.0)
    assert watch.lost == []
    watch.look(0.5)

    assert watch.lost == ["no sign of life for 10.5 s"]
    assert watch.told == [Ping()]


def test_a_host_that_was_suspended_gives_its_guardian_time(watch):
    """It could hear nobody, and the guardian was suspended with it."""
    watch.look(3600.0)

    assert watch.lost == []
