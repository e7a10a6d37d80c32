"""``killrweather query``: what each command asks over HTTP, and how its answer is shown."""

import json
import sys

import httpx
import pytest
from cli_stage import Node

from killrweather import cli
from killrweather.model.precipitation import AnnualPrecipitation, DailyPrecipitation, MonthlyPrecipitation
from killrweather.model.temperature import AnnualTemperature, MonthlyTemperature

LGA = "725030:14732"
STATION = f"/weather/stations/{LGA}"


def a_month(month):
    return MonthlyTemperature(LGA, 2013, month, 37.8, 18.9, 27.0, 12.25, 3.5, 744)


@pytest.fixture
def node(monkeypatch):
    node = Node()
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", node.answer)
    return node


@pytest.fixture
def query(monkeypatch, capsys, tmp_path):
    """Run ``killrweather query``: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["killrweather", "query", *arguments])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capsys.readouterr()
        return leaving.value.code, written.out, written.err

    return run


@pytest.mark.parametrize(
    ("arguments", "path", "asked"),
    [
        (["daily", "--start", "2013-07-01"], "daily", {"start": "2013-07-01", "end": "2013-07-01"}),
        (["daily", "--end", "2013-07-01"], "daily", {"end": "2013-07-01"}),
        (["daily", "--year", "2013", "--month", "2"], "daily", {"start": "2013-02-01", "end": "2013-02-28"}),
        (["monthly"], "monthly", {}),
        (["monthly", "--year", "2013"], "monthly", {"year": "2013"}),
        (["monthly", "--year", "2013", "--month", "7"], "monthly", {"year": "2013", "month": "7"}),
        (["monthly", "--start", "2013-07"], "monthly", {"start": "2013-07", "end": "2013-07"}),
        (["monthly", "--start", "2012-12", "--end", "2013-02"], "monthly", {"start": "2012-12", "end": "2013-02"}),
        (["annual"], "annual", {}),
        (["annual", "--year", "2013"], "annual", {"year": "2013"}),
        (["annual", "--start", "2010", "--end", "2013"], "annual", {"start": "2010", "end": "2013"}),
    ],
)
def test_temperature_and_rain_are_asked_for_the_same_range(node, query, arguments, path, asked):
    """--end is --start where it is left out; exit code 3 when there is neither of the two."""
    command, *options = arguments
    code, out, err = query(command, LGA, *options)

    assert node.asked == [(f"{STATION}/{what}/{path}", asked) for what in ("temperature", "precipitation")]
    assert (code, out, err) == (3, "", f"nothing at {STATION}/temperature/{path}\n")


def test_months_show_their_temperature_and_rain_in_one_line(node, query):
    """A month that has only one of the two leaves the other's columns empty."""
    node.answers[f"{STATION}/temperature/monthly"] = (a_month(7), a_month(8))
    node.answers[f"{STATION}/precipitation/monthly"] = (
        MonthlyPrecipitation(LGA, 2013, 6, 199.5, 90, 4),
        MonthlyPrecipitation(LGA, 2013, 7, 70.1, 40, 3),
    )
    code, out, _ = query("monthly", LGA, "--year", "2013")

    header, units, *lines = [line.split() for line in out.splitlines()]
    assert code == 0
    assert header == ["high", "low", "mean", "stdev", "rain", "wet", "trace"]
    assert units == ["month", "°C", "°C", "°C", "°C", "hours", "mm", "hours", "hours"]
    assert lines == [
        ["2013-06", "199.5", "90", "4"],
        ["2013-07", "37.8", "18.9", "27", "3.5", "744", "70.1", "40", "3"],
        ["2013-08", "37.8", "18.9", "27", "3.5", "744"],
    ]


def test_years_are_shown_even_where_there_is_no_rain_at_all(node, query):
    """Absence of one of the two is no failure."""
    node.answers[f"{STATION}/temperature/annual"] = (AnnualTemperature(LGA, 2013, 37.8, -11.1, 13.0, 4.0, 2.0, 8_700),)
    code, out, _ = query("annual", LGA)

    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["year", "2013"]


def test_json_has_both_lists_with_the_columns_as_fields(node, query):
    """The fields are those of the HTTP answer."""
    node.answers[f"{STATION}/precipitation/annual"] = (AnnualPrecipitation(LGA, 2013, 1_010.0, 600, 50),)
    _, out, _ = query("annual", LGA, "--json")

    assert json.loads(out) == {
        "temperature": [],
        "precipitation": [
            {"wsid": LGA, "year": 2013, "precipitation": 1_010.0, "wet_hours": 600, "trace_hours": 50},
        ],
    }


def test_an_answer_that_is_empty_says_so_outside_the_result(node, query):
    """A year without measurable rain has no wettest days: stdout stays empty, exit code 0; as JSON it is []."""
    node.answers[f"{STATION}/precipitation/top"] = ()

    assert query("top-precipitation", LGA, "--year", "2013") == (0, "", "nothing\n")
    assert query("top-precipitation", LGA, "--year", "2013", "--json") == (0, "[]\n", "")


def test_a_command_passes_its_own_options_on(node, query):
    """What all commands share is not sent to the node."""
    node.answers[f"{STATION}/precipitation/top"] = (DailyPrecipitation(LGA, 2013, 6, 7, 60.198, 24, 0),)
    code, out, _ = query("top-precipitation", LGA, "--year", "2013", "--k", "1", "--home", "elsewhere")

    assert node.asked == [(f"{STATION}/precipitation/top", {"year": "2013", "k": "1"})]
    assert (code, out.split()[-3:]) == (0, ["60.198", "24", "0"])


def test_a_year_does_not_go_with_a_range(query):
    """Exit code 2, and the line names the options."""
    code, out, err = query("daily", LGA, "--year", "2013", "--start", "2013-07-01")

    assert (code, out) == (2, "")
    assert "--year" in err
    assert "--start" in err
