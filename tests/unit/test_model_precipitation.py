"""Rain of hours, of parts added up, and of days ranked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.model.precipitation import DailyPrecipitation, added, of_hours, top_k

WSID = "725030:14732"


def a_day(amount, month=1, day=1, wet_hours=1, trace_hours=0):
    return DailyPrecipitation(WSID, 2008, month, day, amount, wet_hours, trace_hours)


def test_the_wettest_days_come_with_their_dates_and_equal_ones_in_order():
    """Wettest first; of two equal days the earlier one first; dry days are not among the wet."""
    days = [a_day(1.0, 3, 1), a_day(9.5, 2, 2), a_day(0.0, 5, 5), a_day(1.0, 1, 9)]

    assert [(d.month, d.day, d.precipitation) for d in top_k(days, 10)] == [(2, 2, 9.5), (1, 9, 1.0), (3, 1, 1.0)]


@given(st.lists(st.floats(0, 300), min_size=1, max_size=366), st.integers(1, 20))
def test_the_k_wettest_are_the_first_k_of_all_sorted(amounts, k):
    """No day outside the answer is wetter than one inside."""
    days = [a_day(amount, 1 + n // 31, 1 + n % 31) for n, amount in enumerate(amounts)]

    found = [day.precipitation for day in top_k(days, k)]

    assert found == sorted((a for a in amounts if a > 0), reverse=True)[:k]


def test_a_trace_adds_nothing_but_is_counted():
    """-0.1 says that rain was seen; a dry hour is neither wet nor a trace."""
    day = of_hours([0.0, 2.5, -0.1, 0.5, -0.1])

    assert (day.precipitation, day.wet_hours, day.trace_hours) == (3.0, 2, 2)


@given(st.lists(st.lists(st.one_of(st.just(-0.1), st.floats(0, 310)), max_size=24), max_size=31))
def test_a_whole_has_the_rain_of_all_its_hours(days):
    """Amounts, wet hours and trace hours."""
    together = of_hours(amount for hours in days for amount in hours)

    whole = added(of_hours(hours) for hours in days)

    assert whole.precipitation == pytest.approx(together.precipitation, abs=1e-9)
    assert (whole.wet_hours, whole.trace_hours) == (together.wet_hours, together.trace_hours)
