"""The GETs: each is its request message, and its answer is the contract's JSON."""

from dataclasses import astuple
from datetime import date, datetime, timezone

import pytest
from web_stage import LGA, problem_of

from killrweather.errors import StationNotFound, Unavailable
from killrweather.messages.weather import (
    FindWeatherStations,
    GetAnnualTemperature,
    GetCurrentWeather,
    GetDailyPrecipitation,
    GetDailyTemperature,
    GetMonthlyHiLowTemperature,
    GetMonthlyPrecipitation,
    GetMonthlyTemperature,
    GetPrecipitation,
    GetRawWeather,
    GetSkyConditionLookup,
    GetTopKPrecipitation,
    GetWeatherStation,
    NoDataAvailable,
)
from killrweather.model.observation import RawWeatherData
from killrweather.model.precipitation import (
    AnnualPrecipitation,
    DailyPrecipitation,
    MonthlyPrecipitation,
    TopKPrecipitation,
)
from killrweather.model.sky import SkyCondition
from killrweather.model.station import NearbyStation, WeatherStation
from killrweather.model.temperature import (
    AnnualTemperature,
    DailyTemperature,
    MonthlyHiLowTemperature,
    MonthlyTemperature,
)

STATION = f"/weather/stations/{LGA}"
RAW = RawWeatherData(LGA, 2008, 1, 31, 23, temperature=5.0, sky_condition=2)
DAY = DailyTemperature(LGA, 2008, 1, 1, 5.0, -1.0, 2.5, 1.25, 1.118, 24)
MONTH = MonthlyTemperature(LGA, 2008, 7, 35.0, 18.0, 26.0, 9.0, 3.0, 744)
YEAR = AnnualTemperature(LGA, 2008, 35.0, -12.0, 13.0, 90.25, 9.5, 8784)
HIGH_LOW = MonthlyHiLowTemperature(LGA, 2008, 7, 35.0, 18.0)
WET = DailyPrecipitation(LGA, 2008, 9, 6, 9.9, 11, 1)
WET_MONTH = MonthlyPrecipitation(LGA, 2008, 9, 12.1, 60, 5)
RAIN = AnnualPrecipitation(LGA, 2008, 119.9, 800, 90)
WHO = WeatherStation(LGA, "LA GUARDIA", "US", "NY", "KLGA", 40.779, -73.88, 3.0)
NEARBY = NearbyStation(*astuple(WHO), distance_km=12.5)
SKY = SkyCondition(8, "eight oktas (10/10, OVC)")

RAW_JSON = {
    "wsid": LGA,
    "year": 2008,
    "month": 1,
    "day": 31,
    "hour": 23,
    "temperature": 5.0,
    "dewpoint": None,
    "pressure": None,
    "wind_direction": None,
    "wind_speed": None,
    "sky_condition": 2,
    "one_hour_precip": None,
    "six_hour_precip": None,
}
DAY_JSON = {
    "wsid": LGA,
    "year": 2008,
    "month": 1,
    "day": 1,
    "high": 5.0,
    "low": -1.0,
    "mean": 2.5,
    "variance": 1.25,
    "stdev": 1.118,
    "count": 24,
}
WET_JSON = {
    "wsid": LGA,
    "year": 2008,
    "month": 9,
    "day": 6,
    "precipitation": 9.9,
    "wet_hours": 11,
    "trace_hours": 1,
}
JANUARY = (date(2008, 1, 1), date(2008, 1, 31))


def fields_of(value) -> dict:
    return {name: getattr(value, name) for name in value.__slots__}


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("path", "request_message", "value", "json"),
    [
        (STATION, GetWeatherStation(LGA), WHO, fields_of(WHO)),
        (f"{STATION}/current", GetCurrentWeather(LGA), RAW, RAW_JSON),
        (
            f"{STATION}/raw?start=2008-01-01&end=2008-01-31",
            GetRawWeather(LGA, utc(2008, 1, 1), utc(2008, 2, 1)),
            (RAW,),
            [RAW_JSON],
        ),
        (
            f"{STATION}/raw?start=2008-01-01T06:00:00Z&end=2008-01-01T08:30:00%2B01:00&limit=5",
            GetRawWeather(LGA, utc(2008, 1, 1, 6), utc(2008, 1, 1, 7, 30), 5),
            (RAW,),
            [RAW_JSON],
        ),
        (
            f"{STATION}/temperature/daily?start=2008-01-01&end=2008-01-31",
            GetDailyTemperature(LGA, *JANUARY),
            (DAY,),
            [DAY_JSON],
        ),
        (
            f"{STATION}/temperature/daily?date=2008-01-01",
            GetDailyTemperature(LGA, JANUARY[0], JANUARY[0]),
            (DAY,),
            [DAY_JSON],
        ),
        (
            f"{STATION}/temperature/monthly?year=2008",
            GetMonthlyTemperature(LGA, 2008),
            (MONTH,),
            [fields_of(MONTH)],
        ),
        (
            f"{STATION}/temperature/monthly?year=2008&month=7",
            GetMonthlyTemperature(LGA, 2008, 7),
            (MONTH,),
            [fields_of(MONTH)],
        ),
        (
            f"{STATION}/temperature/monthly?start=2007-12&end=2008-07",
            GetMonthlyTemperature(LGA, 2007, 12, 2008, 7),
            (MONTH,),
            [fields_of(MONTH)],
        ),
        (
            f"{STATION}/temperature/annual?year=2008",
            GetAnnualTemperature(LGA, 2008),
            (YEAR,),
            [fields_of(YEAR)],
        ),
        (
            f"{STATION}/temperature/annual?start=2007&end=2013",
            GetAnnualTemperature(LGA, 2007, 2013),
            (YEAR,),
            [fields_of(YEAR)],
        ),
        (
            f"{STATION}/temperature/high-low?year=2008&month=7",
            GetMonthlyHiLowTemperature(LGA, 2008, 7),
            HIGH_LOW,
            {"wsid": LGA, "year": 2008, "month": 7, "high": 35.0, "low": 18.0},
        ),
        (
            f"{STATION}/precipitation/daily?start=2008-01-01&end=2008-01-31",
            GetDailyPrecipitation(LGA, *JANUARY),
            (WET,),
            [WET_JSON],
        ),
        (
            f"{STATION}/precipitation/annual?year=2008",
            GetPrecipitation(LGA, 2008),
            (RAIN,),
            [{"wsid": LGA, "year": 2008, "precipitation": 119.9, "wet_hours": 800, "trace_hours": 90}],
        ),
        (
            f"{STATION}/precipitation/annual?start=2007&end=2013",
            GetPrecipitation(LGA, 2007, 2013),
            (RAIN,),
            [fields_of(RAIN)],
        ),
        (
            f"{STATION}/precipitation/monthly?year=2008",
            GetMonthlyPrecipitation(LGA, 2008),
            (WET_MONTH,),
            [fields_of(WET_MONTH)],
        ),
        (
            f"{STATION}/precipitation/monthly?start=2008-09&end=2008-09",
            GetMonthlyPrecipitation(LGA, 2008, 9),
            (WET_MONTH,),
            [fields_of(WET_MONTH)],
        ),
        (
            f"{STATION}/precipitation/top?year=2008&k=3",
            GetTopKPrecipitation(LGA, 2008, 3),
            TopKPrecipitation(LGA, 2008, (WET,)),
            [WET_JSON],
        ),
        ("/weather/sky-conditions/8", GetSkyConditionLookup(8), SKY, {"code": 8, "text": "eight oktas (10/10, OVC)"}),
        (
            "/weather/stations?near=40.64,-73.78&km=20&country=US&search=kennedy&limit=5",
            FindWeatherStations("kennedy", "US", (40.64, -73.78), 20.0, 5),
            (NEARBY,),
            [{**fields_of(WHO), "distance_km": 12.5}],
        ),
    ],
)
def test_a_path_is_its_request_message(node, browser, path, request_message, value, json):
    """One message is asked, and its answer's fields are the JSON's."""
    node.answers[type(request_message)] = value
    response = browser.get(path)

    assert (response.status_code, response.json()) == (200, json)
    assert node.asked == [request_message]


def test_a_station_id_may_lack_its_zeros(node, browser):
    """It is padded before anyone is asked."""
    node.answers[GetWeatherStation] = WHO
    browser.get("/weather/stations/10010:99999")

    assert node.asked == [GetWeatherStation("010010:99999")]


@pytest.mark.parametrize(
    ("path", "kind", "first", "today"),
    [
        ("temperature/daily", GetDailyTemperature, date(1900, 1, 1), date.today()),
        ("precipitation/daily", GetDailyPrecipitation, date(1900, 1, 1), date.today()),
        ("temperature/monthly", GetMonthlyTemperature, (1900, 1), (date.today().year, date.today().month)),
        ("precipitation/monthly", GetMonthlyPrecipitation, (1900, 1), (date.today().year, date.today().month)),
        ("temperature/annual", GetAnnualTemperature, 1900, date.today().year),
        ("precipitation/annual", GetPrecipitation, 1900, date.today().year),
    ],
)
def test_without_start_and_end_the_whole_history_is_meant(node, browser, path, kind, first, today):
    """From 1900 to the last day, month or year that an observation can be of."""
    node.answers[kind] = ()
    browser.get(f"{STATION}/{path}")

    (question,) = node.asked
    assert question.start == first
    assert question.end > today


def test_half_a_range_goes_to_the_end_or_from_the_beginning(node, browser):
    """Only the side that is named is bounded."""
    node.answers[GetMonthlyTemperature] = (MONTH,)
    browser.get(f"{STATION}/temperature/monthly?start=2008-07")
    browser.get(f"{STATION}/temperature/monthly?end=2008-07")

    late, early = node.asked
    assert late.start == early.end == (2008, 7)
    assert early.start < late.start < late.end


@pytest.mark.parametrize(
    ("path", "argument"),
    [
        ("/weather/stations/nowhere/current", "wsid"),
        (f"{STATION}/raw?start=yesterday", "start"),
        (f"{STATION}/raw?start=2008-01-01T06:00:00", "start"),
        (f"{STATION}/raw?start=2008-02-01&end=2008-01-01", "end"),
        (f"{STATION}/raw?limit=0", "limit"),
        (f"{STATION}/raw?limit=10001", "limit"),
        (f"{STATION}/raw?cursor=x", "cursor"),
        (f"{STATION}/temperature/daily?start=2008-02-30", "start"),
        (f"{STATION}/temperature/daily?start=2008-02-02&end=2008-02-01", "end"),
        (f"{STATION}/temperature/daily?date=2008-02-02&end=2008-02-01", "date"),
        (f"{STATION}/temperature/monthly?year=two", "year"),
        (f"{STATION}/temperature/monthly?year=2008&month=13", "month"),
        (f"{STATION}/temperature/monthly?year=2008&month=0", "month"),
        (f"{STATION}/temperature/monthly?month=7", "month"),
        (f"{STATION}/temperature/monthly?year=2008&start=2008-01", "year"),
        (f"{STATION}/temperature/monthly?start=2008-01-01", "start"),
        (f"{STATION}/temperature/monthly?start=2008-13", "start"),
        (f"{STATION}/precipitation/monthly?end=1492-01", "end"),
        (f"{STATION}/precipitation/monthly?start=2008-02&end=2008-01", "end"),
        (f"{STATION}/temperature/annual?start=1492&end=2008", "start"),
        (f"{STATION}/temperature/annual?start=2008&end=2007", "end"),
        (f"{STATION}/temperature/annual?year=2008&end=2009", "year"),
        (f"{STATION}/precipitation/annual?end=soon", "end"),
        (f"{STATION}/temperature/high-low?year=2008", "month"),
        (f"{STATION}/temperature/high-low?year=1492&month=1", "year"),
        (f"{STATION}/precipitation/top?year=2008&k=0", "k"),
        (f"{STATION}/precipitation/annual?year=99999", "year"),
        ("/weather/sky-conditions/clear", "code"),
        ("/weather/stations?near=here", "near"),
        ("/weather/stations?near=91,0", "near"),
        ("/weather/stations?near=nan,0", "near"),
        ("/weather/stations?near=1,2&km=-1", "km"),
        ("/weather/stations?near=1,2&km=nan", "km"),
    ],
)
def test_a_bad_argument_is_named(node, browser, path, argument):
    """422 with the argument and what was expected; nobody is asked."""
    document = problem_of(browser.get(path), 422, "bad-argument")

    assert document["argument"] == argument
    assert node.asked == []


def test_no_such_data_of_a_known_station_is_404(node, browser):
    """The type tells it from an unknown station."""
    node.answers[GetDailyTemperature] = NoDataAvailable(LGA, "no temperature of 1950")
    response = browser.get(f"{STATION}/temperature/daily?date=1950-01-01")

    assert problem_of(response, 404, "no-data-available")["detail"] == "no temperature of 1950"


def test_an_unknown_station_is_404_of_another_type(node, browser):
    """station-not-found."""
    node.answers[GetCurrentWeather] = StationNotFound(f"station {LGA}: not known")

    problem_of(browser.get(f"{STATION}/current"), 404, "station-not-found")


def test_when_cassandra_is_away_the_answer_says_when_to_come_back(node, browser):
    """503 with Retry-After in whole seconds, at least one."""
    node.answers[GetCurrentWeather] = Unavailable("Cassandra 127.0.0.1:9042 does not answer", retry_after_s=0.2)
    response = browser.get(f"{STATION}/current")

    problem_of(response, 503, "unavailable")
    assert response.headers["retry-after"] == "1"


def test_pages_of_observations_follow_each_other_without_gap_or_overlap(node, browser):
    """A full page names the next one, which starts an hour after the page's last row and keeps the question."""
    node.answers[GetRawWeather] = (RAW,)
    first = browser.get(f"{STATION}/raw?start=2008-01-31T23:00:00Z&end=2008-02-05&limit=1")
    node.answers[GetRawWeather] = NoDataAvailable(LGA, "none")
    second = browser.get(first.links["next"]["url"])

    assert node.asked[1] == GetRawWeather(LGA, utc(2008, 2, 1), utc(2008, 2, 6), 1)
    assert (second.status_code, second.json(), second.links) == (200, [], {})


def test_a_page_that_is_not_full_is_the_last(node, browser):
    """No Link header."""
    node.answers[GetRawWeather] = (RAW,)

    assert "link" not in browser.get(f"{STATION}/raw?limit=2").headers


def test_pages_of_stations_go_on_after_the_last_id(node, browser):
    """The cursor is the last station's id."""
    node.answers[FindWeatherStations] = (WHO,)
    following = browser.get("/weather/stations?country=US&limit=1").links["next"]["url"]
    browser.get(following)

    assert node.asked[1] == FindWeatherStations(country="US", limit=1, after=LGA)


def test_pages_of_stations_near_a_place_go_on_after_the_last_id(node, browser):
    """The next page is of the same place and distance."""
    node.answers[FindWeatherStations] = (NEARBY,)
    following = browser.get("/weather/stations?near=40.64,-73.78&km=30&limit=1").links["next"]["url"]
    browser.get(following)

    assert node.asked[1] == FindWeatherStations(near=(40.64, -73.78), km=30, limit=1, after=LGA)
