"""The supervisor: what it sends whom when children start, fail, die, hang and stop. No process is made."""

import logging
import time
from dataclasses import replace

import pytest
from actor_stage import ASKER, SUPERVISOR, ask, cell_on_stage, due, start
from thespian.actors import ActorAddress, ActorExitRequest, ChildActorExited

from killrweather.actorsystem.children import ChildSpec
from killrweather.actorsystem.routing import QUEUE_LIMIT
from killrweather.actorsystem.strategy import SupervisorStrategy
from killrweather.actorsystem.testkit import KitGuardian, Look, To
from killrweather.messages.control import (
    Directive,
    Failed,
    GracefulShutdown,
    Peers,
    Ping,
    Pong,
    Start,
    Started,
    Stop,
    TaskCompleted,
)

STRATEGY = SupervisorStrategy({"ValueError": "restart", "KeyError": "stop", "OSError": "escalate", "*": "resume"}, 2)


class Tree:
    """A guardian with children whose processes are ours to play."""

    def __init__(self, home, *specs):
        self.cell, self.stage = cell_on_stage()
        self.now = time.monotonic()
        self.cell.receiveMessage(start(KitGuardian, home, specs), SUPERVISOR)
        self.guardian = self.cell._actor
        self.guardian.clock = lambda: self.now

    def process(self, number):
        return ActorAddress(f"child-{number}")

    def starts(self):
        return [(address, message) for address, message in self.stage.sent if isinstance(message, Start)]

    def started(self, number, name="a", incarnation=1):
        self.cell.receiveMessage(Started(name, 1, incarnation), self.process(number))

    def failed(self, number, kind, name="a", incarnation=1, while_starting=False):
        failed = Failed(name, incarnation, (kind,), f"{kind}: oh", "trace", while_starting)
        self.cell.receiveMessage(failed, self.process(number))

    def died(self, number):
        self.cell.receiveMessage(ChildActorExited(self.process(number)), self.process(number))

    def tick(self):
        timer = due(self.stage, "_PingDue")
        self.stage.timers.clear()
        self.cell.receiveMessage(timer, SUPERVISOR)

    def state(self, name="a"):
        return next(state for state in self.guardian.children() if state.name == name)

    def ask(self, key, name="a", request_id=None):
        self.cell.receiveMessage(replace(ask(key, To(name, f"message {key}")), request_id=request_id), ASKER)


@pytest.fixture
def dead(monkeypatch):
    pids = set()
    monkeypatch.setattr("killrweather.actorsystem.supervisor.running", lambda pid: pid not in pids)
    return pids


@pytest.fixture
def grow(tmp_path, dead):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda *specs: Tree(tmp_path, *(specs or (ChildSpec("a", "x.A", strategy=STRATEGY),)))
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers, root.level = handlers, level


@pytest.fixture
def killed(monkeypatch):
    pids = []
    monkeypatch.setattr("killrweather.actorsystem.supervisor.os.kill", lambda pid, number: pids.append(pid))
    return pids


def test_a_question_waits_until_the_child_has_started(grow):
    """It arrives with the first asker's address, its own id and the request that it is for."""
    tree = grow()
    tree.ask("1", request_id="r-1")
    assert tree.stage.to(ASKER) == []
    tree.started(0)
    [passed_on] = [m for m in tree.stage.to(tree.process(0)) if getattr(m, "id", None) == "1"]

    assert (passed_on.reply_to, passed_on.message, passed_on.request_id) == (ASKER, "message 1", "r-1")


def test_each_class_of_exception_has_its_directive(grow):
    """Resume and restart go to the child; a stopped one is asked to leave."""
    tree = grow()
    tree.started(0)
    tree.failed(0, "IndexError")
    tree.failed(0, "ValueError")
    tree.started(0, incarnation=2)
    tree.failed(0, "KeyError", incarnation=2)
    sent = [m for m in tree.stage.to(tree.process(0)) if isinstance(m, Directive | ActorExitRequest)]

    assert sent[:2] == [Directive("resume", 1), Directive("restart", 1)]
    assert isinstance(sent[2], ActorExitRequest)
    assert (tree.state().state, tree.state().restarts, tree.state().last_error) == ("stopped", 1, "KeyError: oh")


def test_a_report_of_an_earlier_incarnation_is_ignored(grow):
    """It speaks of a failure that was decided already."""
    tree = grow()
    tree.started(0)
    tree.failed(0, "ValueError")
    tree.started(0, incarnation=2)
    tree.failed(0, "KeyError", incarnation=1)

    assert tree.state().state == "running"


def test_escalation_is_the_supervisors_own_failure(grow):
    """Its supervisor hears the class Escalated and the reason."""
    tree = grow()
    tree.started(0)
    tree.failed(0, "OSError")
    [failed] = tree.stage.to(SUPERVISOR, Failed)

    assert ("Escalated" in failed.kinds, failed.text) == (True, "Escalated: a: OSError: oh")


def test_a_dead_child_is_made_anew_and_keeps_its_name(grow):
    """A second notice of the same death changes nothing."""
    tree = grow()
    tree.started(0)
    tree.died(0)
    tree.died(0)

    assert [(str(address), s.name, s.incarnation, s.restarts) for address, s in tree.starts()] == [
        ("ActorAddr-child-0", "a", 1, 0),
        ("ActorAddr-child-1", "a", 2, 1),
    ]


def test_a_death_that_thespian_keeps_to_itself_is_seen_at_the_next_ping(grow, dead):
    """It tells nobody of a child that died before its address was known."""
    tree = grow()
    dead.add(tree.state().pid)
    tree.tick()

    assert [(str(address), s.incarnation) for address, s in tree.starts()][1:] == [("ActorAddr-child-1", 2)]
    assert tree.state().last_error == "its process died"


def test_whoever_asked_a_process_that_died_hears_at_once(grow):
    """Not after a time-out."""
    tree = grow()
    tree.started(0)
    tree.ask("1")
    tree.died(0)

    assert tree.stage.answers()["1"].kind == "unavailable"


def test_more_restarts_than_the_window_allows_stop_the_child(grow):
    """The reason stays visible, and what waits is answered."""
    tree = grow()
    tree.died(0)
    tree.now += 30
    tree.died(1)
    [delay] = [d for d, p in tree.stage.timers if type(p.message).__name__ == "_RestartDue"]
    assert delay > 0
    tree.ask("1")
    tree.cell.receiveMessage(due(tree.stage, "_RestartDue"), SUPERVISOR)
    tree.died(2)
    tree.ask("2")

    assert tree.state().state == "stopped"
    assert tree.state().last_error == "more than 2 restarts in 60 s, the last because: its process died"
    assert {key: value.kind for key, value in tree.stage.answers().items()} == {"1": "unavailable", "2": "unavailable"}
    assert "more than 2 restarts" in tree.stage.answers()["2"].text


def test_a_child_that_fails_to_start_is_not_resumed(grow):
    """There is nothing to resume: it is started again."""
    tree = grow()
    tree.failed(0, "IndexError", while_starting=True)

    assert tree.stage.to(tree.process(0), Directive) == [Directive("restart", 1)]


def test_a_silent_child_is_killed(grow, killed):
    """After hung_after_s without a Pong; one that answers lives."""
    tree = grow(ChildSpec("a", "x.A"), ChildSpec("b", "x.B"))
    tree.started(1, "a")
    tree.started(0, "b")
    for _ in range(11):
        tree.tick()
        tree.cell.receiveMessage(Pong("b", 1, 1, 0, {}, {}), tree.process(0))
        tree.now += 1.0
    tree.tick()

    assert len(killed) == 1
    tree.died(1)
    assert "without a sign of life" in tree.state("a").last_error
    assert tree.state("b").last_error is None


def test_a_supervisor_that_was_suspended_kills_nobody_for_it(grow, killed):
    """It could hear nobody meanwhile; a child that stays silent after that is killed as any other."""
    tree = grow()
    tree.started(0)
    tree.tick()
    tree.now += 3600.0
    tree.tick()

    assert killed == []
    for _ in range(7):
        tree.now += 1.0
        tree.tick()
    assert killed == []
    tree.now += 1.0
    tree.tick()
    assert killed == [1]


def test_a_child_whose_supervisor_was_suspended_while_it_started_is_not_killed(grow, killed):
    """It was suspended with it."""
    tree = grow()
    tree.tick()
    tree.now += 3600.0
    tree.tick()

    assert killed == []


def test_a_child_that_never_gets_ready_is_killed(grow, killed):
    """Starting may take start_timeout_s, though it answers pings meanwhile."""
    tree = grow()
    for _ in range(60):
        tree.now += 1.0
        tree.tick()
        tree.cell.receiveMessage(Pong("a", 1, 1, 0, {}, {}), tree.process(0))
    assert killed == []
    tree.now += 1.0
    tree.tick()

    assert killed == [2**22 + 1]


def test_the_view_of_a_child_is_what_it_last_said(grow):
    """Mailbox, health and counters come with the Pong."""
    tree = grow()
    tree.started(0)
    tree.cell.receiveMessage(Pong("a", 1, 1, 3, {"kafka": "ok"}, {"rows": 7}), tree.process(0))
    tree.cell.receiveMessage(ask("1", Look()), ASKER)
    [state] = tree.stage.answers()["1"]

    assert (state.mailbox, state.health, state.counters) == (3, {"kafka": "ok"}, {"rows": 7})


def test_children_learn_where_their_peers_are(grow):
    """A process that has died is in no table after that; its successor has another key."""
    tree = grow(ChildSpec("a", "x.A", pool=2), ChildSpec("b", "x.B"))
    tree.started(0, "b")
    tree.started(1, "a-1")
    tree.started(2, "a-2")
    tree.died(1)
    tree.started(3, "a-1", incarnation=2)
    tables = [p.members for p in sorted(tree.stage.to(tree.process(0), Peers), key=lambda p: p.version)]

    assert [[peer.key for peer in table["a"]] for table in tables] == [
        [],
        ["a-1/1"],
        ["a-1/1", "a-2/1"],
        ["a-2/1"],
        ["a-1/2", "a-2/1"],
    ]
    assert all("subject" in table for table in tables)


def test_a_child_restarted_in_place_stays_where_it_is(grow):
    """It keeps its mail itself: whoever asked it must not ask again."""
    tree = grow()
    tree.started(0)
    tree.failed(0, "ValueError")
    tree.guardian.tell_peers()

    assert [len(p.members["a"]) for p in tree.stage.to(tree.process(0), Peers)] == [1, 1]


def test_mail_that_waits_for_a_child_is_bounded(grow):
    """The first question too many is refused at once."""
    tree = grow()
    for number in range(QUEUE_LIMIT + 1):
        tree.ask(str(number))

    assert list(tree.stage.answers()) == [str(QUEUE_LIMIT)]


def test_a_question_for_nobody_is_refused(grow):
    """It says that this node has no such actor."""
    tree = grow()
    tree.ask("1", "nobody")

    assert 'no actor "nobody"' in tree.stage.answers()["1"].text


def test_children_stop_in_the_order_of_their_list(grow):
    """The next one is asked to leave when the one before is gone, a pool together."""
    tree = grow(ChildSpec("a", "x.A", pool=2), ChildSpec("b", "x.B"))
    for number, name in enumerate(("b", "a-1", "a-2")):
        tree.started(number, name)

    def leaving():
        return [n for n in range(3) if tree.stage.to(tree.process(n), Stop)]

    tree.cell.receiveMessage(ask("1", GracefulShutdown(), tree.now + 30), ASKER)
    assert leaving() == [1, 2]
    tree.died(1)
    assert leaving() == [1, 2]
    tree.died(2)
    assert leaving() == [0, 1, 2]
    assert tree.stage.answers() == {}
    tree.died(0)

    assert tree.stage.answers() == {"1": TaskCompleted("graceful shutdown")}
    assert len(tree.starts()) == 3


def test_a_child_that_does_not_stop_in_time_is_killed(grow, killed):
    """Half of the time that is left is its."""
    tree = grow()
    tree.started(0)
    tree.guardian.stop_children(lambda: None, 30.0)
    [delay] = [d for d, p in tree.stage.timers if type(p.message).__name__ == "_StopOverdue"]
    tree.cell.receiveMessage(due(tree.stage, "_StopOverdue"), SUPERVISOR)

    assert (delay, len(killed)) == (15.0, 1)


def test_pings_go_to_every_child_that_lives(grow):
    """Once an interval."""
    tree = grow()
    tree.tick()

    assert len(tree.stage.to(tree.process(0), Ping)) == 2
