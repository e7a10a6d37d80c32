"""Where the stream begins, and the epochs that order the versions of an hour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.errors import RecordsLost
from killrweather.jobs.positions import Span, set_back, start_positions
from killrweather.storage.progress import Position

NOW_US = 1_800_000_000_000_000


def test_a_partition_seen_for_the_first_time_begins_at_the_log_s_first_record_with_an_epoch_of_now():
    """Nothing is stored: the whole log is read."""
    positions = start_positions({}, {0: Span(begin=40, end=90)}, NOW_US)

    assert positions == {0: Position(NOW_US, 40)}


def test_a_known_partition_goes_on_where_it_was():
    """A restart reads neither twice nor past anything, and keeps the epoch."""
    known = {0: Position(1_000, 60)}

    assert start_positions(known, {0: Span(begin=40, end=90)}, NOW_US) == known


def test_an_added_partition_gets_a_later_epoch_than_the_old_ones():
    """A station that moves to a new partition must not lose against its own past."""
    known = {0: Position(1_000, 60)}

    positions = start_positions(known, {0: Span(0, 90), 1: Span(0, 5)}, NOW_US)

    assert positions == {0: Position(1_000, 60), 1: Position(NOW_US, 0)}


def test_a_topic_that_was_made_again_gets_a_new_epoch():
    """Its log ends before the stored offset: it is another log, read from its beginning."""
    positions = start_positions({0: Position(1_000, 60)}, {0: Span(begin=0, end=20)}, NOW_US)

    assert positions == {0: Position(NOW_US, 0)}


def test_records_that_kafka_no_longer_has_are_reported_with_their_number():
    """Nothing is skipped in silence."""
    with pytest.raises(
        RecordsLost, match="partition 3: progress is at offset 60, but the log begins at 100: 40 records"
    ):
        start_positions({3: Position(1_000, 60)}, {3: Span(begin=100, end=200)}, NOW_US)


def test_a_replay_sets_back_and_remembers_how_far_the_stream_had_come():
    """The epoch stays, so every row gets the write time that it had; nothing is set forward."""
    known = {0: Position(1_000, 60), 1: Position(2_000, 30), 2: Position(3_000, 9)}
    spans = {0: Span(0, 90), 1: Span(0, 90), 2: Span(0, 90)}

    assert set_back(known, spans, {0: 20, 1: 80}) == {
        0: Position(1_000, 20, replay_until=60),
        1: Position(2_000, 30),
        2: Position(3_000, 9),
    }


def test_a_second_replay_within_the_first_keeps_how_far_the_stream_had_come():
    """Otherwise records that only the first one would read again counted as lost when they expire."""
    during = {0: Position(1_000, 20, replay_until=60)}

    assert set_back(during, {0: Span(0, 90)}, {0: 5}) == {0: Position(1_000, 5, replay_until=60)}


def test_records_that_expire_before_a_replay_comes_to_them_are_passed_over():
    """They were stored before. Those beyond were not, and are reported."""
    during = {0: Position(1_000, 20, replay_until=60)}

    assert set_back({0: Position(1_000, 60)}, {0: Span(40, 90)}, {0: 20})[0].next_offset == 40
    assert start_positions(during, {0: Span(50, 90)}, NOW_US) == {0: Position(1_000, 50, replay_until=60)}
    with pytest.raises(RecordsLost, match="offset 60, but the log begins at 61: 1 records"):
        start_positions(during, {0: Span(61, 90)}, NOW_US)


def test_a_topic_that_was_made_again_during_a_replay_is_noticed():
    """Its log ends before the farthest offset, though after the one that the replay had come to."""
    during = {0: Position(1_000, 20, replay_until=60)}

    assert start_positions(during, {0: Span(0, 40)}, NOW_US) == {0: Position(NOW_US, 0)}


@given(
    st.integers(0, 2 * NOW_US),
    st.integers(1, 10**12),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
)
def test_write_times_never_go_back_when_a_topic_is_made_again(epoch_us, next_offset, end, begin):
    """Whatever the clock says, the first record of the new log is newer than the last one of the old."""
    end = min(end, next_offset - 1)
    begin = min(begin, end)

    position = start_positions({0: Position(epoch_us, next_offset)}, {0: Span(begin, end)}, NOW_US)[0]

    assert position.epoch_us + position.next_offset >= epoch_us + next_offset
