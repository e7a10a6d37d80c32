"""``killrweather stations``: what is asked of a node, and how its stations are shown."""

import csv
import json
import os
import subprocess
import sys

import pytest
from client_stage import served

from killrweather import cli
from killrweather.client import Client
from killrweather.messages.weather import FindWeatherStations
from killrweather.model.station import WeatherStation

STATIONS = [
    WeatherStation("744860:94789", "JOHN F KENNEDY INTL", "US", "NY", "KJFK", 40.639, -73.762, 3.4),
    WeatherStation("725030:14732", "LA GUARDIA AIRPORT", "US", "NY", "KLGA", 40.779, -73.88, 3.0),
    WeatherStation("066700:99999", "ZÜRICH KLOTEN (ZURICH)", "SZ", None, "LSZH", 47.48, 8.54, 432.0),
    WeatherStation("947670:99999", "SYDNEY", "AS", None, "YSSY", -33.946, 151.177, 6.4),
]


@pytest.fixture(scope="module")
def stage():
    """A node with some stations."""
    with served() as stage, Client(stage.url) as client:
        client.store_stations(STATIONS)
        yield stage


@pytest.fixture
def run(stage, monkeypatch, capsys, tmp_path):
    """Run ``killrweather stations``: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILLRWEATHER_HTTP_PORT", stage.url.rpartition(":")[2])

    def run_it(*arguments):
        stage.node.asked.clear()
        monkeypatch.setattr(sys, "argv", ["killrweather", "stations", *arguments])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capsys.readouterr()
        return leaving.value.code, written.out, written.err

    return run_it


def test_stations_near_a_place_are_shown_with_their_distance(run):
    """Nearest first, the unit in the heading."""
    code, out, err = run("near", "40.64,-73.78", "--km", "30")

    heading, units, *lines = out.splitlines()
    assert (code, err) == (0, "")
    assert heading.split()[-1] == "distance"
    assert units.split()[-1] == "km"
    assert [(line.split()[0], line.split()[-1]) for line in lines] == [
        ("744860:94789", "1.523"),
        ("725030:14732", "17.605"),
    ]


def test_the_distance_is_a_field_of_json_and_a_column_of_csv(run):
    """With all its digits, the same in both."""
    _, as_json, _ = run("near", "40.64,-73.78", "--km", "10", "--json")
    _, as_csv, _ = run("near", "40.64,-73.78", "--km", "10", "--csv")

    [kennedy] = json.loads(as_json)
    [row] = csv.DictReader(as_csv.splitlines())
    assert list(kennedy) == list(row)
    assert (kennedy["wsid"], round(kennedy["distance_km"], 3)) == ("744860:94789", 1.523)
    assert float(row["distance_km"]) == kennedy["distance_km"]


def test_a_place_may_be_south_of_the_equator(run):
    """Its minus is no option; options may stand behind it."""
    code, out, _ = run("near", "-33.9,151.2", "--km", "20")

    assert (code, out.split()[-1]) == (0, "5.538")


def test_no_more_is_asked_for_than_is_shown(run, stage):
    """One page of the size that --limit says."""
    code, out, _ = run("near", "40.64,-73.78", "--limit", "1", "--json")

    assert (code, len(json.loads(out))) == (0, 1)
    assert stage.node.asked == [FindWeatherStations(near=(40.64, -73.78), limit=1)]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["near", "40.64"], 2, '"40.64": expected latitude,longitude in degrees, such as 40.64,-73.78'),
        (["near", "here,there"], 2, '"here,there": expected latitude,longitude'),
        (["near", "91,0"], 2, "near 91.0,0.0: expected a latitude of -90 to 90 and a longitude of -180 to 180"),
        (["near", "nan,0"], 2, "expected latitude,longitude such as"),
        (["near", "1,2", "--km", "0"], 2, "km 0: expected more than 0"),
        (["near", "1,2", "--limit", "0"], 2, "--limit"),
        (["near", "0,0"], 3, "no station within 50 km of 0,0"),
        (["search", "heathrow"], 3, 'no station matches "heathrow"'),
    ],
)
def test_what_is_wrong_is_said_in_a_line(run, arguments, code, said):
    """With the exit code of misuse or of no data; stdout stays empty."""
    left, out, err = run(*arguments)

    assert (left, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


def by_shell(stage, line, **environment):
    """A line of a shell with the command as ``$K``: its exit code, stdout and stderr, as bytes."""
    port = stage.url.rpartition(":")[2]
    known = {**os.environ, "KILLRWEATHER_HTTP_PORT": port, "K": f"{sys.executable} -m killrweather", **environment}
    done = subprocess.run(["bash", "-c", line], capture_output=True, env=known, timeout=60)
    return done.returncode, done.stdout, done.stderr


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}


def test_a_locale_without_unicode_shows_what_it_can(stage):
    """Each character that it lacks is a ?, and the columns stay where they are."""
    code, out, err = by_shell(stage, "$K stations search zurich", **ASCII)

    _, heading, line = out.decode("ascii").splitlines()
    assert (code, err) == (0, b"")
    assert "Z?RICH KLOTEN" in line
    assert line.index("SZ") == heading.index("country")


def test_csv_is_utf_8_in_every_locale(stage):
    """It is data: no character is lost."""
    code, out, err = by_shell(stage, "$K stations search zurich --csv", **ASCII)

    assert (code, err) == (0, b"")
    assert "ZÜRICH KLOTEN" in out.decode("utf-8")


def test_a_word_that_is_no_unicode_is_refused(stage):
    """As a word is that was typed in another encoding than the locale's."""
    code, out, err = by_shell(stage, "$K stations search $'Z\\xdcrich'", LC_ALL="C.UTF-8")

    assert (code, out) == (2, b"")
    assert err == b"error: search 'Z\\udcdcrich': expected Unicode; is it of another encoding?\n"


def test_a_result_that_cannot_be_written_is_an_error_in_a_line(stage):
    """A full disk."""
    for form in ("", "--json", "--csv"):
        code, _, err = by_shell(stage, f"$K stations search zurich {form} > /dev/full")

        assert (code, err) == (1, b"error: stdout: No space left on device; the result is not complete\n")


def test_a_result_that_nobody_wants_is_written_nowhere(stage):
    """stdout is closed; the exit code tells all the same."""
    assert by_shell(stage, "$K stations search zurich >&-") == (0, b"", b"")
    assert by_shell(stage, "$K stations search heathrow >&-") == (3, b"", b'no station matches "heathrow"\n')
