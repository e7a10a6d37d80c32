"""The command line: what it prints where, its exit codes, its one-line errors."""

import inspect
import json
import sys

import pytest
from typer.main import get_command

from killrweather import cli
from killrweather.cli import load as load_command
from killrweather.client import LoadResult
from killrweather.processes import free_port


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty directory: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILLRWEATHER_HTTP_PORT", str(free_port()))

    def run_it(*arguments):
        monkeypatch.setattr(sys, "argv", ["killrweather", *arguments])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capsys.readouterr()
        return leaving.value.code, written.out, written.err

    return run_it


def leaves(command, name=""):
    if not hasattr(command, "commands"):
        return [(name.strip(), command)]
    return [leaf for child, inner in command.commands.items() for leaf in leaves(inner, f"{name} {child}")]


COMMANDS = dict(leaves(get_command(cli.app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_names_it(name):
    """--help shows how the command is used."""
    help_text = inspect.cleandoc(COMMANDS[name].help)

    assert f"Example: `killrweather {name}" in help_text
    assert {"config", "home"} <= {parameter.name for parameter in COMMANDS[name].params}


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["nonsense"], 2, "nonsense"),
        (["query", "top-precipitation", "725030:14732"], 2, "--year"),
        (["query", "monthly", "725030:14732", "--year", "soon"], 2, "--year"),
        (["config", "check", "--config", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["load", "nowhere.csv"], 2, "nowhere.csv"),
        (["load", "--format", "grib", "."], 2, "grib"),
        (["query", "current", "725030:14732"], 1, "killrweather up"),
        (["stations", "near", "40.64"], 2, "40.64"),
        (["status", "--wait", "forever"], 2, "forever"),
    ],
)
def test_an_error_is_one_line_with_its_exit_code(run, arguments, code, named, tmp_path):
    """The line names the value and says what was expected; stdout stays empty."""
    (tmp_path / "some.csv").write_text("x\n")

    left, out, err = run(*arguments)

    assert left == code
    assert out == ""
    assert named in err
    assert len(err.strip().splitlines()) == 1


def test_the_configuration_is_shown_with_origins_and_without_secrets(run, monkeypatch):
    """Every value says where it comes from; a token is masked."""
    monkeypatch.setenv("KILLRWEATHER_HTTP_TOKEN", "s3cret")

    code, out, _ = run("config", "show", "--json")

    shown = json.loads(out)
    assert code == 0
    assert shown["http.token"] == {"value": "********", "origin": "KILLRWEATHER_HTTP_TOKEN"}
    assert "s3cret" not in out


def test_status_of_nothing_is_not_ready_and_says_so(run):
    """Exit code 1; the JSON has ready, nodes and counters all the same."""
    code, out, _ = run("status", "--json")

    status = json.loads(out)
    assert code == 1
    assert (status["ready"], status["nodes"]) == (False, [])
    assert [service["state"] for service in status["services"]] == ["stopped", "stopped"]


def test_waiting_for_ready_gives_up_with_the_reason(run):
    """--timeout is kept, and the last thing that was missing is named."""
    code, out, err = run("status", "--wait", "ready", "--timeout", "0.5")

    assert code == 1
    assert out == ""
    assert "not ready after 0.5 s" in err


def test_the_schema_is_shown_with_the_configured_keyspace(run, monkeypatch):
    """What is printed can be run as it is."""
    monkeypatch.setenv("KILLRWEATHER_CASSANDRA_KEYSPACE", "elsewhere")

    code, out, _ = run("schema", "show")

    assert code == 0
    assert "CREATE KEYSPACE IF NOT EXISTS elsewhere" in out
    assert "${" not in out


def test_down_without_anything_running_says_so(run, tmp_path):
    """Nothing to stop is no failure."""
    code, _, err = run("down")

    assert code == 0
    assert "nothing runs" in err


def test_the_summary_of_a_load_adds_up():
    """read = accepted + rejected stands in what --json prints; Kafka's offsets don't."""
    shown = load_command.summary(LoadResult(read=3, accepted=2, rejected=1, next_offsets={0: 2}, seconds=1.23456))

    assert shown == {"read": 3, "accepted": 2, "rejected": 1, "rejects": [], "failures": [], "seconds": 1.235}


@pytest.mark.parametrize("inside", [None, ".hidden.csv", "a.csv.sha256", "deeper"])
def test_a_directory_without_a_file_to_load_is_named(run, tmp_path, inside):
    """Loading nothing is no success."""
    directory = tmp_path / "data"
    directory.mkdir()
    if inside == "deeper":
        (directory / inside).mkdir()
    elif inside:
        (directory / inside).touch()

    code, out, err = run("load", "data")

    assert (code, out) == (2, "")
    assert err == "error: data: the directory has no files, expected at least one\n"


def test_a_pattern_stands_for_the_files_that_match_it(run, tmp_path):
    """In their order, without the sums beside them; one that matches nothing is named."""
    for name in ("b.csv", "a.csv", "a.csv.sha256", "c.txt", "[d].csv"):
        (tmp_path / name).touch()

    assert [path.name for path in load_command._files([f"{tmp_path}/?.csv*"])] == ["a.csv", "b.csv"]
    assert [path.name for path in load_command._files([f"{tmp_path}/[d].csv"])] == ["[d].csv"]
    assert run("load", "*.gz") == (2, "", "error: *.gz: no file matches the pattern\n")


def test_a_link_that_leads_nowhere_is_named(run, tmp_path):
    """Nobody believes that its rows are there."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "2008.csv").symlink_to("gone.csv")

    code, _, err = run("load", "data")

    assert code == 1
    assert "data/2008.csv: No such file or directory" in err


def test_a_state_directory_that_is_a_file_is_named(run, tmp_path):
    """One line with the path and what to do, exit code 2; no traceback."""
    (tmp_path / "occupied").write_text("")

    code, out, err = run("down", "--home", str(tmp_path / "occupied"))

    assert (code, out) == (2, "")
    assert "occupied" in err
    assert "--home" in err
    assert len(err.strip().splitlines()) == 1


def test_a_file_that_cannot_be_read_is_an_error_in_a_line(run, tmp_path):
    """Exit code 1, and no traceback."""
    code, out, err = run("stations", "load", "/proc/self/mem")

    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
