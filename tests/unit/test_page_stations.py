"""How people look for stations, and what pages tell of them."""

import pytest

from killrweather.page.log_tail import last_lines
from killrweather.page.pages import is_page
from killrweather.page.stations import place_in
from killrweather.page.units import COOKIE, IMPERIAL, METRIC, units_of


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("40.64,-73.78", (40.64, -73.78)),
        (" 40.64 , -73.78 ", (40.64, -73.78)),
        ("40 -73", (40.0, -73.0)),
        ("kennedy", None),
        ("725030:14732", None),
        ("91,0", None),
        ("", None),
    ],
)
def test_a_place_is_told_from_words(text, place):
    """Two numbers that can be a latitude and a longitude."""
    assert place_in(text) == place


def test_a_measure_is_shown_in_the_readers_units():
    """A trace and an absent value are words."""
    assert METRIC.temperature.text(-3.25) == "-3.2 °C"
    assert IMPERIAL.temperature.text(-40.0) == "-40.0 °F"
    assert IMPERIAL.rain.text(25.4) == "1.00 in"
    assert METRIC.rain_text(-0.1) == "trace"
    assert METRIC.pressure.text(None) == "–"


@pytest.mark.parametrize(("cookie", "units"), [("imperial", IMPERIAL), ("metric", METRIC), ("<script>", METRIC)])
def test_units_come_from_the_cookie(cookie, units):
    """Anything else is metric."""
    assert units_of({COOKIE: cookie}) is units


@pytest.mark.parametrize("path", ["/", "/stations/725030:14732", "/upload", "/operations", "/_nicegui/3.1/static/a.js"])
def test_these_paths_are_pages(path):
    """A person looks at them."""
    assert is_page(path)


@pytest.mark.parametrize(
    "path", ["/weather/stations/725030:14732", "/operations/replay", "/status", "/stations/a/b", ""]
)
def test_these_paths_are_the_apis(path):
    """A program asks them."""
    assert not is_page(path)


def test_the_last_lines_of_a_long_log_are_whole(tmp_path):
    """The one that the block cuts is left out."""
    log = tmp_path / "node.log"
    log.write_text("".join(f"{number} {'x' * 90}\n" for number in range(2_000)))
    lines = last_lines(log, 5_000)

    assert lines[-1].startswith("1999 ")
    assert lines[0].split()[1] == "x" * 90
    assert last_lines(log, 2) == lines[-2:]
