"""A station's page: its weather now, and the charts of a year, drawn anew as observations arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timezone
from typing import Any

from nicegui import ui
from starlette.requests import Request

from killrweather.errors import BadRequest, KillrWeatherError, StationNotFound
from killrweather.messages.ranges import last_year
from killrweather.messages.weather import (
    MAX_LIMIT,
    FindWeatherStations,
    GetAnnualTemperature,
    GetCurrentWeather,
    GetDailyPrecipitation,
    GetDailyTemperature,
    GetMonthlyPrecipitation,
    GetMonthlyTemperature,
    GetPrecipitation,
    GetRawWeather,
    GetTopKPrecipitation,
    GetWeatherStation,
    NoDataAvailable,
)
from killrweather.model.observation import FIRST_YEAR, RawWeatherData, canonical_wsid
from killrweather.model.sky import SKY_CONDITIONS
from killrweather.model.station import WeatherStation
from killrweather.page import charts, stations
from killrweather.page.desk import Desk
from killrweather.page.elements import Figure, link, notice, select, table, tag, text
from killrweather.page.frame import LiveLine, after_connecting, desk_of, frame
from killrweather.page.stored import News, patiently
from killrweather.page.units import Unit, Units

_WETTEST, _NEAR, _NEAR_KM = 10, 8, 250.0
_FIELDS = (
    ("temperature", "Temperature"),
    ("dewpoint", "Dew point"),
    ("pressure", "Pressure"),
    ("wind_speed", "Wind speed"),
    ("one_hour_precip", "Rain of the hour"),
)


def add() -> None:
    """Let NiceGUI show the page."""

    @ui.page("/stations/{wsid}")
    def show(request: Request, wsid: str) -> None:
        with frame(request, wsid[:40], "") as units:
            _StationPage(desk_of(request), units, wsid)


class _StationPage:
    """What is known of one station; every chart stands in a place of its own and is redrawn there."""

    def __init__(self, desk: Desk, units: Units, wsid: str):
        self._desk, self._units, self._wsid = desk, units, wsid
        self._year = 0
        self._years: Sequence[int] = []
        """Those that can be chosen."""
        self._field = "temperature"
        self._figures: dict[str, Figure] = {}
        self._places: dict[str, Any] = {}
        self._live = LiveLine()
        with tag("div", "contents") as self._all:
            text("h1", wsid[:40])
            notice("loading", "Looking up the station …")
        after_connecting(self._load)

    async def _load(self) -> None:
        with self._desk.stored.listening() as stored:
            if await self._show():
                while True:
                    await self._take_in(await stored.take())

    async def _show(self) -> bool:
        """Show what is known of the station; False when there is no such station."""
        try:
            self._wsid = canonical_wsid(self._wsid)
            station: WeatherStation = await self._desk.ask(GetWeatherStation(self._wsid))
        except (BadRequest, StationNotFound) as error:
            self._all.clear()
            with self._all:
                text("h1", "No such station")
                with notice("empty", str(error)):
                    link("Look for another", "/", "button")
            return False
        ui.page_title(f"{stations.name_of(station)} · KillrWeather")
        newest, years = await asyncio.gather(self._desk.ask(GetCurrentWeather(self._wsid)), self._years_with_data())
        self._all.clear()
        with self._all:
            self._head(station)
            if not years or isinstance(newest, NoDataAvailable):
                with notice("empty", "No observations of this station yet", "They appear here as soon as they arrive."):
                    link("Upload a file", "/upload", "button")
            else:
                self._body(newest, years)
                await self._draw()
            await self._near(station)
        return True

    async def _years_with_data(self) -> list[int]:
        """The years of which there is anything, the newest first."""
        temperature, rain = await asyncio.gather(
            self._desk.ask(GetAnnualTemperature(self._wsid, FIRST_YEAR, last_year())),
            self._desk.ask(GetPrecipitation(self._wsid, FIRST_YEAR, last_year())),
        )
        return sorted({one.year for found in (temperature, rain) for one in _rows(found)}, reverse=True)

    # -- what stands where

    def _head(self, station: WeatherStation) -> None:
        text("h1", stations.name_of(station))
        parts = [station.wsid, station.call_sign, station.state_code, station.country_code]
        if station.lat is not None and station.long is not None:
            parts.append(f"{abs(station.lat):.3f}° {'N' if station.lat >= 0 else 'S'}, "
                         f"{abs(station.long):.3f}° {'E' if station.long >= 0 else 'W'}")  # fmt: skip
        if station.elevation is not None:
            parts.append(self._units.height.text(station.elevation))
        text("p", " · ".join(part for part in parts if part), "muted")

    def _body(self, newest: RawWeatherData, years: Sequence[int]) -> None:
        self._years, self._year = years, newest.year if newest.year in years else years[0]
        with tag("section", "contents", aria_labelledby="now-title"):
            text("h2", "Now", id="now-title")
            with tag("div", "tiles", aria_live="polite") as self._now:
                self._show_now(newest)
        with tag("div", "section-head"):
            text("h2", "The year")
            select("Year", [(str(year), str(year)) for year in years], str(self._year), self._choose_year)
        with tag("div", "charts"):
            for name in ("daily_temperature", "daily_rain"):
                self._places[name] = tag("div", "wide")
            for name in ("monthly_temperature", "monthly_rain", "wettest", "against"):
                self._places[name] = tag("div")
        text("h2", "All years")
        with tag("div", "charts"):
            for name in ("annual_temperature", "annual_rain"):
                self._places[name] = tag("div")
        with tag("div", "section-head"):
            text("h2", "Hours as they were stated")
            select("Field", _FIELDS, self._field, self._choose_field)
        with tag("div", "charts"):
            self._places["hours"] = tag("div", "wide")
        for name, place in self._places.items():
            place.props["data-chart"] = name
            with place:
                notice("loading", "Loading …")

    def _show_now(self, newest: RawWeatherData) -> None:
        units = self._units
        wind = "Wind"
        if newest.wind_direction and newest.wind_speed:
            wind += f" from {_compass(newest.wind_direction)}"
        sky = "–" if newest.sky_condition is None else SKY_CONDITIONS[newest.sky_condition].text
        for label, value in (
            ("Temperature", units.temperature.text(newest.temperature)),
            ("Dew point", units.temperature.text(newest.dewpoint)),
            ("Pressure", units.pressure.text(newest.pressure)),
            (wind, units.wind.text(newest.wind_speed)),
            ("Sky", sky),
            ("Rain of the hour", units.rain_text(newest.one_hour_precip)),
        ):
            with tag("div", "tile"):
                text("div", label, "muted small-text")
                text("div", value, "tile-value" if len(value) < 20 else "tile-value long")
        text("p", f"Hour of {stations.hour_of(newest)}", "muted tiles-foot")

    # -- the charts

    async def _draw(self) -> None:
        """All charts, each as soon as its answer is there."""
        ask, wsid, year, units = self._desk.ask, self._wsid, self._year, self._units
        first, last = date(year, 1, 1), date(year, 12, 31)
        months = GetMonthlyTemperature(wsid, FIRST_YEAR, 1, last_year(), 12)
        jobs: list[tuple[str, str, Unit, Any, Callable[[Any], charts.Drawn]]] = [
            ("daily_temperature", f"Temperature of each day, {year}", units.temperature,
             GetDailyTemperature(wsid, first, last), lambda rows: charts.daily_temperature(rows, units)),
            ("daily_rain", f"Rain of each day, {year}", units.rain,
             GetDailyPrecipitation(wsid, first, last), lambda rows: charts.daily_rain(rows, units)),
            ("monthly_temperature", f"Temperature of each month, {year}", units.temperature,
             GetMonthlyTemperature(wsid, year), lambda rows: charts.temperature_bars(rows, units)),
            ("monthly_rain", f"Rain of each month, {year}", units.rain,
             GetMonthlyPrecipitation(wsid, year), lambda rows: charts.rain_bars(rows, units)),
            ("wettest", f"Wettest days of {year}", units.rain,
             GetTopKPrecipitation(wsid, year, _WETTEST), lambda rows: charts.wettest_days(rows, units)),
            ("against", "Year against year", units.temperature,
             months, lambda rows: charts.year_against_year(rows, year, units)),
            ("annual_temperature", "Temperature of each year", units.temperature,
             GetAnnualTemperature(wsid, FIRST_YEAR, last_year()), lambda rows: charts.temperature_bars(rows, units)),
            ("annual_rain", "Rain of each year", units.rain,
             GetPrecipitation(wsid, FIRST_YEAR, last_year()), lambda rows: charts.rain_bars(rows, units)),
        ]  # fmt: skip
        await asyncio.gather(
            *(self._figure(name, title, unit, ask(question), build) for name, title, unit, question, build in jobs)
        )
        await self._draw_hours()

    async def _draw_hours(self) -> None:
        title = f"{dict(_FIELDS)[self._field]} of each hour, {self._year}"
        unit = {
            "pressure": self._units.pressure,
            "wind_speed": self._units.wind,
            "one_hour_precip": self._units.rain,
        }.get(self._field, self._units.temperature)
        start = datetime(self._year, 1, 1, tzinfo=timezone.utc)
        question = GetRawWeather(self._wsid, start, start.replace(year=self._year + 1), MAX_LIMIT)
        await self._figure(
            "hours", title, unit, self._desk.ask(question), lambda rows: charts.hours(rows, self._field, unit)
        )

    async def _figure(
        self, name: str, title: str, unit: Unit, answer: Awaitable[Any], build: Callable[[Any], charts.Drawn]
    ) -> None:
        """Draw a chart in its place, or say there why not."""
        place, year = self._places[name], self._year
        try:
            rows = _rows(await answer)
        except KillrWeatherError as error:
            self._instead(name, "error", f"{title}: not there now", str(error))
            return
        if year != self._year:
            return  # another year was chosen meanwhile
        if not rows:
            self._instead(name, "empty", title, "There is nothing of it.")
            return
        options, sheet, summary = build(rows)
        if name in self._figures and self._figures[name].title == title:
            self._figures[name].show(options, sheet, summary)
            return
        place.clear()
        with place:
            filename = f"{self._wsid.replace(':', '-')}-{name.replace('_', '-')}"
            self._figures[name] = Figure(title, filename, unit, options, sheet, summary)

    def _instead(self, name: str, kind: str, title: str, detail: str) -> None:
        self._figures.pop(name, None)
        self._places[name].clear()
        with self._places[name]:
            notice(kind, title, detail)

    # -- what happens

    async def _take_in(self, news: News) -> None:
        """Show what is stored now, if it is this station's."""
        self._live.show(news)
        if not news.concerns(self._wsid):
            return
        newest = await patiently(lambda: self._desk.ask(GetCurrentWeather(self._wsid)))
        years = await patiently(self._years_with_data)
        if not years or isinstance(newest, NoDataAvailable):
            return
        if years != self._years:  # the first one, too
            ui.navigate.reload()
            return
        self._now.clear()
        with self._now:
            self._show_now(newest)
        await self._draw()

    async def _choose_year(self, year: str) -> None:
        self._year = int(year)
        await self._draw()

    async def _choose_field(self, field: str) -> None:
        self._field = field
        await self._draw_hours()

    async def _near(self, station: WeatherStation) -> None:
        """Stations near by, nearest first."""
        if station.lat is None or station.long is None:
            return
        here = (station.lat, station.long)
        found = await self._desk.ask(FindWeatherStations(near=here, km=_NEAR_KM, limit=_NEAR + 1))
        rows = [
            ((stations.name_of(one), stations.address(one.wsid)), one.wsid,
             self._units.distance.text(one.distance_km))
            for one in found if one.wsid != station.wsid
        ]  # fmt: skip
        if rows:
            text("h2", "Near by")
            table("Stations near by", ("station", "id", "distance"), rows[:_NEAR], numbers_from=2)
            link("More on the map", f"/?q={station.lat:.3f},{station.long:.3f}")


def _rows(answer: Any) -> tuple[Any, ...]:
    """The values of an answer; none when there is no such data."""
    if isinstance(answer, NoDataAvailable):
        return ()
    return answer.days if hasattr(answer, "days") else tuple(answer)


def _compass(degrees: int) -> str:
    """The direction of a wind in a compass's words."""
    return ("N", "NE", "E", "SE", "S", "SW", "W", "NW")[round(degrees / 45) % 8]
