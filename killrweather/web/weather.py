"""Questions about stations and their weather: one GET for each request message."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from killrweather.messages.weather import (
    FindWeatherStations,
    GetCurrentWeather,
    GetRawWeather,
    GetSkyConditionLookup,
    GetWeatherStation,
    NoDataAvailable,
)
from killrweather.model.observation import RawWeatherData
from killrweather.model.sky import SKY_CONDITIONS, SkyCondition
from killrweather.model.station import HALF_ROUND_THE_EARTH_KM, NearbyStation, WeatherStation
from killrweather.web import aggregates
from killrweather.web.answers import OF_STATION, Ask, answer, json_response, may_answer
from killrweather.web.caching import FOREVER
from killrweather.web.negotiation import NegotiatedRoute
from killrweather.web.parameters import (
    FIRST_DAY,
    MOMENT,
    PLACE,
    Limit,
    Wsid,
    last_day,
    next_page,
    parse_moment,
    parse_place,
)


def router(ask: Ask) -> APIRouter:
    """The routes below ``/weather`` that read."""
    routes = APIRouter(prefix="/weather", route_class=NegotiatedRoute)
    aggregates.add_temperature(routes, ask)
    aggregates.add_precipitation(routes, ask)
    _observations(routes, ask)
    _stations(routes, ask)
    return routes


def _stations(routes: APIRouter, ask: Ask) -> None:
    @routes.get(
        "/stations",
        response_model=tuple[NearbyStation | WeatherStation, ...],
        responses=may_answer(422, 503),
        tags=["stations"],
    )
    async def find_stations(
        request: Request,
        search: Annotated[
            str, Query(description="Words of the name, the id or the call sign", examples=["kennedy"])
        ] = "",
        country: Annotated[str, Query(description="Country code", examples=["US"])] = "",
        near: Annotated[
            str | None, Query(description="latitude,longitude", examples=["40.64,-73.78"], json_schema_extra=PLACE)
        ] = None,
        km: Annotated[
            float,
            Query(
                description="Distance from near at most",
                json_schema_extra={"exclusiveMinimum": 0, "maximum": HALF_ROUND_THE_EARTH_KM},
            ),
        ] = 50.0,
        limit: Limit = 100,
        cursor: Annotated[str, Query(description="Where a further page starts, from the Link header")] = "",
    ) -> Response:
        """Stations: the nearest to a place first, the best match of a text first, else in the order of their ids.

        Near a place each comes with its distance in km. A page that is full names the next one in its Link header.
        """
        place = parse_place(near) if near is not None else None
        value = await ask(FindWeatherStations(search, country, place, km, limit, cursor))
        kind = NearbyStation if place else WeatherStation
        following = next_page(request, value[-1].wsid) if len(value) == limit else None
        return json_response(value, tuple[kind, ...], headers=following)  # type: ignore[valid-type]

    @routes.get("/stations/{wsid}", response_model=WeatherStation, responses=OF_STATION, tags=["stations"])
    async def station(wsid: Wsid) -> Response:
        """Who a station is."""
        return answer(await ask(GetWeatherStation(wsid)), WeatherStation)

    @routes.get(
        "/sky-conditions/{code}", response_model=SkyCondition, responses=may_answer(422, 503), tags=["observations"]
    )
    async def sky_condition(
        code: Annotated[int, Path(examples=[8], json_schema_extra={"minimum": 0, "maximum": len(SKY_CONDITIONS) - 1})],
    ) -> Response:
        """What a sky condition code means."""
        return answer(await ask(GetSkyConditionLookup(code)), SkyCondition, FOREVER)


def _observations(routes: APIRouter, ask: Ask) -> None:
    @routes.get("/stations/{wsid}/current", response_model=RawWeatherData, responses=OF_STATION, tags=["observations"])
    async def current(wsid: Wsid) -> Response:
        """A station's newest observation."""
        return answer(await ask(GetCurrentWeather(wsid)), RawWeatherData)

    @routes.get(
        "/stations/{wsid}/raw", response_model=tuple[RawWeatherData, ...], responses=OF_STATION, tags=["observations"]
    )
    async def raw(
        request: Request,
        wsid: Wsid,
        start: Annotated[
            str | None, Query(description="First day or time", examples=["2008-01-01"], json_schema_extra=MOMENT)
        ] = None,
        end: Annotated[
            str | None,
            Query(
                description="Last day, or the time before which it ends",
                examples=["2008-01-01T18:00:00Z"],
                json_schema_extra=MOMENT,
            ),
        ] = None,
        limit: Limit = 1_000,
        cursor: Annotated[
            str | None, Query(description="Where a further page starts, from the Link header", json_schema_extra=MOMENT)
        ] = None,
    ) -> Response:
        """A station's observations, oldest first. A page that is full names the next one in its Link header."""
        until = parse_moment("end", last_day().isoformat() if end is None else end, whole_day=True)
        since = parse_moment("start", FIRST_DAY.isoformat() if start is None else start)
        if cursor is not None:
            since = parse_moment("cursor", cursor)
        value = await ask(GetRawWeather(wsid, since, until, limit))
        if cursor and isinstance(value, NoDataAvailable):
            value = ()
        is_full = not isinstance(value, NoDataAvailable) and len(value) == limit
        following = (value[-1].time + timedelta(hours=1)).isoformat() if is_full else ""
        return answer(value, tuple[RawWeatherData, ...], next_page(request, following) if is_full else None)
