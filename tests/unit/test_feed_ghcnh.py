from datetime import datetime, timedelta

import pytest
from feed_stage import GHCNH_COLUMNS, LAST_YEAR, ghcnh_line, parse_ghcnh, parse_pieces, read_blocks
from hypothesis import given, settings
from hypothesis import strategies as st

from killrweather.errors import FormatError
from killrweather.feed.parsing import parse
from killrweather.model.observation import COLUMNS
from killrweather.settings import Feed

HEADER = "|".join(GHCNH_COLUMNS).encode()
OLD_COLUMNS = tuple(
    {"STATION": "Station_ID"}.get(name, name) for name in reversed(GHCNH_COLUMNS) if name not in ("DATE", "remarks")
)
NAMES = {
    "temperature": "temperature",
    "dew_point_temperature": "dewpoint",
    "sea_level_pressure": "pressure",
    "wind_direction": "wind_direction",
    "wind_speed": "wind_speed",
    "precipitation": "one_hour_precip",
    "precipitation_6_hour": "six_hour_precip",
}


def hours(parsed):
    """The observations as dicts of what they state."""
    rows = parsed.observations.rows(named=True)
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def only(parsed, name):
    """The value of the one observation."""
    assert (parsed.observations.height, parsed.rejects) == (1, [])
    return parsed.observations[name][0]


def test_reports_of_an_hour_are_a_running_total():
    """The worked example: 13:15 0.65 in, 13:35 1.70 in, 13:55 1.86 in give 47.2 mm for the hour, not their sum."""
    parsed = parse_ghcnh(
        ghcnh_line("2024-01-01T13:15:00", precipitation="16.5"),
        ghcnh_line("2024-01-01T13:35:00", precipitation="43.2"),
        ghcnh_line("2024-01-01T13:55:00", precipitation="47.2"),
    )

    assert hours(parsed) == [
        {"wsid": "USW00014732", "year": 2024, "month": 1, "day": 1, "hour": 13, "one_hour_precip": 47.2}
    ]
    assert (parsed.read, parsed.rejected) == (1, 0)


def test_the_last_report_that_states_an_amount_counts_whatever_the_order_of_the_lines():
    """A report without an amount after it takes nothing away."""
    parsed = parse_ghcnh(
        ghcnh_line("2024-01-01T13:55:00", precipitation="47.2"),
        ghcnh_line("2024-01-01T13:15:00", precipitation="16.5"),
        ghcnh_line("2024-01-01T13:58:00", temperature="5.0"),
    )

    assert only(parsed, "one_hour_precip") == 47.2


def test_the_other_fields_come_from_the_report_nearest_the_top_of_the_hour():
    """The first report of the hour that states the field; wind direction and speed come from one report."""
    parsed = parse_ghcnh(
        ghcnh_line("2024-01-01T13:51:00", temperature="7.0", wind_direction="270", wind_speed="5.1", precipitation="1"),
        ghcnh_line("2024-01-01T13:20:00", wind_speed="3.0", dew_point_temperature="2.0"),
        ghcnh_line("2024-01-01T13:02:00", dew_point_temperature="1.0", precipitation_6_hour="2.5"),
    )

    assert hours(parsed) == [
        {"wsid": "USW00014732", "year": 2024, "month": 1, "day": 1, "hour": 13, "temperature": 7.0, "dewpoint": 1.0,
         "wind_speed": 3.0, "one_hour_precip": 1.0, "six_hour_precip": 2.5}
    ]  # fmt: skip


def test_a_report_belongs_to_the_hour_of_its_own_time():
    """13:51 and 13:00 are the hour 13, 14:00 is the hour 14, and the last report of a year stays in it."""
    times = ["2023-12-31T13:00:00", "2023-12-31T13:51:00", "2023-12-31T14:00:00", "2023-12-31T23:59:00"]
    parsed = parse_ghcnh(*(ghcnh_line(time, temperature="1.0") for time in times))

    assert parsed.observations.select("year", "month", "day", "hour").rows() == [
        (2023, 12, 31, 13), (2023, 12, 31, 14), (2023, 12, 31, 23)
    ]  # fmt: skip


@pytest.mark.parametrize("code", ["T", "2", "2-Trace"])
def test_a_trace_is_told_by_the_measurement_code(code):
    """Of both amounts, whether the amount itself is 0 or missing."""
    hour = parse_ghcnh(
        ghcnh_line(precipitation="0.0", precipitation_Measurement_Code=code,
                   precipitation_6_hour="", precipitation_6_hour_Measurement_Code=code)
    )  # fmt: skip

    assert only(hour, "one_hour_precip") == only(hour, "six_hour_precip") == -0.1


@pytest.mark.parametrize("code", ["", "3", "3-Measurable", "24-hr-accum", "E"])
def test_other_measurement_codes_are_no_trace(code):
    """A code that only begins with a 2 is another one."""
    assert only(
        parse_ghcnh(ghcnh_line(precipitation="0.5", precipitation_Measurement_Code=code)), "one_hour_precip"
    ) == (0.5)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("precipitation")])
@pytest.mark.parametrize("code", ["s", "o", "w", "3", "7", "2", "6", "3-Erroneous", "Ko"])
def test_a_value_that_failed_its_check_is_missing(name, code):
    """The other fields of the report stay, and so does another report's value."""
    value = {"sea_level_pressure": "1010.1", "wind_direction": "30"}.get(name, "4.0")
    failed = ghcnh_line("2024-01-01T13:10:00", precipitation="0.3", **{name: value, f"{name}_Quality_Code": code})

    assert only(parse_ghcnh(failed), NAMES[name]) is None
    assert only(parse_ghcnh(failed, ghcnh_line(**{name: value})), NAMES[name]) == float(value)


@pytest.mark.parametrize("code", ["", "0", "1", "4", "5", "5-Passed", "9", "A", "X"])
def test_a_value_that_passed_is_kept(code):
    """So are values that were not checked."""
    assert only(parse_ghcnh(ghcnh_line(temperature="4.0", temperature_Quality_Code=code)), "temperature") == 4.0


def test_precipitation_fails_by_its_legacy_code_only():
    """A failed amount is missing, also that of a trace, and the one before it is the last."""
    reports = [
        ghcnh_line("2024-01-01T13:15:00", precipitation="1.5", precipitation_Quality_Code="o"),
        ghcnh_line("2024-01-01T13:35:00", precipitation="99.0", precipitation_Quality_Code="3"),
        ghcnh_line("2024-01-01T13:55:00", precipitation="0", precipitation_Quality_Code="6",
                   precipitation_Measurement_Code="T"),
    ]  # fmt: skip

    assert only(parse_ghcnh(*reports), "one_hour_precip") == 1.5


@pytest.mark.parametrize("text", ["", "-9999", "-9999.0", " "])
def test_missing_values_are_null(text):
    """Empty and -9999, however it is written; also 999 of a direction that varies."""
    parsed = parse_ghcnh(ghcnh_line(temperature=text, sea_level_pressure=text, wind_direction="999", wind_speed="3.1"))

    assert hours(parsed)[0].keys() - {"wsid", "year", "month", "day", "hour"} == {"wind_speed"}


def test_columns_are_found_by_name():
    """A header of an older version, in another order, with Station_ID and the parts of the time, says the same."""
    old = ghcnh_line(
        columns=OLD_COLUMNS, Station_ID="USW00014732", Year="2024", Month="1", Day="01", Hour="13", Minute="5",
        temperature="5.5", precipitation="0", precipitation_Measurement_Code="2",
    )  # fmt: skip
    new = ghcnh_line("2024-01-01T13:05:00", temperature="5.5", precipitation="0", precipitation_Measurement_Code="2")

    assert "DATE" not in OLD_COLUMNS
    assert parse_ghcnh(old, columns=OLD_COLUMNS).observations.equals(parse_ghcnh(new).observations)


def test_the_parts_of_the_time_tell_the_hours_apart():
    """In files without DATE, also when they are cut into pieces."""
    times = [datetime(2024, 1, 1) + timedelta(minutes=13 * n) for n in range(300)]
    reports = [
        ghcnh_line(
            columns=OLD_COLUMNS, Station_ID="USW00014732", Year=str(time.year), Month=str(time.month),
            Day=str(time.day), Hour=str(time.hour), Minute=str(time.minute), precipitation=str(number),
        )
        for number, time in enumerate(times)
    ]  # fmt: skip
    data = "".join(f"{line}\n" for line in ("|".join(OLD_COLUMNS), *reports)).encode()
    _, rows, rejects = parse_pieces(read_blocks("GHCNh_X.psv", [data], limits=Feed(chunk_bytes=4_096)))
    last = {(time.month, time.day, time.hour): float(number) for number, time in enumerate(times)}

    assert rejects == []
    assert {row[2:5]: row[11] for row in rows} == last
    assert len(rows) == len(last)


def test_a_line_that_is_too_long_between_reports_of_an_hour_moves_no_line_number():
    """The hour is one observation, and what follows is told by its own line."""
    first, second = ghcnh_line("2024-01-01T13:05:00", temperature="5"), ghcnh_line(precipitation="1")
    bad = ghcnh_line("2024-01-01T14:51:00", temperature="99")
    data = "".join(f"{line}\n" for line in (HEADER.decode(), first, "x" * 9_000, second, bad)).encode()
    _, rows, rejects = parse_pieces(
        read_blocks("GHCNh_X.psv", [data], limits=Feed(chunk_bytes=4_096, max_line_bytes=5_000))
    )

    assert [(row[5], row[11]) for row in rows] == [(5.0, 1.0)]
    assert sorted((one.line, one.code) for one in rejects) == [(3, "too-long"), (5, "range")]


def test_a_line_that_tells_no_hour_stands_between_no_two():
    """The reports around it are of one hour still."""
    parsed = parse_ghcnh(ghcnh_line("2024-01-01T13:05:00", precipitation="5"), "junk", "", ghcnh_line(temperature="2"))

    assert [(hour["temperature"], hour["one_hour_precip"]) for hour in hours(parsed)] == [(2.0, 5.0)]


@pytest.mark.parametrize(
    ("absent", "named"),
    [
        (["temperature"], "no column temperature, expected"),
        (["STATION"], "no column STATION or Station_ID, expected"),
        (["DATE", "Minute"], r"no column DATE \(or Year, Month, Day, Hour, Minute\), expected"),
        (["precipitation_Measurement_Code", "wind_speed_Quality_Code"],
         "no column wind_speed_Quality_Code, precipitation_Measurement_Code, expected"),
    ],
)  # fmt: skip
def test_a_header_without_a_column_that_is_read_is_named(absent, named):
    """Before a row is read, with the input's name."""
    columns = [name for name in GHCNH_COLUMNS if name not in absent]
    text = "|".join(columns) + "\n" + ghcnh_line(columns=columns, temperature="5") + "\n"

    with pytest.raises(FormatError, match=r"GHCNh_X\.psv: header .*" + named):
        list(read_blocks("GHCNh_X.psv", [text.encode()]))


@pytest.mark.parametrize(
    ("fields", "field", "value", "code", "reason"),
    [
        ({"temperature": "99"}, "temperature", "99", "range", "expected -95…60 °C"),
        ({"wind_direction": "27.5"}, "wind_direction", "27.5", "number",
         "not a whole number, expected 0…360 degrees"),
        ({"precipitation": "much"}, "precipitation", "much", "number",
         "not a number, expected -0.1 (trace) or 0…310 mm"),
        ({"STATION": "14732"}, "STATION", "14732", "wsid", None),
        ({"DATE": "2024-01-01T13:60:00"}, "DATE", "2024-01-01T13:60:00", "calendar",
         "expected a time in UTC such as 2024-01-01T13:51:00"),
        ({"DATE": "2024-02-30T13:51:00"}, "DATE", "2024-02-30T13:51:00", "calendar", "expected 1…29 in 2024-02"),
        ({"DATE": "1899-02-03T13:51:00"}, "DATE", "1899-02-03T13:51:00", "range", f"expected 1900…{LAST_YEAR}"),
    ],
)  # fmt: skip
def test_a_bad_report_is_explained_and_the_others_of_its_hour_count(fields, field, value, code, reason):
    """The reject names the file's own column."""
    parsed = parse_ghcnh(
        ghcnh_line("2024-01-01T13:05:00", temperature="5.0"),
        ghcnh_line(**{"precipitation": "9.0", **fields}),
        ghcnh_line("2024-01-01T13:55:00", precipitation="0.2"),
    )
    (reject,) = parsed.rejects

    assert (reject.line, reject.field, reject.value, reject.code) == (3, field, value, code)
    assert reason is None or reject.reason == reason
    stated = {name: value for hour in hours(parsed) for name, value in hour.items()}
    assert (stated["temperature"], stated["one_hour_precip"]) == (5.0, 0.2)
    assert (parsed.read, parsed.rejected) == (parsed.observations.height + 1, 1)


def test_a_file_that_was_cut_in_a_line_loses_that_line_only():
    """The reject says how many columns there were."""
    data = f"{ghcnh_line(temperature='5.0')}\n{ghcnh_line('2024-01-01T14:51:00', temperature='6.0')[:60]}".encode()
    parsed = parse("ghcnh", data, 2, LAST_YEAR, header=HEADER)
    (reject,) = parsed.rejects

    assert (parsed.read, parsed.observations.height) == (2, 1)
    assert (reject.line, reject.code) == (3, "columns")
    assert f"expected {len(GHCNH_COLUMNS)}" in reject.reason


def test_an_hour_that_states_nothing_is_rejected_once():
    """A report that states nothing beside another that does is no reject."""
    parsed = parse_ghcnh(
        ghcnh_line("2024-01-01T13:05:00"),
        ghcnh_line("2024-01-01T13:51:00", temperature="5.0"),
        ghcnh_line("2024-01-01T14:05:00"),
        ghcnh_line("2024-01-01T14:51:00", temperature="5.0", temperature_Quality_Code="s"),
    )

    assert [(one.line, one.code) for one in parsed.rejects] == [(4, "empty")]
    assert (parsed.read, parsed.rejected, parsed.observations.height) == (2, 1, 1)


def test_an_hour_that_comes_again_is_a_newer_version_of_it():
    """Both are kept, in their order: the log decides that the later one wins."""
    one, other = ghcnh_line(precipitation="1.0"), ghcnh_line("2024-01-01T14:51:00", precipitation="2.0")
    parsed = parse_ghcnh(one, other, ghcnh_line(precipitation="3.0"))

    assert parsed.observations["one_hour_precip"].to_list() == [1.0, 2.0, 3.0]


def oracle(reports):
    """The hours of reports (time, values), worked out one by one."""
    found: dict[tuple, dict] = {}
    for station, time, values in sorted(reports, key=lambda report: report[:2]):
        hour = found.setdefault((station, time.year, time.month, time.day, time.hour), {})
        states_wind = "wind_direction" in values or "wind_speed" in values
        for name, value in values.items():
            if name == "precipitation":
                hour[name] = value
            elif name not in ("wind_direction", "wind_speed"):
                hour.setdefault(name, value)
        if states_wind and "wind" not in hour:
            hour["wind"] = True
            hour.update({name: values[name] for name in ("wind_direction", "wind_speed") if name in values})
    return [
        (*key, *(float(hour[name]) if name in hour else None for name in NAMES)) for key, hour in found.items() if hour
    ]


REPORTS = st.lists(
    st.tuples(
        st.sampled_from(["USW00014732", "NOI0000ENJA"]),
        st.integers(0, 240).map(lambda minutes: datetime(2024, 2, 29, 20) + timedelta(minutes=minutes)),
        st.dictionaries(st.sampled_from([*NAMES]), st.integers(0, 30).map(str), max_size=4).map(
            lambda values: {**values, "sea_level_pressure": "1000"} if "sea_level_pressure" in values else values
        ),
    ),
    max_size=25,
    unique_by=lambda report: report[:2],
).map(lambda reports: sorted(reports, key=lambda report: report[:2]))


def text_of(reports):
    return [
        ghcnh_line(time.isoformat(), STATION=station, visibility="1" * (400 + time.minute % 7), **values)
        for station, time, values in reports
    ]


@settings(max_examples=150, deadline=None)
@given(REPORTS)
def test_hours_are_what_an_oracle_makes_of_the_reports(reports):
    """Every hour that states something is there once, field by field; the others are rejected once."""
    parsed = parse_ghcnh(*text_of(reports))
    columns = [*COLUMNS[:5], *NAMES.values()]

    assert parsed.observations.select(columns).rows() == oracle(reports)
    assert {one.code for one in parsed.rejects} <= {"empty"}
    assert parsed.read == len({(station, time.replace(minute=0)) for station, time, _ in reports})


@settings(max_examples=100, deadline=None)
@given(REPORTS, st.lists(st.tuples(st.integers(0, 25), st.sampled_from(["junk", "", "x" * 6_000, "|" * 200]))))
def test_hours_do_not_depend_on_how_the_input_is_cut(reports, strangers):
    """Pieces are parsed apart from each other: the reports of an hour are in one, also with junk between them."""
    lines = text_of(reports)
    for at, stranger in strangers:
        lines.insert(at, stranger)
    data = HEADER + b"\n" + "".join(f"{line}\n" for line in lines).encode()
    whole = parse_pieces(read_blocks("GHCNh_X.psv", [data], limits=Feed(max_line_bytes=5_000)))
    cut = parse_pieces(
        read_blocks("GHCNh_X.psv", [data[at : at + 999] for at in range(0, len(data), 999)],
                    limits=Feed(chunk_bytes=4_096, max_line_bytes=5_000))
    )  # fmt: skip

    assert cut[1] == whole[1]
    assert sorted((one.line, one.code) for one in cut[2]) == sorted((one.line, one.code) for one in whole[2])
    assert cut[0] == whole[0]


def test_a_year_is_cut_into_pieces_between_hours():
    """Several pieces, none of which ends within an hour, hold every report once."""
    start = datetime(2024, 1, 1)
    times = [start + timedelta(minutes=7 * n) for n in range(3_000)]
    data = b"".join(ghcnh_line(time.isoformat(), precipitation="1").encode() + b"\n" for time in times)
    pieces = list(read_blocks("GHCNh_X.psv", [HEADER + b"\n" + data], limits=Feed(chunk_bytes=10_000)))

    assert len(pieces) > 20
    assert b"".join(piece.data for piece in pieces) == data
    assert [piece.first_line for piece in pieces][:2] == [2, 2 + pieces[0].data.count(b"\n")]
    assert parse_pieces(pieces)[0] == 350


def test_an_hour_of_more_than_a_megabyte_is_divided():
    """So that a file without any other hour is read in bounded memory."""
    line = ghcnh_line(precipitation="1", visibility="1" * 1_000).encode() + b"\n"
    count = 5_000_000 // len(line)
    pieces = list(read_blocks("GHCNh_X.psv", [HEADER + b"\n", *[line] * count], limits=Feed(chunk_bytes=100_000)))

    assert max(len(piece.data) for piece in pieces) < 1_300_000
    assert sum(piece.data.count(b"\n") for piece in pieces) == count


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data):
    """Every line that is not blank is rejected."""
    parsed = parse("ghcnh", data, 2, LAST_YEAR, header=HEADER)

    assert parsed.read == sum(1 for text in data.decode("utf-8", "replace").split("\n") if text.strip(" \t"))
    assert parsed.read == parsed.rejected == len(parsed.rejects)
