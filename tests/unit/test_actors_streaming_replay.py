"""KafkaStreamingActor: a replay is ordered of the stream that owns the progress."""

import asyncio
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from actors import kafka_streaming
from actors.kafka_streaming import KafkaStreamingActor
from killrweather.errors import BadRequest, Unavailable
from killrweather.jobs.events import ReplayOrder
from killrweather.messages.layers import Replay
from killrweather.messages.node import GetStreamProgress
from killrweather.settings import Settings


class Stream:
    """Stands in for the process: keeps what it is told, and answers at once if it may."""

    def __init__(self, actor, is_busy):
        self.actor, self.is_busy, self.said = actor, is_busy, []

    async def say(self, line):
        order = ReplayOrder.load(line)
        self.said.append(order)
        if not self.is_busy:
            self.actor._take(started(order.begin, order.id, {0: 90}))


class Kafka:
    """Two partitions: one with the records 10 to 99, one empty."""

    async def beginning_offsets(self, places):
        return {place: (10, 0)[place.partition] for place in places}

    async def end_offsets(self, places):
        await asyncio.sleep(0)
        return {place: (100, 0)[place.partition] for place in places}

    async def offsets_for_times(self, times):
        found = {0: SimpleNamespace(offset=55), 1: None}
        return {place: found[place.partition] for place in times}


STANDBY = {"event": "standby", "text": "the stream has handed the topic over", "fenced": False}


def started(begin, order=None, until=None):
    texts = {str(partition): offset for partition, offset in {0: 90, 1: 0, **begin}.items()}
    return {"event": "started", "next_offsets": texts, "replay": order, "replay_until": until or {}, "newest": None}


@pytest.fixture
def actor(monkeypatch):
    """A streaming actor whose stream runs and has stored 90 of 100 records."""
    monkeypatch.setattr(kafka_streaming, "_SET_BACK_S", 0.01)
    made = KafkaStreamingActor.__new__(KafkaStreamingActor)
    made.settings, made.home = Settings(), None
    made.spawn = lambda coroutine, then=None: coroutine.close()
    made.pre_start()
    made._kafka = SimpleNamespace(get=Kafka, is_open=True)
    made._stream = Stream(made, is_busy=False)
    made._is_ordered = True
    made._take(started({}))
    return made


def order(actor, replay):
    return asyncio.run(actor.receiveMsg_Replay(replay, None))


def progress(actor):
    return asyncio.run(actor.receiveMsg_GetStreamProgress(GetStreamProgress(), None))


def test_the_stream_is_told_where_to_begin_and_its_progress_is_back_there(actor):
    """The lag grows by what is read again."""
    actor._log_end = {0: 100, 1: 0}

    replaying = order(actor, Replay(from_offset=40, partition=0))

    assert (replaying.begin, replaying.until, replaying.has_begun) == ({0: 40}, {0: 90}, True)
    assert [said.begin for said in actor._stream.said] == [{0: 40}]
    assert progress(actor).lag == 60
    assert progress(actor).replay == replaying


def test_the_lag_is_unknown_until_the_stream_has_said_where_it_is(actor):
    """A streaming actor that was restarted does not call the whole log unstored."""
    actor._log_end, stored, actor._stored = {0: 100, 1: 0}, actor._stored, {}
    before = actor.counters()
    actor._stored = stored

    assert before == {"in_kafka": 100}
    assert actor.counters() == {"in_kafka": 100, "lag": 10}


def test_a_time_becomes_the_first_record_since_then(actor):
    """A partition without one is not touched."""
    noon = datetime(2024, 1, 31, 12, tzinfo=timezone.utc)

    assert order(actor, Replay(from_time=noon)).begin == {0: 55}


def test_an_offset_that_is_not_in_the_log_is_refused_and_the_stream_hears_nothing(actor):
    """The first ten records have expired."""
    with pytest.raises(BadRequest, match="offset 3 of partition 0 has expired, its log has offsets 10 to 99"):
        order(actor, Replay(from_offset=3, partition=0))

    assert actor._stream.said == []


def test_a_stream_in_a_long_batch_is_not_waited_for(actor):
    """The order stands, no second one is taken, and its beginning is seen in the progress."""
    actor._stream.is_busy = True

    waiting = order(actor, Replay())
    assert (waiting.begin, waiting.until, waiting.has_begun) == ({0: 10, 1: 0}, {0: 90, 1: 0}, False)
    with pytest.raises(Unavailable, match="has not begun yet"):
        order(actor, Replay())

    actor._take(started({0: 10}, waiting.id, {0: 92}))
    assert progress(actor).replay.has_begun
    assert progress(actor).replay.until == {0: 92}


def test_a_stream_that_does_not_run_takes_no_order(actor):
    """It would not know when it begins."""
    actor._take({"event": "waiting", "for": "cassandra", "text": "Cassandra does not answer"})

    with pytest.raises(Unavailable, match="Cassandra does not answer"):
        order(actor, Replay())


class Meanwhile(Kafka):
    """Something happens while Kafka is asked where the log begins."""

    def __init__(self, happens):
        self.happens = happens

    async def beginning_offsets(self, places):
        self.happens()
        return await super().beginning_offsets(places)


def test_a_stream_that_changes_hands_while_a_replay_is_ordered_takes_no_order(actor):
    """Whoever asked may ask again; nothing of this actor fails."""
    actor._kafka.get = lambda: Meanwhile(lambda: actor._take(STANDBY))

    with pytest.raises(Unavailable, match="the stream is standby"):
        order(actor, Replay(from_offset=40, partition=0))

    assert actor._stream.said == []


def test_of_two_replays_ordered_at_once_one_is_taken(actor):
    """The other one came while Kafka was asked for the first."""
    actor._stream.is_busy = True

    async def both():
        return await asyncio.gather(*(actor.receiveMsg_Replay(Replay(), None) for _ in "ab"), return_exceptions=True)

    taken, refused = asyncio.run(both())

    assert taken.begin == {0: 10, 1: 0}
    assert "has not begun yet" in str(refused)
    assert len(actor._stream.said) == 1


def test_a_stream_that_changes_hands_before_it_has_begun_a_replay_says_so(actor):
    """It has forgotten the order, and so has the asker to know."""
    actor._stream.is_busy = True

    async def ordered_and_handed_over():
        answer = asyncio.ensure_future(actor.receiveMsg_Replay(Replay(), None))
        while not actor._stream.said:
            await asyncio.sleep(0)
        actor._take(STANDBY)
        return await answer

    with pytest.raises(Unavailable, match="handed over before the replay began"):
        asyncio.run(ordered_and_handed_over())


def test_a_replay_from_before_a_restart_is_seen_again(actor):
    """Only its beginning is forgotten."""
    actor._replay = None

    actor._take(started({0: 30}, None, {0: 90}))

    assert progress(actor).replay.remaining({0: 30}) == 60


def test_a_stream_that_was_told_to_hand_over_takes_no_replay(actor):
    """It drops the order at the end of its micro-batch; one that waits for ever would block all later ones."""
    actor._is_ordered = False

    with pytest.raises(Unavailable, match="handed over"):
        order(actor, Replay(from_offset=10))

    assert actor._stream.said == []
    assert progress(actor).replay is None
