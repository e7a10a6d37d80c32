import csv
import math
import re
import time
from calendar import monthrange
from datetime import datetime

import pytest
from feed_stage import LAST_YEAR, hourly_line, hourly_years, parse_lines
from hypothesis import given, settings
from hypothesis import strategies as st

from killrweather.errors import BadRequest
from killrweather.feed.parsing import parse
from killrweather.model.observation import COLUMNS, TRACE_MM, VALUE_FIELDS, canonical_wsid

YEARS = hourly_years()
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?[0-9]+")


class Fault(Exception):
    """What the oracle found wrong."""


def oracle(line):
    """One line read the plain way: the row it gives, or a Fault with the code."""
    if any(mark in line for mark in "\ufffd\ufeff\x1e\r"):
        raise Fault("encoding")
    texts = [text.strip(" \t") for text in line.split(",")]
    if len(texts) != len(COLUMNS):
        raise Fault("columns")
    try:
        wsid = canonical_wsid(texts[0])
    except BadRequest:
        raise Fault("wsid") from None
    year, *rest = times = [whole(text) for text in texts[1:5]]
    if year is None:
        raise Fault("number")
    if not 1900 <= year <= LAST_YEAR:
        raise Fault("range")
    for at, part in enumerate(rest):
        if part is None:
            raise Fault("number")
        try:
            datetime(year, *(rest[: at + 1] if at else (part, 1)))
        except (ValueError, OverflowError):
            raise Fault("calendar") from None
    values = [value(field, text) for field, text in zip(VALUE_FIELDS, texts[5:], strict=True)]
    if all(one is None for one in values):
        raise Fault("empty")
    return (wsid, *times, *values)


def whole(text):
    number = int(text) if WHOLE.fullmatch(text) else None
    return number if number is not None and -(2**31) <= number < 2**31 else None


def value(field, text):
    if text == "":
        return None
    number = whole(text) if field.type is int else float(text) if NUMBER.fullmatch(text) else None
    if number is None or not math.isfinite(number):
        raise Fault("number")
    if number == field.missing:
        return None
    if not (field.low <= number <= field.high or (field.trace and number == TRACE_MM)):
        raise Fault("range")
    return number


def oracle_of_lines(lines):
    rows, faults = [], []
    for number, line in enumerate(lines, start=1):
        if line.strip(" \t"):
            try:
                rows.append(oracle(line))
            except Fault as fault:
                faults.append((number, str(fault)))
    return rows, faults


ODD = st.sampled_from(
    ["", "NaN", "inf", "-inf", "1e400", "1e-5", "1.0", "01", "+1", "-0.0", "1_0", "0x1", "x", "-0.1", "-0.2", "999.9",
     "0.0", "0",
     "-9999", "99999999999", "1e", ".", ".5", "5.", "--1", " 7", "7\t", "١", "\x00", "'1'", "1\r",
     "\ufeff1", "24", "13", "30", "29"]
)  # fmt: skip
ANY_FIELD = st.one_of(ODD, st.floats().map(repr), st.integers(-400, 2100).map(str), st.text(max_size=4))
SANE = {
    "wsid": st.sampled_from(["725030:14732", "10010:99999", "a07355:00241", "USW00014732"]),
    "year": st.integers(1899, LAST_YEAR + 1).map(str),
    "month": st.integers(0, 13).map("{:02}".format),
    "day": st.integers(0, 32).map(str),
    "hour": st.integers(-1, 24).map(str),
    **{
        field.name: (
            st.integers(int(field.low), int(field.high)).map(str)
            if field.type is int
            else st.floats(field.low, field.high).map(repr)
        )
        for field in VALUE_FIELDS
    },
}


@st.composite
def lines_of_csv(draw):
    fields = {name: draw(values) for name, values in SANE.items()}
    for name in draw(st.sets(st.sampled_from(COLUMNS), max_size=3)):
        fields[name] = draw(ANY_FIELD)
    if draw(st.booleans()):
        fields.update(year="2024", month="02", day=str(draw(st.integers(27, 30))))
    line = hourly_line(**fields)
    return draw(st.sampled_from([line, line, line, line + ",", line[: draw(st.integers(0, 60))], "", "  "]))


@settings(max_examples=150, deadline=None)
@given(st.lists(lines_of_csv(), max_size=20))
def test_rows_and_rejects_are_those_of_a_plain_reader(lines):
    """A straightforward reader, line by line in Python, accepts the same rows and finds the same first fault."""
    text = "".join(f"{line}\n" for line in lines if "\n" not in line and '"' not in line)
    kept = text.split("\n")[:-1]
    parsed = parse("csv", text.encode("utf-8", "replace"), 1, LAST_YEAR)
    rows, faults = oracle_of_lines(text.encode("utf-8", "replace").decode().split("\n")[:-1])

    assert parsed.observations.rows() == rows
    assert [(reject.line, reject.code) for reject in parsed.rejects] == faults
    assert parsed.read == len(rows) + len(faults) == sum(1 for line in kept if line.strip(" \t"))


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from([b"\n", b",", b'"', b"\x00", b"\xff", b"\x1e", b"\xef\xbb\xbf", b"1"])).map(b"".join),
    )
)
def test_no_bytes_break_the_reader(data):
    """Every line that is not blank is accepted or rejected, exactly once."""
    parsed = parse("csv", data, 1, LAST_YEAR)
    lines = [line for line in data.decode("utf-8", "replace").split("\n") if line.strip(" \t")]

    assert parsed.read == parsed.observations.height + parsed.rejected == len(lines)
    assert len(parsed.rejects) == parsed.rejected


@pytest.mark.parametrize("name", YEARS)
def test_a_year_of_hours_is_read_whole(name):
    """Every hour is accepted with the values that Python's csv module reads; 0.0 hPa and 999.9 °C are missing."""
    parsed = parse("csv", YEARS[name], 1, LAST_YEAR)
    expected = [
        (
            wsid,
            *(int(part) for part in (year, month, day, hour)),
            float(temperature),
            None if float(dewpoint) == 999.9 else float(dewpoint),
            None if float(pressure) == 0 else float(pressure),
            int(direction),
            float(speed),
            int(sky),
            float(one_hour),
            float(six_hour),
        )
        for wsid, year, month, day, hour, temperature, dewpoint, pressure, direction, speed, sky, one_hour, six_hour
        in csv.reader(YEARS[name].decode().splitlines())
    ]  # fmt: skip

    assert (parsed.read, parsed.rejected) == (8784, 0)
    assert parsed.observations.rows() == expected


@pytest.mark.parametrize(
    ("fields", "field", "code", "reason"),
    [
        ({"month": "13"}, "month", "calendar", "expected 1…12"),
        ({"hour": "24"}, "hour", "calendar", "expected 0…23"),
        ({"day": "30"}, "day", "calendar", "expected 1…29 in 2008-02"),
        ({"year": "2007"}, "day", "calendar", "expected 1…28 in 2007-02"),
        ({"year": "1900"}, "day", "calendar", "expected 1…28 in 1900-02"),
        ({"year": "1899"}, "year", "range", "expected 1900…2027"),
        ({"year": "2028"}, "year", "range", "expected 1900…2027"),
        ({"year": ""}, "year", "number", "not a whole number, expected 1900…2027"),
        ({"temperature": "NaN"}, "temperature", "number", "not a number, expected -95…60 °C"),
        ({"temperature": "inf"}, "temperature", "number", "not a number, expected -95…60 °C"),
        ({"temperature": "60.1"}, "temperature", "range", "expected -95…60 °C"),
        ({"wind_direction": "270.0"}, "wind_direction", "number", "not a whole number, expected 0…360 degrees"),
        ({"one_hour_precip": "-0.2"}, "one_hour_precip", "range", "expected -0.1 (trace) or 0…310 mm"),
        ({"pressure": "0.1"}, "pressure", "range", "expected 850…1090 hPa"),
        ({"wsid": "abc"}, "wsid", "wsid", "expected USAF:WBAN such as 725030:14732, or a GHCNh id such as USW00014732"),
        ({"six_hour_precip": "0.0,1"}, None, "columns", "14 columns, expected 13"),
    ],
)
def test_a_bad_row_is_explained_and_its_neighbours_are_kept(fields, field, code, reason):
    """The reject names line, field, value and what was expected."""
    parsed = parse_lines(hourly_line(), "", hourly_line(**fields), hourly_line(hour="01"))
    (reject,) = parsed.rejects

    assert (reject.line, reject.field, reject.code, reject.reason) == (3, field, code, reason)
    assert field is None or reject.value == {**dict.fromkeys(COLUMNS), "day": "29", **fields}[field]
    assert (parsed.read, parsed.observations["hour"].to_list()) == (3, [0, 1])


def test_exactly_the_days_of_the_calendar_are_accepted():
    """Every day of common years, of leap years, and of 1900, which was none, and 2000, which was one."""
    dates = [(year, month, day) for year in (1900, 2000, 2023, 2024) for month in range(14) for day in range(33)]
    parsed = parse_lines(*(hourly_line(year=f"{y}", month=f"{m}", day=f"{d}") for y, m, d in dates))

    assert parsed.observations.select("year", "month", "day").rows() == [one for one in dates if is_a_day(*one)]


def is_a_day(year, month, day):
    return 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


@pytest.mark.parametrize("mark", ["\r", "\ufeff", "\x1e"])
def test_a_stray_control_character_is_not_dropped_in_silence(mark):
    """Wherever in a line it stands, and whichever line of the chunk that is."""
    spoilt = [hourly_line(wsid=f"{mark}725030:14732"), hourly_line(month=f"02{mark}"), hourly_line(day=f"{mark}29")]
    parsed = parse_lines(*spoilt, hourly_line())

    assert [(one.line, one.code) for one in parsed.rejects] == [(1, "encoding"), (2, "encoding"), (3, "encoding")]
    assert parsed.observations.height == 1


def test_a_row_without_any_value_is_empty():
    """Values that are only written as missing are none."""
    nothing = dict.fromkeys((field.name for field in VALUE_FIELDS), "")
    parsed = parse_lines(hourly_line(**nothing), hourly_line(**nothing | {"pressure": "0.0", "dewpoint": "999.9"}))

    assert [reject.code for reject in parsed.rejects] == ["empty", "empty"]


def test_one_value_is_enough():
    """An observation sets the fields it has; the others are null."""
    nothing = dict.fromkeys((field.name for field in VALUE_FIELDS), "")
    parsed = parse_lines(hourly_line(**nothing | {"one_hour_precip": "-0.1"}))

    assert parsed.observations.row(0)[5:] == (None, None, None, None, None, None, -0.1, None)


def test_invalid_utf_8_costs_its_own_line_only():
    """The bytes are shown escaped, and the lines around them keep their numbers."""
    good = hourly_line().encode()
    parsed = parse("csv", good + b"\n\xff\xfe,caf\xe9\n\n" + good + b"\n", 10, LAST_YEAR)

    assert parsed.observations.height == 2
    assert [(one.line, one.value, one.code) for one in parsed.rejects] == [(11, "\\xff\\xfe,caf\\xe9", "encoding")]


def test_quotes_are_taken_off_and_an_open_one_spoils_no_other_line():
    """A program that quotes every field is understood."""
    quoted = ",".join(f'"{text}"' for text in hourly_line().split(","))
    parsed = parse_lines(quoted, '"' + hourly_line(), hourly_line())

    assert parsed.observations.rows() == [parse_lines(hourly_line()).observations.row(0)] * 2
    assert [(one.line, one.code) for one in parsed.rejects] == [(2, "wsid")]


def test_versions_of_one_hour_keep_their_order():
    """The newest statement is the last one, so the order of lines must survive."""
    parsed = parse_lines(*(hourly_line(temperature=f"{at}.5") for at in range(50)))

    assert parsed.observations["temperature"].to_list() == [at + 0.5 for at in range(50)]


@pytest.mark.parametrize("line", [hourly_line(month="13"), "junk", "\ufffd", hourly_line(wsid="x")])
def test_100_000_bad_rows_are_all_explained(line):
    """Each in some microseconds: a chunk of rubbish is through in seconds."""
    start = time.perf_counter()
    parsed = parse("csv", f"{line}\n".encode() * 100_000, 1, LAST_YEAR)

    assert (parsed.read, parsed.rejected, parsed.observations.height) == (100_000, 100_000, 0)
    assert [reject.line for reject in parsed.rejects] == list(range(1, 100_001))
    assert time.perf_counter() - start < 20
