"""Live streams: every observation and every event of the cluster, for readers that come, go, stall and come back."""

import asyncio
import contextlib
from dataclasses import asdict
from datetime import datetime, timedelta, timezone

import pytest
from event_stage import Door, events_of, observed, some
from hypothesis import given
from hypothesis import strategies as st
from web_stage import problem_of

from killrweather.errors import BadRequest, Refused, Unavailable
from killrweather.messages.cluster import ClusterEvents, GetClusterEvents, MemberLeaving, MemberUp
from killrweather.streams.observations import read_positions, written
from killrweather.web import events, serve
from killrweather.web.cluster import event_of

JFK = "744860:94789"
NOON = datetime(2024, 1, 31, 12, tzinfo=timezone.utc)


def happens(test):
    """Run a test's steps with a door of its own."""

    def run():
        async def steps():
            async with Door() as door:
                await test(door)

        asyncio.run(steps())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class Listening:
    """A reader on a bare socket with small buffers, which reads only when it is asked for events."""

    def __init__(self, door):
        self._port = door.settings.http.port

    async def begin(self):
        """Connect, and read the head of the answer."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=4_096)
        self._writer.write(b"GET /weather/events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await self._reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")

    @property
    def events(self):
        """All events until the stream ends."""
        return events_of(self._lines())

    async def rest(self):
        """What was sent before the node hung up."""
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self._reader.read(), 10)
        return b""

    async def _lines(self):
        rest = b""
        while size := int(await self._reader.readline(), 16):
            *lines, rest = (rest + await self._reader.readexactly(size)).split(b"\n")
            await self._reader.readline()
            for line in lines:
                yield line.decode()
        self._writer.close()


def hours(found):
    return [event.data["hour"] for event in found]


@happens
async def test_every_reader_is_told_each_observation_once(door):
    """With all fields, in the order of its arrival."""
    async with door.listening() as first, door.listening() as second:
        await door.log.write(observed(1), observed(2))
        await door.log.write(observed(3), partition=1)
        told = [await some(first, 3), await some(second, 3)]

    assert told[0] == told[1]
    assert {event.event for event in told[0]} == {"observation"}
    assert [event.data for event in told[0]] == [asdict(observed(n)) for n in (1, 2, 3)]
    assert [event.id for event in told[0]] == ["0:1,1:0", "0:2,1:0", "0:2,1:1"]


@happens
async def test_a_reader_of_stations_is_told_of_no_other(door):
    """However the ids are written."""
    async with door.listening(wsid=["725030:14732", "10010:99999"]) as events_:
        await door.log.write(observed(1), observed(2, JFK), observed(3, "010010:99999"))

        assert hours(await some(events_, 2)) == [1, 3]


@happens
async def test_a_reader_that_comes_back_misses_nothing_and_is_told_nothing_twice(door):
    """It goes on after the last event it names, in every partition, also with pages between."""
    async with door.listening() as events_:
        await door.log.write(*(observed(n) for n in range(4)))
        seen = await some(events_, 2)
    await door.log.write(*(observed(n) for n in range(4, 12)))
    await door.log.write(*(observed(n) for n in range(12, 20)), partition=1)
    async with door.listening(last_event_id=seen[-1].id) as events_:
        missed = await some(events_, 18)
        await door.log.write(observed(20))
        live = await some(events_, 1)

    assert sorted(hours(seen + missed)) == list(range(20))
    assert door.log.pages > 3
    assert (hours(live), live[0].id) == ([20], "0:13,1:8")


@happens
async def test_what_comes_while_a_reader_catches_up_is_told_too(door):
    """Between the pages of the past and the present there is no hole."""
    await door.log.write(*(observed(0, temperature=float(n)) for n in range(30)))
    page, door.log.extra = door.log.page, 30

    async def meanwhile(begin, until):
        if door.log.extra < 60:
            await door.log.write(observed(0, temperature=float(door.log.extra)))
            door.log.extra += 1
        return await page(begin, until)

    door.log.page = meanwhile
    async with door.listening(last_event_id="0:0,1:0") as events_:
        found = await some(events_, 60 - 30 + 10)

    assert [event.data["temperature"] for event in found] == [float(n) for n in range(40)]


@happens
async def test_a_reader_that_hears_nothing_is_told_how_far_the_log_is(door):
    """So that it need not read what was not for it again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "HEARTBEAT_S", 0.2)
        async with door.client.stream("GET", "/weather/events", params={"wsid": JFK}) as answer:
            lines = answer.aiter_lines()
            first = [await anext(lines) for _ in range(3)]
            await door.log.write(observed(1), observed(2))
            silence = [await anext(lines) for _ in range(3)]

    assert first[1:] == ["id: 0:0,1:0", ""]
    assert silence == [": still here", "id: 0:2,1:0", ""]


@happens
async def test_the_log_is_followed_once_and_only_while_somebody_listens(door):
    """A door without readers asks nothing of Kafka."""
    before = door.log.followers
    async with door.listening() as first, door.listening() as second:
        await door.log.write(observed(1))
        await some(first, 1)
        await some(second, 1)
        during = door.log.followers
    while door.log.followers:
        await asyncio.sleep(0.01)
    async with door.listening() as again:
        await door.log.write(observed(2))
        assert hours(await some(again, 1)) == [2]

    assert (before, during) == (0, 1)


@happens
async def test_a_reader_that_comes_as_the_last_one_leaves_is_told_on(door):
    """The follower that ends takes its time, and speaks for nobody but itself."""
    coming = door.log._coming

    async def slow_to_close(told):
        async with contextlib.aclosing(coming(told)) as found:
            try:
                async for arrivals in found:
                    yield arrivals
            finally:
                await asyncio.sleep(0.3)

    door.log._coming = slow_to_close
    async with door.listening():
        pass
    while door.observations.readers:
        await asyncio.sleep(0.01)
    async with door.listening() as next_one:
        await asyncio.sleep(0.5)
        await door.log.write(observed(1))

        assert hours(await some(next_one, 1)) == [1]


@happens
async def test_a_reader_that_reads_too_slowly_is_dropped_with_the_reason_and_may_come_back(door):
    """The last event says why; what it was not told it is told when it connects again. Others are not held up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "MOST_WAITING_BYTES", 100_000)
        stalled = Listening(door)
        await stalled.begin()
        async with door.listening() as swift:
            for n in range(400):  # some 10 MB, more than the buffers of a connection hold
                await door.log.write(*(observed(n % 24, temperature=float(100 * n + k)) for k in range(100)))
                assert len(await some(swift, 100)) == 100
        await door.log.write(observed(0, temperature=-1.0))
        told = [event async for event in stalled.events]
    *seen, last = told

    assert last.event == "closed"
    assert last.data["reason"] == "too-slow"
    assert 0 < len(seen) < 40_000
    assert [event.data["temperature"] for event in seen] == [float(n) for n in range(len(seen))]
    async with door.listening(last_event_id=seen[-1].id) as events_:
        assert (await some(events_, 1))[0].data["temperature"] == float(len(seen))


@happens
async def test_a_reader_that_never_reads_is_hung_up_on(door):
    """After a while in which nothing of what was sent could be sent on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serve, "STALL_S", 0.3)
        stalled = Listening(door)
        await stalled.begin()
        while door.observations.readers:
            await door.log.write(*(observed(1) for _ in range(1_000)))
            await asyncio.sleep(0.001)

    assert len(await stalled.rest()) < 20 << 20


@happens
async def test_a_door_that_closes_says_so_and_does_not_wait_for_its_readers(door):
    """The last event of each stream has the reason, and the server has stopped at once."""
    async with door.listening() as observations, door.listening("/cluster/events", history=0) as cluster:
        began = asyncio.get_running_loop().time()
        door.nodes.listeners.close()
        await door.observations.close()
        await door.server.stop(10)
        took_s = asyncio.get_running_loop().time() - began
        last = [*await some(observations, 1), *await some(cluster, 1)]

    assert [(event.event, event.data["reason"]) for event in last] == [("closed", "stopping")] * 2
    assert took_s < 5


@happens
async def test_readers_are_told_when_kafka_goes_away_and_nobody_begins_without_it(door):
    """The last event says so; a new reader gets 503."""
    async with door.listening() as events_:
        await door.log.fail()
        [last] = await some(events_, 1)
    refused = await door.client.get("/weather/events")

    assert (last.event, last.data) == ("closed", {"reason": "unavailable", "text": "Kafka is away"})
    assert problem_of(refused, 503, "unavailable")["detail"] == "Kafka is away"


@happens
async def test_readers_are_told_when_the_node_may_no_longer_read_the_log(door):
    """As when Kafka is away: what is missing is said, and the stream ends in order."""
    async with door.listening() as events_:
        await door.log.fail(Refused)
        [last] = await some(events_, 1)
    refused = await door.client.get("/weather/events")

    assert (last.event, last.data) == ("closed", {"reason": "unavailable", "text": "Kafka is away"})
    assert problem_of(refused, 503, "unavailable")["detail"] == "Kafka is away"
    assert refused.headers["retry-after"] == "30"


@happens
async def test_a_reader_that_catches_up_is_told_when_the_node_may_no_longer_read_the_log(door):
    """Its stream ends with the reason, too."""
    await door.log.write(observed(1))

    async def refused(begin, until):
        raise Refused("an ACL is missing")

    door.log.page = refused
    async with door.listening(last_event_id="0:0,1:0") as events_:
        [last] = await some(events_, 1)

    assert (last.event, last.data) == ("closed", {"reason": "unavailable", "text": "an ACL is missing"})


@happens
async def test_what_the_log_no_longer_has_is_told_as_a_gap(door):
    """Expired records, and a log that was made anew and is shorter now."""
    await door.log.write(*(observed(n) for n in range(6)))
    door.log.begin[0] = 4
    async with door.listening(last_event_id="0:2,1:0") as events_:
        [gap, *rest] = await some(events_, 3)
    async with door.listening(last_event_id="0:900,1:0") as events_:
        [beyond] = await some(events_, 1)

    assert (gap.event, hours(rest)) == ("gap", [4, 5])
    assert "0: 2" in gap.data["text"]
    assert beyond.event == "gap"


@happens
async def test_there_is_a_last_reader(door):
    """One more gets 429 with Retry-After, until one leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "MAX_LISTENERS", 1)
        async with door.listening():
            refused = await door.client.get("/weather/events")
        while door.observations.readers:
            await asyncio.sleep(0.01)
        async with door.listening():
            pass

    problem_of(refused, 429, "too-many-listeners")
    assert refused.headers["retry-after"]


@pytest.mark.parametrize(
    ("params", "headers", "argument"),
    [
        ({"wsid": "nowhere"}, {}, "wsid"),
        ({"wsid": [f"{n}:1" for n in range(101)]}, {}, "wsid"),
        ({}, {"Last-Event-ID": "7"}, "Last-Event-ID"),
        ({}, {"Last-Event-ID": "0:1,1"}, "Last-Event-ID"),
        ({}, {"Last-Event-ID": "<script>"}, "Last-Event-ID"),
    ],
)
def test_a_reader_that_asks_for_nonsense_is_told_which(params, headers, argument):
    """422 with the argument, and nobody follows the log for it."""

    @happens
    async def ask(door):
        answer = await door.client.get("/weather/events", params=params, headers=headers)

        assert problem_of(answer, 422, "bad-argument")["argument"] == argument
        assert not door.log.followers

    ask()


@given(st.dictionaries(st.integers(0, 99), st.integers(0, 10**15), min_size=1))
def test_an_id_says_a_position_in_every_partition(positions):
    """What is written is read."""
    assert read_positions(written(positions)) == positions


@given(st.text())
def test_no_text_is_mistaken_for_an_id(text):
    """It is one, or is refused."""
    with contextlib.suppress(BadRequest):
        assert written(read_positions(text))


def up(name, seconds):
    return MemberUp(NOON + timedelta(seconds=seconds), name, name)


@happens
async def test_the_past_of_the_cluster_comes_first_then_what_happens(door):
    """Each event once, also one that is in the past and in the news; its id is its time."""
    door.node.answers[GetClusterEvents] = ClusterEvents((up("a", 0), up("b", 1)))
    async with door.listening("/cluster/events") as events_:
        leaving = MemberLeaving(NOON + timedelta(seconds=2), "a", "a")
        door.nodes.listeners.tell([event_of(up("b", 1)), event_of(leaving)])
        told = await some(events_, 3)

    assert [(event.event, event.data["node"]) for event in told] == [
        ("MemberUp", "a"), ("MemberUp", "b"), ("MemberLeaving", "a")
    ]  # fmt: skip
    assert told[0].id == "2024-01-31T12:00:00+00:00"
    assert told[2].data["text"] == "a is leaving"


@happens
async def test_a_reader_of_the_cluster_goes_on_after_its_last_event(door):
    """Events of the same instant come again: which of them it knew, the id does not say."""
    door.node.answers[GetClusterEvents] = ClusterEvents((up("a", 0), up("b", 1), up("c", 1), up("d", 2)))
    async with door.listening("/cluster/events", last_event_id="2024-01-31T12:00:01+00:00") as events_:
        told = await some(events_, 3)

    assert [event.data["node"] for event in told] == ["b", "c", "d"]


@happens
async def test_without_history_only_news_are_told(door):
    """``history=0``."""
    door.node.answers[GetClusterEvents] = ClusterEvents((up("a", 0),))
    async with door.listening("/cluster/events", history=0) as events_:
        door.nodes.listeners.tell([event_of(up("b", 1))])

        assert [event.data["node"] for event in await some(events_, 1)] == ["b"]


@happens
async def test_the_cluster_s_past_that_cannot_be_had_is_a_problem(door):
    """503, and no reader stays behind."""
    door.node.answers[GetClusterEvents] = Unavailable("the membership actor is away")

    problem_of(await door.client.get("/cluster/events"), 503, "unavailable")
    assert not door.nodes.listeners
