"""RejectedActor: what it counts, and when it knows."""

import asyncio
import sys
import threading

import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from topic_stage import WrittenTopic

from actors.rejected import RejectedActor
from killrweather.connection import Connection
from killrweather.errors import Refused
from killrweather.settings import Settings
from killrweather.streams.rejected import RejectedLog


def actor_that_knows(**known):
    """An actor that has read the topic to its end, and whatever else a test gives it."""
    fields = {"_log": RejectedLog(), "_log_end": {}, "_taken": 0, "_stored": None, "_has_caught_up": True}
    return type("Rejected", (RejectedActor,), {**fields, **known})()


OF_THE_LOGS = {"received", "accepted", "rejected", "rejected_by_stream", "rejected.feed.number"}


@pytest.mark.parametrize(
    ("is_read", "stored", "said"),
    [(False, 80, set()), (True, None, OF_THE_LOGS), (True, 80, {*OF_THE_LOGS, "stored", "repeated"})],
)
def test_nothing_is_counted_before_it_is_known(is_read, stored, said):
    """Neither before the rejected topic was read to its end nor, of what is stored, without Cassandra."""
    actor = actor_that_knows(_log_end={0: 100}, _taken=90, _stored=stored, _has_caught_up=is_read)
    actor._log.counts["feed", "number"] = 1

    assert set(actor.counters()) == said
    assert actor.counters().get("repeated", 10) == 10


def test_counters_may_be_asked_for_while_new_kinds_of_faults_are_counted():
    """The actor's thread asks, the loop's thread counts."""
    actor = actor_that_knows()
    interval, counts = sys.getswitchinterval(), actor._log.counts
    counting = threading.Thread(target=lambda: [counts.update([("feed", str(number))]) for number in range(5_000)])
    sys.setswitchinterval(1e-6)
    try:
        counting.start()
        while counting.is_alive():
            actor.counters()
    finally:
        sys.setswitchinterval(interval)
        counting.join()

    assert actor.counters()["rejected"] == 5_000


def following(topic):
    """An actor that follows this topic, once ``_follow`` runs."""

    async def open_it():
        return topic

    known = {"_has_caught_up": False, "_followed": {}, "_moved": asyncio.Condition(), "settings": Settings()}
    return actor_that_knows(_kafka=Connection("kafka", open_it), **known)


def test_a_partition_that_is_added_counts_nothing_again():
    """What was rejected before it was added, and what is rejected after."""
    topic = WrittenTopic()
    reject = b"1,2", [("origin", b"feed"), ("code", b"number")]
    topic.write(0, reject, reject)

    async def counted():
        actor = following(topic)
        follower = asyncio.create_task(actor._follow())
        await asyncio.wait_for(actor._until_followed({0: 2}), 10)
        topic.add_partition()
        topic.write(1, reject)
        await asyncio.wait_for(actor._until_followed({0: 2, 1: 1}), 10)
        follower.cancel()
        return dict(actor._log.counts)

    assert asyncio.run(counted()) == {("feed", "number"): 3}


def test_a_topic_that_may_not_be_read_is_refused():
    """To try again mends nothing: the supervisor passes it upwards, and the node ends with the reason."""
    topic = WrittenTopic()
    topic.failure = TopicAuthorizationFailedError("killrweather.rejected")

    async def followed():
        await asyncio.wait_for(following(topic)._follow(), 10)

    with pytest.raises(Refused, match=r"may not use topic killrweather\.rejected: expected ACLs"):
        asyncio.run(followed())
