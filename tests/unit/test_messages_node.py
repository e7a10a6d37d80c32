"""What a node tells of itself: values by their size."""

from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from killrweather.messages.node import Batches, Distribution

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@given(st.lists(st.integers(-5, 50)))
def test_each_value_is_counted_at_the_first_bound_that_holds_it(values):
    """Nothing is lost: those above the last bound have a place of their own."""
    found = Distribution.of((0, 10, 20))
    for value in values:
        found = found.plus(value)

    assert found.total == sum(values)
    assert found.counts == (
        sum(value <= 0 for value in values),
        sum(0 < value <= 10 for value in values),
        sum(10 < value <= 20 for value in values),
        sum(value > 20 for value in values),
    )


def test_batches_add_up_by_step():
    """A step that a micro-batch left out keeps its sum; the batch took what its steps took."""
    found = Batches().plus(1_000, {"raw": 0.5, "days": 0.25}, NOW).plus(3, {"raw": 1.5, "rejected": 0.125}, NOW)

    assert found.last == NOW
    assert dict(found.step_seconds) == {"raw": 2.0, "days": 0.25, "rejected": 0.125}
    assert (found.rows.total, sum(found.rows.counts)) == (1_003, 2)
    assert (found.seconds.total, sum(found.seconds.counts)) == (2.375, 2)
