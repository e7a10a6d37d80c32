"""killrweather client: what it asks, what it prints, and what it says at the end."""

import json
import sys
import time

import pytest
from client_stage import WeatherNode, served

from killrweather import cli
from killrweather.cli.client import QUESTIONS, Tally, seconds_of
from killrweather.client import Client
from killrweather.errors import BadRequest, Unavailable
from killrweather.messages.weather import GetTopKPrecipitation
from killrweather.model.observation import RawWeatherData
from killrweather.model.station import WeatherStation

LGA = "725030:14732"
NIGHT = [RawWeatherData(LGA, 2013, 7, 1, hour, temperature=20.0, one_hour_precip=0.5) for hour in range(6)]


@pytest.fixture
def stage():
    """A node with two stations, of which the second has data."""
    with served() as stage, Client(stage.url) as client:
        client.store_stations([WeatherStation("010010:99999", "NOWHERE"), WeatherStation(LGA, "LA GUARDIA", "US")])
        client.feed(NIGHT)
        yield stage


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command against a node as fast as it answers: its exit code, the lines on stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run_it(stage, *arguments):
        monkeypatch.setenv("KILLRWEATHER_HTTP_PORT", stage.url.rpartition(":")[2])
        monkeypatch.setattr(sys, "argv", ["killrweather", "client", "--every", "0s", *arguments])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capsys.readouterr()
        return leaving.value.code, written.out.splitlines(), written.err

    return run_it


def test_every_kind_of_question_is_asked_in_turn_and_answered(stage, run):
    """Of the first station that has data; one JSON object a line, the last has the summary."""
    number = len(QUESTIONS)
    code, lines, _ = run(stage, "--count", str(2 * number), "--json")

    *answers, last = map(json.loads, lines)
    assert code == 0
    assert [answer["kind"] for answer in answers] == [*QUESTIONS, *QUESTIONS]
    assert answers[0]["answer"]["wsid"] == LGA
    assert all(answer["ms"] > 0 and not answer["failed"] for answer in answers)
    assert [(row["kind"], row["asked"], row["failed"]) for row in last["summary"]] == [(k, 2, 0) for k in QUESTIONS]
    assert all(0 < row["median_ms"] <= row["p99_ms"] for row in last["summary"])


def test_a_person_reads_one_line_an_answer_and_a_table(stage, run):
    """Time, latency, kind and the answer; never more than fits."""
    code, lines, _ = run(stage, "--count", str(len(QUESTIONS)))

    answers = lines[: len(QUESTIONS)]
    assert code == 0
    assert all(f" ms  {kind}" in line for kind, line in zip(QUESTIONS, answers, strict=True))
    assert "6 values, the last: wsid 725030:14732, year 2013, month 7, day 1, hour 5, temperature 20.0" in answers[1]
    assert max(map(len, answers)) < 160
    assert lines[len(QUESTIONS) + 1].split() == ["kind", "asked", "failed", "median", "ms", "p99", "ms"]


def test_a_question_that_fails_is_counted_and_does_not_end_it(stage, run):
    """Exit code 1; the reason stands in its line, the other kinds are asked all the same."""
    stage.node.answers[GetTopKPrecipitation] = Unavailable("Cassandra is away")
    code, lines, _ = run(stage, "--count", str(len(QUESTIONS)), "--json")

    *answers, last = map(json.loads, lines)
    assert code == 1
    assert [(a["kind"], a["problem"]) for a in answers if a["failed"]] == [("top precipitation", "Cassandra is away")]
    assert [row["kind"] for row in last["summary"] if row["failed"]] == ["top precipitation"]


def test_that_there_is_no_such_data_is_an_answer(stage, run):
    """A station that reports no rain is no failure."""
    wsid = "999990:00001"
    with Client(stage.url) as client:
        client.feed([{"wsid": wsid, "timestamp": "2013-07-01T00:00:00Z", "temperature": 1}])
    stage.node.stations[wsid] = WeatherStation(wsid)
    code, lines, _ = run(stage, "--count", str(len(QUESTIONS)), "--wsid", wsid, "--json")

    [rain] = [one for one in map(json.loads, lines) if one.get("kind") == "daily precipitation"]
    assert code == 0
    assert (rain["failed"], rain["problem"]) == (False, f"station {wsid}: no such data")


def test_ctrl_c_ends_it_with_the_summary(stage, run, monkeypatch):
    """What was asked until then is counted."""
    monkeypatch.setitem(QUESTIONS, "high low", lambda client, subject: (_ for _ in ()).throw(KeyboardInterrupt))
    code, lines, _ = run(stage, "--json")

    assert code == 0
    assert [row["asked"] for row in json.loads(lines[-1])["summary"]] == [1] * 5


def test_questions_keep_their_distance(stage, run):
    """Four questions have three pauses between them."""
    start = time.monotonic()
    run(stage, "--count", "4", "--every", "100ms")

    assert time.monotonic() - start >= 0.3


def test_without_any_data_it_says_what_to_do(run):
    """Exit code 3, one line."""
    with served(WeatherNode()) as empty:
        code, lines, err = run(empty)

    assert (code, lines) == (3, [])
    assert "killrweather load" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "seconds"), [("2s", 2.0), ("500ms", 0.5), ("1m", 60.0), ("0.25", 0.25), ("1.5h", 5_400.0)]
)
def test_a_time_is_a_number_with_its_unit(text, seconds):
    """Without one it is seconds."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1s", "2 weeks", "s", "1e3", "nan"])
def test_a_time_that_cannot_be_one_is_named(text):
    """With examples of what can."""
    with pytest.raises(BadRequest, match="expected a time such as 500ms"):
        seconds_of(text)


def test_the_99th_percentile_is_what_99_of_100_did_not_exceed():
    """Nothing is known of no answer at all."""
    tally = Tally(latencies_ms=[float(ms) for ms in range(1, 201)])

    assert (tally.median_ms, tally.p99_ms) == (100.5, 198.0)
    assert (Tally().median_ms, Tally().p99_ms) == (None, None)
