"""What a micro-batch decides without any service."""

from killrweather.jobs.batch import planned_offsets


def test_the_planned_offsets_of_a_batch_are_those_of_spark_s_log(tmp_path):
    """Version, metadata, then one line a source."""
    (tmp_path / "offsets").mkdir()
    (tmp_path / "offsets" / "7").write_text('v1\n{"batchWatermarkMs":0}\n{"raw":{"1":42,"0":7}}')

    assert planned_offsets(tmp_path, 7, "raw") == {0: 7, 1: 42}
