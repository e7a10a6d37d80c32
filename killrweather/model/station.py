"""Weather stations, and how to find them by text, by place or by an id of GHCNh."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from math import asin, cos, degrees, isfinite, radians, sin, sqrt
from operator import attrgetter
from typing import TypeVar

from killrweather.errors import BadRequest

GHCNH_AIRPORT = r"^USW000[0-9]{5}$"
"""The form of a GHCNh id that ends with a WBAN number: those of airports in the USA."""

EARTH_RADIUS_KM = 6371.0088
"""The mean radius; great-circle distances are then within 0.6 % of those on the ellipsoid."""

HALF_ROUND_THE_EARTH_KM = 20_040
"""No place is farther away than this, on the sphere or on the ellipsoid."""

_NO_USAF, _NO_WBAN = "999999", "99999"


@dataclass(frozen=True, slots=True)
class WeatherStation:
    """A station as the station tables describe it; None is unknown.

    ``lat`` and ``long`` in degrees, north and east positive; ``elevation`` in metres above the sea.
    """

    wsid: str
    name: str | None = None
    country_code: str | None = None
    state_code: str | None = None
    call_sign: str | None = None
    lat: float | None = None
    long: float | None = None
    elevation: float | None = None


@dataclass(frozen=True, slots=True)
class NearbyStation(WeatherStation):
    """A station with its distance from the place that was asked for."""

    distance_km: float = field(kw_only=True)


_MM = 6
"""Decimals of a distance in km. Finer ones are noise, which would put those that are equally far in any order."""

_SLACK = 1e-6
"""Degrees, a tenth of a metre: more than the arithmetic can be wrong."""

S = TypeVar("S", bound=WeatherStation)

_described = attrgetter(*(field.name for field in fields(WeatherStation)))


def search(stations: Iterable[WeatherStation], text: str) -> list[WeatherStation]:
    """The stations of which every word of ``text`` says something, best match first, then by name.

    A word matches inside the id or the name, or as the whole of the country code, state code or call sign, in any case.
    Best is a call sign or id that equals the text, then a name that begins with it. A text without words finds nothing.
    """
    wanted = text.upper().strip()
    words = wanted.split()
    if not words:
        return []

    def rank(station: WeatherStation) -> int:
        if wanted in (station.wsid, (station.call_sign or "").upper()):
            return 0
        return 1 if (station.name or "").upper().startswith(wanted) else 2

    found = [station for station in stations if all(_says(station, word) for word in words)]
    return sorted(found, key=lambda station: (rank(station), station.name or "", station.wsid))


def _says(station: WeatherStation, word: str) -> bool:
    codes = (station.country_code, station.state_code, station.call_sign)
    return (
        word in (station.name or "").upper()
        or word in station.wsid
        or any(code is not None and code.upper() == word for code in codes)
    )


def wsids_of(stations: Iterable[WeatherStation], ghcnh_ids: Iterable[str]) -> dict[str, str]:
    """The USAF:WBAN of each GHCNh id that the stations tell, by its WBAN.

    USAF 999999 is none, so another one comes before it. An id whose WBAN has several is left out: nothing is guessed.
    """
    usafs: dict[str, set[str]] = {one[6:]: set() for one in ghcnh_ids if re.match(GHCNH_AIRPORT, one)}
    usafs.pop(_NO_WBAN, None)
    for station in stations:
        usaf, _, wban = station.wsid.partition(":")
        if wban in usafs:
            usafs[wban].add(usaf)
    found = {wban: real if (real := known - {_NO_USAF}) else known for wban, known in usafs.items()}
    return {f"USW000{wban}": f"{usaf}:{wban}" for wban, known in found.items() if len(known) == 1 for usaf in known}


def near(stations: Iterable[WeatherStation], lat: float, long: float, km: float) -> list[NearbyStation]:
    """The stations at most ``km`` away from a place, nearest first, those of one distance in the order of their ids.

    Those whose place is unknown are never near.
    """
    _check("lat", lat, -90, 90, "degrees")
    _check("long", long, -180, 180, "degrees")
    _check("km", km, 0, HALF_ROUND_THE_EARTH_KM, "km")
    # No place is nearer than its parallel is: that spares most stations of the world the haversine.
    reach = degrees(km / EARTH_RADIUS_KM) + _SLACK
    found = [
        NearbyStation(*_described(station), distance_km=away)
        for station in stations
        if station.lat is not None
        and station.long is not None
        and abs(station.lat - lat) <= reach
        and (away := round(distance_km(lat, long, station.lat, station.long), _MM)) <= km
    ]
    return sorted(found, key=lambda one: (one.distance_km, one.wsid))


def page_of(found: Sequence[S], after: str, limit: int) -> tuple[S, ...]:
    """At most ``limit`` of what was found, from the one behind the id ``after`` on; without an id from the first on.

    Raises BadRequest where no station of this id was found.
    """
    if not after:
        return tuple(found[:limit])
    for place, station in enumerate(found, start=1):
        if station.wsid == after:
            return tuple(found[place : place + limit])
    raise BadRequest(f'cursor "{after[:40]}": expected the one of the page before', "cursor")


def distance_km(lat_a: float, long_a: float, lat_b: float, long_b: float) -> float:
    """The great-circle (haversine) distance of two places in degrees."""
    phi_a, phi_b = radians(lat_a), radians(lat_b)
    half_chord = sin((phi_b - phi_a) / 2) ** 2 + cos(phi_a) * cos(phi_b) * sin(radians(long_b - long_a) / 2) ** 2
    # Rounding can lift the half chord of antipodes just above 1, where asin is not defined.
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half_chord)))


def _check(argument: str, value: float, low: float, high: float, unit: str) -> None:
    if not (isfinite(value) and low <= value <= high):
        raise BadRequest(f"{argument} is {value}, expected {low}…{high} {unit}", argument=argument)
