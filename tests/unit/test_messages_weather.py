"""Questions are checked where they are built."""

import pickle
from datetime import date, datetime, timezone

import pytest

from killrweather.errors import BadRequest
from killrweather.messages import weather as w
from killrweather.messages.ranges import period

WSID = "725030:14732"
NOON = datetime(2008, 1, 1, 12, tzinfo=timezone.utc)


def test_a_station_id_is_padded_on_the_way_in():
    """Both spellings of a station ask the same question, also after a journey between processes."""
    asked = w.GetPrecipitation("10010:99999", 2008)

    assert asked == w.GetPrecipitation("010010:99999", 2008)
    assert pickle.loads(pickle.dumps(asked)) == asked


@pytest.mark.parametrize(
    ("build", "argument", "named"),
    [
        (lambda: w.GetWeatherStation("nowhere"), "wsid", "nowhere"),
        (lambda: w.GetPrecipitation(WSID, 1899), "year", "1899"),
        (lambda: w.GetPrecipitation(WSID, 9999), "year", "9999"),
        (lambda: w.GetMonthlyTemperature(WSID, 2008, 13), "month", "13"),
        (lambda: w.GetMonthlyTemperature(WSID, 2008, 1, 2009, 0), "end_month", "0"),
        (lambda: w.GetMonthlyTemperature(WSID, 2008, 2, 2008, 1), "end", "2008-01"),
        (lambda: w.GetMonthlyPrecipitation(WSID, 2008, end_year=1899), "end_year", "1899"),
        (lambda: w.GetAnnualTemperature(WSID, 2008, 2007), "end", "2007"),
        (lambda: w.GetPrecipitation(WSID, 2008, 9999), "end_year", "9999"),
        (lambda: w.GetMonthlyHiLowTemperature(WSID, 2008, 0), "month", "0"),
        (lambda: w.GetTopKPrecipitation(WSID, 2008, 0), "k", "0"),
        (lambda: w.GetDailyTemperature(WSID, date(2008, 2, 2), date(2008, 2, 1)), "end", "2008-02-01"),
        (lambda: w.GetRawWeather(WSID, NOON.replace(tzinfo=None), NOON), "start", "no offset"),
        (lambda: w.GetRawWeather(WSID, NOON, NOON, limit=0), "limit", "0"),
        (lambda: w.FindWeatherStations(near=(91.0, 0.0)), "near", "91"),
        (lambda: w.FindWeatherStations(km=0), "km", "0"),
    ],
)
def test_a_wrong_argument_is_named_with_its_value(build, argument, named):
    """No actor ever meets month 13."""
    with pytest.raises(BadRequest) as caught:
        build()

    assert caught.value.argument == argument
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ((2008,), (2008, 1), (2008, 12)),
        ((2008, 7), (2008, 7), (2008, 7)),
        ((2007, 11, 2008, 2), (2007, 11), (2008, 2)),
        ((2007, None, 2008), (2007, 1), (2008, 12)),
        ((2007, 11, 2008), (2007, 11), (2008, 12)),
        ((2008, 3, None, 5), (2008, 3), (2008, 5)),
        ((2008, None, None, 5), (2008, 1), (2008, 5)),
    ],
)
def test_a_year_a_month_and_a_range_of_months_are_all_ranges(asked, start, end):
    """What is left out means the whole year, or the one month; both spellings ask the same question."""
    question = w.GetMonthlyTemperature(WSID, *asked)

    assert (question.start, question.end) == (start, end)
    assert question == w.GetMonthlyTemperature(WSID, *start, *end)
    assert pickle.loads(pickle.dumps(question)) == question


def test_one_year_is_a_range_of_years():
    """``GetPrecipitation(wsid, 2008)`` asks the same as from 2008 to 2008."""
    question = w.GetPrecipitation(WSID, 2008)

    assert question == w.GetPrecipitation(WSID, 2008, 2008)
    assert (question.start, question.end) == (2008, 2008)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (w.GetDailyTemperature(WSID, date(2008, 7, 1), date(2008, 7, 1)), "of 2008-07-01"),
        (w.GetDailyTemperature(WSID, date(2008, 7, 1), date(2008, 7, 2)), "from 2008-07-01 to 2008-07-02"),
        (w.GetMonthlyTemperature(WSID, 2008, 7), "of 2008-07"),
        (w.GetMonthlyPrecipitation(WSID, 2008), "from 2008-01 to 2008-12"),
        (w.GetAnnualTemperature(WSID, 2008), "of 2008"),
        (w.GetPrecipitation(WSID, 2008, 2013), "from 2008 to 2013"),
    ],
)
def test_a_range_says_in_words_what_it_is_about(question, words):
    """The text of an absence names the days, months or years that were asked for."""
    assert period(question) == words
