"""Days merged into months."""

from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.model.temperature import DailyTemperature, months

WSID = "725030:14732"
hours = st.lists(st.floats(-95, 60, allow_nan=False), min_size=1, max_size=24)


def a_day(values, month=1, day=1):
    variance = pvariance(values)
    return DailyTemperature(
        WSID, 2008, month, day, max(values), min(values), fmean(values), variance, variance**0.5, len(values)
    )


@given(st.lists(hours, min_size=1, max_size=28))
def test_a_month_merged_from_its_days_is_the_month_of_all_its_hours(days):
    """High, low, mean, population variance and count are those of the hours themselves, whatever each day has."""
    everything = [value for day in days for value in day]

    (month,) = months(a_day(values, day=n) for n, values in enumerate(days, 1))

    assert (month.high, month.low, month.count) == (max(everything), min(everything), len(everything))
    assert month.mean == pytest.approx(fmean(everything), abs=1e-9)
    assert month.variance == pytest.approx(pvariance(everything), abs=1e-7)
    assert month.stdev == pytest.approx(month.variance**0.5)


def test_each_month_has_its_own_days():
    """The days of two months do not mix, and months come in order."""
    january, february = months([a_day([1.0, 3.0], 1, 31), a_day([10.0], 2, 1)])

    assert (january.month, january.mean, january.count) == (1, 2.0, 2)
    assert (february.month, february.mean, february.variance) == (2, 10.0, 0.0)
