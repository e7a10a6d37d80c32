"""WeatherStationActor: how it finds stations, and reads those that have observations."""

import asyncio
from types import SimpleNamespace

import pytest
from event_stage import observed

from actors.weather_station import WeatherStationActor
from killrweather.errors import BadRequest
from killrweather.messages.weather import FindWeatherStations, GetObservedStations
from killrweather.model.station import NearbyStation, WeatherStation
from killrweather.storage.actor import StoreActor

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


class Observed:
    """A store with observations of one station, and an actor that reads them; a reading may be held."""

    def __init__(self, monkeypatch):
        self._rows, self.readings, self.may_read = {}, 0, asyncio.Event()
        self.may_read.set()
        monkeypatch.setattr(StoreActor, "pre_start", lambda actor: None)
        monkeypatch.setattr(WeatherStationActor, "store", SimpleNamespace(stations=self, raw=self))
        self._actor = WeatherStationActor()
        self._actor.pre_start()

    def save(self, row):
        """Store an observation."""
        self._rows[row.wsid] = row

    async def ask(self):
        """The newest observations of all stations."""
        answer = await self._actor.receiveMsg_GetObservedStations(GetObservedStations(), None)
        return [one.newest for one in answer]

    async def all(self):
        return TABLE

    async def observed(self):
        return {wsid: [2013] for wsid in sorted(self._rows)}

    async def newest(self, wsid, years):
        self.readings += 1
        found = self._rows[wsid]
        await self.may_read.wait()
        return found


def test_what_was_stored_before_a_question_is_in_its_answer(monkeypatch):
    """However soon it follows another one: who is told of a row, and asks then, does not miss it."""

    async def steps():
        store = Observed(monkeypatch)
        store.save(observed(1))
        before = await store.ask()
        store.save(observed(2))

        assert (before, await store.ask()) == ([observed(1)], [observed(2)])

    asyncio.run(steps())


def test_questions_that_wait_for_a_reading_share_the_next(monkeypatch):
    """The one that goes on may have passed what was stored before they came; one more is enough for all of them."""

    async def steps():
        store = Observed(monkeypatch)
        store.save(observed(1))
        store.may_read.clear()
        first = asyncio.create_task(store.ask())
        while not store.readings:
            await asyncio.sleep(0)
        store.save(observed(2))
        others = [asyncio.create_task(store.ask()) for _ in range(5)]
        await asyncio.sleep(0)
        store.may_read.set()

        assert await first == [observed(1)]
        assert await asyncio.gather(*others) == [[observed(2)]] * 5
        assert store.readings == 2

    asyncio.run(steps())
