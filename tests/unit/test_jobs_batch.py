"""What a micro-batch decides without any service."""

from datetime import datetime, timezone

from killrweather.jobs.batch import newest_hour, planned_offsets


def test_the_planned_offsets_of_a_batch_are_those_of_spark_s_log(tmp_path):
    """Version, metadata, then one line a source."""
    (tmp_path / "offsets").mkdir()
    (tmp_path / "offsets" / "7").write_text('v1\n{"batchWatermarkMs":0}\n{"raw":{"1":42,"0":7}}')

    assert planned_offsets(tmp_path, 7, "raw") == {0: 7, 1: 42}


def test_the_newest_hour_is_never_still_to_come():
    """One station with a wrong clock would make everything look fresh for as long as its clock is ahead."""
    now = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)

    assert newest_hour(2026_03_01_11, now) == datetime(2026, 3, 1, 11, tzinfo=timezone.utc)
    assert newest_hour(2027_12_31_23, now) == now
    assert newest_hour(None, now) is None
