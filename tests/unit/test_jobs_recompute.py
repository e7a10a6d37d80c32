"""What a recompute is about, and what it says when that is nothing."""

from datetime import date, datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.jobs.recompute import absence, chosen
from killrweather.jobs.retention import first_whole_day

LGA, JFK = "725030:14732", "744860:94789"
THERE = [(LGA, 2008), (LGA, 2013), (JFK, 2013)]
DAY_S = 86_400


def test_all_station_years_or_those_of_one_year_are_chosen():
    """The station is chosen by the statement that reads them."""
    assert list(chosen(THERE, None, None)) == THERE
    assert list(chosen(THERE, 2013, None)) == [(LGA, 2013), (JFK, 2013)]


def test_years_of_which_every_day_may_have_expired_are_left_out():
    """A year that still has one whole day is not."""
    assert list(chosen(THERE, None, date(2013, 12, 31))) == [(LGA, 2013), (JFK, 2013)]
    assert list(chosen(THERE, None, date(2014, 1, 1))) == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((None, None, [], None), "no station has an observation: nothing to recompute"),
        ((LGA, None, [], None), f"station {LGA} does not have an observation: nothing to recompute"),
        (
            (LGA, 1999, THERE[:2], None),
            f"station {LGA} does not have an observation of 1999: nothing to recompute; there is data of 2008, 2013",
        ),
        (
            (None, 1980, [(LGA, year) for year in range(1990, 2020)], None),
            "no station has an observation of 1980: nothing to recompute; there is data of 30 years from 1990 to 2019",
        ),
        (
            (None, 2008, THERE, date(2025, 1, 2)),
            "no station has an observation of 2008 whose raw row cannot have expired (cassandra.ttl.raw_s): "
            "expected days from 2025-01-02 on",
        ),
    ],
)
def test_what_is_not_there_is_named_with_what_is(arguments, text):
    """One line."""
    assert absence(*arguments) == text


def test_rows_that_live_for_ever_have_no_first_whole_day():
    """Nothing expires."""
    assert first_whole_day(datetime(2026, 11, 21, tzinfo=timezone.utc), 0) is None


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(1, 100 * 365 * DAY_S))
def test_the_first_hour_of_the_first_whole_day_has_not_expired_and_the_day_before_may_have(now, ttl_s):
    """An hour's row is written after the hour has begun at the earliest, and lives for ``ttl_s``."""
    first = first_whole_day(now.replace(tzinfo=timezone.utc), ttl_s)
    age_s = (now - datetime(first.year, first.month, first.day)).total_seconds()

    assert age_s < ttl_s <= age_s + DAY_S
