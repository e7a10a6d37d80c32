"""POST /weather/data and /weather/stations: what is answered, and in what memory."""

import asyncio
import gzip
import io
import zipfile
from collections.abc import AsyncIterator

import pytest
from feed_stage import GHCNH_COLUMNS, ghcnh_line
from web_stage import LGA, LINE, Browser, hour, problem_of, settings

from killrweather.errors import Unavailable
from killrweather.feed.formats import FORMATS
from killrweather.messages.feed import PublishObservations
from killrweather.messages.weather import StoreWeatherStations
from killrweather.web import feed

GHCNH = "|".join(GHCNH_COLUMNS) + "\n" + ghcnh_line(precipitation="0.3") + "\n"
JSON = '{"wsid": "725030:14732", "timestamp": "2008-01-01T00:00:00Z", "temperature": 5.0}'
ISD_LITE = "2008 01 01 00    50   -39 10204   270    46     2     0     0\n"
NYC = (
    "origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour\n"
    "LGA,2013,1,1,1,39.92,26.06,57.33,260,13.80936,NA,0,1011.9,10,2013-01-01T06:00:00Z\n"
)


def door(node, **sections):
    return Browser(node, settings(**sections))


async def in_blocks(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def test_one_row_is_accepted_with_its_place_in_the_log(node):
    """202 with counts that add up and the offset from which the row can be queried."""
    response = door(node).post("/weather/data", content=LINE)

    assert response.status_code == 202
    assert response.json() == {
        "read": 1,
        "accepted": 1,
        "rejected": 0,
        "rejects": [],
        "next_offsets": {"0": 1},
        "files": [],
    }


@pytest.mark.parametrize(
    ("content", "query", "format"),
    [
        (LINE, "", "csv"),
        (LINE, "?format=csv", "csv"),
        (ISD_LITE, "?name=725030-14732-2008", "isd-lite"),
        (ISD_LITE, f"?format=isd-lite&wsid={LGA}", "isd-lite"),
        (NYC, "", "nycflights13"),
        (GHCNH, "", "ghcnh"),
        (GHCNH, "?format=ghcnh", "ghcnh"),
        (JSON, "", "json"),
        (f"[{JSON}, {JSON}]", "?format=json", "json"),
    ],
)
def test_a_format_is_named_or_found_out(node, content, query, format):
    """By ?format=, by the file's name or by the lines themselves."""
    response = door(node).post(f"/weather/data{query}", content=content)

    assert response.status_code == 202, response.text
    assert [order.format for order in node.asked] == [format]


def test_gzip_and_zip_bodies_are_read(node):
    """Compression is told from the body's first bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("a.csv", LINE)
        out.writestr("b/c.csv", hour(5))

    assert door(node).post("/weather/data", content=gzip.compress(LINE.encode())).json()["accepted"] == 1
    assert door(node).post("/weather/data", content=archive.getvalue()).json()["accepted"] == 2


def test_a_bad_row_is_explained_and_the_others_are_accepted(node):
    """The reject names line, field, value and reason."""
    response = door(node).post("/weather/data", content=hour(0) + LINE.replace(",01,01,", ",13,01,") + hour(1))

    assert response.status_code == 202
    answer = response.json()
    assert (answer["read"], answer["accepted"], answer["rejected"]) == (3, 2, 1)
    (reject,) = answer["rejects"]
    assert (reject["source"], reject["line"], reject["field"], reject["value"]) == ("body", 2, "month", "13")
    assert reject["reason"]


def test_only_the_first_hundred_rejects_are_told_in_their_order(node):
    """All are counted, whatever order the publishers answer in."""
    bad = LINE.replace(",01,01,", ",13,01,")
    response = door(node, feed={"chunk_bytes": 4_096}).post("/weather/data", content=hour(0) + 250 * bad)

    answer = response.json()
    assert answer["rejected"] == 250
    assert [reject["line"] for reject in answer["rejects"]] == list(range(2, 102))


def test_a_large_body_is_published_in_small_pieces_one_after_the_other(node):
    """Pieces of feed.chunk_bytes at most, in the order of their lines, the next after the last one's answer."""
    rows = "".join(hour(n % 8_000) for n in range(4_000)).encode()
    response = door(node, feed={"chunk_bytes": 4_096}).post("/weather/data", content=in_blocks(rows))

    assert response.json()["accepted"] == 4_000
    assert node.most_outstanding == 1
    assert b"".join(order.data for order in node.asked) == rows
    assert max(len(order.data) for order in node.asked) <= 4_096


def test_when_kafka_goes_away_the_answer_says_what_was_accepted_before(node):
    """503 with Retry-After; rows acknowledged before stay counted, and reading stops."""

    def away_later(order: PublishObservations) -> None:
        if order.first_line > 1:
            raise Unavailable("Kafka 127.0.0.1:9092 does not answer", retry_after_s=2)

    node.before_publishing = away_later
    rows = "".join(hour(n) for n in range(4_000))
    response = door(node, feed={"chunk_bytes": 4_096}).post("/weather/data", content=rows)

    document = problem_of(response, 503, "unavailable")
    assert response.headers["retry-after"] == "2"
    assert document["accepted"] == node.accepted > 0
    assert "127.0.0.1:9092" in document["detail"]
    assert len(node.asked) < 20


def test_nothing_acceptable_is_422_with_the_reasons(node):
    """A body whose every row is rejected is the sender's fault."""
    response = door(node).post("/weather/data", content="junk\n" + LINE.replace(",00,5.0", ",24,5.0"))

    document = problem_of(response, 422, "nothing-accepted")
    assert (document["read"], document["accepted"], document["rejected"]) == (2, 0, 2)
    assert [reject["line"] for reject in document["rejects"]] == [1, 2]


def test_a_body_over_the_limit_is_refused_by_its_length(node):
    """413 names the setting, and not a byte is read."""
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield LINE.encode()

    browser = door(node, http={"max_body_bytes": 50})
    response = browser.post("/weather/data", content=body(), headers={"Content-Length": str(len(LINE))})

    assert "http.max_body_bytes" in problem_of(response, 413, "body-too-large")["detail"]
    assert not read


def test_a_body_without_a_length_is_counted_as_it_comes(node):
    """413 for a chunked body that turns out too large."""
    response = door(node, http={"max_body_bytes": 50}).post("/weather/data", content=in_blocks(LINE.encode(), 20))

    problem_of(response, 413, "body-too-large")


def test_too_many_uploads_get_429(node, monkeypatch):
    """One upload more than there may be is told to come back."""
    monkeypatch.setattr(feed, "MAX_UPLOADS", 0)
    response = door(node).post("/weather/data", content=LINE)

    problem_of(response, 429, "too-many-uploads")
    assert response.headers["retry-after"] == "1"


def test_a_place_is_free_again_after_an_upload_that_failed(node, monkeypatch):
    """Failed uploads do not eat up the places."""
    monkeypatch.setattr(feed, "MAX_UPLOADS", 1)
    browser = door(node)
    problem_of(browser.post("/weather/data", content=""), 422, "unreadable-input")

    assert browser.post("/weather/data", content=LINE).status_code == 202


def test_a_stalled_body_is_given_up(node, monkeypatch):
    """408 when no byte comes for a while."""
    monkeypatch.setattr("killrweather.web.bodies.STALL_S", 0.01)

    async def stalls() -> AsyncIterator[bytes]:
        yield LINE.encode()
        await asyncio.Event().wait()

    response = door(node).post("/weather/data", content=stalls())

    problem_of(response, 408, "body-too-slow")


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson", "application/json; charset=utf-8"])
def test_a_body_that_is_sent_as_json_is_read_as_json(node, media_type):
    """A broken object is explained as one, and costs its own line."""
    body = f"oops\n{JSON}\n"
    response = door(node).post("/weather/data", content=body, headers={"Content-Type": media_type})

    answer = response.json()
    assert (response.status_code, answer["accepted"], answer["rejected"]) == (202, 1, 1)
    assert (answer["rejects"][0]["line"], answer["rejects"][0]["code"]) == (1, "json")


def test_a_misspelt_field_a_number_as_text_and_a_time_without_offset_are_named(node):
    """Line, field and value of each; nothing of them is published."""
    body = "\n".join(
        [
            JSON.replace("temperature", "temprature"),
            JSON.replace("5.0", '"5.0"'),
            JSON.replace("00Z", "00"),
        ]
    )
    document = problem_of(door(node).post("/weather/data", content=body), 422, "nothing-accepted")

    assert [(one["line"], one["field"], one["value"]) for one in document["rejects"]] == [
        (1, "temprature", "5.0"),
        (2, "temperature", "5.0"),
        (3, "timestamp", "2008-01-01T00:00:00"),
    ]


def test_a_ghcnh_header_without_a_column_is_refused_whole(node):
    """422 names the column, before anything is published."""
    body = GHCNH.replace("sea_level_pressure|", "pressure|")
    document = problem_of(door(node).post("/weather/data", content=body), 422, "unreadable-input")

    assert "no column sea_level_pressure," in document["detail"]
    assert node.asked == []


def test_every_media_type_of_a_format_stands_in_the_api_document(node):
    """The list is the formats' own."""
    document = door(node).get("/openapi.json").json()
    told = document["paths"]["/weather/data"]["post"]["requestBody"]["content"]

    assert {media_type for known in FORMATS for media_type in known.media_types} <= told.keys()


def test_an_unknown_format_is_named_with_the_known_ones(node):
    """422 names the argument."""
    document = problem_of(door(node).post("/weather/data?format=xml", content=LINE), 422, "bad-argument")

    assert document["argument"] == "format"
    assert "isd-lite" in document["detail"]


def test_a_station_table_is_kept_in_portions(node):
    """All its stations arrive, a thousand in a message at most; a bad row is explained."""
    table = "".join(f"{n:06}:99999,NAME {n},NO,,,60.5,5.5,10\n" for n in range(1, 2_501)) + "x:y,BAD,NO,,,1,1,1\n"
    response = door(node).post("/weather/stations", content=table)

    assert response.status_code == 202
    answer = response.json()
    assert (answer["read"], answer["accepted"], answer["rejected"]) == (2_501, 2_500, 1)
    assert answer["rejects"][0]["line"] == 2_501
    assert [len(order.stations) for order in node.asked] == [1_000, 1_000, 500]


def test_a_gzipped_station_table_is_read(node):
    """As observations are."""
    response = door(node).post(
        "/weather/stations", content=gzip.compress(b"010010:99999,JAN MAYEN,NO,,ENJA,70.9,-8.7,9\n")
    )

    assert response.json()["accepted"] == 1
    assert isinstance(node.asked[0], StoreWeatherStations)


@pytest.mark.parametrize("content", [b"", b"no table at all\n", gzip.compress(b"x", mtime=0)[:-4]])
def test_what_is_no_station_table_is_refused(node, content):
    """422, and nothing is stored."""
    problem_of(door(node).post("/weather/stations", content=content), 422, "unreadable-input")

    assert node.asked == []


def test_an_empty_table_of_bad_rows_is_refused_with_reasons(node):
    """422 when no row is a station."""
    response = door(node).post("/weather/stations", content="x:y,BAD,NO,,,1,1,1\n")

    assert problem_of(response, 422, "nothing-accepted")["rejects"][0]["line"] == 1
