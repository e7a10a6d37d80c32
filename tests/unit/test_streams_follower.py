"""Whoever follows a topic takes each record once, whatever becomes of its partitions."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from topic_stage import WrittenTopic

from killrweather.streams.follower import Follower


def taken(follower):
    """The places and values of what comes next."""
    return [(record.partition, record.value) for record in asyncio.run(follower.take(10))]


def test_what_is_there_already_is_taken_only_where_it_is_asked_for():
    """From an offset on, else from the first record."""
    topic = WrittenTopic(partitions=2)
    topic.write(0, b"a", b"b")
    topic.write(1, b"c")

    assert taken(Follower(topic, {0: 1})) == [(0, b"b"), (1, b"c")]


@pytest.mark.parametrize("changes", [1, 3])
def test_partitions_that_are_added_come_from_their_first_record_on_and_the_others_go_on(changes):
    """Nothing is taken twice, and what comes meanwhile is not left out."""
    topic = WrittenTopic()
    topic.write(0, b"a", b"b")
    follower = Follower(topic)
    before = taken(follower)
    for _ in range(changes):
        topic.add_partition()
    topic.write(0, b"c")
    topic.write(1, b"d")

    assert before == [(0, b"a"), (0, b"b")]
    assert taken(follower) == [(0, b"c"), (1, b"d")]
    assert taken(follower) == []


def test_the_log_does_not_pass_once_more_when_a_partition_is_added():
    """It may have millions of records; only what is new is read."""
    topic = WrittenTopic()
    topic.write(0, *[b"x"] * 100)
    follower = Follower(topic)
    taken(follower)
    topic.add_partition()
    taken(follower)

    assert topic.read == 100


def test_a_change_that_is_over_before_it_is_seen_repeats_nothing():
    """A broker that lags behind took the new partition back: the same are assigned, and begin anew."""
    topic = WrittenTopic()
    topic.write(0, b"a", b"b")
    follower = Follower(topic)
    taken(follower)
    topic.forget()
    topic.write(0, b"c")

    assert taken(follower) == [(0, b"c")]


def test_how_far_it_is_never_goes_back():
    """A partition that begins anew has been taken before."""
    topic = WrittenTopic()
    topic.write(0, b"a", b"b")
    follower = Follower(topic)
    taken(follower)
    topic.add_partition()

    assert asyncio.run(follower.next_offsets()) == {0: 2, 1: 0}


def test_a_topic_that_is_made_anew_is_followed_from_its_beginning():
    """Its records have the offsets of others that are gone."""
    topic = WrittenTopic()
    topic.write(0, b"a", b"b")
    follower = Follower(topic)
    taken(follower)
    topic.make_anew()
    topic.write(0, b"c")

    assert taken(follower) == [(0, b"c")]


@given(st.lists(st.integers(0, 5) | st.sampled_from(["add", "forget", "take"])))
def test_each_record_is_taken_once_whatever_happens_between(steps):
    """In the order of its partition."""
    topic, found, written = WrittenTopic(), [], 0
    follower = Follower(topic)
    for step in steps:
        if step == "take":
            found += asyncio.run(follower.take(10))
        elif step == "add":
            topic.add_partition()
        elif step == "forget":
            topic.forget()
        else:
            topic.write(step % len(topic.logs), b"%d" % written)
            written += 1
    found += asyncio.run(follower.take(10))

    assert {n: [r for r in found if r.partition == n] for n in topic.logs} == topic.logs
