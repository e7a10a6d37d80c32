"""What a retry sends, and what it notes when it ends or fails."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from killrweather.errors import Unavailable
from killrweather.feed.rejects import Reject
from killrweather.messages.feed import ObservationsPublished, PublishObservations
from killrweather.messages.rejected import RetryRejected
from killrweather.streams.rejected import RejectedLog, feed_records, retry_note
from killrweather.streams.rejected_retry import Retry


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


class Feed:
    """Stands in for the feed and for Kafka."""

    def __init__(self, fails_at=None, before=()):
        self.sent, self.notes, self._fails_at, self._log = [], [], fails_at, RejectedLog()
        for key, [value], headers in before:
            self._log.take(SimpleNamespace(partition=0, offset=0, key=key, value=value, headers=headers))

    async def _feed(self, order):
        if order.first_line == self._fails_at:
            raise Unavailable("Kafka is away")
        self.sent.append(order)
        return ObservationsPublished(1, order.first_line % 2, 1 - order.first_line % 2, (), {})

    async def _publish(self, groups):
        self.notes += [(dict(headers)["code"].decode(), json.loads(value)) for _, [value], headers in groups]

    def run(self, found, **order):
        """Retry these records of one partition."""
        retry = Retry(RetryRejected(**order), self._log, self._feed, self._publish)

        async def stream():
            for one in found:
                yield one

        asyncio.run(retry.send(0, stream()))
        return retry.progress

    @property
    def lines(self):
        return [order.first_line for order in self.sent]


def test_each_record_is_sent_once_in_its_order_and_counted():
    """With what became of its rows; one that was not kept whole is left out and told."""
    feed = Feed()
    result = feed.run(records("number", "calendar", "too-long", "number"))

    assert feed.lines == [0, 1, 3]
    assert (result.retried, result.accepted, result.rejected, result.incomplete) == (3, 2, 1, 1)
    assert feed.notes == [("", {"0": 4})]


def test_only_the_chosen_kind_of_fault_is_sent():
    """And the note is about that kind alone, so that the others can be retried later."""
    feed = Feed()
    feed.run(records("number", "calendar", "number"), code="calendar", format="json")

    assert [(order.first_line, order.format) for order in feed.sent] == [(1, "json")]
    assert feed.notes == [("calendar", {"0": 3})]


def test_what_was_retried_before_is_not_sent_again():
    """Also when it was retried as one of its kind, and now everything is."""
    feed = Feed(before=[retry_note("calendar", {0: 2})])
    feed.run(records("number", "calendar", "calendar"))

    assert feed.lines == [0, 2]


def test_a_retry_that_fails_notes_how_far_it_got():
    """The next one goes on there."""
    feed = Feed(fails_at=2)
    with pytest.raises(Unavailable, match="Kafka is away"):
        feed.run(records("number", "number", "number", "number"))

    assert feed.lines == [0, 1]
    assert feed.notes == [("", {"0": 2})]


def test_a_long_retry_notes_how_far_it_is_now_and_then():
    """So that a death costs a portion at most."""
    feed = Feed()
    feed.run(records(*["number"] * 450))

    assert feed.notes == [("", {"0": 200}), ("", {"0": 400}), ("", {"0": 450})]
