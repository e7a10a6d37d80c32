"""KafkaStreamingActor: what it tells of micro-batches, and of the newest hour."""

from datetime import datetime, timedelta, timezone

import pytest

from actors.kafka_streaming import KafkaStreamingActor
from killrweather.settings import Settings

HOUR = datetime(2026, 3, 1, 11, tzinfo=timezone.utc)
STANDBY = {"event": "standby", "text": "", "fenced": False}


def batch(newest, rows=10, **seconds):
    event = {"event": "batch", "rows": rows, "stored": rows, "rejected": 0, "next_offsets": {"0": 10}}
    return event | {"newest": newest and newest.isoformat(), "seconds": seconds or {"raw": 0.5}}


def started(newest):
    event = {"event": "started", "next_offsets": {"0": 0}, "replay": None, "replay_until": {}}
    return event | {"newest": newest and newest.isoformat()}


@pytest.fixture
def actor():
    made = KafkaStreamingActor.__new__(KafkaStreamingActor)
    made.settings, made.home = Settings(), None
    made.spawn = lambda coroutine, then=None: coroutine.close()
    made.pre_start()
    return made


def test_before_the_first_micro_batch_nothing_is_known(actor):
    """None, and no count."""
    actor._take(started(None))

    assert actor._progress().newest is None
    assert actor._progress().batches.last is None
    assert sum(actor._progress().batches.seconds.counts) == 0


def test_the_newest_hour_is_known_as_soon_as_the_stream_starts(actor):
    """It was kept with the progress: a fleet that has fallen silent is noticed after a restart, too."""
    actor._take(started(HOUR))
    assert actor._progress().newest == HOUR
    actor._take(batch(HOUR + timedelta(hours=1)))

    assert actor._progress().newest == HOUR + timedelta(hours=1)


def test_micro_batches_are_counted_with_their_steps(actor):
    """And when the newest one was done."""
    actor._take(started(None))
    actor._take(batch(HOUR, rows=1_000, raw=0.5, days=0.25))
    actor._take(batch(HOUR, rows=3, raw=0.5))
    found = actor._progress().batches

    assert (found.rows.total, found.seconds.total, found.step_seconds) == (1_003, 1.25, {"raw": 1.0, "days": 0.25})
    assert datetime.now(timezone.utc) - found.last < timedelta(minutes=1)


def test_a_stream_that_stands_by_no_longer_knows_the_newest_hour(actor):
    """Another node stores the hours now; what this one has counted stays counted."""
    actor._take(started(HOUR))
    actor._take(batch(HOUR))
    actor._take(STANDBY)

    assert actor._progress().newest is None
    assert sum(actor._progress().batches.rows.counts) == 1
