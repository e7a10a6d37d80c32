"""The guardian as router: when its actors may ask each other without it."""

import logging

import pytest
from actor_stage import ASKER, SUPERVISOR, ask, cell_on_stage, start
from thespian.actors import ActorAddress

from actors.node_guardian import NodeGuardian
from killrweather.messages.cluster import NodeIdentity
from killrweather.messages.control import Failed, GracefulShutdown, Peers, Pong, Started
from killrweather.messages.node import GetNodeStatus
from killrweather.settings import ActorSpec, Node, Settings

HANDLES = ("GetDailyTemperature", "GetNodeStatus")


@pytest.fixture
def joining(tmp_path, monkeypatch):
    """A guardian with one actor, which has started but not yet said how it is."""
    monkeypatch.setattr("killrweather.actorsystem.supervisor.running", lambda pid: True)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    spec = {"class": "actors.temperature.TemperatureActor", "roles": ["query"], "strategy": {"max_restarts": 0}}
    actors = {"temperature": ActorSpec.model_validate(spec)}
    settings = Settings(node=Node(name="test", roles=["query"]), actors=actors)
    cell, stage = cell_on_stage()
    cell.receiveMessage(start(NodeGuardian, tmp_path, NodeIdentity("test", "test-1"), settings), SUPERVISOR)
    cell.receiveMessage(Started("temperature", 2**22 + 1, 1, HANDLES, 4711), ActorAddress("child-0"))
    yield cell, stage
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers, root.level = handlers, level


def initialize(cell):
    cell.receiveMessage(Pong("temperature", 2**22 + 1, 1, 0, {"cassandra": ""}, {}), ActorAddress("child-0"))
    cell.receiveMessage(ask("1", GetNodeStatus()), ASKER)


def test_a_node_takes_data_and_answers_before_its_stream_runs(joining):
    """It is Up, and not yet ready."""
    cell, stage = joining
    health = {"cassandra": "", "stream": "the stream is starting"}
    cell.receiveMessage(Pong("temperature", 2**22 + 1, 1, 0, health, {}), ActorAddress("child-0"))
    cell.receiveMessage(ask("1", GetNodeStatus()), ASKER)
    found = stage.answers()["1"]

    assert (found.state, found.ready) == ("Up", False)
    assert newest(stage).answerers == {"GetDailyTemperature": "temperature"}


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


def test_an_actor_at_its_restart_limit_makes_the_node_not_ready_with_its_last_error(joining):
    """The check of /ready names the actor, the limit and what it failed of last."""
    cell, stage = joining
    initialize(cell)
    cell.receiveMessage(Failed("temperature", 1, ("OSError",), "OSError: oh", ""), ActorAddress("child-0"))
    cell.receiveMessage(ask("2", GetNodeStatus()), ASKER)
    before, after = stage.answers()["1"], stage.answers()["2"]

    assert before.ready
    assert (after.ready, after.state) == (False, "Up")
    assert [(check.name, check.ok, check.text) for check in after.checks if not check.ok] == [
        (
            "actors",
            False,
            "temperature is stopped: more than 0 restarts in 60 s, the last because: OSError: oh",
        )
    ]
    assert (after.actors[0].state, after.actors[0].last_error) == (
        "stopped",
        "more than 0 restarts in 60 s, the last because: OSError: oh",
    )
