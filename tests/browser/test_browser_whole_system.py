"""The running system in a real browser: hours are loaded, their station is on the map, its charts follow."""

import pytest
from playwright.sync_api import expect
from whole_system import WholeSystem

pytestmark = pytest.mark.timeout(600)

WSID = "725030:14732"
STATION = f"{WSID},LA GUARDIA AIRPORT,US,NY,KLGA,40.779,-73.880,3\n"


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A system of its own, with the place of one station."""
    system = WholeSystem.configure(tmp_path_factory.mktemp("system"))
    system.up()
    table = system.home / "stations.csv"
    table.write_text(STATION)
    system.run("stations", "load", str(table))
    yield system
    system.down()


def hours(day, degrees):
    """A day's lines."""
    return "".join(f"{WSID},2013,07,{day:02},{hour:02},{degrees},9.0,1013.0,270,4.6,2,0.5,\n" for hour in range(24))


def test_what_is_loaded_is_on_the_map_and_in_the_charts(system, chromium, tmp_path):
    """From the file to the map, to the station's page, and a posted row to its chart without a reload."""
    file = tmp_path / "july.csv"
    file.write_text(hours(1, 21.5) + hours(2, 24.0))
    system.run("load", str(file), "--wait")
    page = chromium.new_page(base_url=system.url)
    page.goto("/")
    page.get_by_role("link", name="LA GUARDIA AIRPORT").click()
    daily = page.locator("[data-chart=daily_temperature] figcaption")
    expect(daily).to_contain_text("2 days. Warmest 24.0 °C on 2013-07-02")
    assert system.post(f"{WSID},2013,07,03,00,31.5,9.0,1013.0,270,4.6,2,0.5,\n".encode()).status_code == 202

    expect(page.locator(".tile-value").first).to_have_text("31.5 °C")
    expect(daily).to_contain_text("3 days. Warmest 31.5 °C on 2013-07-03")
    page.goto("/operations")
    expect(page.locator("[data-part=flow]")).to_contain_text("Stored49")
    page.close()
