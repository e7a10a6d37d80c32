"""killrweather simulate: a file, stdout, or the running system."""

import json
import subprocess
import sys
import time

import httpx
import pytest

from killrweather import cli
from killrweather.cli import simulate


@pytest.fixture
def run(monkeypatch, capfdbinary, tmp_path):
    """Run simulate in an empty directory: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments):
        monkeypatch.setattr(sys, "argv", ["killrweather", "simulate", *arguments])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capfdbinary.readouterr()
        return leaving.value.code, written.out, written.err.decode()

    return run_it


def test_stdout_has_the_rows_and_nothing_else(run):
    """A day of each station unless something else is asked for; the same seed gives the same bytes."""
    code, out, _ = run("--stations", "3", "--seed", "7")

    assert code == 0
    assert len(out.splitlines()) == 72
    assert {line.count(b",") for line in out.splitlines()} == {12}
    assert run("--stations", "3", "--seed", "7")[1] == out


def test_a_file_has_what_stdout_would_have(run, tmp_path):
    """--rows counts all stations; the result says how many rows and bytes there are."""
    _, expected, _ = run("--stations", "3", "--rows", "100", "--start", "2023-06-01")
    code, out, _ = run("--stations", "3", "--rows", "100", "--start", "2023-06-01", "--out", "sim.csv", "--json")

    assert code == 0
    assert (tmp_path / "sim.csv").read_bytes() == expected
    assert json.loads(out) == {"file": "sim.csv", "rows": 100, "bytes": len(expected)}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--stations", "1", "--days", "1", "--rows", "5"], "--days 1 came with --rows 5"),
        (["--stations", "1", "--rate", "5", "--out", "x"], "--rate 5 came with --out x"),
        (["--stations", "1", "--start", "soon"], "soon"),
        (["--stations", "1", "--start", "1850-01-01"], "1850-01-01"),
        (["--stations", "1", "--days", "99999"], "2024-01-01"),
        (["--stations", "0"], "--stations"),
        ([], "--stations"),
    ],
)
def test_an_argument_that_cannot_be_is_exit_code_2(run, arguments, named):
    """One line that names it; nothing is made."""
    code, out, err = run(*arguments)

    assert (code, out) == (2, b"")
    assert len(err.strip().splitlines()) == 1
    assert named in err


def test_a_reader_that_has_seen_enough_ends_it_quietly(tmp_path):
    """As head does; no traceback."""
    command = [sys.executable, "-m", "killrweather", "simulate", "--stations", "50", "--days", "300"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=simulate.__file__[:-29])
    process.stdout.readline()
    process.stdout.close()

    assert (process.wait(60), process.stderr.read()) == (0, b"")
    process.stderr.close()


def test_a_running_system_is_fed_at_the_rate_that_was_asked_for(run, monkeypatch):
    """In the order of the rows; the result adds up."""
    sent = []

    def send(self, request):
        sent.append((time.monotonic(), request.url.path, request.url.params["format"], request.content))
        rows = request.content.count(b"\n")
        answer = {"read": rows, "accepted": rows, "rejected": 0, "rejects": [], "next_offsets": {}}
        return httpx.Response(202, json=answer, request=request)

    monkeypatch.setattr(httpx.Client, "send", send)
    start = time.monotonic()
    code, out, _ = run("--stations", "5", "--rows", "200", "--rate", "400", "--json")
    result = json.loads(out)

    assert code == 0
    assert (result["read"], result["accepted"], result["rejected"]) == (200, 200, 0)
    assert [(path, format, body.count(b"\n")) for _, path, format, body in sent] == [("/weather/data", "csv", 100)] * 2
    assert sent[1][0] - start >= 0.25
    assert b"".join(body for *_, body in sent) == run("--stations", "5", "--rows", "200")[1]
