"""The examples of the client's page and of the README, against the whole HTTP application over real hours."""

import pytest
from client_stage import served
from doc_examples import assert_examples_are_true, reporting_station

from killrweather.client import Client
from killrweather.feed.demo import airports, weather_file


@pytest.mark.parametrize("page", ["README.md", "docs/client.md"])
def test_the_python_examples_of_a_page_do_what_the_page_says(stage, page):
    """Every block runs, in its order, and prints what stands below it."""
    with reporting_station(stage.url):
        assert_examples_are_true(page, stage.url)


@pytest.fixture(scope="module")
def stage():
    with served() as stage, Client(stage.url) as client:
        client.load(weather_file())
        client.store_stations(airports())
        yield stage
