"""WeatherStationActor: how it finds stations."""

import asyncio
from types import SimpleNamespace

import pytest

from actors.weather_station import WeatherStationActor
from killrweather.errors import BadRequest
from killrweather.messages.weather import FindWeatherStations
from killrweather.model.station import NearbyStation, WeatherStation

KENNEDY = WeatherStation("744860:94789", "JOHN F KENNEDY", "US", "NY", "KJFK", 40.64, -73.78, 3.0)
NEWARK = WeatherStation("725020:14734", "NEWARK", "US", "NJ", "KEWR", 40.69, -74.17, 3.0)
LAGUARDIA = WeatherStation("725030:14732", "LA GUARDIA", "US", "NY", "KLGA", 40.78, -73.88, 3.0)
HEATHROW = WeatherStation("037720:99999", "HEATHROW", "UK", None, "EGLL", 51.48, -0.45, 25.0)
TABLE = [HEATHROW, NEWARK, LAGUARDIA, KENNEDY]
JFK = (40.64, -73.78)


def ask(question):
    """The answer of an actor whose store has the table."""

    async def everything():
        return TABLE

    async def answer():
        actor = type(
            "Actor", (WeatherStationActor,), {"store": SimpleNamespace(stations=SimpleNamespace(all=everything))}
        )()
        actor._read_at = float("-inf")
        return await actor.receiveMsg_FindWeatherStations(question, None)

    return asyncio.run(answer())


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (FindWeatherStations(), TABLE),
        (FindWeatherStations(limit=1, after=NEWARK.wsid), [LAGUARDIA]),
        (FindWeatherStations(country="us", limit=2), [NEWARK, LAGUARDIA]),
        (FindWeatherStations(search="ny", country="US"), [KENNEDY, LAGUARDIA]),
        (FindWeatherStations(search="ny", after=KENNEDY.wsid), [LAGUARDIA]),
        (FindWeatherStations(after=KENNEDY.wsid), []),
    ],
    ids=str,
)
def test_stations_are_found_by_text_and_country_a_page_at_a_time(question, found):
    """A page begins after the last station of the one before."""
    assert ask(question) == tuple(found)


def test_stations_near_a_place_come_with_their_distance_a_page_at_a_time():
    """Nearest first, of those that the other arguments allow."""
    first = ask(FindWeatherStations(near=JFK, km=50.0, limit=2))
    second = ask(FindWeatherStations(near=JFK, km=50.0, limit=2, after=first[-1].wsid))
    of_new_jersey = ask(FindWeatherStations(near=JFK, search="nj"))

    assert [one.name for one in (*first, *second)] == ["JOHN F KENNEDY", "LA GUARDIA", "NEWARK"]
    assert [round(one.distance_km) for one in (*first, *second)] == [0, 18, 33]
    assert of_new_jersey == second
    assert isinstance(second[0], NearbyStation)


def test_a_cursor_of_another_question_is_refused():
    """The error names the argument."""
    with pytest.raises(BadRequest, match="cursor"):
        ask(FindWeatherStations(near=JFK, after=HEATHROW.wsid))
