import math

import pytest
from feed_stage import LAST_YEAR, hourly_line, parse_lines
from hypothesis import given, settings
from hypothesis import strategies as st

from killrweather.errors import FormatError
from killrweather.feed.parsing import parse

STATION = "725030:14732"


def isd_line(time="2008 02 29 00", values=(50, -39, 10204, 270, 46, 2, 0, 0)):
    """A line of ISD-Lite, with its values as they stand in the file."""
    return time + "".join(f"{value:>6}" for value in values)


def parse_isd(*lines):
    return parse_lines(*lines, format="isd-lite", wsid=STATION)


def test_a_line_says_the_same_as_the_hourly_csv():
    """The numbers are ten times the values, but for wind direction and sky."""
    assert parse_isd(isd_line()).observations.equals(parse_lines(hourly_line()).observations)


@pytest.mark.parametrize("rows", [1, 2, 800])
def test_a_tenth_is_the_decimal_it_says(rows):
    """-39 is -3.9 to the last bit; polars would multiply by 0.1 instead, but only from two rows on."""
    numbers = range(-39, -39 + rows)
    parsed = parse_isd(*(isd_line(values=(number, -39, 10204, 270, 46, 2, 0, 0)) for number in numbers))

    assert parsed.observations["temperature"].to_list() == [
        float(f"{number}e-1") for number in numbers if number <= 600
    ]


def test_missing_and_trace_are_understood():
    """-9999 is null and -1 of rain is a trace, -0.1 mm."""
    row = parse_isd(isd_line(values=(50, -9999, -9999, -9999, -9999, -9999, -1, -9999))).observations.row(0)

    assert row[5:] == (5.0, None, None, None, None, None, -0.1, None)


@pytest.mark.parametrize(
    ("line", "field", "value", "code", "reason"),
    [
        (isd_line()[:-1], None, isd_line()[:-1], "columns", "60 characters, expected the 61 characters of ISD-Lite"),
        (isd_line("2008-02-29-00"), None, isd_line("2008-02-29-00"), "columns",
         "no blanks between year, month, day and hour, expected the 61 characters of ISD-Lite"),
        (isd_line("2008 02 30 00"), "day", "30", "calendar", "expected 1…29 in 2008-02"),
        (isd_line(values=(9999, -39, 10204, 270, 46, 2, 0, 0)), "temperature", "9999", "range",
         "that is 999.9 °C, expected -95…60 °C"),
        (isd_line(values=(50, -39, 10204, 270, 46, 99, 0, 0)), "sky_condition", "99", "range", "expected 0…19"),
        (isd_line(values=(50, -39, 10204, 270, 46, 2, -2, 0)), "one_hour_precip", "-2", "range",
         "that is -0.2 mm, expected -0.1 (trace) or 0…310 mm"),
        (isd_line(values=("5.0", -39, 10204, 270, 46, 2, 0, 0)), "temperature", "5.0", "number",
         "not a number, expected -95…60 °C"),
        (isd_line(values=("", -39, 10204, 270, 46, 2, 0, 0)), "temperature", "", "number",
         "not a number, expected -95…60 °C"),
        (isd_line(values=[-9999] * 8), None, "", "empty", None),
    ],
)  # fmt: skip
def test_a_bad_line_is_explained_in_the_files_own_numbers(line, field, value, code, reason):
    """What stands in the file and what it means are both told, and the neighbours are kept."""
    parsed = parse_isd(isd_line(), line, isd_line("2008 02 29 01"))
    (reject,) = parsed.rejects

    assert (reject.line, reject.field, reject.value, reject.code) == (2, field, value, code)
    assert reason is None or reject.reason == reason
    assert parsed.observations.height == 2


NUMBERS = st.one_of(st.just(-9999), st.just(-1), st.integers(-999, 99999))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(*[NUMBERS] * 8), max_size=10))
def test_whatever_numbers_stand_there_every_line_is_counted(values):
    """Accepted temperatures are the tenth that Python computes."""
    parsed = parse_isd(*(isd_line(values=one) for one in values))
    tenths = {one[0] / 10 for one in values}

    assert parsed.read == parsed.observations.height + parsed.rejected == len(values)
    assert all(math.isfinite(one) and one in tenths for one in parsed.observations["temperature"].drop_nulls())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data):
    """Every line that is not blank is accepted or rejected, exactly once."""
    parsed = parse("isd-lite", data, 1, LAST_YEAR, wsid=STATION)

    assert parsed.read == sum(1 for line in data.decode("utf-8", "replace").split("\n") if line.strip(" \t"))
    assert parsed.read == parsed.rejected == len(parsed.rejects)


def test_lines_without_a_station_cannot_be_parsed():
    """The lines don't say whose they are."""
    with pytest.raises(FormatError, match="no station"):
        parse_lines(isd_line(), format="isd-lite")
