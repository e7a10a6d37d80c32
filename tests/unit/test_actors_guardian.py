"""The guardian as router: when its actors may ask each other without it."""

import logging

import pytest
from actor_stage import ASKER, SUPERVISOR, ask, cell_on_stage, start
from thespian.actors import ActorAddress

from actors.node_guardian import NodeGuardian
from killrweather.messages.control import GracefulShutdown, Peers, Pong, Started
from killrweather.messages.node import GetNodeStatus
from killrweather.settings import ActorSpec, Node, Settings

HANDLES = ("GetDailyTemperature", "GetNodeStatus")


@pytest.fixture
def joining(tmp_path, monkeypatch):
    """A guardian with one actor, which has started but not yet said how it is."""
    monkeypatch.setattr("killrweather.actorsystem.supervisor.running", lambda pid: True)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    actors = {"temperature": ActorSpec(actor_class="actors.temperature.TemperatureActor", roles=["query"])}
    settings = Settings(node=Node(name="test", roles=["query"]), actors=actors)
    cell, stage = cell_on_stage()
    cell.receiveMessage(start(NodeGuardian, tmp_path, settings=settings), SUPERVISOR)
    cell.receiveMessage(Started("temperature", 2**22 + 1, 1, HANDLES, 4711), ActorAddress("child-0"))
    yield cell, stage
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers, root.level = handlers, level


def initialize(cell):
    cell.receiveMessage(Pong("temperature", 2**22 + 1, 1, 0, {"cassandra": ""}, {}), ActorAddress("child-0"))
    cell.receiveMessage(ask("1", GetNodeStatus()), ASKER)


def newest(stage):
    return max(stage.to(ActorAddress("child-0"), Peers), key=lambda peers: peers.version)


def test_before_it_is_initialized_every_question_comes_to_the_guardian(joining):
    """It alone knows what is missing."""
    _, stage = joining

    assert newest(stage).answerers == {}
    assert newest(stage).router == "subject"


def test_once_initialized_the_actors_ask_each_other(joining):
    """But what the guardian answers itself still comes to it, whoever else has a handler."""
    cell, stage = joining
    initialize(cell)

    assert newest(stage).answerers == {"GetDailyTemperature": "temperature"}
    assert [peer.line for peer in newest(stage).members["temperature"]] == [4711]


def test_while_it_leaves_every_question_comes_to_the_guardian_again(joining):
    """It refuses them with the reason."""
    cell, stage = joining
    initialize(cell)
    cell.receiveMessage(ask("2", GracefulShutdown()), SUPERVISOR)
    tables = sorted(stage.to(ActorAddress("child-0"), Peers), key=lambda peers: peers.version)

    assert tables[-1].answerers == {}
