"""Bad input over HTTP: a clear error that names the thing, and nothing else lost."""

import gzip
import io
import os
import zipfile

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from web_stage import LINE, Browser, Node, hour, problem_of, settings

LONG_LINE_BYTES = 100_000_000
ANY_NODE = Browser(Node(), settings())


def with_field(position: int, value: str) -> str:
    columns = LINE.rstrip().split(",")
    columns[position] = value
    return ",".join(columns) + "\n"


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("725030:14732,2008,01\n", None, "725030:14732,2008,01"),
        (LINE.rstrip() + ",1\n", None, LINE.rstrip() + ",1"),
        (with_field(2, "13"), "month", "13"),
        (with_field(4, "24"), "hour", "24"),
        (with_field(5, "NaN"), "temperature", "NaN"),
        (with_field(5, "inf"), "temperature", "inf"),
        (with_field(5, "99.5"), "temperature", "99.5"),
        (with_field(0, "nowhere"), "wsid", "nowhere"),
        (with_field(1, "1492"), "year", "1492"),
        (with_field(8, "north"), "wind_direction", "north"),
    ],
)
def test_a_bad_row_is_named_and_its_neighbours_are_accepted(browser, line, field, value):
    """202 with one reject of line 2 that shows the field, its value and what was expected."""
    response = browser.post("/weather/data", content=hour(0) + line + hour(1))

    assert response.status_code == 202, response.text
    answer = response.json()
    assert (answer["read"], answer["accepted"], answer["rejected"]) == (3, 2, 1)
    (reject,) = answer["rejects"]
    assert (reject["line"], reject["field"]) == (2, field)
    assert reject["value"] == value
    assert reject["reason"]


def test_the_30th_of_february_is_no_day(browser):
    """The reject names the day."""
    line = "725030:14732,2008,02,30,00,5.0,-3.9,1020.4,270,4.6,2,0.0,0.0\n"
    (reject,) = browser.post("/weather/data", content=hour(0) + line).json()["rejects"]

    assert (reject["field"], reject["line"]) == ("day", 2)


def test_invalid_utf8_costs_only_its_line(browser):
    """The other rows are accepted."""
    answer = browser.post("/weather/data", content=hour(0).encode() + b"\xff\xfe\x80,\n" + hour(1).encode()).json()

    assert (answer["accepted"], answer["rejected"]) == (2, 1)
    assert answer["rejects"][0]["line"] == 2


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_body_says_so(browser, content):
    """422, however the emptiness is wrapped."""
    assert "empty" in problem_of(browser.post("/weather/data", content=content), 422, "unreadable-input")["detail"]


def test_binary_junk_is_refused_as_a_whole(browser, node):
    """422 that lists the known formats."""
    junk = bytes(range(256)) * 64
    document = problem_of(browser.post("/weather/data", content=junk), 422, "unreadable-input")

    assert "isd-lite" in document["detail"]
    assert node.asked == []


def test_binary_junk_that_claims_to_be_csv_is_rejected_by_row(browser):
    """422 with rejects, for ?format=csv takes the sender at its word."""
    problem_of(browser.post("/weather/data?format=csv", content=os.urandom(5_000)), 422, "nothing-accepted")


def test_a_truncated_gzip_keeps_what_came_before_and_says_so(browser):
    """422 with the number of rows that were accepted before the cut."""
    whole = gzip.compress("".join(hour(n) for n in range(2_000)).encode())
    response = browser.post("/weather/data", content=whole[: len(whole) // 2])

    document = problem_of(response, 422, "unreadable-input")
    assert document["accepted"] > 100
    assert f"{document['accepted']:,} rows were accepted" in document["detail"]


def test_a_damaged_gzip_is_named(browser):
    """Bytes changed in the middle are noticed."""
    whole = bytearray(gzip.compress("".join(hour(n) for n in range(2_000)).encode()))
    whole[len(whole) // 2 : len(whole) // 2 + 40] = bytes(40)

    assert (
        "damaged" in problem_of(browser.post("/weather/data", content=bytes(whole)), 422, "unreadable-input")["detail"]
    )


def test_a_gzip_bomb_stops_at_the_limit(node):
    """The decompressed size is bounded by feed.max_decompressed_bytes."""
    bomb = gzip.compress(bytes(20_000_000))
    browser = Browser(node, settings(feed={"max_decompressed_bytes": 1_000_000}))

    document = problem_of(browser.post("/weather/data?format=csv", content=bomb), 422, "unreadable-input")
    assert "feed.max_decompressed_bytes" in document["detail"]


@pytest.mark.parametrize("path", ["../outside.csv", "/etc/outside.csv", "a/../../outside.csv", "C:\\outside.csv"])
def test_a_zip_whose_path_climbs_out_is_refused_whole(browser, node, path):
    """422 names the entry; its neighbour is not read either."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("good.csv", LINE)
        out.writestr(path, LINE)
    document = problem_of(browser.post("/weather/data", content=archive.getvalue()), 422, "unreadable-input")

    assert "outside" in document["detail"]
    assert node.asked == []


def test_a_truncated_zip_is_refused(browser):
    """422, because the directory of a zip is at its end."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("good.csv", LINE)

    problem_of(browser.post("/weather/data", content=archive.getvalue()[:-30]), 422, "unreadable-input")


def test_a_line_that_is_too_long_at_the_end_is_counted_and_a_publisher_keeps_it(browser, node):
    """Though there is no other line that goes with it."""
    answer = browser.post("/weather/data", content=hour(0) + 3_000_000 * "9").json()

    assert (answer["accepted"], answer["rejected"]) == (1, 1)
    assert [one.line for order in node.asked for one in order.rejects] == [2]


def test_a_hundred_megabytes_in_one_line_cost_one_reject(browser):
    """Never held whole: the neighbours are accepted and the line is named."""

    async def body():
        yield hour(0).encode()
        for _ in range(LONG_LINE_BYTES // 1_000_000):
            yield b"9" * 1_000_000
        yield b"\n" + hour(1).encode()

    answer = browser.post("/weather/data", content=body()).json()

    assert (answer["read"], answer["accepted"], answer["rejected"]) == (3, 2, 1)
    assert (answer["rejects"][0]["line"], answer["rejects"][0]["code"]) == (2, "too-long")
    assert len(answer["rejects"][0]["value"]) < 200


@effort(max_examples=60, deadline=None)
@given(content=st.binary(max_size=400), format=st.sampled_from(["auto", "csv", "isd-lite", "nycflights13"]))
def test_no_bytes_make_the_server_fail(content, format):
    """Whatever is sent is accepted or is the sender's problem: 202 or 422."""
    response = ANY_NODE.post(f"/weather/data?format={format}", content=content)

    assert response.status_code in (202, 422), response.text
