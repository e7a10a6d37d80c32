"""Questions are checked where they are built."""

import pickle
from datetime import date, datetime, timezone

import pytest

from killrweather.errors import BadRequest
from killrweather.messages import weather as w

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
