"""What commands print: tables that fit, drawings for terminals only, CSV that can be read back, no colours unasked."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import astuple
from datetime import datetime, timezone

import httpx
import pytest
from cli_stage import Node
from hypothesis import example, given
from hypothesis import strategies as st
from test_cli import COMMANDS
from test_cli_query import LGA, STATION, a_month

from killrweather import cli
from killrweather.cli import open as open_command
from killrweather.cli.rows import columns_of, rows_of, write_csv
from killrweather.cli.tables import print_table
from killrweather.model.observation import RawWeatherData
from killrweather.model.precipitation import DailyPrecipitation, MonthlyPrecipitation
from killrweather.model.station import NearbyStation, WeatherStation
from killrweather.model.temperature import DailyTemperature

MONTHS = tuple(a_month(month) for month in range(1, 13))
BLOCKS = re.compile("[━●▀-▏]")
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")


class Pipe(io.StringIO):
    """What is no terminal, and could take every character."""

    encoding = "utf-8"


class Terminal(Pipe):
    """A terminal so many columns wide."""

    def isatty(self):
        return True


@pytest.fixture
def node(monkeypatch):
    node = Node()
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", node.answer)
    return node


@pytest.fixture
def a_year(node):
    """The months and days of a year, in one station's answers."""
    rain = tuple(MonthlyPrecipitation(LGA, 2013, month, 10.5 * month, 40, 3) for month in range(1, 13))
    days = [(month, day) for month in range(1, 13) for day in range(1, 29)]
    node.answers |= {
        f"{STATION}/temperature/monthly": MONTHS,
        f"{STATION}/precipitation/monthly": rain,
        f"{STATION}/temperature/daily": tuple(
            DailyTemperature(LGA, 2013, m, d, 2.0 * m, 1.0 * m, 1.5 * m, 0.25, 0.123456, 24) for m, d in days
        ),
        f"{STATION}/precipitation/daily": tuple(DailyPrecipitation(LGA, 2013, m, d, 0.1 * d, 1, 0) for m, d in days),
        f"{STATION}/raw": tuple(
            RawWeatherData(LGA, 2013, 1, 1, hour, -11.15, -13.25, 1013.25, 350, 10.25, 8, 12.5, 112.5)
            for hour in range(24)
        ),
        f"{STATION}/precipitation/top": (),
    }


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a command, at a terminal of so many columns or in a pipe (None): its exit code and stdout."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    def run_it(*arguments, columns=None):
        out = Pipe() if columns is None else Terminal()
        if columns is not None:
            monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "argv", ["killrweather", *arguments])
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        return leaving.value.code, out.getvalue()

    return run_it


def without_style(text):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


QUESTIONS = {
    "raw": ("query", "raw", LGA, "--start", "2013-01-01"),
    "daily": ("query", "daily", LGA, "--year", "2013"),
    "monthly": ("query", "monthly", LGA, "--year", "2013"),
}


@pytest.mark.parametrize("columns", [80, 120, 200])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_table_fits_the_terminal_with_every_number_in_one_piece(a_year, run, question, columns):
    """No line is wider than the terminal, and none is broken: a row is one line."""
    code, out = run(*QUESTIONS[question], columns=columns)

    lines = without_style(out).splitlines()
    assert code == 0
    assert max(map(len, lines)) <= columns
    assert all(line.startswith("2013-") for line in lines[2:14])


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_number_is_cut_where_a_terminal_is_too_narrow(a_year, run, question):
    """The terminal wraps the lines, which have what those of a file have; only headings give way."""
    _, whole = run(*QUESTIONS[question])
    _, out = run(*QUESTIONS[question], columns=30)

    rows, expected = ([line.split() for line in text.splitlines()[2:]] for text in (without_style(out), whole))
    assert rows[: len(expected)] == expected


NEWARK = WeatherStation("725020:14734", "NEWARK LIBERTY INTL AIRPORT", "US", "NJ", "KEWR", 40.7, -74.2, 2.0)


@pytest.mark.parametrize(
    ("columns", "absent"), [(None, ()), (120, ()), (100, ("elevation",)), (80, ("elevation", "lat", "long"))]
)
def test_a_station_s_name_is_worth_more_than_its_place(node, run, columns, absent):
    """Where the terminal is too narrow for all; a file has everything."""
    node.answers["/weather/stations"] = [NearbyStation(*astuple(NEWARK), distance_km=12.3456)]
    _, out = run("stations", "near", "40.7,-74", columns=columns)

    words = without_style(out).split()
    assert {word for word in ("elevation", "lat", "long", "name", "distance") if word not in words} == set(absent)
    assert "12.346" in words


@pytest.mark.parametrize("question", ["daily", "monthly"])
def test_drawings_are_for_terminals_that_are_wide_enough(a_year, run, question):
    """Beside the rows at 120 columns; never in a pipe."""
    _, wide = run(*QUESTIONS[question], columns=120)
    _, piped = run(*QUESTIONS[question])

    assert "●" in wide
    assert not BLOCKS.search(piped)


def test_a_year_of_days_is_drawn_below_its_table(a_year, run):
    """Its band with both ends, the rain, and the months; not where the terminal is too narrow."""
    _, out = run(*QUESTIONS["daily"], columns=80)
    _, narrow = run(*QUESTIONS["daily"], columns=59)

    *_, top, bottom, rain, axis = [without_style(out).splitlines()[n] for n in (-10, -3, -2, -1)]
    assert "24 °C" in top
    assert "1 °C" in bottom
    assert "3 mm" in rain
    assert axis.split()[::11] == ["Jan", "Dec"]
    assert not BLOCKS.search(narrow)


def test_a_dumb_terminal_gets_no_drawings(a_year, run, monkeypatch):
    """Nor one that does not know Unicode."""
    monkeypatch.setenv("TERM", "dumb")
    _, dumb = run(*QUESTIONS["monthly"], columns=120)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(Terminal, "encoding", "latin-1")
    _, latin = run(*QUESTIONS["monthly"], columns=120)

    assert not BLOCKS.search(dumb + latin)


def test_no_color_is_heeded(a_year, run, monkeypatch):
    """A terminal has colours, but not where NO_COLOR is set."""
    _, coloured = run(*QUESTIONS["monthly"], columns=120)
    monkeypatch.setenv("NO_COLOR", "1")
    _, plain = run(*QUESTIONS["monthly"], columns=120)

    assert COLOUR.search(coloured)
    assert not COLOUR.search(plain)


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_a_pipe_gets_nothing_but_text(a_year, run, form):
    """No escape sequence, and no blanks at the end of a line."""
    _, out = run(*QUESTIONS["monthly"], *form)

    assert "\x1b" not in out
    assert out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_a_line_ends_with_its_text(capsys):
    """In a pipe a shorter one is not filled up to the column's width."""
    print_table([("kafka", "ok"), ("cassandra", "not reached")], ["check", "text"])

    assert [line for line in capsys.readouterr().out.splitlines() if line != line.rstrip()] == []


def test_the_points_of_a_column_stand_below_each_other(capsys):
    """A column has as many decimals as its values need, three at most."""
    print_table([(1.5,), (10.0,), (2.123456,)], ["mm"])

    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == ["mm", "1.500", "10.000", "2.123"]


def test_csv_has_the_fields_of_json(a_year, run):
    """Numbers are whole, both aggregates of a month are in one row."""
    _, out = run(*QUESTIONS["monthly"], "--csv")
    _, answer = run(*QUESTIONS["monthly"], "--json")

    rows, both = list(csv.DictReader(io.StringIO(out))), json.loads(answer)
    assert set(rows[0]) == set(both["temperature"][0]) | set(both["precipitation"][0])
    assert [row["variance"] for row in rows] == [str(one["variance"]) for one in both["temperature"]]
    assert [row["precipitation"] for row in rows] == [str(one["precipitation"]) for one in both["precipitation"]]


def test_csv_of_what_is_absent_has_the_same_columns(a_year, run, node):
    """A script need not know whether there was rain."""
    _, with_rain = run(*QUESTIONS["monthly"], "--csv")
    del node.answers[f"{STATION}/precipitation/monthly"]
    _, without_rain = run(*QUESTIONS["monthly"], "--csv")

    assert with_rain.splitlines()[0] == without_rain.splitlines()[0]
    assert without_rain.splitlines()[1] == f"{LGA},2013,1,37.8,18.9,27.0,12.25,3.5,744,,,"


def test_an_empty_answer_has_a_header(a_year, run):
    """Exit code 0: a year without rain has no wettest days."""
    code, out = run("query", "top-precipitation", LGA, "--year", "2013", "--csv")

    assert (code, out) == (0, "wsid,year,month,day,precipitation,wet_hours,trace_hours\n")


WITHOUT_RESULT = {
    "config check", "down", "node leave", "node start", "schema apply", "schema show", "services fetch",
    "services start", "services stop", "up",
}  # fmt: skip
"""They do something and say on stderr that it is done, or print what is no table: statements."""


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - WITHOUT_RESULT))
def test_every_result_comes_as_json_and_as_csv(name):
    """A command that is missing here prints no result."""
    assert {"--json", "--csv"} <= {option for parameter in COMMANDS[name].params for option in parameter.opts}


def test_json_and_csv_together_are_a_misuse(node, run, capsys):
    """One line, exit code 2, and nothing was asked."""
    code, out = run(*QUESTIONS["monthly"], "--json", "--csv")

    assert (code, out) == (2, "")
    assert capsys.readouterr().err == "error: --json came with --csv: expected one of them\n"
    assert node.asked == []


VALUES = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.integers(), st.floats()
)


@given(st.lists(st.fixed_dictionaries({"a": VALUES, 'b, "c"': VALUES, "d": st.lists(VALUES)}), min_size=1))
@example([{"a": "a lone\rCR", 'b, "c"': "a\nline", "d": ["\r\n"]}])
def test_csv_reads_back_what_was_written(rows):
    """Whatever stands in a value: commas, quotes, line ends of any kind."""
    file = io.StringIO(newline="")
    write_csv(rows, columns_of(rows), file)

    read = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert [(row["a"], row['b, "c"']) for row in read] == [(str(row["a"]), str(row['b, "c"'])) for row in rows]
    assert [str(json.loads(row["d"])) for row in read] == [str(row["d"]) for row in rows]


def test_what_is_inside_of_an_object_has_its_name_before_it():
    """true, false and nothing are as in JSON and as in CSV."""
    rows = rows_of({"ready": True, "counters": {"stored": 3, "lag": None}})
    file = io.StringIO()
    write_csv(rows, columns_of(rows), file)

    assert file.getvalue() == "ready,counters.stored,counters.lag\ntrue,3,\n"


def test_a_time_is_written_as_iso_8601():
    """In UTC with a Z, as the HTTP interface writes it."""
    assert rows_of({"time": datetime(2024, 1, 31, 18, tzinfo=timezone.utc)}) == [{"time": "2024-01-31T18:00:00Z"}]


def test_open_prints_the_address_and_opens_it(node, run, monkeypatch):
    """stdout has the address alone."""
    opened = []
    monkeypatch.setattr(open_command.webbrowser, "open", lambda url: opened.append(url) or True)
    node.answers["/alive"] = {"alive": True}

    assert run("open") == (0, "http://127.0.0.1:8080/\n")
    assert opened == ["http://127.0.0.1:8080/"]


def test_open_without_a_browser_says_so(node, run, monkeypatch, capsys):
    """The address is printed all the same."""
    monkeypatch.setattr(open_command.webbrowser, "open", lambda url: False)
    node.answers["/alive"] = {"alive": True}

    assert run("open", "--json") == (0, '{\n  "url": "http://127.0.0.1:8080/"\n}\n')
    assert "no browser" in capsys.readouterr().err


def test_open_opens_nothing_where_nothing_runs(node, run, monkeypatch, capsys):
    """One line, exit code 1."""
    opened = []
    monkeypatch.setattr(open_command.webbrowser, "open", opened.append)
    node.problem = httpx.ConnectError("refused")

    assert run("open") == (1, "")
    assert opened == []
    assert capsys.readouterr().err.startswith("error: no node answers at http://127.0.0.1:8080: refused")


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path, form):
    """As with head(1): not a word, exit code 0."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "killrweather", "config", "show", *form]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)

    assert (done.returncode, done.stderr) == (0, "")
