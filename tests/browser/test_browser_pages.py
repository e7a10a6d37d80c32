"""The pages in a real browser, over a staged node: found, read, operated by keyboard, never running a name."""

import re
import time
from dataclasses import replace

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser_stage import EVIL_NAME, HOSTILE, LGA, SILENT, Served, StagedNode
from playwright.sync_api import expect

from killrweather.actorsystem.testkit import eventually
from killrweather.errors import Unavailable
from killrweather.messages.weather import FindWeatherStations, GetCurrentWeather
from killrweather.model.station import WeatherStation

PAGES = {
    "map": ("/", ".map canvas"),
    "station": (f"/stations/{LGA}", "[data-chart=hours] canvas"),
    "upload": ("/upload", ".drop"),
    "operations": ("/operations", "[data-part=actors] table"),
    "unknown station": ("/stations/999999:99999", ".notice.empty"),
    "silent station": (f"/stations/{SILENT}", ".notice.empty"),
}
BAD_FILE = (
    f"{LGA},2013,11,05,00,5.0,1.0,1020.4,270,4.6,2,0.0,\n{LGA},2013,13,05,01,5.0,1.0,1020.4,270,4.6,2,0.0,\n".encode()
)
MAP_CHART = "getElement(Number(document.querySelector('.map').id.slice(1))).chart"
_SERIOUS = ("serious", "critical")


def look_at(page, name):
    """Open a page and wait until it shows what it has."""
    path, shows = PAGES[name]
    page.goto(path)
    page.wait_for_selector(shows)


def post(served, hour_and_degrees, wsid=LGA, rain="0.0"):
    """Send a row."""
    row = f"{wsid},{hour_and_degrees},1.0,1020.4,270,4.6,2,{rain},\n"
    httpx.post(f"{served.url}/weather/data", content=row).raise_for_status()


def test_a_station_is_found_on_the_map(page):
    """A click where La Guardia is leads to its page, with its weather and its charts."""
    look_at(page, "map")
    page.get_by_label("Name, id, call sign").fill("la guardia")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("1 found for “la guardia”")).to_be_visible()
    canvas = page.locator(".map .chart-canvas")
    page.wait_for_function(f"{MAP_CHART}.getOption().geo[0].zoom === 40")
    spot = page.evaluate(f"{MAP_CHART}.convertToPixel('geo', [-73.88, 40.779])")
    canvas.click(position={"x": spot[0], "y": spot[1]})

    expect(page.get_by_role("heading", level=1)).to_have_text("LA GUARDIA AIRPORT")
    expect(page.locator(".tile-value").first).to_have_text("10.7 °C")
    expect(page.locator("[data-chart] canvas")).to_have_count(9)


def test_an_answer_to_an_earlier_search_is_not_shown(page, node, served):
    """What is looked for now stays in the list."""
    look_at(page, "map")
    page.get_by_label("Name, id, call sign").fill("la guardia")
    page.get_by_role("button", name="Search").click()
    names = page.locator(".station-name")
    expect(names).to_have_count(1)
    node.may_find.clear()
    asked = node.asked[FindWeatherStations]
    post(served, "2013,11,05,00,38.5")
    eventually(lambda: node.asked[FindWeatherStations] > asked, within_s=60.0)
    page.get_by_role("button", name="Show all", exact=True).click()
    expect(names).to_have_count(8)
    served.run(node.answer_searches())
    page.wait_for_timeout(500)

    assert names.count() == 8


def test_stations_near_a_place_come_nearest_first(page):
    """A latitude and longitude in the search is a place; distances are said."""
    look_at(page, "map")
    page.get_by_label("Name, id, call sign").fill("40.64, -73.78")
    page.get_by_role("button", name="Search").click()

    names = page.locator(".station-name")
    expect(names).to_have_text(["JOHN F KENNEDY INTL", "LA GUARDIA AIRPORT", "NEWARK LIBERTY INTL"])
    expect(page.locator(".stations li").first).to_contain_text("2 km")


def test_charts_change_as_a_row_arrives(page, served):
    """A posted hour is in the tiles, and its day in the chart, without a reload."""
    look_at(page, "station")
    daily = page.locator("[data-chart=daily_temperature]")
    expect(daily.locator("figcaption")).to_contain_text("308 days. Warmest 30.2 °C on 2013-07-18")
    post(served, "2013,11,05,00,38.5")

    expect(page.locator(".tile-value").first).to_have_text("38.5 °C")
    expect(daily.locator("figcaption")).to_contain_text("309 days. Warmest 38.5 °C on 2013-11-05")
    assert int(daily.locator("[data-drawn]").get_attribute("data-drawn")) > 1


def test_charts_wait_until_a_row_is_stored(page, served, node):
    """An accepted row is not in the aggregates yet: nothing is drawn for it, and once it is stored everything is."""
    look_at(page, "station")
    caption = page.locator("[data-chart=daily_temperature] figcaption")
    node.is_storing = False
    post(served, "2013,11,05,00,38.5")
    page.wait_for_timeout(1_500)
    expect(caption).to_contain_text("308 days")
    node.store()

    expect(caption).to_contain_text("309 days. Warmest 38.5 °C on 2013-11-05")
    expect(page.locator(".tile-value").first).to_have_text("38.5 °C")


def test_a_correction_of_an_older_hour_is_seen(page, served):
    """Though the newest hour stays what it was."""
    look_at(page, "station")
    post(served, "2013,01,05,00,44.5")

    expect(page.locator("[data-chart=daily_temperature] figcaption")).to_contain_text("Warmest 44.5 °C on 2013-01-05")
    expect(page.locator(".tile-value").first).to_have_text("10.7 °C")


def test_the_map_and_its_list_change_as_a_row_arrives(page, served):
    """In place: a reader who has come to a station in the list stays there."""
    look_at(page, "map")
    line = page.get_by_role("listitem").filter(has_text="LA GUARDIA")
    line.get_by_role("link").focus()
    post(served, "2013,11,05,00,38.5")

    expect(line).to_contain_text("38.5 °C")
    expect(page.get_by_role("link", name="LA GUARDIA AIRPORT")).to_be_focused()
    shown = page.evaluate(f"{MAP_CHART}.getOption().series[0].data.map((one) => one.tip)")
    assert [tip for tip in shown if "38.5 °C" in tip and tip.endswith("2013-11-05 00:00 UTC")]


def test_a_map_of_thousands_of_stations_rests_between_two_drawings(page, served, node):
    """What comes meanwhile is drawn together, and nothing of it is missing in the end."""
    row = node.rows[LGA][max(node.rows[LGA])]
    others = [
        WeatherStation(f"{number:06}:88888", None, "US", None, None, 30.0, -100.0, 0.0) for number in range(5_000)
    ]
    node.stations |= {one.wsid: one for one in others}
    node.rows |= {one.wsid: {row.time: replace(row, wsid=one.wsid)} for one in others}
    look_at(page, "map")
    drawn = page.locator(".map [data-drawn]")
    before, began = int(drawn.get_attribute("data-drawn")), time.monotonic()
    for hour in range(12):
        post(served, f"2013,11,05,{hour:02},38.5")
        page.wait_for_timeout(500)
    drawings, took_s = int(drawn.get_attribute("data-drawn")) - before, time.monotonic() - began

    assert drawings <= 1 + took_s / 5
    page.wait_for_function(f"{MAP_CHART}.getOption().series[0].data.some((one) => one.tip.endsWith('11-05 11:00 UTC'))")


def test_a_station_that_nobody_had_heard_comes_to_the_map(page, served):
    """With the place that the table of stations has."""
    look_at(page, "map")
    post(served, "2013,11,05,00,-3.5", SILENT)

    expect(page.get_by_role("listitem").filter(has_text="JAN MAYEN")).to_contain_text("-3.5 °C")
    expect(page.get_by_text("9 with observations")).to_be_visible()


def test_a_station_without_observations_shows_its_first(page, served):
    """The page becomes that of a station with weather."""
    look_at(page, "silent station")
    post(served, "2013,11,05,00,-3.5", SILENT)

    expect(page.locator(".tile-value").first).to_have_text("-3.5 °C")


def test_an_older_year_comes_to_the_chooser(page, served):
    """When the first row of it is stored."""
    look_at(page, "station")
    post(served, "2011,11,05,00,38.5")

    expect(page.get_by_label("Year", exact=True).get_by_role("option")).to_have_text(["2013", "2012", "2011"])


def test_a_station_that_states_no_field_with_a_year_of_its_own_is_not_loaded_again(page, node, served):
    """Neither temperature nor rain: no table of years has it, however often it reports."""
    look_at(page, "silent station")
    page.evaluate("window.isSame = true")
    for hour in range(2):
        asked = node.asked[GetCurrentWeather]
        post(served, f"2013,11,05,{hour:02},", SILENT, rain="")
        eventually(lambda asked=asked: node.asked[GetCurrentWeather] > asked, within_s=60.0)
    page.wait_for_timeout(500)

    assert page.evaluate("window.isSame")


@pytest.mark.parametrize("name", ["map", "station"])
def test_a_page_says_when_it_follows_no_longer_and_catches_up(page, served, node, name):
    """Why, and when the log is there again what was missed is shown."""
    look_at(page, name)
    served.run(node.log.be_away("Kafka is away"))
    expect(page.get_by_text("does not follow new observations now: Kafka is away")).to_be_visible()
    post(served, "2013,11,05,00,38.5")
    served.run(node.log.be_away(""))

    expect(page.get_by_text("38.5 °C").first).to_be_visible()
    expect(page.get_by_text("does not follow new observations now")).to_be_hidden()


def test_a_bad_file_says_row_by_row_why(page):
    """Line, field, value and reason of what was rejected; the good rows are stored."""
    look_at(page, "upload")
    page.get_by_label("Drop files here").set_input_files(
        {"name": "bad.csv", "mimeType": "text/csv", "buffer": BAD_FILE}
    )

    expect(page.get_by_text("Read 2, accepted 1, rejected 1.", exact=True)).to_be_visible()
    expect(page.locator(".file-card tbody tr td")).to_have_text(["2", "month", "13", re.compile("expected")])
    expect(page.get_by_text("Stored: it is on the map")).to_be_visible()


def test_a_dropped_file_is_sent(page, node):
    """By drag and drop, as by the chooser."""
    look_at(page, "upload")
    page.locator(".drop").evaluate(
        """(zone, text) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([text], "dropped.csv"));
          zone.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        BAD_FILE.decode().splitlines()[0],
    )

    expect(page.get_by_text("Read 1, accepted 1, rejected 0.", exact=True)).to_be_visible()
    assert node.accepted == 1


def test_a_file_that_is_no_weather_is_refused_in_words(page):
    """The API's own words, and that nothing came in."""
    look_at(page, "upload")
    page.get_by_label("Drop files here").set_input_files(
        {"name": "cat.csv", "mimeType": "text/csv", "buffer": f"{LGA},2013,13,05\n".encode()}
    )

    expect(page.locator(".file-card .failed")).to_contain_text("none of them acceptable")


@pytest.mark.parametrize("name", PAGES)
def test_everything_is_reached_by_keyboard(page, name):
    """Tab comes to each link, button, field and scrolling region that can be seen."""
    look_at(page, name)
    page.wait_for_timeout(500)
    wanted = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, select, [tabindex='0']")]
          .filter((one) => one.checkVisibility() && (one.type !== "radio" || one.checked))
          .map((one, number) => (one.dataset.stop = number))"""
    )
    reached = set()
    for _ in range(len(wanted) + 10):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.stop"))

    assert {str(number) for number in wanted} - reached == set()


def test_the_first_key_offers_to_skip_to_the_content(page):
    """And so does Enter."""
    look_at(page, "operations")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(page, name, scheme):
    """WCAG by axe-core: nothing serious or critical."""
    page.emulate_media(color_scheme=scheme)
    look_at(page, name)
    found = Axe().run(page).response["violations"]
    serious = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found if one["impact"] in _SERIOUS]

    assert serious == []


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_needs_no_sideways_scrolling(page, name):
    """At 390 px nothing is wider than the screen."""
    page.set_viewport_size({"width": 390, "height": 844})
    look_at(page, name)

    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_html_and_script_in_a_name_are_text(page):
    """In the list, the heading and the title; the fixture sees that no dialog opens."""
    look_at(page, "map")
    expect(page.get_by_role("link", name=EVIL_NAME)).to_be_visible()
    page.goto(f"/stations/{HOSTILE}")

    expect(page.get_by_role("heading", level=1)).to_have_text(EVIL_NAME)
    expect(page).to_have_title(f"{EVIL_NAME} · KillrWeather")
    assert page.locator("h1 *").count() == 0


def test_a_script_that_gets_into_the_page_is_not_run(chromium, served):
    """The policy names the page's own scripts by their hashes; an event attribute is none of them."""
    page = chromium.new_page(base_url=served.url)
    look_at(page, "upload")
    refused = page.evaluate(
        """() => new Promise((resolve) => {
          document.addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective));
          const image = document.createElement("div");
          document.body.append(image);
          image.innerHTML = '<button onclick="window.hacked = true">x</button>';
          image.firstChild.click();
          setTimeout(() => resolve(window.hacked ? "it ran" : "nothing"), 1000);
        })"""
    )

    hacked = page.evaluate("window.hacked")
    page.close()

    assert (refused, hacked) == ("script-src-attr", None)


def test_a_chart_is_downloaded_as_picture_and_numbers(page):
    """A PNG, and a CSV with a row a day."""
    look_at(page, "station")
    files = {}
    for kind in ("PNG", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Temperature of each day, 2013: download as {kind}").click()
        files[download.value.suggested_filename] = download.value.path().read_bytes()

    assert files["725030-14732-daily-temperature.png"].startswith(b"\x89PNG")
    lines = files["725030-14732-daily-temperature.csv"].decode().splitlines()
    assert lines[0] == "day,high °C,mean °C,low °C,hours"
    assert len(lines) == 1 + 308


def test_units_and_light_are_remembered(page):
    """Imperial and dark, after a reload too."""
    look_at(page, "station")
    page.get_by_role("button", name="change to imperial").click()
    expect(page.locator(".tile-value").first).to_have_text("51.3 °F")
    page.get_by_role("button", name="Change between dark and light").click()
    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator(".tile-value").first).to_have_text("51.3 °F")


def test_another_year_is_shown_when_it_is_chosen(page):
    """All charts of the year follow."""
    look_at(page, "station")
    page.get_by_label("Year", exact=True).select_option("2012")

    expect(page.locator("[data-chart=daily_temperature] h3")).to_have_text("Temperature of each day, 2012")
    expect(page.locator("[data-chart=hours] h3")).to_have_text("Temperature of each hour, 2012")


def test_an_empty_system_says_what_to_do(chromium):
    """The map without stations offers the upload."""
    served = Served(StagedNode(with_data=False))
    page = chromium.new_page(base_url=served.url)
    page.goto("/")

    expect(page.get_by_text("No observations yet")).to_be_visible()
    expect(page.get_by_role("link", name="Upload a file")).to_be_visible()
    page.close()
    served.stop()


@pytest.mark.parametrize("name", ["map", "station", "operations"])
def test_a_node_that_cannot_answer_is_said_in_words(page, node, name):
    """The page comes, with the reason in an alert."""
    node.failing = Unavailable("Cassandra at 127.0.0.1 does not answer")
    page.goto(PAGES[name][0])

    expect(page.get_by_role("alert").first).to_contain_text("Cassandra at 127.0.0.1 does not answer")


def test_the_map_comes_back_with_the_node(page, node):
    """What failed is asked again."""
    node.failing = Unavailable("away")
    page.goto("/")
    expect(page.get_by_role("alert").first).to_be_visible()
    node.failing = None

    expect(page.locator(".map canvas").first).to_be_visible()


def test_a_token_is_asked_for_once(chromium, node):
    """The form, a wrong token, the right one, the page with its web socket, an upload's path, and the way out."""
    served = Served(node, token="s3cret")
    context = chromium.new_context(base_url=served.url)
    page = context.new_page()
    page.goto(f"/stations/{LGA}")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("not the token")
    page.get_by_label("Token").fill("s3cret")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("LA GUARDIA AIRPORT")
    [cookie] = [one for one in context.cookies() if one["name"] == "killrweather_login"]

    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert "s3cret" not in cookie["value"]
    assert page.request.get("/status").status == 200
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    assert page.request.get("/status").status == 401
    context.close()
    served.stop()
