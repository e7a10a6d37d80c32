"""The page at ``/``: where the stations are, what they observe now, and a way to find one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from starlette.requests import Request

from killrweather.errors import KillrWeatherError
from killrweather.messages.weather import GetObservedStations, GetWeatherStation, ObservedStation
from killrweather.model.station import WeatherStation
from killrweather.page import charts, stations
from killrweather.page.desk import Desk
from killrweather.page.elements import Chart, button, link, notice, select, tag, text
from killrweather.page.frame import LiveLine, after_connecting, desk_of, frame
from killrweather.page.stored import News, latest, patiently
from killrweather.page.units import Units

_REST_S, _MOST_REST_S = 0.001, 5.0
"""s between two drawings for each station on the map, and at most: the whole map is made and sent each time."""

_HERE = """() => navigator.geolocation.getCurrentPosition(
  (at) => emit(`${at.coords.latitude.toFixed(3)},${at.coords.longitude.toFixed(3)}`),
  (error) => emit(""),
)"""


def add() -> None:
    """Let NiceGUI show the page."""

    @ui.page("/")
    def show(request: Request, q: str = "") -> None:
        with frame(request, "Stations", "/") as units:
            _MapPage(desk_of(request), units, q)


class _MapPage:
    """The map on one side, the list on the other; both show the same stations."""

    def __init__(self, desk: Desk, units: Units, searched: str):
        self._desk, self._units = desk, units
        self._observed: tuple[ObservedStation, ...] = ()
        self._silent: Sequence[Sequence[float]] = ()
        self._is_rain, self._searched = False, searched
        self._found: list[stations.Found] = []
        self._entries: list[tuple[TextElement, TextElement]] = []
        self._map: Chart | None = None
        self._live = LiveLine()
        with tag("div", "map-layout"):
            with tag("section", "map-side", aria_labelledby="list-title"):
                text("h1", "Stations", id="list-title")
                self._search_form()
                self._count = text("p", "", "muted", role="status")
                with tag("div", "results") as self._results:
                    notice("loading", "Looking for stations …")
            with tag("section", "map-main", aria_label="Map"):
                self._controls()
                with tag("div", "map-box") as self._box:
                    notice("loading", "Drawing the map …")
        after_connecting(self._load)

    # -- what is there before the data

    def _search_form(self) -> None:
        with tag("form", "search", role="search") as form:
            text("label", "Name, id, call sign, or a place such as 40.64,\u00a0-73.78", for_="search")
            with tag("div", "search-row"):
                tag("input", id="search", type="search", value=self._searched, autocomplete="off", maxlength=80)
                text("button", "Search", type="submit")
            here = button("Near me", classes="small")
            here.on("click", lambda event: self._search(str(event.args)), js_handler=_HERE)
        read = '(event) => { event.preventDefault(); emit(document.getElementById("search").value); }'
        form.on("submit", lambda event: self._search(str(event.args)), js_handler=read)

    def _controls(self) -> None:
        with tag("div", "map-controls"):
            select(
                "Colour", (("temperature", "Temperature"), ("rain", "Rain of the hour")), "temperature", self._colour
            )
            with text("label", "", "choice"):
                box = tag("input", type="checkbox")
                text("span", "Stations without observations")
            box.on("change", lambda event: self._show_silent(bool(event.args)),
                   js_handler="(event) => emit(event.target.checked)")  # fmt: skip
            with tag("div", "map-zoom"):
                button("+", lambda: self._zoom(1.6), "small", aria_label="Zoom in")
                button("−", lambda: self._zoom(1 / 1.6), "small", aria_label="Zoom out")
                button("Fit", self._fit, "small", aria_label="Show all stations that have observations")

    # -- the data

    async def _load(self) -> None:
        with self._desk.stored.listening() as stored:
            await self._look()
            await self._search(self._searched)
            while True:
                await asyncio.sleep(self._rest_s())  # what comes meanwhile waits together
                await self._take_in(await stored.take())

    def _rest_s(self) -> float:
        """A few stations follow at once; thousands leave the application time for others."""
        return min(_REST_S * (len(self._observed) + len(self._silent)), _MOST_REST_S)

    async def _look(self) -> None:
        """Show the newest observations of all stations, as soon as the node answers."""
        self._observed = await patiently(lambda: self._desk.ask(GetObservedStations()), self._cannot_look)
        self._draw()

    def _cannot_look(self, error: KillrWeatherError) -> None:
        if self._map is None:
            self._box.clear()
            self._results.clear()
            with self._box:
                notice("error", "The map cannot be drawn now", f"{error} It is tried again.")

    async def _take_in(self, news: News) -> None:
        """Show what is stored now."""
        self._live.show(news)
        if news.is_gap:
            await self._look()
        known = {one.station.wsid: one for one in self._observed}
        for wsid, stated in news.newest.items():
            old = known.get(wsid)
            station = old.station if old else await self._station(wsid)
            known[wsid] = ObservedStation(station, latest(old.newest if old else None, stated))
        self._observed = tuple(known[wsid] for wsid in sorted(known))
        self._draw()
        await self._refresh()

    async def _station(self, wsid: str) -> WeatherStation:
        """A station that is heard for the first time."""
        try:
            found: WeatherStation = await self._desk.ask(GetWeatherStation(wsid))
        except KillrWeatherError:
            return WeatherStation(wsid)
        return found

    def _draw(self) -> None:
        on_map = stations.on_map(self._observed, self._is_rain, self._units)
        unit = self._units.rain if self._is_rain else self._units.temperature
        options = charts.world(on_map, self._silent, unit, self._is_rain)
        if self._map is None:
            self._box.clear()
            with self._box:
                view = charts.view_of([one["place"] for one in on_map])
                self._map = Chart(options, unit, "stations", view).classes("map")
                label = "Map of the stations. Everything on it is in the list of stations, too."
                self._map.props["role"], self._map.props["aria-label"] = "img", label
                if not self._observed:
                    with notice("empty", "No observations yet", "Load some to see their stations here."):
                        link("Upload a file", "/upload", "button")
        else:
            self._map.show(options)

    async def _search(self, searched: str) -> None:
        """Look for stations, show them in the list, and have the map look at them."""
        self._searched = searched
        await self._refresh()
        places = [_place(one) for one in self._found if self._searched.strip() and one.station.lat is not None]
        if places and self._map is not None:
            self._map.run_method("look_at", charts.view_of(places[:10], closest=40.0))

    async def _refresh(self) -> None:
        """Show in the list what is found now; of stations that stand there already only what they observe changes.

        An answer that comes when something else is looked for is not shown.
        """
        searched = self._searched
        try:
            found = await stations.find(self._desk.ask, searched, self._observed)
        except KillrWeatherError as error:
            if searched != self._searched:
                return
            self._found, self._entries = [], []
            self._results.clear()
            with self._results:
                notice("error", "The search failed", str(error))
            return
        if searched != self._searched:
            return
        is_same = [one.station for one in found] == [one.station for one in self._found] and bool(self._entries)
        self._found = found
        self._count.set_text(self._counted())
        if not is_same:
            self._show_found()
        for one, (value, detail) in zip(found, self._entries, strict=True):
            value.set_text(self._units.temperature.text(one.newest.temperature) if one.newest else "")
            detail.set_text(self._detail(one))

    def _counted(self) -> str:
        if self._searched.strip():
            return _found_in_words(len(self._found), self._searched)
        return f"{len(self._observed):,} with observations" if self._observed else ""

    def _show_found(self) -> None:
        self._results.clear()
        with self._results:
            if self._searched.strip():
                button("Show all", lambda: self._search_again(""), "small")
            with tag("ul", "stations"):
                self._entries = [self._entry(one.station) for one in self._found]

    @staticmethod
    def _entry(station: WeatherStation) -> tuple[TextElement, TextElement]:
        """A station's line with room for what it observes."""
        with tag("li"):
            with tag("div", "station-line"):
                link(stations.name_of(station), stations.address(station.wsid), "station-name")
                value = text("span", "", "value")
            return value, text("div", "", "muted small-text")

    def _detail(self, one: stations.Found) -> str:
        parts = [one.station.wsid, one.station.country_code or ""]
        if one.distance_km is not None:
            parts.append(self._units.distance.text(one.distance_km))
        if one.newest is None:
            parts.append("no observations")
        elif one.newest.one_hour_precip is not None:
            parts.append(f"rain {self._units.rain_text(one.newest.one_hour_precip)}")
        return " · ".join(part for part in parts if part)

    # -- what people do

    async def _search_again(self, searched: str) -> None:
        await self._search(searched)
        self._fit()
        ui.run_javascript('document.getElementById("search").value = ""')

    def _colour(self, chosen: str) -> None:
        self._is_rain = chosen == "rain"
        if self._map is not None:
            self._draw()

    async def _show_silent(self, wanted: bool) -> None:
        try:
            self._silent = await stations.silent_places(self._desk.ask, self._observed) if wanted else ()
        except KillrWeatherError as error:
            ui.notify(str(error), type="negative")
        if self._map is not None:
            self._draw()

    def _zoom(self, factor: float) -> None:
        if self._map is not None:
            self._map.run_method("zoom", factor)

    def _fit(self) -> None:
        if self._map is not None:
            view: dict[str, Any] = charts.view_of(
                [one["place"] for one in stations.on_map(self._observed, False, self._units)]
            )
            self._map.run_method("look_at", view)


def _place(one: stations.Found) -> list[float]:
    return [one.station.long or 0.0, one.station.lat or 0.0]


def _found_in_words(number: int, searched: str) -> str:
    if not number:
        return f"Nothing is called “{searched[:40]}”. A name, an id, a call sign or a place is looked for."
    most = " or more" if number >= stations.MOST_FOUND else ""
    return f"{number}{most} found for “{searched[:40]}”"
