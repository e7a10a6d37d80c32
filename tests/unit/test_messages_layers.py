"""How far a replay or a recompute is, from what the stream and the job tell."""

import pytest

from killrweather.errors import BadRequest
from killrweather.messages.layers import Recomputation, Recompute, Replaying

REPLAY = Replaying("a", {0: 100, 1: 0}, {0: 300, 1: 50}, has_begun=True)
CHUNK = {"station_years": 32, "rows": 280_000, "days": 11_680, "months": 384, "years": 32, "seconds": 4.5}


def test_the_rest_of_a_replay_is_counted_in_records():
    """Also before the stream has told where it is, and after it has gone past the end."""
    assert REPLAY.records == 250
    assert REPLAY.remaining({0: 250, 1: 10}) == 90
    assert REPLAY.remaining({}) == 250
    assert REPLAY.remaining({0: 900, 1: 50}) == 0


def test_a_recompute_is_what_its_process_has_told():
    """From the number of station-years through the chunks to its end."""
    states = [Recomputation("a", state="starting")]
    for event in (
        {"event": "alive"},
        {"event": "started", "total": 40},
        {"event": "waiting", "for": "cassandra", "text": "Cassandra does not answer"},
        {"event": "chunk", **CHUNK},
        {"event": "done"},
    ):
        states.append(states[-1].after(event))

    assert [one.state for one in states] == ["starting", "starting", "running", "waiting", "running", "done"]
    assert [one.is_under_way for one in states] == [True] * 5 + [False]
    assert states[3].text == "Cassandra does not answer"
    assert states[-1] == Recomputation("a", state="done", total=40, **CHUNK)


@pytest.mark.parametrize(("event", "state"), [("nothing", "no-data"), ("failed", "failed")])
def test_a_recompute_that_ends_without_a_result_says_why(event, state):
    """The text is meant for people."""
    ended = Recomputation("a", state="running").after({"event": event, "text": "because"})

    assert (ended.state, ended.text, ended.is_under_way) == (state, "because", False)


def test_the_station_of_a_recompute_is_padded_and_its_year_checked():
    """As in every question."""
    assert Recompute("10010:99999").wsid == "010010:99999"
    with pytest.raises(BadRequest, match="1066"):
        Recompute(year=1066)
