import re
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.errors import BadRequest
from killrweather.model.observation import (
    CANONICAL_WSID,
    COLUMNS,
    VALUE_FIELDS,
    RawWeatherData,
    canonical_wsid,
)


@pytest.mark.parametrize(
    ("text", "wsid"),
    [
        ("725030:14732", "725030:14732"),
        ("10010:99999", "010010:99999"),
        ("1:1", "000001:00001"),
        ("a07355:241", "A07355:00241"),
        (" 725030:14732 ", "725030:14732"),
        ("usw00014732", "USW00014732"),
    ],
)
def test_every_spelling_of_a_station_becomes_one(text, wsid):
    """Zeros are padded, letters are upper case, and a GHCNh id stays as it is."""
    assert canonical_wsid(text) == wsid


@pytest.mark.parametrize(
    "text",
    ["", ":", "725030", "725030-14732", "7250301:14732", "725030:147321", "A1:14732", "AB0001:00001", "٧٢٥٠٣٠:14732",
     "725030:14732\n1", "725030:14732:1", "USW0001473"],
)  # fmt: skip
def test_an_unknown_form_is_refused_with_the_value_and_the_expected_form(text):
    """The error names the argument, the value and what a station id looks like."""
    with pytest.raises(BadRequest, match="expected USAF:WBAN such as 725030:14732") as caught:
        canonical_wsid(text)

    assert caught.value.argument == "wsid"
    assert f'"{text}"' in str(caught.value)


@given(st.from_regex(r"[0-9A-Za-z:]{1,14}", fullmatch=True))
def test_a_canonical_id_has_the_canonical_form_and_stays(text):
    """What is accepted matches the published pattern, and is not changed by a second pass."""
    try:
        wsid = canonical_wsid(text)
    except BadRequest:
        assert not re.fullmatch(CANONICAL_WSID, text)
        return

    assert re.fullmatch(CANONICAL_WSID, wsid)
    assert canonical_wsid(wsid) == wsid


def test_the_columns_are_the_fields_of_an_observation_in_their_order():
    """One order holds for the CSV, the topic and the value."""
    assert tuple(RawWeatherData.__slots__) == COLUMNS


def test_the_range_of_a_field_is_readable():
    """A reject tells the range in the field's unit, and that a trace is allowed."""
    ranges = {field.name: field.range for field in VALUE_FIELDS}

    assert ranges["temperature"] == "-95…60 °C"
    assert ranges["sky_condition"] == "0…19"
    assert ranges["one_hour_precip"] == "-0.1 (trace) or 0…310 mm"


def test_the_time_of_an_observation_is_aware():
    """The hour is UTC."""
    assert RawWeatherData("725030:14732", 2008, 2, 29, 23).time == datetime(2008, 2, 29, 23, tzinfo=timezone.utc)
