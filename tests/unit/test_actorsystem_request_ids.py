"""The id of a request is in every line that is logged for it, whichever actor, thread or loop writes it."""

import asyncio
import logging
import re
import time
from dataclasses import replace

import pytest
from actor_stage import ASKER, SUPERVISOR, ask, cell_on_stage, start
from test_actorsystem_bridge import pump
from test_actorsystem_line import Ends
from thespian.actors import ActorExitRequest

from killrweather.actorsystem import hardening
from killrweather.actorsystem.actor import AsyncActor
from killrweather.actorsystem.line import Wire
from killrweather.messages.base import message
from killrweather.messages.control import Answer, Ask, Directive, Failed, Started
from killrweather.request_id import current, working_for

log = logging.getLogger(__name__)


@message
class Plain:
    """Handled in the actor's thread."""


@message
class Threaded:
    """Handled in the loop and in a thread beside it."""


@message
class Asking:
    """Asks somebody else first: by mail, from the actor's own thread."""


@message
class Relayed:
    """Asks somebody else first, from the loop."""


@message
class Broken:
    """Fails in the loop."""


class Scribe(AsyncActor):
    """Writes a line for whatever it does."""

    def receiveMsg_Plain(self, msg, sender):
        log.info("plain")

    async def receiveMsg_Threaded(self, msg, sender):
        await asyncio.to_thread(log.info, "in a thread")
        self.in_actor(log.info, "in the actor")
        log.info("in the loop")

    def receiveMsg_Asking(self, msg, sender):
        reply = self.defer()

        def then(value):
            log.info("then")
            reply(value)

        self.ask(ASKER, Plain(), then)

    async def receiveMsg_Relayed(self, msg, sender):
        answer = await self.request(ASKER, Plain())
        log.info("relayed")
        return answer

    async def receiveMsg_Broken(self, msg, sender):
        raise ValueError("oh")


class Scene:
    """A scribe's cell, what it sends, and the lines of its log as (event, request id)."""

    def __init__(self, home):
        self.home = home
        self.cell, self.stage = cell_on_stage()
        self.cell.receiveMessage(start(Scribe, home), SUPERVISOR)
        self.until(lambda: self.stage.to(SUPERVISOR, Started))

    def ask(self, key, message, request_id):
        self.cell.receiveMessage(replace(ask(key, message), request_id=request_id), ASKER)

    def until(self, condition):
        pump(self.cell, condition)

    def lines(self):
        text = (self.home / "logs" / "node.log").read_text(encoding="utf-8")
        found = [re.search(r"\] (.+?)(?: \w+=.*?)??(?: request_id=(\S+))?$", line) for line in text.splitlines()]
        return {match[1]: match[2] for match in found}


@pytest.fixture
def scribe(tmp_path):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    made = Scene(tmp_path)
    yield made
    made.cell.receiveMessage(ActorExitRequest(), SUPERVISOR)
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers, root.level = handlers, level


def test_a_plain_handler_works_for_its_request(scribe):
    """And what is told afterwards is for none."""
    scribe.ask("1", Plain(), "r-1")
    assert scribe.lines()["plain"] == "r-1"
    scribe.cell.receiveMessage(Plain(), ASKER)

    assert scribe.lines()["plain"] is None


def test_loop_thread_and_actor_work_for_the_same_request(scribe):
    """Two at once are not mixed up."""
    for n in range(5):
        scribe.ask(str(n), Threaded(), f"r-{n}")
    scribe.until(lambda: len(scribe.stage.answers()) == 5)
    text = (scribe.home / "logs" / "node.log").read_text(encoding="utf-8")

    for event in ("in a thread", "in the actor", "in the loop"):
        assert sorted(re.findall(rf"{event} request_id=(\S+)", text)) == [f"r-{n}" for n in range(5)]


@pytest.mark.parametrize(("order", "event"), [(Asking(), "then"), (Relayed(), "relayed")])
def test_a_question_goes_on_for_the_request_and_its_answer_comes_back_to_it(scribe, order, event):
    """From one process to the next."""
    scribe.ask("1", order, "r-1")
    scribe.until(lambda: scribe.stage.to(ASKER, Ask))
    [question] = scribe.stage.to(ASKER, Ask)
    assert question.request_id == "r-1"
    scribe.cell.receiveMessage(Answer(question.id, "that"), ASKER)
    scribe.until(lambda: "1" in scribe.stage.answers())

    assert scribe.lines()[event] == "r-1"


def test_a_failure_names_the_request_that_it_came_of(scribe):
    """The line with the traceback is the one that somebody looks for; the restart after it is nobody's."""
    scribe.ask("1", Broken(), "r-1")
    scribe.until(lambda: scribe.stage.to(SUPERVISOR, Failed))
    scribe.cell.receiveMessage(Directive("restart", 1), SUPERVISOR)
    scribe.until(lambda: len(scribe.stage.to(SUPERVISOR, Started)) == 2)

    assert scribe.lines()["failed"] == "r-1"
    assert scribe.lines()["started"] is None


def test_by_a_line_each_question_keeps_its_request(monkeypatch):
    """The connection outlives the request that was the first to need it, and stays nobody's."""
    porter = hardening.SignedPickle(b"k" * 32)
    monkeypatch.setattr(hardening, "serializer", lambda: porter)
    received = []

    async def scenario():
        ends = await Ends().open()
        arrived = Wire.data_received

        def data_received(wire, data):
            received.append(current())
            arrived(wire, data)

        monkeypatch.setattr(Wire, "data_received", data_received)
        for request_id in ("r-1", "r-2"):
            with working_for(request_id):
                await ends.ask("?")
        return [question.request_id for question in ends.asked]

    assert asyncio.run(scenario()) == ["r-1", "r-2"]
    assert set(received) == {None}


def test_a_line_s_question_is_handled_for_its_request(scribe):
    """In the loop, without the mailbox."""
    cell, answers = scribe.cell, []

    class Asker(Wire):
        def answer(self, answer):
            answers.append(answer)

    question = Ask("1", Threaded(), time.monotonic() + 5.0, request_id="r-1")
    cell.bridge.loop.call_soon_threadsafe(cell._asked_on_line, question, Asker(lambda *_: None))
    scribe.until(lambda: answers and "in the actor" in scribe.lines())

    assert [scribe.lines()[event] for event in ("in a thread", "in the actor", "in the loop")] == ["r-1"] * 3
