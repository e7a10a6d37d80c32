"""Reading server-sent events, however the network cuts their bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.client.sse import MOST_BYTES, Event, EventReader
from killrweather.errors import KillrWeatherError

noise = st.sampled_from([": still here", "other: field", "retry: soon", "id: a\0b"])
texts = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=12)
words = st.text("abcXYZ019:,", min_size=1, max_size=8)
events = st.tuples(words, st.lists(texts, min_size=1, max_size=3), st.none() | words)


@st.composite
def cuts(draw, data):
    """The same bytes in parts, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@st.composite
def streams(draw):
    """Events, and a stream that has them, with comments and other fields between."""
    text, expected, last_id = draw(st.sampled_from(["", "\ufeff"])), [], ""
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    for kind, data, id in draw(st.lists(events, max_size=5)):
        others = draw(st.lists(noise, max_size=3)) + ([] if id is None else [f"id: {id}"])
        lines = [*draw(st.permutations(others)), f"event: {kind}", *(f"data: {line}" for line in data), ""]
        text += "".join(line + line_end for line in lines)
        last_id = last_id if id is None else id
        expected.append(Event(kind, "\n".join(data), last_id))
    return text.encode(), expected


def read(parts, reader=None):
    reader = reader or EventReader()
    return [event for part in parts for event in reader.feed(part)]


@given(st.data())
def test_every_event_is_read_wherever_the_bytes_are_cut(data):
    """Within a character of several bytes, between CR and LF, within a field: the same events, in their order."""
    stream, expected = data.draw(streams())

    assert read(data.draw(cuts(stream))) == expected


@given(st.data())
def test_any_bytes_mean_the_same_however_they_are_cut(data):
    """Also those that are no stream of events at all."""
    alphabet = [
        b"\r",
        b"\n",
        b":",
        b" ",
        b"data",
        b"event",
        b"id",
        b"retry",
        b"7",
        b"\xc3",
        b"\xbc",
        b"\0",
        b"\xef\xbb\xbf",
    ]
    stream = b"".join(data.draw(st.lists(st.sampled_from(alphabet), max_size=60)))
    whole, cut = EventReader(), EventReader()

    assert read(data.draw(cuts(stream)), cut) == read([stream], whole)
    assert (cut.last_id, cut.retry_s) == (whole.last_id, whole.retry_s)


def test_a_line_of_unicode_s_own_kinds_is_still_one_line():
    """Only CR and LF end a line of the stream."""
    assert read(["data: a\u2028b\x85c\n\n".encode()]) == [Event("message", "a\u2028b\x85c", "")]


def test_a_heartbeat_moves_the_place_on_without_an_event():
    """An id with nothing else is a place to go on from."""
    reader = EventReader("4")

    assert read([b": still here\nid: 7\n\n"], reader) == []
    assert reader.last_id == "7"


def test_an_event_that_the_connection_cut_off_is_forgotten_with_its_id():
    """It comes again, because the place before it is what the next connection asks for."""
    reader = EventReader()

    assert read([b"id: 1\ndata: a\n\nid: 2\ndata: b\n"], reader) == [Event("message", "a", "1")]
    assert reader.last_id == "1"
    reader.reconnected()
    assert read([b"data: c\n\n"], reader) == [Event("message", "c", "1")]


def test_the_node_says_how_long_to_wait_before_the_next_connection():
    """In ms; what is no number is ignored."""
    reader = EventReader()
    read([b"retry: 2500\nretry: -1\nretry: 1.5\n\n"], reader)

    assert reader.retry_s == 2.5


@pytest.mark.parametrize("part", [b"x" * 65_536, b"data: " + b"x" * 1_000 + b"\n"], ids=["a line", "an event"])
def test_something_without_an_end_is_not_kept(part):
    """Memory stays bounded whoever sends."""
    reader = EventReader()

    with pytest.raises(KillrWeatherError, match="expected a killrweather node"):
        read([part] * (2 * MOST_BYTES // len(part)), reader)


def test_a_stream_of_comments_goes_on_for_ever():
    """They are not part of an event, and nothing of them is kept."""
    reader = EventReader()
    read([b": still here\n" * 1_000] * (2 * MOST_BYTES // 13_000), reader)

    assert read([b"data: a\n\n"], reader) == [Event("message", "a", "")]
