"""Hours that come to a day, and parts merged into a whole."""

from itertools import chain
from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.model.temperature import merged, of_hours

hours = st.lists(st.floats(-95, 60, allow_nan=False), min_size=1, max_size=24)


@given(hours)
def test_a_day_has_the_values_of_its_hours(values):
    """High, low, mean, population variance, stdev and count as the statistics module has them."""
    day = of_hours(values)

    assert (day.high, day.low, day.count) == (max(values), min(values), len(values))
    assert day.mean == pytest.approx(fmean(values), abs=1e-9)
    assert day.variance == pytest.approx(pvariance(values), abs=1e-7)
    assert day.stdev == pytest.approx(day.variance**0.5)


@given(st.lists(hours, min_size=1, max_size=31))
def test_a_whole_merged_from_its_parts_is_that_of_all_its_hours(days):
    """Whatever each part has."""
    everything = list(chain.from_iterable(days))

    month = merged([of_hours(values) for values in days])

    assert (month.high, month.low, month.count) == (max(everything), min(everything), len(everything))
    assert month.mean == pytest.approx(fmean(everything), abs=1e-9)
    assert month.variance == pytest.approx(pvariance(everything), abs=1e-7)
    assert month.stdev == pytest.approx(month.variance**0.5)


@given(st.floats(-95, 60, allow_nan=False), st.integers(1, 24), st.integers(1, 31))
def test_hours_that_never_change_have_no_variance(value, number, days):
    """Not even by rounding: the deviation of a constant is small against its value, and never negative."""
    month = merged([of_hours([value] * number)] * days)

    assert 0 <= month.stdev <= 1e-12
