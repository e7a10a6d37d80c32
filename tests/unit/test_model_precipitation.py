"""Rain of days added up and ranked."""

from hypothesis import given
from hypothesis import strategies as st

from killrweather.model.precipitation import DailyPrecipitation, annual, top_k

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


def test_a_year_is_the_sum_of_its_days():
    """Amounts, wet hours and trace hours are added up without rounding each step."""
    year = annual([a_day(0.1, day=n, wet_hours=2, trace_hours=1) for n in range(1, 11)])

    assert (year.precipitation, year.wet_hours, year.trace_hours) == (1.0, 20, 10)
