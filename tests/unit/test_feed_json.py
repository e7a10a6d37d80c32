import json
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from feed_stage import LAST_YEAR, hourly_line, parse_lines, parse_pieces, read_blocks
from hypothesis import given, settings
from hypothesis import strategies as st

from killrweather.errors import FormatError
from killrweather.feed.elements import Elements
from killrweather.feed.parsing import parse
from killrweather.feed.rejects import shown
from killrweather.model.observation import COLUMNS, VALUE_FIELDS
from killrweather.settings import Feed

GOOD = {
    "wsid": "725030:14732", "year": 2008, "month": 2, "day": 29, "hour": 0, "temperature": 5.0, "dewpoint": -3.9,
    "pressure": 1020.4, "wind_direction": 270, "wind_speed": 4.6, "sky_condition": 2, "one_hour_precip": 0.0,
    "six_hour_precip": 0,
}  # fmt: skip


def text(**fields):
    """A good object but for the fields given."""
    return json.dumps({**GOOD, **fields}, ensure_ascii=False)


def timed(timestamp, **fields):
    return json.dumps({"wsid": "725030:14732", "timestamp": timestamp, "temperature": 5, **fields})


def parse_json(*lines):
    return parse_lines(*lines, format="json")


def test_an_object_says_the_same_as_a_line_of_the_hourly_csv():
    """The same names, null for what is missing, whole numbers where fractions may stand and the other way round."""
    parsed = parse_json(text(), text(hour=1.0, wind_direction=270.0, temperature=5, dewpoint=None))
    expected = parse_lines(hourly_line(), hourly_line(hour="01", dewpoint=""))

    assert parsed.rejects == []
    assert parsed.observations.equals(expected.observations)


def test_fields_that_are_not_there_are_missing():
    """Station, time and one value are enough; the station's id is padded."""
    parsed = parse_json(
        '{"hour": 3, "day": 2, "month": 1, "year": 2008, "wsid": "10010:99999", "one_hour_precip": -0.1}'
    )

    assert parsed.observations.row(0) == ("010010:99999", 2008, 1, 2, 3, *[None] * 6, -0.1, None)


@pytest.mark.parametrize(
    ("timestamp", "hour"),
    [
        ("2008-02-29T13:00:00Z", (2008, 2, 29, 13)),
        ("2008-02-29t13:51:59.999z", (2008, 2, 29, 13)),
        ("2008-02-29 13:00+00:00", (2008, 2, 29, 13)),
        ("2008-02-29T23:30:00-05:00", (2008, 3, 1, 4)),
        ("2008-03-01T00:15:00+0530", (2008, 2, 29, 18)),
        ("2008-01-01T01+02", (2007, 12, 31, 23)),
    ],
)
def test_a_timestamp_stands_in_for_year_month_day_and_hour(timestamp, hour):
    """It is the UTC hour that it lies in."""
    assert parse_json(timed(timestamp)).observations.row(0)[1:5] == hour


@pytest.mark.parametrize(
    ("line", "field", "value", "code", "reason"),
    [
        (timed("2008-02-29T13:00:00"), "timestamp", "2008-02-29T13:00:00", "calendar",
         "no offset from UTC, expected an ISO 8601 time with its offset, such as 2008-02-29T13:00:00Z"),
        (timed("2008-02-30T13:00:00Z"), "timestamp", "2008-02-30T13:00:00Z", "calendar", "no such time"),
        (timed("2008-02-29T13:00:00+99:00"), "timestamp", "2008-02-29T13:00:00+99:00", "calendar", "no such time"),
        (timed("0001-01-01T00:00:00+05:00"), "timestamp", "0001-01-01T00:00:00+05:00", "calendar", "no such time"),
        (timed("yesterday"), "timestamp", "yesterday", "calendar", "expected an ISO 8601 time with its offset"),
        (timed(1204290000), "timestamp", "1204290000", "calendar", "expected an ISO 8601 time with its offset"),
        (timed("2008-02-29T13:00:00Z", hour=13), "timestamp", "2008-02-29T13:00:00Z", "calendar", "came with hour"),
        (text(temprature=5), "temprature", "5", "field", "unknown field, did you mean temperature?"),
        (text(station="x"), "station", "x", "field", "unknown field, expected wsid, year"),
        (text(temperature="5.0"), "temperature", "5.0", "number", "a text, expected a number: -95…60 °C"),
        (text(hour="13"), "hour", "13", "number", "a text, expected a whole number: 0…23"),
        (text(temperature=True), "temperature", "true", "number", "not a number, expected a number"),
        (text(temperature=[5]), "temperature", "[5]", "number", "not a number"),
        (text(wind_direction=27.5), "wind_direction", "27.5", "number", "not a whole number, expected a whole number"),
        (text(temperature=99), "temperature", "99", "range", "expected -95…60 °C"),
        (text(day=30), "day", "30", "calendar", "expected 1…29 in 2008-02"),
        (text(year=None), "year", "", "calendar", "missing, expected year, month, day, hour in UTC, or timestamp"),
        (text(wsid="725030"), "wsid", "725030", "wsid", "expected USAF:WBAN"),
        (text(wsid=725030), "wsid", "725030", "wsid", "expected USAF:WBAN"),
        (text(temperature=1e308 * 10), None, None, "json", "not JSON that can be read: Infinity is no number of JSON"),
        (text()[:-1] + ', "hour": 2}', "hour", "", "field", "stated twice"),
        (text()[:40], None, None, "json", "not JSON: "),
        ("[1, 2]", None, "[1, 2]", "json", "not a JSON object"),
        ("null", None, "null", "json", "not a JSON object"),
        ("[" * 5_000, None, None, "json", "not JSON"),
        (text(**{field.name: None for field in VALUE_FIELDS}), None, "", "empty", "no value"),
    ],
)  # fmt: skip
def test_a_bad_object_is_rejected_and_its_neighbours_are_kept(line, field, value, code, reason):
    """The reject names line, field and value; a broken object costs its own line."""
    parsed = parse_json(text(), line, text(hour=1))
    (reject,) = parsed.rejects

    assert (reject.line, reject.field, reject.code) == (2, field, code)
    assert value is None or reject.value == value
    assert reject.reason.startswith(reason)
    assert (parsed.read, parsed.observations["hour"].to_list()) == (3, [0, 1])


def read(data, name="body", **options):
    return parse_pieces(read_blocks(name, [data.encode()], **options))


@pytest.mark.parametrize(
    "layout",
    [
        lambda rows: "\n".join(rows),
        lambda rows: "\r\n".join(rows) + "\r\n",
        lambda rows: f"[{','.join(rows)}]",
        lambda rows: "\ufeff[\n" + ",\n".join(rows) + "\n]\n",
        lambda rows: json.dumps([json.loads(row) for row in rows], indent=2),
        lambda rows: "\n".join(json.dumps(json.loads(row), indent=2) for row in rows),
        lambda rows: f"[{rows[0]}]\n[{','.join(rows[1:])}]",
    ],
    ids=["lines", "crlf", "array", "array-of-lines", "pretty-array", "pretty-objects", "arrays"],
)
@pytest.mark.parametrize("size", [1, 7, 10_000_000])
def test_objects_may_be_written_in_lines_or_in_an_array(layout, size):
    """However the text is laid out and cut into blocks, each object is one row, in its order."""
    rows = [text(hour=hour, temperature=hour / 4) for hour in range(20)]
    data = layout(rows).encode()
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    found = parse_pieces(read_blocks("body", blocks, limits=Feed(chunk_bytes=4_096)))

    assert found == (20, parse_json(*rows).observations.rows(), [])


@pytest.mark.parametrize("size", [1, 2, 3, 10_000])
@pytest.mark.parametrize("value", ['"', "\\", '\\"', "a,]}", "[{", '\\\\"],{', "\n", "{}", "", "\ud800"])
def test_what_stands_in_a_string_divides_nothing(value, size):
    """Quotes, backslashes and brackets, wherever the text is cut; the rejects show the string."""
    data = json.dumps([{**GOOD, "wsid": value}, GOOD, {**GOOD, value: 1}]).encode()
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    read_, rows, rejects = parse_pieces(read_blocks("body", blocks))

    assert (read_, len(rows), [one.line for one in rejects]) == (3, 1, [1, 3])
    assert (rejects[0].field, rejects[0].value) == ("wsid", shown(value))
    assert rejects[1].code == "field"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["[", "]", "{", "}", ",", '"', "\\", "\n", "a", text(), '{"a":"\\"}"}']), max_size=30),
    st.lists(st.integers(0, 300), max_size=30),
)
def test_elements_do_not_depend_on_where_the_blocks_are_cut(parts, places):
    """Not even within an escape; the reader gathers the first blocks, so this asks what comes after it."""
    data = "".join(parts).encode()
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    cut, whole = Elements(), Elements()

    assert b"".join(cut.feed(data[start:end]) for start, end in pairwise(edges)) == whole.feed(data)
    assert vars(cut) == vars(whole)


def test_one_object_is_a_row():
    """On a line of its own or over several."""
    assert read(text())[1] == read(json.dumps(GOOD, indent=4))[1] == parse_json(text()).observations.rows()


def test_an_element_is_told_by_its_number():
    """Of an array the reject's line is the number of the element, counted from 1, wherever it stands."""
    array = f'[\n{text()},\n\n{text(hour="1")}, 7,\n "a,]", [{text()}],\n{text(hour=5)} ,\n{{"a": tru}}]'
    read_, rows, rejects = read(array)

    assert (read_, len(rows)) == (7, 2)
    assert [(one.line, one.code) for one in rejects] == [
        (2, "number"),
        (3, "json"),
        (4, "json"),
        (5, "json"),
        (7, "json"),
    ]


def test_an_element_that_is_too_long_costs_nothing_but_itself():
    """It is not held whole."""
    array = f'[{text()}, {{"wsid": "{"x" * 300_000}"}}, {text(hour=1)}]'
    read_, rows, rejects = read(array, limits=Feed(chunk_bytes=4_096, max_line_bytes=1_000))

    assert (read_, [row[4] for row in rows]) == (3, [0, 1])
    assert [(one.line, one.code) for one in rejects] == [(2, "too-long")]


def test_a_broken_first_line_does_not_swallow_the_others():
    """Objects a line are told from an object over several lines by the line after it."""
    assert [len(part) if isinstance(part, list) else part for part in read(f"{text()[:50]}\n{text()}\n{text()}")] == [
        3, 2, 1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cut", "rows"), [(lambda array: array[:-1], 3), (lambda array: array[:-10], 2), (lambda array: array[:-70], 2)]
)
def test_an_array_that_was_cut_keeps_its_whole_elements(cut, rows):
    """The error says that the end is missing."""
    array = cut("[" + ",".join(text(hour=hour) for hour in range(3)) + "]")
    pieces = []
    with pytest.raises(FormatError, match=r"body: the JSON ends before its array does.*cut at element") as caught:
        pieces.extend(piece for piece in _until_error(read_blocks("body", [array.encode()]), pieces))

    assert "sent completely?" in str(caught.value)
    assert len(parse_pieces(pieces)[1]) in (rows, rows - 1)


def _until_error(source, pieces):
    for piece in source:
        pieces.append(piece)
    return ()


VALUES = st.fixed_dictionaries(
    {"wsid": st.sampled_from(["725030:14732", "10010:99999", "USW00014732", "x"])},
    optional={
        "year": st.sampled_from([2008, 2024, 2400, "2008", None]),
        "month": st.integers(0, 13),
        "day": st.integers(1, 31),
        "hour": st.integers(0, 24),
        "timestamp": st.datetimes(datetime(1890, 1, 1), datetime(2030, 1, 1)).map(lambda time: f"{time.isoformat()}Z"),
        **{field.name: st.none() | st.integers(-200, 1_100) | st.floats(-200, 1_100) for field in VALUE_FIELDS},
        "other": st.text(max_size=3),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(VALUES, VALUES, st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2), max_leaves=4,
)), max_size=12), st.lists(st.integers(0, 900), max_size=9), st.booleans())  # fmt: skip
def test_an_array_says_the_same_as_its_elements_in_lines(values, places, is_indented):
    """Rows, rejects and their numbers, wherever the text is cut, whatever stands in its strings."""
    data = json.dumps(values, indent=1 if is_indented else None, ensure_ascii=False).encode()
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    blocks = [data[start:end] for start, end in pairwise(edges)]
    read_, rows, rejects = parse_pieces(read_blocks("body.json", blocks))
    lines = parse_json(*(json.dumps(value, ensure_ascii=False) for value in values))

    assert (read_, rows) == (lines.read, lines.observations.rows())
    assert [(one.line, one.field, one.code) for one in rejects] == [
        (one.line, one.field, one.code) for one in lines.rejects
    ]


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_what_is_accepted_is_what_was_stated(value):
    """An accepted row has the numbers of its object, and the hour of its timestamp."""
    parsed = parse_json(json.dumps(value))
    if parsed.rejects:
        return
    (row,) = parsed.observations.rows(named=True)
    if "timestamp" in value:
        time = datetime.fromisoformat(value["timestamp"][:-1])
        value = value | {"year": time.year, "month": time.month, "day": time.day, "hour": time.hour}

    assert {name: row[name] for name in COLUMNS[1:]} == {name: value.get(name) for name in COLUMNS[1:]}


@settings(max_examples=60, deadline=None)
@given(st.datetimes(datetime(1901, 1, 1), datetime(2026, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_any_offset_leads_to_the_utc_hour(time, minutes):
    """As Python's own arithmetic has it."""
    moment = time.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    utc = moment.astimezone(timezone.utc)

    assert parse_json(timed(moment.isoformat())).observations.row(0)[1:5] == (utc.year, utc.month, utc.day, utc.hour)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data):
    """Every line that is not blank is rejected, exactly once."""
    parsed = parse("json", data, 1, LAST_YEAR)

    assert parsed.read == sum(1 for line in data.decode("utf-8", "replace").split("\n") if line.strip(" \t"))
    assert parsed.read == parsed.rejected == len(parsed.rejects)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["[", "]", "{", "}", ",", '"', "\\", "\n", "a", text()]), max_size=30).map("".join))
def test_no_nesting_breaks_the_reader(data):
    """What comes out adds up, or a FormatError says that the end is missing."""
    blocks = [data[at : at + 3].encode() for at in range(0, len(data), 3)]
    pieces = []
    with suppress(FormatError):
        pieces.extend(_until_error(read_blocks("x.json", blocks), pieces))
    read_, rows, rejects = parse_pieces(pieces)

    assert read_ == len(rows) + len(rejects)
