"""Where a replay begins, and what is wrong with places that the log does not have."""

from datetime import datetime, timedelta, timezone

import pytest

from killrweather.errors import BadRequest
from killrweather.messages.layers import Replay
from killrweather.streams.offsets import Span, replay_begin

TOPIC = "killrweather.raw"
SPANS = {0: Span(100, 4_300), 1: Span(0, 50)}
NOON = datetime(2024, 1, 31, 12, tzinfo=timezone.utc)


def begin(order, since=None):
    return replay_begin(order, TOPIC, SPANS, since or {})


def test_from_the_beginning_is_the_first_record_that_each_partition_has():
    """What has expired is not asked for."""
    assert begin(Replay()) == {0: 100, 1: 0}


def test_an_offset_is_meant_for_every_partition_or_for_the_one_that_is_named():
    """The others are left as they are."""
    spans = {0: Span(0, 40), 1: Span(0, 50)}

    assert replay_begin(Replay(40), TOPIC, spans, {}) == {0: 40, 1: 40}
    assert begin(Replay(4_300, partition=0)) == {0: 4_300}


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (
            Replay(7, partition=0),
            "topic killrweather.raw: offset 7 of partition 0 has expired, its log has offsets 100 to 4299",
        ),
        (
            Replay(51, partition=1),
            "topic killrweather.raw: offset 51 of partition 1 lies beyond the end, its log has offsets 0 to 49",
        ),
        (
            Replay(60),
            "topic killrweather.raw: offset 60 of partition 0 has expired, its log has offsets 100 to 4299; "
            "offset 60 of partition 1 lies beyond the end, its log has offsets 0 to 49; "
            "name one partition to replay that alone",
        ),
        (Replay(0, partition=7), "partition 7: topic killrweather.raw has the partitions 0, 1"),
    ],
)
def test_a_place_that_the_log_does_not_have_is_named_with_what_it_has(order, text):
    """One line: partition, offset, and the offsets that are there."""
    with pytest.raises(BadRequest) as refused:
        begin(order)

    assert str(refused.value) == text


def test_an_empty_log_has_no_records():
    """It has no first and no last offset to name."""
    with pytest.raises(BadRequest, match="beyond the end, its log has no records"):
        replay_begin(Replay(1), TOPIC, {0: Span(0, 0)}, {})


def test_a_time_is_the_first_record_since_then_and_a_partition_without_one_is_left_alone():
    """Kafka says None where no record is so new."""
    assert begin(Replay(from_time=NOON), {0: 250, 1: None}) == {0: 250}


def test_a_time_after_all_records_is_refused():
    """Nothing would be replayed."""
    with pytest.raises(BadRequest, match="2024-01-31T12:00:00"):
        begin(Replay(from_time=NOON), {0: None, 1: None})


@pytest.mark.parametrize(
    ("fields", "argument"),
    [
        ({"from_time": NOON.replace(tzinfo=None)}, "from_time"),
        ({"from_time": datetime.now(timezone.utc) + timedelta(days=1)}, "from_time"),
        ({"from_offset": 1, "from_time": NOON}, "from_time"),
        ({"from_offset": -1}, "from_offset"),
        ({"partition": -1}, "partition"),
    ],
)
def test_an_order_that_means_no_place_is_not_made(fields, argument):
    """A time without offset, one that is not past, two places at once, a number below zero."""
    with pytest.raises(BadRequest) as refused:
        Replay(**fields)

    assert refused.value.argument == argument
