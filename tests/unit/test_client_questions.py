"""What the clients ask, over a real socket: the node hears the question that was meant, and its answer comes back."""

import asyncio
import inspect
from datetime import date, datetime, timezone

import httpx
import pytest
from client_stage import WeatherNode, served
from web_stage import LGA, status

from killrweather.client import AsyncClient, Client
from killrweather.client.answers import check, value_of
from killrweather.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    KillrWeatherError,
    NoData,
    Refused,
    StationNotFound,
    Unavailable,
)
from killrweather.messages import weather
from killrweather.messages.node import GetNodeStatus
from killrweather.model.month import Month
from killrweather.model.observation import RawWeatherData
from killrweather.model.station import NearbyStation, WeatherStation

DAY, NEXT_DAY = date(2013, 7, 1), date(2013, 7, 2)
START, END = (datetime(2013, 7, day, 6, tzinfo=timezone.utc) for day in (1, 2))
MIDNIGHT = datetime(2013, 7, 2, tzinfo=timezone.utc)
HOURS = [
    RawWeatherData(LGA, 2013, 7, 1 + n // 24, n % 24, temperature=n / 2, one_hour_precip=float(n % 3))
    for n in range(48)
]


@pytest.fixture(scope="module")
def stage():
    """A node with two days of a station that the station table has."""
    with served() as stage, Client(stage.url) as client:
        client.feed(HOURS)
        client.store_stations([WeatherStation(LGA, "LA GUARDIA", "US", lat=40.78, long=-73.87)])
        yield stage


def in_order(stage, ask):
    """What the client that waits answers."""
    with Client(stage.url) as client:
        answer = ask(client)
        return list(answer) if inspect.isgenerator(answer) else answer


async def at_once(stage, ask):
    """What the client that is awaited answers."""
    async with AsyncClient(stage.url) as client:
        answer = ask(client)
        return [one async for one in answer] if inspect.isasyncgen(answer) else await answer


def both(stage, ask):
    """What both clients answer; it has to be the same."""
    found = in_order(stage, ask)
    assert asyncio.run(at_once(stage, ask)) == found
    return found


MESSAGES = [
    weather.GetWeatherStation(LGA),
    weather.GetCurrentWeather(LGA),
    weather.GetRawWeather(LGA, START, END, 7),
    weather.GetDailyTemperature(LGA, DAY, NEXT_DAY),
    weather.GetMonthlyTemperature(LGA, 2013),
    weather.GetMonthlyTemperature(LGA, 2013, 7),
    weather.GetMonthlyTemperature(LGA, 2012, 12, 2013, 8),
    weather.GetAnnualTemperature(LGA, 2013),
    weather.GetAnnualTemperature(LGA, 2008, 2013),
    weather.GetMonthlyHiLowTemperature(LGA, 2013, 7),
    weather.GetDailyPrecipitation(LGA, DAY, DAY),
    weather.GetMonthlyPrecipitation(LGA, 2013, 7),
    weather.GetPrecipitation(LGA, 2008, 2013),
    weather.GetTopKPrecipitation(LGA, 2013, 1),
    weather.GetSkyConditionLookup(8),
]


@pytest.mark.parametrize("message", MESSAGES, ids=str)
def test_a_request_message_arrives_as_it_was_asked(stage, message):
    """The actors hear what a client of theirs would have sent them."""
    both(stage, lambda client: client.ask(message))

    assert stage.node.asked[-1] == message


def test_every_question_about_weather_can_be_asked(stage):
    """A message that is added to the actors' is asked by the client too."""
    of_pages_alone = {weather.GetObservedStations}
    known = {type(message) for message in MESSAGES} | {weather.FindWeatherStations} | of_pages_alone
    questions = {value for name, value in vars(weather).items() if name.startswith(("Get", "Find"))}

    assert questions == known


METHODS = {
    weather.GetWeatherStation(LGA): lambda c: c.station("725030:14732"),
    weather.GetRawWeather(LGA, START, MIDNIGHT): lambda c: c.raw(LGA, START, "2013-07-01"),
    weather.GetDailyTemperature(LGA, DAY, DAY): lambda c: c.daily_temperature(LGA, day=DAY),
    weather.GetDailyPrecipitation(LGA, DAY, NEXT_DAY): lambda c: c.daily_precipitation(LGA, "2013-07-01", NEXT_DAY),
    weather.GetMonthlyTemperature(LGA, 2013): lambda c: c.monthly_temperature(LGA, 2013),
    weather.GetMonthlyPrecipitation(LGA, 2013, 2, 2013, 7): lambda c: c.monthly_precipitation(
        LGA, start="2013-02", end=Month(2013, 7)
    ),
    weather.GetPrecipitation(LGA, 2013): lambda c: c.annual_precipitation(LGA, 2013),
    weather.GetMonthlyHiLowTemperature(LGA, 2013, 7): lambda c: c.high_low(LGA, 2013, 7),
    weather.FindWeatherStations("la guardia", "US", limit=5): lambda c: c.stations("la guardia", "US", page_size=5),
    weather.FindWeatherStations(near=(40.0, -73.5), km=99.5, limit=7): lambda c: c.stations_near(40.0, -73.5, 99.5, 7),
    weather.FindWeatherStations(near=(0.3, -1e-7), km=50.0, limit=1_000): lambda c: c.stations_near(0.1 + 0.2, -1e-7),
}


@pytest.mark.parametrize("message", METHODS, ids=str)
def test_a_method_asks_what_its_arguments_say(stage, message):
    """Days, months and times are written as the node reads them."""
    both(stage, METHODS[message])

    assert stage.node.asked[-1] == message


def test_answers_are_the_values_that_the_actors_gave(stage):
    """Dataclasses, with what was fed."""
    assert both(stage, lambda client: client.current(LGA)) == HOURS[-1]
    [day, _] = both(stage, lambda client: client.daily_temperature(LGA, DAY, NEXT_DAY))
    assert (day.wsid, day.day, day.low, day.high, day.count) == (LGA, 1, 0.0, 11.5, 24)
    assert both(stage, lambda client: client.ready()).ready
    assert both(stage, lambda client: client.status()).node.name == "n1"


@pytest.mark.parametrize("page_size", [1, 7, 24, 48, 1_000])
def test_a_series_goes_on_over_all_pages(stage, page_size):
    """Every value once, in order, whether or not the last page is full; no page before it is needed."""
    asked = len(stage.node.asked)
    with Client(stage.url) as client:
        series = client.raw(LGA, page_size=page_size)
        first = next(series)
        assert len(stage.node.asked) - asked == 1
        series.close()

    assert [first] == HOURS[:1]
    assert both(stage, lambda client: client.raw(LGA, page_size=page_size)) == HOURS


@pytest.mark.parametrize("page_size", [1, 2, 3, 1_000])
def test_the_stations_near_a_place_go_on_over_all_pages(page_size):
    """Nearest first with the distance, equally far ones in the order of their ids."""
    places = {"3:1": (0.0, 180.0), "1:1": (0.0, -179.0), "2:1": (0.0, 179.0), "4:1": (0.0, 177.0), "5:1": (1.0, 0.0)}
    stations = [WeatherStation(wsid, "AT SEA", lat=lat, long=long) for wsid, (lat, long) in places.items()]
    with served() as stage:
        in_order(stage, lambda client: client.store_stations([*stations, WeatherStation("6:1")]))
        found = both(stage, lambda client: client.stations_near(0.0, 180.0, km=223.0, page_size=page_size))

    assert [(one.wsid, round(one.distance_km, 1)) for one in found] == [
        ("000003:00001", 0.0),
        ("000001:00001", 111.2),
        ("000002:00001", 111.2),
    ]
    assert found[0] == NearbyStation("000003:00001", "AT SEA", lat=0.0, long=180.0, distance_km=0.0)


def test_a_node_that_is_not_ready_says_what_is_missing():
    """503 is the answer here, not a failure."""
    node = WeatherNode()
    node.answers[GetNodeStatus] = status(ready=False)
    with served(node) as stage:
        found = both(stage, lambda client: client.ready())

    assert [check.name for check in found.checks if not check.ok] == ["stream"]


@pytest.mark.parametrize(
    ("ask", "error", "named"),
    [
        (lambda c: c.current("999999:00009"), StationNotFound, "999999:00009"),
        (lambda c: c.daily_temperature(LGA, day="1999-01-01"), NoData, LGA),
        (lambda c: c.daily_temperature(LGA, day="soon"), BadRequest, "soon"),
        (lambda c: c.current("../../status"), BadRequest, "USAF:WBAN"),
        (lambda c: c.raw("?"), BadRequest, "USAF:WBAN"),
        (lambda c: c.stations("Z\udcdcrich"), BadRequest, "search .*expected Unicode"),
        (lambda c: c.ask("how are you"), BadRequest, "str"),
        (lambda c: c.get("/nowhere", int), KillrWeatherError, "/nowhere"),
        (lambda c: c.get("/alive", int), KillrWeatherError, "expected a killrweather node"),
    ],
)
def test_what_is_wrong_is_raised_with_its_name(stage, ask, error, named):
    """The same exception of both clients."""
    with pytest.raises(error, match=named) as waiting:
        in_order(stage, ask)
    with pytest.raises(error) as awaited:
        asyncio.run(at_once(stage, ask))

    assert str(awaited.value) == str(waiting.value)


def test_a_wrong_token_is_refused_and_the_right_one_is_sent():
    """Nothing is tried again: another try would not be let in either."""
    with served(token="secret") as stage:
        with pytest.raises(Refused, match=r"http\.token"), Client(stage.url, "guess") as client:
            client.status()
        with Client(stage.url, "secret") as client:
            assert client.status().node.name == "n1"


def test_no_node_at_all_is_named_after_the_patience_with_a_question():
    """The address, and what to do."""
    with served() as stage:
        url = stage.url
    with Client(url, question_patience_s=0.3) as client, pytest.raises(Unavailable, match=url) as raised:
        client.current(LGA)

    assert "killrweather up" in str(raised.value)


def problem(status, kind):
    content = f'{{"type": "{kind}", "detail": "that is so"}}'
    headers = {"content-type": "application/problem+json"}
    return httpx.Response(status, content=content, headers=headers, request=httpx.Request("GET", "http://n1/x"))


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (403, "forbidden", Forbidden),
        (409, "conflict", Conflict),
        (500, "internal-error", KillrWeatherError),
        (418, "something new", KillrWeatherError),
        (429, "too-many-listeners", Unavailable),
    ],
)
def test_a_problem_document_becomes_the_exception_that_it_stands_for(status, kind, error):
    """Its text is the document's; a type that is not known is an error all the same."""
    with pytest.raises(error, match="that is so") as raised:
        check(problem(status, kind))

    assert type(raised.value) is error


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"type": "x"}', b"\xff"])
def test_something_that_only_looks_like_a_problem_is_said_to_be_none(content):
    """A stranger's answer is an error for people, not a traceback."""
    headers = {"content-type": "application/problem+json"}
    response = httpx.Response(500, content=content, headers=headers, request=httpx.Request("GET", "http://n1/x"))

    with pytest.raises(KillrWeatherError, match="answered 500, expected a killrweather node"):
        check(response)


def test_an_answer_of_another_kind_is_named_with_the_field():
    """As a node of another version may give one."""
    response = httpx.Response(200, json={"ready": "perhaps"}, request=httpx.Request("GET", "http://n1/ready"))

    with pytest.raises(KillrWeatherError, match=r"http://n1/ready: .*expected a killrweather node"):
        value_of(response, RawWeatherData)


def test_both_clients_have_the_same_methods_with_the_same_arguments():
    """What one can be asked, the other can be asked in the same words; help shows each with its text."""
    own = {"close", "aclose"}
    names = {name for name in dir(Client) if not name.startswith("_")} - own

    assert names == {name for name in dir(AsyncClient) if not name.startswith("_")} - own
    for name in names:
        waiting, awaited = getattr(Client, name), getattr(AsyncClient, name)
        assert waiting.__doc__
        assert waiting.__doc__ == awaited.__doc__
        assert inspect.signature(waiting).parameters == inspect.signature(awaited).parameters
