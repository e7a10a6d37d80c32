"""Listening to what happens: a stream that breaks off is taken up where it was."""

import asyncio
import json
from contextlib import aclosing
from itertools import islice

import httpx
import pytest
from client_stage import event, served
from web_stage import LGA

from killrweather.client import AsyncClient, Client
from killrweather.client.core import Core
from killrweather.client.events import cluster_events
from killrweather.client.steps import Give, Open, Read, advance
from killrweather.errors import BadRequest, KillrWeatherError, Unavailable
from killrweather.model.observation import RawWeatherData

HOURS = [RawWeatherData(LGA, 2013, 7, 1, hour, temperature=float(hour)) for hour in range(6)]
TOLD = [event(one, f"0:{number}") for number, one in enumerate(HOURS)]
SOON = b"retry: 10\n\n"


@pytest.fixture
def stage():
    with served() as stage:
        yield stage


def heard(stage, number, *wsids, **options):
    """The first observations of both clients, which hear the same."""
    streams, connections = list(stage.streams), []

    async def awaited():
        async with AsyncClient(stage.url) as client, aclosing(client.weather_events(*wsids, **options)) as events:
            return [(await anext(events)) for _ in range(number)]

    with Client(stage.url) as client:
        found = list(islice(client.weather_events(*wsids, **options), number))
    connections, stage.connections = stage.connections, []
    stage.streams = streams
    assert asyncio.run(awaited()) == found
    assert stage.connections == connections
    return [one.observation for one in found]


def test_a_stream_that_ends_is_taken_up_after_its_last_event(stage):
    """The next connection says which event came last; half an event does not count."""
    stage.streams = [[SOON, *TOLD[:2], TOLD[2][:-10]], [TOLD[2]], [*TOLD[3:]]]

    assert heard(stage, 6) == HOURS
    assert [one["after"] for one in stage.connections] == ["", "0:1", "0:2"]


def test_a_heartbeat_moves_the_place_on(stage):
    """So that a quiet stream does not tell again what others were told meanwhile."""
    stage.streams = [[SOON, b": still here\nid: 0:77\n\n"], [TOLD[0]]]

    assert heard(stage, 1) == HOURS[:1]
    assert [one["after"] for one in stage.connections] == ["", "0:77"]


def test_a_program_goes_on_from_the_event_that_it_knows(stage):
    """``after`` is sent with the first connection; stations are named once, in their one spelling."""
    stage.streams = [TOLD]

    assert heard(stage, 6, "725030:14732", "10010:99999", after="0:9") == HOURS
    assert stage.connections == [{"after": "0:9", "wsids": "725030:14732,010010:99999"}]


def test_what_is_fed_is_heard_by_who_listens(stage):
    """From the feed to the listener, while the connection lasts."""

    async def listen_and_feed():
        async with AsyncClient(stage.url) as client, aclosing(client.weather_events(LGA)) as events:
            first = asyncio.create_task(anext(events))
            while not stage.node.listeners:
                await asyncio.sleep(0.01)
            await client.feed(HOURS)
            return [await first, *[await anext(events) for _ in HOURS[1:]]]

    assert [one.observation for one in asyncio.run(listen_and_feed())] == HOURS


def test_other_kinds_of_events_are_not_observations(stage, caplog):
    """A node that closes the stream is asked again; anything else is told in the log."""
    closed = b'event: closed\ndata: {"reason": "too-slow", "text": "too much waits"}\n\n'
    stage.streams = [[SOON, b"event: gap\ndata: 7 rows expired\n\n", TOLD[0], closed], [TOLD[1]]]

    assert heard(stage, 2) == HOURS[:2]
    assert {record.message for record in caplog.records if record.levelname == "WARNING"} == {
        "the stream of observations says gap: 7 rows expired"
    }


@pytest.mark.parametrize("told", [b"event: observation\ndata: {}\n\n", b"event: observation\ndata: <html>\n\n"])
def test_an_event_that_cannot_be_read_is_an_error_for_people(stage, told):
    """It names the event and what was expected."""
    stage.streams = [[told]]

    with pytest.raises(KillrWeatherError, match="event observation"), Client(stage.url) as client:
        next(client.weather_events())


def test_a_station_that_cannot_be_one_is_refused_before_anything_is_sent(stage):
    """At the call, not at the first event."""
    with Client(stage.url) as client, pytest.raises(BadRequest, match="nowhere"):
        client.weather_events("nowhere")

    assert stage.connections == []


def test_nobody_to_listen_to_is_an_error_after_the_patience():
    """A node that is away for longer than that is named."""
    with served() as stage:
        url = stage.url
    with Client(url, patience_s=0.3) as client, pytest.raises(Unavailable, match=url):
        next(client.weather_events())


def test_listening_goes_on_with_another_node(stage):
    """As asking does."""
    with served() as gone:
        urls = [gone.url, stage.url]
    stage.streams = [TOLD]
    with Client(urls, patience_s=0.0) as client:
        assert next(client.weather_events()).observation == HOURS[0]


def test_events_among_the_nodes_come_after_their_history(stage):
    """The application's own stream."""
    with Client(stage.url) as client:
        found = next(client.cluster_events(history=1))

    assert (found.event, found.node, found.text) == ("MemberUp", "n1", "n1 is up")


def told(at, node):
    time = f"2013-07-01T00:00:{at}+00:00"
    data = {"at": time, "event": "MemberUp", "node": node, "singleton": None, "text": f"{node} is up"}
    return f"id: {time}\nevent: MemberUp\ndata: {json.dumps(data)}\n\n".encode()


def heard_on(connections, history):
    """What the stream of cluster events gives where each connection brings these bytes, and what each was asked."""
    found, calls, blocks = [], [], iter(())
    conversation, outcome = cluster_events(history).converse(Core("http://n1", 0.0, 0.0)), None
    while True:
        step, outcome = advance(conversation, outcome), None
        match step:
            case Open(call=call):
                if len(calls) == len(connections):
                    return [event.node for event in found], calls
                blocks = iter(connections[len(calls)])
                calls.append((call.parameters, call.headers.get("Last-Event-ID")))
                outcome = httpx.Response(200)
            case Read():
                outcome = next(blocks, b"")
            case Give(event):
                found.append(event)


def test_events_among_the_nodes_are_told_once_over_a_break():
    """The node goes on with those of the last id's instant, as its id is its time: one of them is new."""
    first = [
        told("04", "n0"),
        told("05.5", "n1"),
        told("05.5", "n2"),
        b'event: closed\ndata: {"reason": "stopping"}\n\n',
    ]
    second = [told("05.5", "n1"), told("05.5", "n2"), told("05.5", "n3"), told("06", "n1")]
    third = [b'event: gap\ndata: {"text": "only the newest are kept"}\n\n', told("06", "n1"), told("07", "n1")]

    nodes, calls = heard_on([first, second, third], history=7)

    assert nodes == ["n0", "n1", "n2", "n3", "n1", "n1"]
    assert calls == [
        ({"history": "7"}, None),
        ({"history": "7"}, "2013-07-01T00:00:05.5+00:00"),
        ({"history": "7"}, "2013-07-01T00:00:06+00:00"),
    ]
