"""The loop beside the mailbox: results come back to the actor's thread, and none of an earlier incarnation."""

import asyncio
import logging
import select
import threading
import time

import pytest
from actor_stage import ASKER, MYSELF, SUPERVISOR, ask, cell_on_stage, start
from thespian.actors import ActorExitRequest, WatchMessage

from killrweather.actorsystem.actor import AsyncActor, ManagedActor
from killrweather.errors import BadRequest
from killrweather.messages.base import message
from killrweather.messages.control import Answer, Ask, Directive, Failed, Started, Stop

ENDED: list[str] = []


@message
class Fetch:
    """Sleep, then answer with this or raise it."""

    value: object
    after_s: float = 0.0


@message
class Relay:
    """Ask somebody else, and answer with what comes."""


class Fetcher(AsyncActor):
    """Starts, works and stops in its loop."""

    async def pre_start(self):
        await asyncio.sleep(0)
        self.thread = threading.get_ident()

    last_question: float | None = None

    async def post_stop(self):
        if self.last_question:
            ENDED.append(await self.request(ASKER, "the last one", self.last_question))
        ENDED.append("closed")

    async def receiveMsg_Fetch(self, fetch, sender):
        try:
            await asyncio.sleep(fetch.after_s)
        except asyncio.CancelledError:
            ENDED.append("cancelled")
            raise
        if isinstance(fetch.value, Exception):
            raise fetch.value
        return fetch.value

    async def receiveMsg_Relay(self, relay, sender):
        return await self.request(ASKER, "what?", 5.0)


class Confused(ManagedActor):
    """Has a coroutine, though it has no loop."""

    async def receiveMsg_Fetch(self, fetch, sender):
        return fetch.value


def pump(cell, until, within_s=5.0):
    """Do what Thespian does: deliver a WatchMessage when the watched socket is readable."""
    deadline = time.monotonic() + within_s
    while not until():
        assert time.monotonic() < deadline
        readable, _, _ = select.select(cell.bridge.watch().filenos, [], [], 0.05)
        if readable:
            cell.receiveMessage(WatchMessage(readable), ASKER)


@pytest.fixture
def fetcher(tmp_path):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    ENDED.clear()
    cell, stage = cell_on_stage()
    cell.receiveMessage(start(Fetcher, tmp_path), SUPERVISOR)
    pump(cell, lambda: stage.to(SUPERVISOR, Started))
    yield cell, stage
    cell.receiveMessage(ActorExitRequest(), SUPERVISOR)
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers, root.level = handlers, level


def test_a_coroutines_result_is_the_answer(fetcher):
    """The mailbox goes on meanwhile: the quick one is answered first."""
    cell, stage = fetcher
    cell.receiveMessage(ask("slow", Fetch("a", 0.05)), ASKER)
    cell.receiveMessage(ask("quick", Fetch("b")), ASKER)
    pump(cell, lambda: len(stage.answers()) == 2)

    assert list(stage.answers().items()) == [("quick", "b"), ("slow", "a")]


def test_a_coroutines_refusal_is_an_answer_and_its_crash_a_failure(fetcher):
    """As in any handler."""
    cell, stage = fetcher
    cell.receiveMessage(ask("1", Fetch(BadRequest("no"))), ASKER)
    pump(cell, lambda: "1" in stage.answers())
    assert stage.to(SUPERVISOR, Failed) == []
    cell.receiveMessage(ask("2", Fetch(ValueError("oh"))), ASKER)
    pump(cell, lambda: "2" in stage.answers())

    assert [stage.answers()[key].kind for key in "12"] == ["bad-argument", "failed"]
    assert [failed.text for failed in stage.to(SUPERVISOR, Failed)] == ["ValueError: oh"]


def test_a_restart_cancels_what_runs_and_drops_its_results(fetcher):
    """Its askers hear at once; the new incarnation works on in the same loop."""
    cell, stage = fetcher
    cell.receiveMessage(ask("old", Fetch("never", 60.0)), ASKER)
    cell.receiveMessage(ask("bad", Fetch(ValueError())), ASKER)
    pump(cell, lambda: "bad" in stage.answers())
    cell.receiveMessage(Directive("restart", 1), SUPERVISOR)
    pump(cell, lambda: len(stage.to(SUPERVISOR, Started)) == 2)
    cell.receiveMessage(ask("new", Fetch("fresh")), ASKER)
    pump(cell, lambda: "new" in stage.answers())

    assert stage.answers()["old"].kind == "unavailable"
    assert stage.answers()["new"] == "fresh"
    assert ENDED == ["closed", "cancelled"]


def test_a_result_that_comes_while_the_actor_waits_for_its_restart_is_dropped(fetcher):
    """It is of the old incarnation, whose object is gone."""
    cell, stage = fetcher
    late, fresh = [], []
    cell.work.spawn(asyncio.sleep(0.05, "late"), late.append)
    cell.receiveMessage(ask("bad", Fetch(ValueError())), ASKER)
    pump(cell, lambda: stage.to(SUPERVISOR, Failed))
    select.select(cell.bridge.watch().filenos, [], [], 5.0)
    cell.receiveMessage(Directive("restart", 1), SUPERVISOR)
    pump(cell, lambda: len(stage.to(SUPERVISOR, Started)) == 2)
    cell.work.spawn(asyncio.sleep(0, "fresh"), fresh.append)
    pump(cell, lambda: fresh)

    assert late == []


def test_a_coroutine_can_ask_another_actor(fetcher):
    """The question is sent from the actor's thread, and the coroutine gets the answer."""
    cell, stage = fetcher
    cell.receiveMessage(ask("1", Relay()), ASKER)
    pump(cell, lambda: stage.to(ASKER, Ask))
    [question] = stage.to(ASKER, Ask)
    cell.receiveMessage(Answer(question.id, "that"), ASKER)
    pump(cell, lambda: "1" in stage.answers())

    assert stage.answers()["1"] == "that"


def test_spawned_work_comes_back_to_the_actors_thread(fetcher):
    """``then`` may touch the actor; an error takes the way of a handler's."""
    cell, stage = fetcher
    threads = []
    cell._actor.spawn(asyncio.sleep(0, "slept"), lambda value: threads.append((value, threading.get_ident())))
    cell._actor.spawn(asyncio.sleep(0), lambda _: 1 / 0)
    pump(cell, lambda: threads and stage.to(SUPERVISOR, Failed))

    assert threads == [("slept", threading.get_ident())]
    assert cell._actor.thread != threading.get_ident()
    assert stage.to(SUPERVISOR, Failed)[0].text.startswith("ZeroDivisionError")


def test_nothing_is_lost_when_many_threads_post_at_once(fetcher):
    """One byte wakes the actor for many results; the flag between them must not lose one."""
    cell, _ = fetcher
    seen = []
    threads = [
        threading.Thread(target=lambda: [cell._actor.in_actor(seen.append, 1) for _ in range(500)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    pump(cell, lambda: len(seen) == 2_000)
    for thread in threads:
        thread.join()

    assert len(seen) == 2_000


def test_a_coroutine_in_an_actor_without_a_loop_is_an_error(tmp_path, fetcher):
    """A guardian must own no thread; the error names the base class that is needed."""
    cell, stage = cell_on_stage()
    cell.receiveMessage(start(Confused, tmp_path), SUPERVISOR)
    cell.receiveMessage(ask("1", Fetch("a")), ASKER)

    assert "derive it from AsyncActor" in stage.answers()["1"].text


def test_while_an_actor_stops_it_answers_and_is_answered(fetcher):
    """Whoever waits in the door when it closes is served: its question goes on by mail, as do others'."""
    cell, stage = fetcher
    cell._actor.last_question = 5.0
    cell.receiveMessage(Stop(), SUPERVISOR)
    cell.receiveMessage(ask("late", Fetch("served")), ASKER)
    pump(cell, lambda: stage.to(ASKER, Ask) and "late" in stage.answers())
    assert (ENDED, stage.to(MYSELF)) == ([], [])
    [question] = stage.to(ASKER, Ask)
    cell.receiveMessage(Answer(question.id, "answered"), ASKER)
    pump(cell, lambda: stage.to(MYSELF, ActorExitRequest))

    assert stage.answers() == {"late": "served"}
    assert ENDED == ["answered", "closed"]


def test_what_fails_while_an_actor_stops_does_not_keep_it_from_ending(fetcher):
    """Neither a handler nor ``post_stop`` itself: there is nothing to restart."""
    cell, stage = fetcher
    cell._actor.last_question = 0.2
    cell.receiveMessage(Stop(), SUPERVISOR)
    cell.receiveMessage(ask("bad", Fetch(ValueError("oh"))), ASKER)
    pump(cell, lambda: stage.to(MYSELF, ActorExitRequest))

    assert stage.answers()["bad"].kind == "failed"
    assert stage.to(SUPERVISOR, Failed) == []


def test_an_end_in_the_middle_of_a_stop_does_not_stop_twice(fetcher):
    """What ``post_stop`` still waits for is cancelled; it is not begun again."""
    cell, stage = fetcher
    cell._actor.last_question = 5.0
    cell.receiveMessage(Stop(), SUPERVISOR)
    pump(cell, lambda: stage.to(ASKER, Ask))
    cell.receiveMessage(ActorExitRequest(), SUPERVISOR)

    assert len(stage.to(ASKER, Ask)) == 1
    assert ENDED == []
