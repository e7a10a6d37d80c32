"""RejectedActor: what a retry sends, and what it notes when it ends or fails."""

import asyncio
import json
import sys
import threading
from types import SimpleNamespace

import pytest

from actors.rejected import RejectedActor
from killrweather.errors import Unavailable
from killrweather.feed.rejects import Reject
from killrweather.messages.control import RequestFailed
from killrweather.messages.feed import ObservationsPublished, PublishObservations
from killrweather.messages.rejected import RejectedRetry, RetryRejected
from killrweather.streams.rejected import RejectedLog, feed_records, retry_note


def records(*codes):
    """Rejected rows as they come out of Kafka: the line with the number n has the offset n."""
    for offset, code in enumerate(codes):
        order = PublishObservations("csv", b"", 1, source="file.csv")
        [(key, [value], headers)] = feed_records(
            order, [(Reject(offset, None, "", "why", code), None if code == "too-long" else b"line")]
        )
        yield SimpleNamespace(
            partition=0, offset=offset, timestamp=0, key=key, value=value, headers=tuple(headers)
        )  # fmt: skip


class Retry:
    """An actor that retries, with stand-ins for the feed and for Kafka."""

    def __init__(self, fails_at=None, before=()):
        self.sent, self.notes = [], []
        log = RejectedLog()
        for note in before:
            key, [value], headers = note
            log.take(SimpleNamespace(partition=0, offset=0, key=key, value=value, headers=headers))

        async def request(target, order):
            if order.first_line == fails_at:
                return RequestFailed("unavailable", "Kafka is away")
            self.sent.append(order)
            return ObservationsPublished(1, order.first_line % 2, 1 - order.first_line % 2, (), {})

        async def publish(groups):
            self.notes += [(dict(headers)["code"].decode(), json.loads(value)) for _, [value], headers in groups]

        fields = {"request": staticmethod(request), "_producer": SimpleNamespace(publish=publish), "_log": log}
        unknown = {"_log_end": {}, "_taken": 0, "_stored": None, "_retry": RejectedRetry("1", "running")}
        self.actor = type("Rejected", (RejectedActor,), {**fields, **unknown})()

    def run(self, found, **order):
        """Retry these records of one partition."""

        async def stream():
            for one in found:
                yield one

        asyncio.run(self.actor._retry_partition(RetryRejected(**order), 0, stream()))
        return self.actor._retry

    @property
    def lines(self):
        return [order.first_line for order in self.sent]


def test_each_record_is_sent_once_in_its_order_and_counted():
    """With what became of its rows; one that was not kept whole is left out and told."""
    retry = Retry()
    result = retry.run(records("number", "calendar", "too-long", "number"))

    assert retry.lines == [0, 1, 3]
    assert (result.retried, result.accepted, result.rejected, result.incomplete) == (3, 2, 1, 1)
    assert retry.notes == [("", {"0": 4})]


OF_THE_LOGS = {"received", "accepted", "rejected", "rejected_by_stream", "rejected.feed.number"}


@pytest.mark.parametrize(
    ("is_read", "stored", "said"),
    [(False, 80, set()), (True, None, OF_THE_LOGS), (True, 80, {*OF_THE_LOGS, "stored", "repeated"})],
)
def test_nothing_is_counted_before_it_is_known(is_read, stored, said):
    """Neither before the rejected topic was read to its end nor, of what is stored, without Cassandra."""
    actor = Retry().actor
    for record in records("number"):
        actor._log.take(record)
    actor._log_end, actor._taken, actor._stored, actor._has_caught_up = {0: 100}, 90, stored, is_read

    assert set(actor.counters()) == said
    assert actor.counters().get("repeated", 10) == 10


def test_counters_may_be_asked_for_while_new_kinds_of_faults_are_counted():
    """The actor's thread asks, the loop's thread counts."""
    actor = Retry().actor
    actor._has_caught_up = True
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


def test_only_the_chosen_kind_of_fault_is_sent():
    """And the note is about that kind alone, so that the others can be retried later."""
    retry = Retry()
    retry.run(records("number", "calendar", "number"), code="calendar", format="json")

    assert [(order.first_line, order.format) for order in retry.sent] == [(1, "json")]
    assert retry.notes == [("calendar", {"0": 3})]


def test_what_was_retried_before_is_not_sent_again():
    """Also when it was retried as one of its kind, and now everything is."""
    retry = Retry(before=[retry_note("calendar", {0: 2})])
    retry.run(records("number", "calendar", "calendar"))

    assert retry.lines == [0, 2]


def test_a_retry_that_fails_notes_how_far_it_got():
    """The next one goes on there."""
    retry = Retry(fails_at=2)
    with pytest.raises(Unavailable, match="Kafka is away"):
        retry.run(records("number", "number", "number", "number"))

    assert retry.lines == [0, 1]
    assert retry.notes == [("", {"0": 2})]


def test_a_long_retry_notes_how_far_it_is_now_and_then():
    """So that a death costs a portion at most."""
    retry = Retry()
    retry.run(records(*["number"] * 450))

    assert retry.notes == [("", {"0": 200}), ("", {"0": 400}), ("", {"0": 450})]
