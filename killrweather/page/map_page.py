"""The page at ``/``: where the stations are, what they observe now, and a way to find one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from nicegui import ui
from starlette.requests import Request

from killrweather.errors import KillrWeatherError
from killrweather.messages.weather import GetObservedStations, ObservedStation
from killrweather.page import charts, stations
from killrweather.page.desk import Desk
from killrweather.page.elements import Chart, button, link, notice, select, tag, text
from killrweather.page.frame import after_connecting, desk_of, frame
from killrweather.page.units import Units

EVERY_S = 5.0
"""s between two looks at the newest observations of all stations."""

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
        self._map: Chart | None = None
        with tag("div", "map-layout"):
            with tag("section", "map-side", aria_labelledby="list-title"):
                text("h1", "Stations", id="list-title")
                self._search_form()
                with tag("div", "results", aria_live="polite") as self._results:
                    notice("loading", "Looking for stations …")
            with tag("section", "map-main", aria_label="Map"):
                self._controls()
                with tag("div", "map-box") as self._box:
                    notice("loading", "Drawing the map …")
        after_connecting(self._load)

    # -- what is there before the data

    def _search_form(self) -> None:
        with tag("form", "search", role="search") as form:
            text("label", "Name, id, call sign, or a place such as 40.64, -73.78", for_="search")
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
        while True:
            try:
                observed = await self._desk.ask(GetObservedStations())
            except KillrWeatherError as error:
                if self._map is None:
                    self._box.clear()
                    self._results.clear()
                    with self._box:
                        notice("error", "The map cannot be drawn now", f"{error} It is tried again.")
            else:
                if observed != self._observed or self._map is None:
                    self._observed = observed
                    self._draw()
                    await self._search(self._searched)
            await asyncio.sleep(EVERY_S)

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
        """Show what is found in the list."""
        self._searched = searched
        try:
            self._found = await stations.find(self._desk.ask, searched, self._observed)
        except KillrWeatherError as error:
            self._results.clear()
            with self._results:
                notice("error", "The search failed", str(error))
            return
        self._show_found()
        places = [_place(one) for one in self._found if searched.strip() and one.station.lat is not None]
        if places and self._map is not None:
            self._map.run_method("look_at", charts.view_of(places[:10], closest=40.0))

    def _show_found(self) -> None:
        self._results.clear()
        with self._results:
            if self._searched.strip():
                text("p", _found_in_words(len(self._found), self._searched), "muted")
                button("Show all", lambda: self._search_again(""), "small")
            elif self._observed:
                text("p", f"{len(self._observed):,} with observations", "muted")
            with tag("ul", "stations"):
                for one in self._found:
                    self._entry(one)

    def _entry(self, one: stations.Found) -> None:
        with tag("li"):
            with tag("div", "station-line"):
                link(stations.name_of(one.station), stations.address(one.station.wsid), "station-name")
                if one.newest is not None:
                    text("span", self._units.temperature.text(one.newest.temperature), "value")
            parts = [one.station.wsid, one.station.country_code or ""]
            if one.distance_km is not None:
                parts.append(self._units.distance.text(one.distance_km))
            if one.newest is None:
                parts.append("no observations")
            elif one.newest.one_hour_precip is not None:
                parts.append(f"rain {self._units.rain_text(one.newest.one_hour_precip)}")
            text("div", " · ".join(part for part in parts if part), "muted small-text")

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
