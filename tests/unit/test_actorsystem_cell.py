"""The cell: every question is answered once, errors become answers or directives, mail waits in its order."""

import logging
from collections.abc import Iterator

import pytest
from actor_stage import ASKER, SUPERVISOR, ask, cell_on_stage, due, start
from thespian.actors import ActorExitRequest, PoisonMessage, WakeupMessage

from killrweather.actorsystem.actor import ManagedActor
from killrweather.actorsystem.replies import OPEN_LIMIT
from killrweather.actorsystem.stash import STASH_LIMIT
from killrweather.errors import BadRequest, Forbidden, Unavailable
from killrweather.messages.base import message
from killrweather.messages.control import Answer, Directive, Failed, Ping, Pong, Started

HISTORY: list[str] = []


@message
class Say:
    """Answer with this, or raise it."""

    value: object


@message
class Later:
    """Answer only when Release comes."""


@message
class Release:
    """Answer what is deferred."""


@message
class Remind:
    """Send yourself a Say later."""


class Subject(ManagedActor):
    """Does what it is told, and writes down its life."""

    def __init__(self):
        self.handled = 0
        self.replies = []

    def pre_start(self):
        HISTORY.append(f"start {self.incarnation}")
        if self.config == "cannot start":
            raise OSError("no socket")

    def post_stop(self):
        HISTORY.append(f"stop {self.incarnation}")

    def counters(self):
        return {"handled": self.handled}

    def receiveMsg_Say(self, say, sender):
        self.handled += 1
        HISTORY.append(f"say {say.value}")
        if isinstance(say.value, Exception):
            raise say.value
        return say.value

    def receiveMsg_Later(self, later, sender):
        self.replies.append(self.defer())

    def receiveMsg_Release(self, release, sender):
        for reply in self.replies:
            reply("released")
            reply("again")

    def receiveMsg_Remind(self, remind, sender):
        self.after(5.0, Say("reminded"))


@pytest.fixture
def subject(tmp_path) -> Iterator[tuple]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    HISTORY.clear()
    cell, stage = cell_on_stage()
    cell.receiveMessage(start(Subject, tmp_path), SUPERVISOR)
    yield cell, stage
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers, root.level = handlers, level


def test_what_a_handler_returns_is_the_answer(subject):
    """It carries the question's id, and goes to whoever asked."""
    cell, stage = subject
    cell.receiveMessage(ask("1", Say("yes")), ASKER)

    assert stage.answers() == {"1": "yes"}


def test_a_passed_on_question_is_answered_to_the_first_asker(subject):
    """Whoever passes it on sees nothing of the answer."""
    cell, stage = subject
    passed_on = ask("1", Say("yes"))
    cell.receiveMessage(type(passed_on)("1", Say("yes"), passed_on.deadline, ASKER), SUPERVISOR)

    assert stage.answers() == {"1": "yes"}


def test_a_told_message_has_no_answer(subject):
    """Nobody waits for one."""
    cell, stage = subject
    cell.receiveMessage(Say("yes"), ASKER)

    assert (HISTORY[-1], stage.to(ASKER)) == ("say yes", [])


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadRequest("month 13", "month"), "bad-argument"),
        (Forbidden("no"), "forbidden"),
        (Unavailable("Kafka is away", 3.0), "unavailable"),
    ],
)
def test_a_refusal_is_an_answer_and_restarts_nobody(subject, error, kind):
    """Bad input never reaches the supervisor."""
    cell, stage = subject
    cell.receiveMessage(ask("1", Say(error)), ASKER)
    cell.receiveMessage(Say(error), ASKER)
    cell.receiveMessage(ask("2", Say("yes")), ASKER)

    assert stage.answers()["1"].kind == kind
    assert stage.answers()["2"] == "yes"
    assert stage.to(SUPERVISOR, Failed) == []


def test_a_message_without_a_handler_is_refused(subject):
    """The answer names the message."""
    cell, stage = subject
    cell.receiveMessage(ask("1", Started("x", 1, 1)), ASKER)

    assert stage.answers()["1"].kind == "bad-argument"
    assert "Started" in stage.answers()["1"].text


def test_a_crash_is_reported_and_its_asker_hears_at_once(subject):
    """The supervisor gets the classes of the exception and its text."""
    cell, stage = subject
    cell.receiveMessage(ask("1", Say(ZeroDivisionError("by zero"))), ASKER)
    [failed] = stage.to(SUPERVISOR, Failed)

    assert stage.answers()["1"].kind == "failed"
    assert (failed.incarnation, failed.text) == (1, "ZeroDivisionError: by zero")
    assert {"ZeroDivisionError", "ArithmeticError", "Exception"} <= set(failed.kinds)


@pytest.mark.parametrize("directive", ["resume", "restart"])
def test_mail_waits_for_the_directive_and_keeps_its_order(subject, directive):
    """Nothing is handled while the actor is suspended, and nothing is lost."""
    cell, stage = subject
    cell.receiveMessage(Say(ValueError("first")), ASKER)
    for number in range(5):
        cell.receiveMessage(ask(str(number), Say(number)), ASKER)
    assert stage.answers() == {}
    cell.receiveMessage(Directive(directive, 1), SUPERVISOR)

    assert stage.answers() == {str(number): number for number in range(5)}
    assert HISTORY[-5:] == [f"say {number}" for number in range(5)]


def test_a_restart_makes_a_new_object_and_a_resume_keeps_it(subject):
    """After a restart no state is left; after a resume all is."""
    cell, stage = subject
    cell.receiveMessage(Say(ValueError("once")), ASKER)
    cell.receiveMessage(Directive("resume", 1), SUPERVISOR)
    cell.receiveMessage(Ping(), SUPERVISOR)
    cell.receiveMessage(Say(ValueError("twice")), ASKER)
    cell.receiveMessage(Directive("restart", 1), SUPERVISOR)
    cell.receiveMessage(Ping(), SUPERVISOR)

    assert [(p.incarnation, p.counters["handled"]) for p in stage.to(SUPERVISOR, Pong)] == [(1, 1), (2, 0)]
    assert [life for life in HISTORY if not life.startswith("say")] == ["start 1", "stop 1", "start 2"]


def test_a_failure_in_the_middle_of_the_stash_leaves_the_rest_stashed(subject):
    """The second failure is reported too, and the order holds."""
    cell, stage = subject
    for value in (ValueError("a"), 1, ValueError("b"), 2):
        cell.receiveMessage(Say(value), ASKER)
    cell.receiveMessage(Directive("resume", 1), SUPERVISOR)
    assert len(stage.to(SUPERVISOR, Failed)) == 2
    cell.receiveMessage(Directive("resume", 1), SUPERVISOR)

    assert HISTORY[-4:] == ["say a", "say 1", "say b", "say 2"]


def test_a_directive_to_another_incarnation_is_ignored(subject):
    """It speaks of a failure that is over."""
    cell, stage = subject
    cell.receiveMessage(Say(ValueError()), ASKER)
    cell.receiveMessage(Directive("restart", 1), SUPERVISOR)
    cell.receiveMessage(Directive("restart", 1), SUPERVISOR)

    assert [started.incarnation for started in stage.to(SUPERVISOR, Started)] == [1, 2]


def test_an_actor_that_cannot_start_fails_as_any_other(tmp_path, subject):
    """The supervisor learns that it was starting; a wrong class name is the same."""
    cell, stage = cell_on_stage()
    cell.receiveMessage(start(Subject, tmp_path, "cannot start"), SUPERVISOR)
    other, other_stage = cell_on_stage()
    other.receiveMessage(start(type("Missing", (), {}), tmp_path), SUPERVISOR)

    assert [(f.while_starting, f.text) for f in stage.to(SUPERVISOR, Failed)] == [(True, "OSError: no socket")]
    assert other_stage.to(SUPERVISOR, Failed)[0].kinds[1] == "AttributeError"


def test_mail_that_comes_before_the_start_waits(tmp_path, subject):
    """Thespian does not promise that Start comes first."""
    cell, stage = cell_on_stage()
    cell.receiveMessage(ask("1", Say("early")), ASKER)
    cell.receiveMessage(start(Subject, tmp_path), SUPERVISOR)

    assert stage.answers() == {"1": "early"}


def test_a_full_stash_refuses_questions_and_counts_what_it_drops(subject):
    """Nothing is unbounded, and nothing is lost in silence."""
    cell, stage = subject
    cell.receiveMessage(Say(ValueError()), ASKER)
    for _ in range(STASH_LIMIT):
        cell.receiveMessage(Say("kept"), ASKER)
    cell.receiveMessage(ask("1", Say("too much")), ASKER)
    cell.receiveMessage(Say("too much"), ASKER)
    cell.receiveMessage(Ping(), SUPERVISOR)
    [pong] = stage.to(SUPERVISOR, Pong)

    assert stage.answers()["1"].kind == "unavailable"
    assert (pong.mailbox, pong.counters["dropped"]) == (STASH_LIMIT, 1)


def test_nobody_works_on_a_question_whose_deadline_is_past(subject):
    """Its asker has given up already."""
    cell, stage = subject
    cell.receiveMessage(ask("1", Say("late"), deadline=0.0), ASKER)

    assert (stage.answers(), HISTORY) == ({}, ["start 1"])


def test_a_deferred_question_is_answered_once_later(subject):
    """A second answer to it is dropped."""
    cell, stage = subject
    cell.receiveMessage(ask("1", Later()), ASKER)
    assert stage.answers() == {}
    cell.receiveMessage(Release(), ASKER)

    assert [a.value for a in stage.to(ASKER, Answer)] == ["released"]


def test_open_questions_are_answered_when_the_actor_restarts_or_stops(subject):
    """Nobody waits for an answer that cannot come."""
    cell, stage = subject
    cell.receiveMessage(ask("1", Later()), ASKER)
    cell.receiveMessage(Say(ValueError()), ASKER)
    cell.receiveMessage(ask("2", Say("waits")), ASKER)
    cell.receiveMessage(ActorExitRequest(), SUPERVISOR)

    assert {key: value.kind for key, value in stage.answers().items()} == {"1": "unavailable", "2": "unavailable"}
    assert HISTORY[-1] == "stop 1"


def test_too_many_open_questions_are_refused(subject):
    """An actor does not take more work than it can hold."""
    cell, stage = subject
    for number in range(OPEN_LIMIT + 1):
        cell.receiveMessage(ask(str(number), Later()), ASKER)

    assert [(key, value.kind) for key, value in stage.answers().items()] == [(str(OPEN_LIMIT), "unavailable")]


def test_a_timer_of_an_earlier_incarnation_is_forgotten(subject):
    """What the old object planned does not happen to the new one."""
    cell, stage = subject
    cell.receiveMessage(Remind(), ASKER)
    timer = due(stage, "Say")
    cell.receiveMessage(timer, ASKER)
    assert HISTORY[-1] == "say reminded"
    cell.receiveMessage(Say(ValueError("end")), ASKER)
    cell.receiveMessage(Directive("restart", 1), SUPERVISOR)
    cell.receiveMessage(timer, ASKER)

    assert HISTORY[-1] == "start 2"


def test_an_answer_that_cannot_travel_becomes_a_failure(subject):
    """Thespian hands back what it could not send; the asker still hears something."""
    cell, stage = subject
    cell.receiveMessage(PoisonMessage(Answer("1", open), "cannot pickle"), ASKER)

    assert stage.answers()["1"].kind == "failed"


def test_a_deadline_is_looked_after_while_questions_are_open(subject):
    """One timer for all of them, and none when nothing is asked."""
    cell, stage = subject
    assert stage.timers == []
    values = []
    cell.asker.by_mail.ask(ASKER, Say("?"), values.append, -1.0)
    cell.receiveMessage(Ping(), SUPERVISOR)
    cell.receiveMessage(Ping(), SUPERVISOR)
    [(_, payload)] = stage.timers
    cell.receiveMessage(WakeupMessage(None, payload), ASKER)

    assert [value.kind for value in values] == ["timed-out"]
