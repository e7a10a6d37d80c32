"""Stations as a person looks for them: by words or near a place, and with what they observe now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from killrweather.messages.weather import FindWeatherStations, ObservedStation
from killrweather.model.observation import RawWeatherData
from killrweather.model.station import NearbyStation, WeatherStation
from killrweather.page.units import Units

if TYPE_CHECKING:
    from killrweather.web.answers import Ask

MOST_FOUND = 50
NEAR_KM = 200.0

_PLACE = re.compile(r"\s*(-?\d{1,2}(?:\.\d+)?)\s*[,; ]\s*(-?\d{1,3}(?:\.\d+)?)\s*")


@dataclass(frozen=True)
class Found:
    """A station that was looked for."""

    station: WeatherStation
    newest: RawWeatherData | None
    """None: it has no observation."""
    distance_km: float | None = None
    """From the place that was asked for."""


def address(wsid: str) -> str:
    """The path of a station's page."""
    return f"/stations/{quote(wsid, safe=':')}"


def name_of(station: WeatherStation) -> str:
    """What people call a station: its id when no table names it."""
    return station.name or station.wsid


def place_in(text: str) -> tuple[float, float] | None:
    """The latitude and longitude that a text is, such as ``40.64, -73.78``; None when it is other words."""
    match = _PLACE.fullmatch(text)
    if match is None:
        return None
    lat, long = float(match[1]), float(match[2])
    return (lat, long) if abs(lat) <= 90 and abs(long) <= 180 else None


async def find(ask: Ask, text: str, observed: Sequence[ObservedStation], km: float = NEAR_KM) -> list[Found]:
    """Stations by words or near a place, those of all tables; of an empty text those that have observations.

    Raises a KillrWeatherError when nobody answers.
    """
    newest = {one.station.wsid: one.newest for one in observed}
    if not text.strip():
        return [Found(one.station, one.newest) for one in observed[:MOST_FOUND]]
    place = place_in(text)
    question = FindWeatherStations(near=place, km=km, limit=MOST_FOUND) if place else None
    known = await ask(question or FindWeatherStations(search=text, limit=MOST_FOUND))
    found = [Found(one, newest.get(one.wsid), _distance(one)) for one in known]
    if place is None:  # stations that no table names are found by their id
        there, wanted = {one.station.wsid for one in found}, text.strip().upper()
        found += [Found(one.station, one.newest) for one in observed
                  if one.station.wsid not in there and wanted in one.station.wsid]  # fmt: skip
        found.sort(key=lambda one: one.newest is None)
    return found


async def silent_places(ask: Ask, observed: Sequence[ObservedStation]) -> list[list[float]]:
    """Where the stations are that have no observation, each as longitude and latitude."""
    heard, places, after = {one.station.wsid for one in observed}, [], ""
    while page := await ask(FindWeatherStations(limit=_PAGE, after=after)):
        places += [[round(one.long, 2), round(one.lat, 2)] for one in page
                   if one.long is not None and one.lat is not None and one.wsid not in heard]  # fmt: skip
        if len(page) < _PAGE:
            break
        after = page[-1].wsid
    return places


_PAGE = 5_000


def on_map(observed: Sequence[ObservedStation], is_rain: bool, units: Units) -> list[dict[str, Any]]:
    """The stations whose place is known, as the map's chart wants them."""
    return [
        {
            "place": [one.station.long, one.station.lat],
            "value": units.rain.of(rain_now(one.newest)) if is_rain else units.temperature.of(one.newest.temperature),
            "tip": f"{name_of(one.station)}\n{now(one.newest, units)}\n{hour_of(one.newest)}",
            "link": address(one.station.wsid),
        }
        for one in observed
        if one.station.lat is not None and one.station.long is not None
    ]


def rain_now(newest: RawWeatherData) -> float | None:
    """The rain of the newest hour in mm; a trace is 0."""
    return None if newest.one_hour_precip is None else max(0.0, newest.one_hour_precip)


def now(newest: RawWeatherData, units: Units) -> str:
    """The newest hour in a line."""
    return f"{units.temperature.text(newest.temperature)} · rain {units.rain_text(newest.one_hour_precip)}"


def hour_of(newest: RawWeatherData) -> str:
    """The hour of an observation, for people."""
    return f"{newest.time:%Y-%m-%d %H:%M} UTC"


def _distance(station: WeatherStation) -> float | None:
    return station.distance_km if isinstance(station, NearbyStation) else None
