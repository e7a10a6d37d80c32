"""Replay and recompute over HTTP: what is ordered, and what is refused."""

from datetime import datetime, timezone

import pytest
from web_stage import LGA, Node, problem_of

from killrweather.errors import BadRequest, Conflict
from killrweather.messages.control import RequestFailed
from killrweather.messages.layers import (
    GetRecomputation,
    Recomputation,
    Recompute,
    Replay,
    Replaying,
    StopRecomputation,
)
from killrweather.messages.weather import NoDataAvailable

RUNNING = Recomputation("a1", LGA, 2013, "running", total=1)


@pytest.fixture
def node():
    node = Node()
    node.answers[Replay] = Replaying("b2", {0: 10}, {0: 90}, has_begun=True)
    node.answers[Recompute] = node.answers[GetRecomputation] = RUNNING
    return node


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("from_beginning=true", Replay()),
        ("from_offset=10&partition=0", Replay(10, partition=0)),
        ("from_time=2024-01-31T18:00:00Z", Replay(from_time=datetime(2024, 1, 31, 18, tzinfo=timezone.utc))),
    ],
)
def test_a_replay_is_ordered_from_one_place(node, browser, query, order):
    """The answer has the offsets, for who waits."""
    response = browser.post(f"/operations/replay?{query}")

    assert response.status_code == 202
    assert response.json() == {"id": "b2", "begin": {"0": 10}, "until": {"0": 90}, "has_begun": True}
    assert node.asked == [order]


@pytest.mark.parametrize(
    ("query", "argument"),
    [
        ("", "from_beginning"),
        ("from_beginning=true&from_offset=10", "from_beginning"),
        ("from_time=2024-01-31T18:00:00", "from_time"),
        ("from_time=yesterday", "from_time"),
        ("from_time=2099-01-31T18:00:00Z", "from_time"),
        ("from_offset=-1", "from_offset"),
        ("from_offset=ten", "from_offset"),
    ],
)
def test_a_replay_from_no_place_or_two_is_refused(node, browser, query, argument):
    """422 names the argument, and nobody is asked."""
    problem = problem_of(browser.post(f"/operations/replay?{query}"), 422, "bad-argument")

    assert problem["argument"] == argument
    assert node.asked == []


def test_an_offset_that_has_expired_is_a_bad_argument(node, browser):
    """The actor knows the log; its words arrive."""
    node.answers[Replay] = BadRequest("offset 3 of partition 0 has expired", "from_offset")

    problem = problem_of(browser.post("/operations/replay?from_offset=3"), 422, "bad-argument")
    assert problem["detail"] == "offset 3 of partition 0 has expired"


def test_a_recompute_is_ordered_looked_at_and_ended(node, browser):
    """The station is padded on the way in."""
    node.answers[StopRecomputation] = Recomputation("a1", state="stopped")

    ordered = browser.post("/operations/recompute?wsid=725030:14732&year=2013")
    seen = browser.get("/operations/recompute")
    ended = browser.post("/operations/recompute/stop")

    assert (ordered.status_code, ordered.json()["state"], seen.json()["total"]) == (202, "running", 1)
    assert ended.json()["state"] == "stopped"
    assert node.asked == [Recompute(LGA, 2013), GetRecomputation(), StopRecomputation()]


def test_a_recompute_of_what_is_not_there_is_404(node, browser):
    """With the job's own words."""
    node.answers[Recompute] = NoDataAvailable(LGA, "no observation of 1999: nothing to recompute")

    problem = problem_of(browser.post("/operations/recompute?year=1999"), 404, "no-data-available")
    assert problem["detail"] == "no observation of 1999: nothing to recompute"


def test_a_second_recompute_is_409(node, browser):
    """Also when the refusal has travelled between actors as text."""
    refusal = RequestFailed.from_error(Conflict("a recompute is under way"))
    node.answers[Recompute] = refusal.to_error()

    problem_of(browser.post("/operations/recompute"), 409, "conflict")


@pytest.mark.parametrize("query", ["wsid=nowhere", "year=1066", "year=soon"])
def test_a_recompute_of_an_impossible_station_or_year_is_refused(browser, query):
    """422 before anything is started."""
    problem_of(browser.post(f"/operations/recompute?{query}"), 422, "bad-argument")
