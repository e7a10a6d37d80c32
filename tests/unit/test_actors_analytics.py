"""AnalyticsActor: one recompute at a time, in a process whose end is not the actor's."""

import asyncio
from pathlib import Path

import pytest

from actors import analytics
from actors.analytics import AnalyticsActor
from killrweather.errors import Conflict
from killrweather.messages.layers import GetRecomputation, Recompute, StopRecomputation
from killrweather.messages.weather import NoDataAvailable
from killrweather.settings import Settings

LGA = "725030:14732"
CHUNK = {"event": "chunk", "station_years": 2, "rows": 9, "days": 8, "months": 7, "years": 2, "seconds": 0.5}


class Job:
    """Stands in for a process: tells what the test has put in its queue; None is its end."""

    made: list["Job"] = []

    def __init__(self, name, settings, home, arguments):
        self.name, self.arguments, self.code, self.log = name, arguments, 0, Path("recompute.log")
        self.queue = asyncio.Queue()
        self.is_silent = asyncio.Event()
        Job.made.append(self)

    async def start(self):
        return None

    async def events(self):
        while event := await self.queue.get():
            yield event

    async def wait(self):
        return self.code

    async def silence(self):
        await self.is_silent.wait()
        return "it gave no sign of life for 10 s and was killed"

    async def stop(self, timeout_s):
        await self.queue.put(None)

    async def kill(self):
        self.code = -9
        await self.queue.put(None)

    def tell(self, *events):
        for event in events:
            self.queue.put_nowait(event)


class Subject(AnalyticsActor):
    """Runs in the test's own loop."""

    name, settings, home = "analytics", Settings(), None

    def spawn(self, coroutine, then=None):
        self.task = asyncio.get_running_loop().create_task(coroutine)


@pytest.fixture
def run(monkeypatch):
    """Run a scenario with an actor, its first order for a recompute, and its process."""
    monkeypatch.setattr(analytics, "JobProcess", Job)
    Job.made.clear()

    def run_it(scenario, order=None):
        async def whole():
            actor = Subject()
            actor.pre_start()
            answer = asyncio.ensure_future(actor.receiveMsg_Recompute(order or Recompute(), None))
            await asyncio.sleep(0)
            return await scenario(actor, answer, Job.made[0])

        return asyncio.run(whole())

    return run_it


def test_an_order_is_answered_when_it_is_known_how_much_there_is_to_do(run):
    """The process gets the order as arguments, and what it tells can be asked for until the next one."""

    async def scenario(actor, answer, job):
        job.tell({"event": "started", "total": 2})
        begun = await answer
        job.tell({"event": "alive"}, CHUNK, {"event": "done"}, None)
        await actor.task
        return begun, await actor.receiveMsg_GetRecomputation(GetRecomputation(), None), job.arguments

    begun, ended, arguments = run(scenario, Recompute(LGA, 2013))

    assert (begun.state, begun.total) == ("running", 2)
    assert (ended.id, ended.state, ended.days) == (begun.id, "done", 8)
    assert arguments == ["--wsid", LGA, "--year", "2013"]


def test_a_second_order_is_refused_while_one_is_under_way_and_taken_afterwards(run):
    """It says how far the first one is."""

    async def scenario(actor, answer, job):
        job.tell({"event": "started", "total": 40}, CHUNK)
        await answer
        await asyncio.sleep(0)
        with pytest.raises(Conflict, match="2 of 40 station-years are done"):
            await actor.receiveMsg_Recompute(Recompute(), None)
        job.tell({"event": "done"}, None)
        await actor.task
        again = asyncio.ensure_future(actor.receiveMsg_Recompute(Recompute(), None))
        await asyncio.sleep(0)
        Job.made[1].tell({"event": "started", "total": 3})
        return await again

    assert run(scenario).total == 3


def test_nothing_to_recompute_is_an_answer(run):
    """With the process's own words."""

    async def scenario(actor, answer, job):
        job.tell({"event": "nothing", "text": "station x has none"}, None)
        return await answer

    assert run(scenario, Recompute(LGA)) == NoDataAvailable(LGA, "station x has none")


def test_a_process_that_is_killed_fails_the_recompute_and_not_the_actor(run):
    """The text has the code and where to look."""

    async def scenario(actor, answer, job):
        job.tell({"event": "started", "total": 2})
        await answer
        await job.kill()
        await actor.task
        return await actor.receiveMsg_GetRecomputation(GetRecomputation(), None)

    state = run(scenario)
    assert state.state == "failed"
    assert state.text == "its process ended with code -9; see recompute.log"


def test_a_silent_process_is_killed(run):
    """A JVM that hangs does not keep the next recompute away for ever."""

    async def scenario(actor, answer, job):
        job.tell({"event": "started", "total": 2})
        await answer
        job.is_silent.set()
        await actor.task
        return await actor.receiveMsg_GetRecomputation(GetRecomputation(), None)

    state = run(scenario)
    assert (state.state, state.text) == ("failed", "it gave no sign of life for 10 s and was killed")


def test_a_recompute_is_ended_when_asked_and_asking_again_changes_nothing(run):
    """What it has done is in the answer."""

    async def scenario(actor, answer, job):
        job.tell({"event": "started", "total": 40}, CHUNK)
        await answer
        stopped = await actor.receiveMsg_StopRecomputation(StopRecomputation(), None)
        assert await actor.receiveMsg_StopRecomputation(StopRecomputation(), None) == stopped
        return stopped

    stopped = run(scenario)
    assert (stopped.state, stopped.station_years, stopped.total) == ("stopped", 2, 40)
