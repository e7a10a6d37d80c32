"""What the tests of one node on clusters share; each module has clusters of its own and a ``system`` on them."""

import pytest
from exact_tables import Tables
from node_on_clusters import PATIENCE_S
from weather_files import real_year, under_other_ids, write, write_by_month

from killrweather.actorsystem.testkit import eventually
from killrweather.configuration import load_configuration


@pytest.fixture(scope="module")
def settings(system):
    return load_configuration([system.config]).settings


@pytest.fixture(scope="module")
def tables(settings):
    return Tables(settings)


@pytest.fixture(scope="module")
def year():
    """A year of real hours of two stations."""
    return real_year()


@pytest.fixture(scope="module")
def loaded(system, year, tmp_path_factory):
    """The rows of a year that is stored."""
    rows = under_other_ids(year, 800_001)
    system.run("load", str(write(rows, tmp_path_factory.mktemp("loaded") / "year.csv")), "--wait", timeout_s=PATIENCE_S)
    return rows


@pytest.fixture
def whole(system, loaded):
    """Every test begins with a node that is ready and has data."""
    system.run("status", "--wait", "ready", "--timeout", str(PATIENCE_S), timeout_s=PATIENCE_S)


@pytest.fixture
def load(system, year, tmp_path):
    """Begin a load of a year under station ids of its own; it is in the middle of it now."""

    def begin(number):
        rows = under_other_ids(year, number)
        directory = write_by_month(rows, tmp_path / str(number))
        process = system.begin("load", str(directory), "--wait", "--json")
        eventually(lambda: system.moves() and process.poll() is None, 60)
        return process, rows

    return begin
