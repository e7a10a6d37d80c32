import re

import polars as pl
import pytest
from feed_stage import LAST_YEAR, hourly_line, hourly_years, parse_lines
from hypothesis import given, settings
from hypothesis import strategies as st

from killrweather.feed.canonical import records
from killrweather.feed.checks import OBSERVATION_SCHEMA
from killrweather.feed.parsing import parse
from killrweather.model.observation import VALUE_FIELDS

YEARS = hourly_years()
PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["725030:14732", "010010:99999", "USW00014732"]),
        st.integers(1900, LAST_YEAR),
        st.integers(1, 12),
        st.integers(1, 28),
        st.integers(0, 23),
        *(
            st.none() | (st.integers(field.low, field.high) if field.type is int else st.floats(field.low, field.high))
            for field in VALUE_FIELDS
        ),
    ).filter(lambda row: any(value is not None for value in row[5:])),
    max_size=12,
)


def lines_of(observations):
    return [line for _, lines in records(observations) for line in lines]


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_numbers_read_back_as_exactly_the_same(rows):
    """Also tiny ones with an exponent; nothing but digits, point, sign and exponent is written."""
    observations = pl.DataFrame(rows, schema=OBSERVATION_SCHEMA, orient="row")
    by_station = dict(records(observations))
    read_back = {
        key.decode(): [
            [None if text == "" else float(text) for text in line.decode().split(",")[5:]] for line in lines
        ]
        for key, lines in by_station.items()
    }  # fmt: skip
    expected: dict[str, list] = {}
    for wsid, *_, in_order in [(row[0], list(row[5:])) for row in rows]:
        expected.setdefault(wsid, []).append(in_order)

    assert read_back == expected
    assert all(
        PLAIN_NUMBER.fullmatch(text) for line in lines_of(observations) for text in line.decode().split(",")[1:] if text
    )


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_what_was_made_canonical_stays_as_it_is(rows):
    """Parsing canonical lines and writing them again changes nothing."""
    lines = lines_of(pl.DataFrame(rows, schema=OBSERVATION_SCHEMA, orient="row"))
    parsed = parse("csv", b"".join(line + b"\n" for line in lines), 1, LAST_YEAR)

    assert parsed.rejects == []
    assert lines_of(parsed.observations) == lines


@pytest.mark.parametrize("name", YEARS)
def test_a_real_year_is_canonical_after_one_pass(name):
    """Every hour has its record under the station's key, and a second pass finds nothing to change."""
    first = list(records(parse("csv", YEARS[name], 1, LAST_YEAR).observations))
    again = parse("csv", b"".join(line + b"\n" for _, lines in first for line in lines), 1, LAST_YEAR)

    assert [(len(lines), lines[0].split(b",")[0] == key) for key, lines in first] == [(8784, True)]
    assert list(records(again.observations)) == first


def test_records_come_by_station_and_keep_their_order_in_it():
    """Versions of an hour stay one after the other, though other stations stand between them."""
    versions = [(f"{at * at % 7 + 1}:1", at % 600 / 10) for at in range(5_000)]
    parsed = parse_lines(*(hourly_line(wsid=wsid, temperature=str(value)) for wsid, value in versions))
    temperatures = {key: [float(line.split(b",")[5]) for line in lines] for key, lines in records(parsed.observations)}
    expected: dict[bytes, list[float]] = {}
    for wsid, value in versions:
        expected.setdefault(f"{wsid[0]:0>6}:00001".encode(), []).append(value)

    assert temperatures == expected


def test_a_record_is_the_canonical_line():
    """No padding, missing values empty, 13 columns, no line end."""
    parsed = parse_lines(hourly_line(dewpoint="999.9", pressure="0.0", one_hour_precip="-0.10", six_hour_precip=""))

    assert list(records(parsed.observations)) == [
        (b"725030:14732", [b"725030:14732,2008,2,29,0,5.0,,,270,4.6,2,-0.1,"])
    ]


def test_no_observations_give_no_records():
    """A chunk of rejects publishes nothing."""
    assert list(records(parse_lines("junk").observations)) == []
