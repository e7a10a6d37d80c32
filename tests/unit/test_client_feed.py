"""Feeding observations, files and data frames, over a real socket, to a node that keeps what it accepts."""

import asyncio
import gzip
import json
import math
from dataclasses import asdict, astuple, replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import polars as pl
import pytest
from client_stage import WeatherNode, served
from hypothesis import given
from hypothesis import strategies as st
from web_stage import LGA, hour

from killrweather.client import AsyncClient, Client, to_pandas, to_polars
from killrweather.client.bodies import MOST_BYTES, pieces_of
from killrweather.client.frames import pieces_of_frame
from killrweather.errors import BadRequest, Unavailable
from killrweather.feed.parsing import parse
from killrweather.feed.reader import Piece
from killrweather.model.observation import COLUMNS, RawWeatherData
from killrweather.model.temperature import DailyTemperature

LAST_YEAR = 2100
FULL = RawWeatherData(LGA, 2013, 7, 1, 0, 21.5, 12.25, 1013.2, 270, 4.6, 8, 0.4, 1.5)
TIME = datetime(2013, 7, 1, 6, tzinfo=timezone.utc)


def hours(number, **values):
    """So many hours from the beginning of July 2013 on."""
    times = [datetime(2013, 7, 1) + timedelta(hours=n) for n in range(number)]
    return [replace(FULL, day=one.day, month=one.month, hour=one.hour, **values) for one in times]


def optional(strategy):
    return st.none() | strategy


observations = st.builds(
    RawWeatherData,
    st.sampled_from([LGA, "010010:99999", "USW00014732"]),
    st.integers(1900, 2024), st.integers(1, 12), st.integers(1, 28), st.integers(0, 23),
    optional(st.floats(-95, 60)), optional(st.floats(-100, 40)), optional(st.floats(850, 1090)),
    optional(st.integers(0, 360)), optional(st.floats(0, 115)), optional(st.integers(0, 19)),
    optional(st.floats(0, 310) | st.just(-0.1)), optional(st.floats(0, 900) | st.just(-0.1)),
).filter(lambda row: any(value is not None for value in astuple(row)[5:]))  # fmt: skip


def parsed(pieces):
    """What a node reads from pieces: the observations, and the line and field of each reject."""
    found, rejects = [], []
    for piece in pieces:
        result = parse(piece.format, piece.data, piece.first_line, LAST_YEAR, piece.header, piece.wsid)
        found += [RawWeatherData(*row) for row in result.observations.iter_rows()]
        rejects += [(reject.line, reject.field) for reject in result.rejects]
    return found, rejects


@pytest.fixture
def stage():
    with served() as stage:
        yield stage


@given(st.lists(observations, max_size=8), st.integers(1, 4))
def test_observations_arrive_as_they_are_whatever_the_batches(rows, batch_rows):
    """To the last bit, in their order, from values and from mappings; no body has more rows than asked for."""
    pieces = list(pieces_of([row if n % 2 else asdict(row) for n, row in enumerate(rows)], batch_rows))

    assert parsed(pieces) == (rows, [])
    assert all(piece.data.count(b"\n") <= batch_rows for piece in pieces)


@given(st.lists(observations, min_size=1, max_size=8), st.integers(1, 4), st.booleans())
def test_data_frames_arrive_as_they_are_whatever_the_batches(rows, batch_rows, is_pandas):
    """Numbers keep their bits; missing ones stay missing, though pandas makes floats of whole numbers beside them."""
    frame = pd.DataFrame([asdict(row) for row in rows]) if is_pandas else to_polars(rows)
    pieces = list(pieces_of_frame(frame, batch_rows))

    assert parsed(pieces) == (rows, [])
    assert len(pieces) == math.ceil(len(rows) / batch_rows)


def test_what_is_fed_is_stored_and_can_be_asked_for(stage):
    """The result adds up, and waiting returns when everything is stored."""
    with Client(stage.url) as client:
        result = client.feed(hours(30), batch_rows=7)
        client.wait_until_stored(result)

        assert (result.read, result.accepted, result.rejected) == (30, 30, 0)
        assert list(client.raw(LGA)) == hours(30)
    assert [body.count(b"\n") for body in stage.node.bodies] == [7, 7, 7, 7, 2]


def test_rows_are_taken_only_when_those_before_them_are_acknowledged(stage):
    """A source of any length needs the memory of one body."""
    ahead = []

    def source():
        for n, row in enumerate(hours(40)):
            ahead.append(n - stage.node.accepted)
            yield row

    with Client(stage.url) as client:
        client.feed(source(), batch_rows=5)

    assert max(ahead) <= 5


def test_an_asynchronous_source_is_fed_as_it_comes(stage):
    """Row by row if need be; plain iterables, files and frames as well."""

    async def source():
        for row in hours(3):
            yield row

    async def feed_all():
        async with AsyncClient(stage.url) as client:
            results = [await client.feed(source(), batch_rows=1), await client.feed(hours(3))]
            return [*results, await client.feed_frame(to_polars(hours(3)))]

    assert [result.accepted for result in asyncio.run(feed_all())] == [3, 3, 3]
    assert [body.count(b"\n") for body in stage.node.bodies] == [1, 1, 1, 3, 3]


def test_an_asynchronous_source_is_nothing_for_the_client_that_waits(stage):
    """It says which client to use."""

    async def source():
        yield FULL

    with Client(stage.url) as client, pytest.raises(BadRequest, match="AsyncClient"):
        client.feed(source())


def test_a_row_that_cannot_be_read_is_told_with_its_place_among_all(stage):
    """Also where JSON has no such value or no such key; the rows around it are accepted."""
    good, itself = asdict(FULL), {}
    itself["wsid"] = itself
    bad = [
        {**good, "month": 13},
        {**good, "temperature": object()},
        {1: good, (2, 3): 4},
        itself,
        {**good, "temp": 1.0},
    ]
    with Client(stage.url) as client:
        result = client.feed([good, *bad, good], batch_rows=2)

    assert (result.read, result.accepted, result.rejected) == (7, 2, 5)
    assert [(reject["source"], reject["line"]) for reject in result.rejects] == [
        ("observations", n) for n in range(2, 7)
    ]
    assert [reject["field"] for reject in result.rejects] == ["month", "temperature", None, None, "temp"]


def test_numbers_and_times_of_other_libraries_are_what_they_say(stage):
    """As the rows of data frames and of databases have them."""
    row = {"wsid": LGA, "timestamp": TIME, "temperature": np.float64(21.5), "wind_direction": np.int32(270)}
    with Client(stage.url) as client:
        assert client.feed([row]).accepted == 1
        found = client.current(LGA)

    assert (found.time, found.temperature, found.wind_direction) == (TIME, 21.5, 270)


@pytest.mark.parametrize("given", ["2008.csv", [3], [FULL, None]])
def test_something_that_is_no_observation_at_all_is_refused(stage, given):
    """A text is iterable too; feeding its letters is not what was meant."""
    with Client(stage.url) as client, pytest.raises(BadRequest, match="expected a RawWeatherData"):
        client.feed(given)


def test_a_body_never_grows_beyond_what_can_be_sent_again():
    """However many rows are asked for."""
    row = {**asdict(FULL), "wsid": "x" * 100_000}

    sizes = [len(piece.data) for piece in pieces_of([row] * 90, 1_000)]

    assert max(sizes) <= MOST_BYTES
    assert len(sizes) == 3


def test_pieces_are_sent_as_they_are_between_the_rows(stage):
    """In their place: what came before them goes first."""
    piece = Piece("some.csv", "csv", 8, hour(1).encode(), None, None, ())
    with Client(stage.url) as client:
        assert client.feed([FULL, piece, FULL]).accepted == 3

    assert [json.loads(body)["wsid"] if body.startswith(b"{") else body for body in stage.node.bodies] == [
        LGA, hour(1).encode(), LGA
    ]  # fmt: skip


def test_files_are_loaded_and_one_that_cannot_be_read_is_named(stage, tmp_path):
    """Plain or compressed; the others are sent all the same."""
    lines = "".join(hour(n) for n in range(5)).encode()
    (tmp_path / "a.csv").write_bytes(lines)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(lines)[:-9])
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(lines))
    with Client(stage.url) as client:
        result = client.load([tmp_path / name for name in ("a.csv", "b.csv.gz", "no.csv", "c.csv.gz")])
        alone = client.load(str(tmp_path / "a.csv"))

    assert (result.read, result.rejected, alone.accepted) == (result.accepted, 0, 5)
    assert result.accepted >= 10
    assert [failure.partition(": ")[0].rpartition("/")[2] for failure in result.failures] == ["b.csv.gz", "no.csv"]


class Moody(WeatherNode):
    """Can take nothing for the first tries."""

    def __init__(self, refusals):
        super().__init__()
        self.refusals, self.tries = refusals, 0
        self.before_publishing = self._refuse

    def _refuse(self, order):
        self.tries += 1
        if self.tries <= self.refusals:
            raise Unavailable("Kafka is away", 0.05)
        self._keep(order)


def test_what_goes_wrong_in_a_program_s_own_rows_is_raised_to_it(stage):
    """Not noted as with a file: the program knows what it means."""

    def rows():
        yield FULL
        raise ConnectionResetError("the device hung up")

    with Client(stage.url) as client, pytest.raises(ConnectionResetError, match="the device hung up"):
        client.feed(rows())


def test_a_body_that_a_node_cannot_take_now_is_sent_again():
    """Until it is acknowledged; each row counts once."""
    with served(Moody(2)) as stage, Client(stage.url) as client:
        result = client.feed(hours(4), batch_rows=2)

        assert (result.read, result.accepted, stage.node.tries) == (4, 4, 4)


def test_the_next_node_takes_what_one_cannot(stage):
    """At once, without a pause."""
    with served(Moody(100)) as away, Client([away.url, stage.url], patience_s=0.0) as client:
        result = client.feed(hours(4), batch_rows=2)

    assert (result.accepted, away.node.tries, stage.node.accepted) == (4, 1, 4)


def test_a_node_that_stays_away_is_an_error_after_the_patience():
    """With the node's own reason."""
    raised = pytest.raises(Unavailable, match="Kafka is away")
    with served(Moody(10_000)) as stage, Client(stage.url, patience_s=0.5) as client, raised:
        client.feed(hours(1))


def test_times_of_a_frame_are_hours_in_utc(stage):
    """Whatever their zone; columns that are not there are missing."""
    local = pd.Timestamp("2013-07-01 08:30", tz="Europe/Berlin")
    frames = [
        pd.DataFrame({"wsid": ["1:1"], "timestamp": [local], "temperature": [7.0]}),
        pl.DataFrame({"timestamp": [local.to_pydatetime()], "wsid": ["1:2"], "temperature": [7]}),
    ]
    with Client(stage.url) as client:
        assert [client.feed_frame(frame).accepted for frame in frames] == [1, 1]
        found = [client.current(wsid) for wsid in ("1:1", "1:2")]

    assert found == [RawWeatherData(wsid, 2013, 7, 1, 6, temperature=7.0) for wsid in ("000001:00001", "000001:00002")]


def test_a_row_of_a_frame_that_cannot_be_read_is_told_with_its_place(stage):
    """A text stays on its line whatever it has in it."""
    frame = pd.DataFrame([asdict(FULL)] * 6)
    frame["wind_direction"] = [270.0, 270.5, 270.0, 270.0, float("inf"), 270.0]
    frame["wsid"] = [LGA, LGA, "a,b\nc", LGA, LGA, None]
    with Client(stage.url) as client:
        result = client.feed_frame(frame, batch_rows=4)

    assert (result.accepted, result.rejected) == (2, 4)
    assert [(reject["line"], reject["field"]) for reject in result.rejects] == [
        (2, "wind_direction"), (3, "wsid"), (5, "wind_direction"), (6, "wsid")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (pl.DataFrame({"wsid": [LGA]}), "no column year"),
        (pl.DataFrame({"timestamp": [TIME]}), "no column wsid"),
        (pl.DataFrame({"wsid": [LGA], "timestamp": [TIME], "hour": [1]}), "columns timestamp and hour"),
        (pl.DataFrame({"wsid": [LGA], "timestamp": [TIME], "temp": [1]}), "column temp: expected only wsid"),
        (pl.DataFrame({"wsid": [LGA], "timestamp": [TIME.replace(tzinfo=None)]}), "expected times with a time zone"),
        (pd.DataFrame({"wsid": [LGA], "timestamp": ["2013-07-01"]}), "expected times with a time zone"),
        (to_polars([FULL]).lazy(), "LazyFrame: expected a DataFrame"),
        ([FULL], "list: expected a DataFrame"),
    ],
)
def test_a_frame_that_holds_no_observations_is_refused(stage, frame, named):
    """The column is named; nothing is sent."""
    with Client(stage.url) as client, pytest.raises(BadRequest, match=named):
        client.feed_frame(frame)

    assert stage.node.bodies == []


@pytest.mark.parametrize("rows", [0, -1])
def test_a_body_of_no_rows_cannot_be_asked_for(stage, rows):
    """It would never end."""
    with Client(stage.url) as client:
        with pytest.raises(BadRequest, match=f"batch_rows {rows}"):
            client.feed([FULL], batch_rows=rows)
        with pytest.raises(BadRequest, match=f"batch_rows {rows}"):
            client.feed_frame(to_polars([FULL]), batch_rows=rows)


def test_answers_become_frames_with_the_types_of_their_fields():
    """Missing values stay missing, and whole numbers whole."""
    rows = [FULL, replace(FULL, hour=1, sky_condition=None, temperature=None)]
    of_polars, of_pandas = to_polars(rows), to_pandas(iter(rows))

    assert of_polars.columns == list(of_pandas.columns) == list(COLUMNS)
    assert (of_polars.schema["wsid"], of_polars.schema["year"], of_polars.schema["temperature"]) == (
        pl.String, pl.Int64, pl.Float64
    )  # fmt: skip
    assert (str(of_pandas["sky_condition"].dtype), str(of_pandas["year"].dtype)) == ("Int64", "int64")
    assert of_polars["sky_condition"].to_list() == [8, None]
    assert of_pandas["sky_condition"].isna().tolist() == of_pandas["temperature"].isna().tolist() == [False, True]


def test_no_answers_are_a_frame_when_their_kind_is_known():
    """Without it nobody knows the columns."""
    assert to_polars([], DailyTemperature).columns == list(to_pandas([], DailyTemperature).columns)
    with pytest.raises(BadRequest, match="kind"):
        to_polars([])
