"""Records of the raw topic as live observations, each with its place."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from topic_stage import WrittenTopic

from killrweather.feed.canonical import records
from killrweather.feed.parsing import parse
from killrweather.model.observation import RawWeatherData
from killrweather.settings import Settings
from killrweather.streams import observations as module
from killrweather.streams.observations import ObservationLog, arrivals

GOOD = b"725030:14732,2008,01,01,00,5.0,-3.9,1020.4,270,4.6,2,0.0,0.0"


def logged(*values):
    """Records of one partition, from offset 100 on."""
    return [SimpleNamespace(partition=1, offset=offset, value=value) for offset, value in enumerate(values, 100)]


def test_an_observation_has_all_fields_and_the_offset_after_its_record():
    """As JSON of the columns; what is missing is null."""
    [one] = arrivals(logged(b"725030:14732,2008,1,1,0,5.0,,,,,,-0.1,"))

    assert RawWeatherData(**json.loads(one.document)) == RawWeatherData(
        "725030:14732", 2008, 1, 1, 0, 5.0, one_hour_precip=-0.1
    )
    assert (one.wsid, one.partition, one.next_offset) == ("725030:14732", 1, 101)


def test_what_the_stream_rejects_is_left_out_and_its_neighbours_keep_their_places():
    """Whatever another producer writes: nothing, several lines, nonsense, an id that is not padded."""
    bad = [None, b"", b"\n", GOOD + b"\n" + GOOD, b"x", b"10010:99999" + GOOD[12:], GOOD.replace(b"5.0", b"warm"),
           GOOD.replace(b"5.0", b"99"), b"\xff" * 50, GOOD + b",", GOOD + b"\r"]  # fmt: skip
    found = arrivals(logged(GOOD, *bad, GOOD))

    assert [one.next_offset for one in found] == [101, 100 + len(bad) + 2]


def test_only_records_that_are_no_observations_make_no_arrival():
    """Also when there is none at all."""
    assert arrivals([]) == arrivals(logged(b"x", None)) == []


def test_what_the_feed_publishes_arrives_as_it_was_observed():
    """The feed's own records, in their order."""
    lines = b"".join(b"725030:14732,2008,01,01,%02d,%d.5,-3.9,1020.4,270,4.6,2,0.0,0.0\n" % (h, h) for h in range(24))
    observations = parse("csv", lines, 1, 2030).observations
    [(_, values)] = records(observations)

    found = [json.loads(one.document) for one in arrivals(logged(*values))]
    assert found == [asdict(RawWeatherData(**row)) for row in observations.to_dicts()]


@given(st.lists(st.none() | st.binary(max_size=80) | st.just(GOOD), max_size=8))
def test_no_bytes_make_it_fail(values):
    """Good records are found among any others."""
    found = [one.next_offset for one in arrivals(logged(*values))]

    assert found == [offset + 1 for offset, value in enumerate(values, 100) if value == GOOD]


@pytest.fixture
def topic(monkeypatch):
    """The raw topic, with two observations in its one partition."""
    topic = WrittenTopic()
    topic.write(0, GOOD, GOOD)
    monkeypatch.setattr(module, "AIOKafkaConsumer", topic)
    monkeypatch.setattr(module, "ensure_topics", lambda settings: asyncio.sleep(0))
    return topic


@pytest.mark.parametrize("step", ["start", "end_offsets"])
def test_a_reader_that_goes_while_following_begins_leaves_no_connection(topic, monkeypatch, step):
    """Whatever is waited for just then."""

    async def followed():
        waits = asyncio.Event()

        async def for_ever(*_):
            waits.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(topic, step, for_ever)
        following = asyncio.create_task(ObservationLog(Settings()).follow())
        await asyncio.wait_for(waits.wait(), 10)
        following.cancel()
        await asyncio.wait([following])
        return following.cancelled()

    assert asyncio.run(followed())
    assert topic.closed == 1


def test_a_partition_that_is_added_repeats_no_observation_to_a_follower(topic):
    """It goes on where it was; the new partition comes from its first record on."""

    async def followed():
        begin, coming = await ObservationLog(Settings()).follow()
        async with aclosing(coming):
            topic.write(0, GOOD)
            first = await anext(coming)
            topic.add_partition()
            topic.write(0, GOOD)
            topic.write(1, GOOD)
            return begin, first, await anext(coming)

    begin, first, second = asyncio.run(followed())

    assert (begin, first.next_offsets) == ({0: 2}, {0: 3})
    assert [(one.partition, one.next_offset) for one in second.observations] == [(0, 4), (1, 1)]
    assert second.next_offsets == {0: 4, 1: 1}
