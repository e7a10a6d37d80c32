"""RejectedActor: what it counts, and when it knows."""

import sys
import threading

import pytest

from actors.rejected import RejectedActor
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
