"""What the tests of one node on clusters share; each module has clusters of its own and a ``system`` on them."""

import pytest
from exact_tables import Tables, assert_ends_exactly
from held_load import HeldLoad
from node_on_clusters import PATIENCE_S
from weather_files import as_csv, real_year, under_other_ids, write

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
def load(system, tables, year, tmp_path):
    """Load a year under station ids of its own, with a fault in the middle; every day of it is exact. Its rows."""

    def with_fault(number, fault):
        rows = under_other_ids(year, number)
        load = HeldLoad(system, as_csv(rows), tmp_path / str(number))
        fault()
        load.go_on()
        assert_ends_exactly(load, tables, rows, PATIENCE_S)
        return rows

    return with_fault
