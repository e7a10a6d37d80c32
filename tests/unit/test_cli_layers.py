"""``killrweather replay`` and ``recompute``: what is ordered, what is waited for, what is printed."""

import json
import sys
from dataclasses import replace

import pytest
from web_stage import status

from killrweather import cli
from killrweather.cli import following
from killrweather.cli.options import Environment
from killrweather.errors import NoData, Unavailable
from killrweather.messages.layers import Recomputation, Replaying
from killrweather.messages.node import Status, StreamProgress

ORDERED = Replaying("b2", {0: 10}, {0: 90}, has_begun=False)
BEGUN = replace(ORDERED, has_begun=True)
WHOLE = Recomputation("a1", None, 2013, "done", "", 2, 2, 17_000, 730, 24, 2, 4.5)


def at(offset, replay):
    """The status of a node whose stream is at this offset."""
    return Status(status(ready=True), StreamProgress({0: offset}, {0: 90}, 0, "running", "", replay))


class Node:
    """A client of a node: one answer to an order, then one look after the other; an error is raised."""

    def __init__(self):
        self.answer, self.looks, self.asked = None, [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def post(self, path, body, kind, **parameters):
        self.asked.append((path, {name: value for name, value in parameters.items() if value is not None}))
        return self._told(self.answer)

    def get(self, path, kind, **parameters):
        return self._told(self.looks.pop(0))

    def status(self):
        return self._told(self.looks.pop(0))

    def _told(self, answer):
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def node(monkeypatch):
    node = Node()
    monkeypatch.setattr(Environment, "client", lambda environment: node)
    monkeypatch.setattr(following, "_PAUSE_S", 0.0)
    return node


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments):
        monkeypatch.setattr(sys, "argv", ["killrweather", *arguments])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capsys.readouterr()
        return leaving.value.code, written.out, written.err

    return run_it


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["--from-beginning"], {"from_beginning": True}),
        (["--from-offset", "10", "--partition", "0"], {"from_offset": 10, "partition": 0}),
        (["--from-time", "2024-01-31T18:00:00Z"], {"from_time": "2024-01-31T18:00:00Z"}),
    ],
)
def test_a_replay_is_ordered_from_the_place_that_is_named(node, run, arguments, asked):
    """Without --wait it returns as soon as the replay has begun."""
    node.answer = BEGUN

    code, out, _ = run("replay", *arguments)

    assert (code, node.asked) == (0, [("/operations/replay", asked)])
    assert out.startswith("replaying 80 records")


@pytest.mark.parametrize("arguments", [[], ["--from-beginning", "--from-offset", "10"]])
def test_a_replay_needs_one_place(node, run, arguments):
    """Nothing is replayed by mistake."""
    code, _, err = run("replay", *arguments)

    assert (code, node.asked) == (2, [])
    assert len(err.strip().splitlines()) == 1


def test_a_replay_is_waited_for_through_its_batch_its_records_and_a_node_that_is_away(node, run):
    """It is over when every record is stored again, not when the order is taken."""
    node.answer = ORDERED
    node.looks = [at(90, ORDERED), Unavailable("away"), at(10, BEGUN), at(50, BEGUN), at(90, BEGUN)]

    code, out, err = run("replay", "--from-beginning", "--wait", "--json")

    assert code == 0, err
    assert json.loads(out)["records"] == 80
    assert node.looks == []


@pytest.mark.parametrize("seen", [None, replace(BEGUN, id="")])
def test_a_replay_that_was_lost_with_its_stream_is_no_success(node, run, seen):
    """The stream was restarted between the order and its beginning."""
    node.answer, node.looks = ORDERED, [at(90, seen)]

    code, _, err = run("replay", "--from-beginning")

    assert code == 1
    assert "order it again" in err


def test_a_recompute_prints_its_counts(node, run):
    """--json has the result and nothing of the way to it."""
    node.answer = Recomputation("a1", None, 2013, "running", "", 2)
    node.looks = [Recomputation("a1", None, 2013, "waiting", "Cassandra is away", 2), WHOLE]

    code, out, err = run("recompute", "--year", "2013", "--json")

    assert code == 0, err
    assert node.asked == [("/operations/recompute", {"year": 2013})]
    assert json.loads(out) == {"station_years": 2, "days": 730, "months": 24, "years": 2, "seconds": 4.5}


@pytest.mark.parametrize(
    ("last", "named"),
    [
        (Recomputation("a1", state="failed", text="its process ended with code -9"), "code -9"),
        (Recomputation("a1", state="stopped", text="it was told to stop"), "told to stop"),
        (Recomputation(), "run it again"),
    ],
)
def test_a_recompute_that_did_not_come_to_its_end_is_a_failure(node, run, last, named):
    """Killed, ended by somebody else, or gone with its node."""
    node.answer, node.looks = Recomputation("a1", state="running"), [last]

    code, out, err = run("recompute")

    assert (code, out) == (1, "")
    assert named in err


def test_a_recompute_of_what_is_not_there_is_exit_code_3(node, run):
    """One line says what is there instead."""
    node.answer = NoData("no station has an observation of 1955: nothing to recompute")

    code, _, err = run("recompute", "--year", "1955")

    assert (code, err.strip()) == (3, "no station has an observation of 1955: nothing to recompute")


def test_ctrl_c_ends_the_recompute(node, run):
    """The node is told to stop it, and the line says how far it came."""
    node.answer, node.looks = Recomputation("a1", state="running", total=2), [KeyboardInterrupt()]

    code, _, err = run("recompute")

    assert code == 1
    assert [path for path, _ in node.asked] == ["/operations/recompute", "/operations/recompute/stop"]
    assert (
        err.strip()
        == "error: interrupted: 0 of 2 station-years were recomputed, and the job has ended; it may be run again"
    )
