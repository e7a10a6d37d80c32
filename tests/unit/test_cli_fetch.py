"""killrweather fetch, from a server with the paths of NOAA's."""

import gzip
import hashlib
import json
import sys

import pytest
from download_stage import file_server
from feed_stage import GHCNH_COLUMNS, ghcnh_line, parse_pieces

from killrweather import cli
from killrweather.cli.load import _files
from killrweather.errors import BadRequest
from killrweather.feed.formats import format_named
from killrweather.feed.noaa import station_year
from killrweather.feed.reader import read_path
from killrweather.settings import Feed

ISD_LITE = gzip.compress(b"2008 01 01 00    50   -39 10204   270    46     2     0     0\n" * 500)
GHCNH = f"{'|'.join(GHCNH_COLUMNS)}\n{ghcnh_line('2025-01-01T13:51:00', precipitation='47.2')}\n".encode()


@pytest.fixture
def noaa():
    with file_server() as found:
        found.files["pub/data/noaa/isd-lite/2008/725030-14732-2008.gz"] = ISD_LITE
        folder = "oa/global-historical-climatology-network/hourly/access/by-year"
        found.files[f"{folder}/2025/psv/GHCNh_USW00014732_2025.psv"] = GHCNH
        yield found


@pytest.fixture
def run(noaa, monkeypatch, capsys, tmp_path):
    """Run fetch in an empty directory: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILLRWEATHER_FEED_NOAA_URL", noaa.url + "/")
    monkeypatch.setattr("killrweather.download._FIRST_WAIT_S", 0)

    def run_it(*arguments):
        monkeypatch.setattr(sys, "argv", ["killrweather", "fetch", *arguments])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capsys.readouterr()
        return leaving.value.code, written.out, written.err

    return run_it


def test_a_station_year_is_fetched_and_can_be_loaded(run, tmp_path):
    """stdout has the path alone; the directory can be loaded as it is."""
    code, out, err = run("--station", "725030:14732", "--year", "2008", "--to", "data")

    assert (code, out) == (0, "data/725030-14732-2008.gz\n")
    assert hashlib.sha256(ISD_LITE).hexdigest() in err
    assert [path.name for path in _files(["data"])] == ["725030-14732-2008.gz"]
    assert parse_pieces(read_path(tmp_path / out.strip(), Feed()))[0] == 500


def test_a_year_after_isd_lite_comes_as_ghcnh(run, tmp_path):
    """By either id of the station; the JSON has path, URL, size and sum."""
    code, out, _ = run("--station", "725030:14732", "--year", "2025", "--json")
    found = json.loads(out)

    assert code == 0
    assert (found["path"], found["bytes"]) == ("GHCNh_USW00014732_2025.psv", len(GHCNH))
    assert found["sha256"] == hashlib.sha256(GHCNH).hexdigest()
    assert parse_pieces(read_path(tmp_path / found["path"], Feed()))[1][0][11] == 47.2
    assert run("--station", "usw00014732", "--year", "2025", "--to", "b")[1] == "b/GHCNh_USW00014732_2025.psv\n"


def test_a_station_year_that_is_not_there_is_exit_code_3(run):
    """One line that says what NOAA does not have."""
    code, out, err = run("--station", "725030:14732", "--year", "1950")

    assert (code, out) == (3, "")
    assert len(err.strip().splitlines()) == 1
    assert "no isd-lite data of station 725030-14732 for 1950" in err
    assert "/pub/data/noaa/isd-lite/1950/725030-14732-1950.gz: there is no such file (404)" in err


def test_a_cut_connection_is_gone_on_with(run, noaa):
    """Within one run."""
    noaa.cuts = [100, 20]
    code, _, _ = run("--station", "725030:14732", "--year", "2008")

    assert code == 0
    assert noaa.sent == len(ISD_LITE)


def test_a_refusal_is_exit_code_1(run, noaa):
    """One line."""
    noaa.codes = [403]
    code, out, err = run("--station", "725030:14732", "--year", "2008")

    assert (code, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert "403" in err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--station", "LGA", "--year", "2008"], "LGA"),
        (["--station", "725030:14732", "--year", "1800"], "1800"),
        (["--station", "725030:14732", "--year", "2008", "--format", "csv"], "isd-lite and ghcnh"),
        (["--station", "725030:14732", "--year", "2008", "--format", "grib"], "grib"),
        (["--station", "010010:99999", "--year", "2025"], "ghcnh-station-list.csv"),
        (["--station", "USW00014732", "--year", "2008", "--format", "isd-lite"], "stations search"),
    ],
)
def test_an_argument_that_cannot_be_is_exit_code_2(run, noaa, arguments, named):
    """One line that names it, and nobody is asked."""
    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert named in err
    assert noaa.asked == []


@pytest.mark.parametrize(
    ("station", "year", "format", "name"),
    [
        ("10010:99999", 2024, None, "010010-99999-2024.gz"),
        ("725030:14732", 2025, "isd-lite", "725030-14732-2025.gz"),
        ("725030:14732", 2008, "ghcnh", "GHCNh_USW00014732_2008.psv"),
        ("NOI0000ENJA", 1999, None, "GHCNh_NOI0000ENJA_1999.psv"),
    ],
)
def test_a_file_is_named_as_noaa_names_it(station, year, format, name):
    """ISD-Lite up to 2024 and for USAF:WBAN, GHCNh else, unless one is asked for."""
    found = station_year(station, year, format_named(format) if format else None)

    assert found.file_name == name
    assert found.path.endswith(f"/{name}")


def test_a_station_without_a_wban_has_no_known_id_in_ghcnh():
    """99999 is none."""
    with pytest.raises(BadRequest, match="no WBAN number leads to its GHCNh id"):
        station_year("010010:99999", 2025)
