"""What a micro-batch decides without any service."""

from datetime import datetime, timezone

from killrweather.jobs.batch import oldest_day, planned_offsets

NOW = datetime(2026, 3, 10, 6, 30, tzinfo=timezone.utc)


def test_the_planned_offsets_of_a_batch_are_those_of_spark_s_log(tmp_path):
    """Version, metadata, then one line a source."""
    (tmp_path / "offsets").mkdir()
    (tmp_path / "offsets" / "7").write_text('v1\n{"batchWatermarkMs":0}\n{"raw":{"1":42,"0":7}}')

    assert planned_offsets(tmp_path, 7, "raw") == {0: 7, 1: 42}


def test_without_a_time_to_live_no_day_is_too_old():
    """0 keeps raw rows for ever."""
    assert oldest_day(NOW, 0) is None


def test_a_day_that_may_have_lost_an_hour_is_too_old():
    """Raw rows live for two days: of the 8th, hours before 06:30 may be gone, of the 9th none."""
    assert oldest_day(NOW, 2 * 86_400) == "2026-03-09"
