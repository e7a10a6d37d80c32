"""The pages on a loaded system for a reader whose processor is four times slower."""

import statistics

from playwright.sync_api import Browser

from bench.browser import chromium
from bench.figures import Figure
from bench.system import System

_SLOWER, _TO_REACH_S = 4, 2.0
_PAGES = (
    ("map", "/", ".map canvas"),
    ("station", "/stations/725030:14732", "[data-chart=hours] canvas"),
)
_PAINTED = """new Promise((resolve) => new PerformanceObserver((list) => {
  for (const one of list.getEntriesByName("first-contentful-paint")) resolve(one.startTime);
}).observe({ type: "paint", buffered: true }))"""


def find_browser() -> None:
    """See that there is one; without it there is no measurement."""
    try:
        with chromium():
            pass
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None


def measure(system: System, repeats: int = 5) -> list[Figure]:
    """First contentful paint, and when the data is drawn; each time by a reader who was never there."""
    figures = []
    with chromium() as browser:
        _looked_at(browser, system.url + "/", ".map canvas")  # the first page of a node imports what draws them
        for name, path, shows in _PAGES:
            looks = [_looked_at(browser, system.url + path, shows) for _ in range(repeats)]
            painted_s, drawn_s = (statistics.median(each) for each in zip(*looks, strict=True))
            reader = f"processor {_SLOWER} times slower, nothing cached, median"
            figures += [
                Figure(
                    f"first contentful paint of the {name}, {reader}",
                    f"{painted_s:.2f} s",
                    to_reach=f"≤ {_TO_REACH_S:g} s",
                    reached=painted_s <= _TO_REACH_S,
                ),
                Figure(f"the {name} drawn with its data, {reader}", f"{drawn_s:.2f} s"),
            ]
    return figures


def _looked_at(browser: Browser, url: str, shows: str) -> tuple[float, float]:
    """Seconds until something can be read, and until the data is drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
    page.goto(url, wait_until="commit")
    painted_ms = page.evaluate(_PAINTED)
    page.wait_for_selector(shows)
    drawn_ms = page.evaluate("performance.now()")
    context.close()
    return painted_ms / 1_000, drawn_ms / 1_000
