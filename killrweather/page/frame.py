"""The frame of every page: what is found everywhere, and what is the same for light and dark."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from nicegui import background_tasks, ui
from starlette.requests import Request

from killrweather.errors import KillrWeatherError
from killrweather.page.desk import Desk
from killrweather.page.elements import button, link, notice, tag, text
from killrweather.page.pages import DESK
from killrweather.page.stored import News
from killrweather.page.units import COOKIE, Units, units_of

_CONNECT_S = 20.0
_ENTRIES = (("Map", "/"), ("Upload", "/upload"), ("Operations", "/operations"))
_HEAD = """<link rel="stylesheet" href="/page/style.css">
<script>document.documentElement.dataset.theme =
(document.cookie.match(/killrweather_theme=(light|dark)/) || [])[1] || "auto";</script>"""
_SPLASH = '<div id="splash" class="top" aria-hidden="true"><span class="brand">KillrWeather</span></div>'
"""What stands there until the scripts are; the style hides it then."""
_SET_THEME = """() => {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme === "auto" ? (dark ? "dark" : "light") : root.dataset.theme;
  root.dataset.theme = now === "dark" ? "light" : "dark";
  document.cookie = `killrweather_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`;
}"""
_SET_UNITS = """() => {
  document.cookie = "%s=%s; path=/; max-age=31536000; samesite=strict";
  window.location.reload();
}"""


def desk_of(request: Request) -> Desk:
    """The desk of the application that this page belongs to."""
    desk: Desk = request.scope[DESK]
    return desk


@contextmanager
def frame(request: Request, title: str, path: str) -> Iterator[Units]:
    """A page with this title and the units that its reader wants; ``path`` is its entry in the navigation."""
    units = units_of(request.cookies)
    other = "imperial" if units.system == "metric" else "metric"
    ui.context.client.title = f"{title} · KillrWeather"
    ui.add_head_html(_HEAD)
    ui.add_body_html(_SPLASH)
    with tag("header", "top"):
        link("Skip to content", "#content", "skip")
        link("KillrWeather", "/", "brand")
        with tag("nav", aria_label="Pages"):
            for label, target in _ENTRIES:
                link(label, target, **({"aria_current": "page"} if target == path else {}))
        with tag("div", "tools"):
            shown = "°C" if units.system == "metric" else "°F"
            button(shown, classes="small", aria_label=f"Units are {units.system}: change to {other}").on(
                "click", js_handler=_SET_UNITS % (COOKIE, other)
            )
            button("◐", classes="small", aria_label="Change between dark and light").on("click", js_handler=_SET_THEME)
            if desk_of(request).has_token:
                with tag("form", method="post", action="/logout"):
                    text("button", "Log out", "small", type="submit")
    with tag("div", "page", id="content", tabindex="-1"):
        yield units


class LiveLine:
    """Says that what is shown does not follow what arrives, and why; is not there while it does."""

    def __init__(self) -> None:
        self._line = text("p", "", "live", role="status")

    def show(self, news: News) -> None:
        """Say it, or no longer."""
        said = f"What is shown does not follow new observations now: {news.problem}. It goes on by itself."
        self._line.set_text(said if news.problem else "")


def after_connecting(load: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine function once the browser is there, in the place where this is called; a failure is shown.

    It is cancelled when the page is closed.
    """
    client, place = ui.context.client, tag("div", "contents")

    async def run() -> None:
        try:
            await client.connected(_CONNECT_S)
        except TimeoutError:
            return  # a program that reads pages
        with place:
            try:
                await load()
            except KillrWeatherError as error:
                show_error(error)

    task = background_tasks.create(run(), name=f"page {client.page.path}")
    client.on_delete(task.cancel)


def show_error(error: KillrWeatherError) -> None:
    """Say what failed, and offer to try again."""
    with notice("error", "This cannot be shown now", str(error)):
        button("Try again").on("click", js_handler="() => window.location.reload()")
