"""What pages are told: once it is stored, together, no oftener than they may draw, and what they may have missed."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

from event_stage import WrittenLog, observed
from hypothesis import given
from hypothesis import strategies as st
from web_stage import LGA, status

from killrweather.errors import Refused, Unavailable
from killrweather.messages.node import Status, StreamProgress
from killrweather.model.observation import VALUE_COLUMNS
from killrweather.page import stored
from killrweather.page.stored import News, Stored, latest, patiently
from killrweather.web.observations import Observations

JFK = "744860:94789"
EVERY_S = 0.05


class Stage:
    """A log, and a stream that is as far as the test says."""

    def __init__(self):
        self.log, self.looks = WrittenLog(), 0
        self.stored = self.log.ends
        self.status_error = None
        self.observations = Observations(self.log)
        self.source = Stored(self.observations, self.status, EVERY_S)

    async def status(self):
        self.looks += 1
        if self.status_error:
            raise self.status_error
        return Status(status(ready=True), StreamProgress(self.stored, self.log.ends, 0, "running", ""))

    def store(self):
        """Store all that was accepted."""
        self.stored = self.log.ends

    async def looked(self, times):
        """Wait until the stream was looked at so many more times."""
        target = self.looks + times
        await until(lambda: self.looks >= target)

    @asynccontextmanager
    async def following(self):
        """A reader that has been told where it begins."""
        with self.source.listening() as reader:
            assert (await taken(reader)).is_gap
            yield reader


async def taken(reader):
    return await asyncio.wait_for(reader.take(), 10)


async def until(holds):
    async def look():
        while not holds():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(look(), 10)


def staged(test):
    """Run a test's steps with a stage of its own."""

    def run(monkeypatch):
        monkeypatch.setattr(stored, "RETRY_S", 0.01)

        async def steps():
            stage = Stage()
            await test(stage)
            await stage.observations.close()

        asyncio.run(steps())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@staged
async def test_an_observation_is_told_when_the_stream_has_passed_it(stage):
    """Not when it is accepted: its day is not there yet."""
    async with stage.following() as reader:
        early = asyncio.create_task(reader.take())
        await stage.log.write(observed(1))
        await stage.looked(3)
        was_early = early.done()
        stage.store()

        assert await asyncio.wait_for(early, 10) == News({LGA: observed(1)})
    assert not was_early


@staged
async def test_nothing_is_asked_while_nothing_comes(stage):
    """However many pages are open."""
    async with stage.following():
        with stage.source.listening():
            before = stage.looks
            await asyncio.sleep(5 * EVERY_S)

            assert stage.looks == before


@staged
async def test_a_burst_is_told_together(stage):
    """Each station's newest hour, no oftener than a page may draw."""
    told = []

    async def take_all(reader):
        while not told or told[-1].newest[LGA] != observed(23):
            told.append(await taken(reader))

    async with stage.following() as reader:
        began = asyncio.get_running_loop().time()
        taking = asyncio.create_task(take_all(reader))
        for hour in range(24):
            await stage.log.write(observed(hour), observed(hour, JFK))
            stage.store()
            await asyncio.sleep(0.015)
        await taking
        took_s = asyncio.get_running_loop().time() - began

    assert told[-1].newest[JFK] == observed(23, JFK)
    assert len(told) <= took_s / EVERY_S


@staged
async def test_what_comes_without_end_is_told_meanwhile(stage):
    """A stream that is always a little behind holds nothing back for ever."""
    async with stage.following() as reader:
        for hour in range(24):
            stage.store()
            await stage.log.write(observed(hour))
            await asyncio.sleep(0.02)
        behind = stage.stored != stage.log.ends
        news = await taken(reader)

    assert behind
    assert news.newest[LGA].hour < 23


@staged
async def test_all_pages_are_told_by_one_follower_that_ends_with_the_last(stage):
    """A node that nobody looks at asks Kafka nothing."""
    async with stage.following() as one:
        with stage.source.listening() as other:
            await stage.log.write(observed(1))
            stage.store()
            told = [await taken(one), await taken(other)]
            followers = stage.log.followers
    await until(lambda: not stage.log.followers)

    assert followers == 1
    assert told == [News({LGA: observed(1)})] * 2


@staged
async def test_a_page_that_comes_while_rows_wait_is_told_of_them(stage):
    """It may have asked before they were stored."""
    async with stage.following() as _:
        await stage.log.write(observed(1))
        await stage.looked(2)
        with stage.source.listening() as late:
            stage.store()

            assert await taken(late) == News({LGA: observed(1)})


@staged
async def test_the_beginning_is_a_gap_that_is_told_when_what_came_before_is_stored(stage):
    """Rows that were accepted and not stored when the page asked are not missed."""
    await stage.log.write(observed(1))
    with stage.source.listening() as reader:
        early = asyncio.create_task(reader.take())
        await stage.looked(2)
        was_early = early.done()
        stage.store()

        assert (await asyncio.wait_for(early, 10)).is_gap
    assert not was_early


@staged
async def test_a_log_that_is_away_is_said_and_then_what_was_missed_is_a_gap(stage):
    """Also to a page that is opened meanwhile."""
    async with stage.following() as reader:
        await stage.log.fail()
        said = await taken(reader)
        with stage.source.listening() as late:
            said_late = await taken(late)
        stage.log.away = False
        back = await taken(reader)
        gap = back if back.is_gap else await taken(reader)

    assert said == said_late == News(problem="Kafka is away")
    assert (back.problem, gap.problem, gap.is_gap) == ("", "", True)


@staged
async def test_a_log_that_may_not_be_read_is_said_and_followed_again_when_it_may(stage):
    """Pages that are open follow again without being opened anew."""
    async with stage.following() as reader:
        await stage.log.fail(Refused)
        said = await taken(reader)
        stage.log.away = False
        back = await taken(reader)

    assert (said, back.problem) == (News(problem="Kafka is away"), "")


@staged
async def test_progress_that_cannot_be_had_is_asked_for_again(stage):
    """Nothing is told before it is known."""
    async with stage.following() as reader:
        stage.status_error = Unavailable("the guardian is away")
        await stage.log.write(observed(1))
        await stage.looked(2)
        stage.status_error = None
        stage.store()

        assert await taken(reader) == News({LGA: observed(1)})


@staged
async def test_a_node_that_stops_follows_no_longer(stage):
    """Though pages are still open, which try again."""
    async with stage.following() as reader:
        await stage.observations.close()
        said = await taken(reader)
        await asyncio.sleep(0.05)

        assert not stage.log.followers
    assert said.problem


rows = st.builds(
    lambda hour, values: replace(observed(hour), **values),
    st.integers(0, 2),
    st.fixed_dictionaries({"temperature": st.none() | st.floats(-9, 9), "pressure": st.none() | st.floats(900, 1000)}),
)


@given(st.lists(rows, min_size=1))
def test_the_latest_is_what_the_table_holds_after_the_same_rows(stated):
    """The newest hour, each field as it was last stated."""
    table, found = {}, None
    for row in stated:
        hour = table.setdefault(row.hour, {})
        hour |= {name: value for name in VALUE_COLUMNS if (value := getattr(row, name)) is not None}
        found = latest(found, row)
    newest = max(table)

    assert found.hour == newest
    assert {name: getattr(found, name) for name in VALUE_COLUMNS} == dict.fromkeys(VALUE_COLUMNS) | table[newest]


@given(st.lists(rows), st.integers(0, 10))
def test_news_taken_together_say_what_they_say_one_by_one(stated, cut):
    """Wherever they are cut."""
    together = News()
    for row in stated:
        together = together.then(News({LGA: row}))
    first, second = News(), News()
    for row in stated[:cut]:
        first = first.then(News({LGA: row}))
    for row in stated[cut:]:
        second = second.then(News({LGA: row}))

    assert together == first.then(second)


def test_what_does_not_answer_is_asked_again(monkeypatch):
    """Each failure is told."""
    monkeypatch.setattr(stored, "RETRY_S", 0.0)
    answers, told = iter([Unavailable("away"), Unavailable("still away"), 7]), []

    async def ask():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert asyncio.run(patiently(ask, lambda error: told.append(str(error)))) == 7
    assert told == ["away", "still away"]
