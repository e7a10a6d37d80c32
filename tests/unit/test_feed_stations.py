import pytest
from feed_stage import SHARED_DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from killrweather.errors import FormatError
from killrweather.feed.stations import parse_stations
from killrweather.model.station import WeatherStation

GOOD = "725030:14732,NEW YORK LAGUARDIA ARPT,US,NY,KLGA,40.783,-73.883,3.4"
HISTORY = '"USAF","WBAN","STATION NAME","CTRY","STATE","ICAO","LAT","LON","ELEV(M)","BEGIN","END"\n'


def sample(*lines):
    return parse_stations("stations.csv", "".join(f"{line}\n" for line in lines).encode())


def test_the_samples_table_is_read():
    """Ids are padded; place 0,0 and elevation -999.9 are unknown, and an empty text is None."""
    table = sample(
        GOOD,
        "10000:99999,BOGUS NORWAY,NO,,ENRS,0,0,0",
        "76210:99999,TARBES,FR,,LFBT,43.183,0,-999.9",
        "999999:9999,SHORT WBAN,,,,,,",
    )

    assert table.rejects == []
    assert table.stations == [
        WeatherStation("725030:14732", "NEW YORK LAGUARDIA ARPT", "US", "NY", "KLGA", 40.783, -73.883, 3.4),
        WeatherStation("010000:99999", "BOGUS NORWAY", "NO", None, "ENRS", None, None, 0.0),
        WeatherStation("076210:99999", "TARBES", "FR", None, "LFBT", 43.183, 0.0, None),
        WeatherStation("999999:09999", "SHORT WBAN"),
    ]


def test_isd_history_is_read_by_the_names_of_its_columns():
    """Signs, quotes, commas in names and line ends of Windows are understood."""
    data = (
        HISTORY
        + '"725030","14732","LA GUARDIA, NY","US","NY","KLGA","+40.779","-073.880","+0003.4","19730101","20250824"\n'
        + '"A00001","99999","","","","","+00.000","+000.000","-0999.9","",""\n'
    )
    table = parse_stations("isd-history.csv", b"\xef\xbb\xbf" + data.replace("\n", "\r\n").encode())

    assert table.stations == [
        WeatherStation("725030:14732", "LA GUARDIA, NY", "US", "NY", "KLGA", 40.779, -73.88, 3.4),
        WeatherStation("A00001:99999"),
    ]


@pytest.mark.parametrize("elevation", ["-0999.9", "-0999.0", "-999.9", ""])
def test_what_isd_history_does_not_know_is_none(elevation):
    """Place 0,0 and elevation -999.x; a place on the equator or at Greenwich and a height below the sea are known."""
    rows = [("+00.000", "+000.000", elevation), ("+00.000", "+006.733", "-0003.4"), ("+51.478", "+000.000", "+0009.0")]
    lines = [
        f'"00000{n}","99999","N{n}","","","","{lat}","{long}","{high}","",""\n'
        for n, (lat, long, high) in enumerate(rows)
    ]
    table = parse_stations("isd-history.csv", (HISTORY + "".join(lines)).encode())

    assert [(one.lat, one.long, one.elevation) for one in table.stations] == [
        (None, None, None), (0.0, 6.733, -3.4), (51.478, 0.0, 9.0)
    ]  # fmt: skip


def test_columns_of_isd_history_may_stand_in_another_order():
    """A bad row is named by the file's own column, and an id that comes again by the line of the first."""
    header = "ELEV(M),LON,LAT,ICAO,STATE,CTRY,STATION NAME,WBAN,USAF,END\n"
    good = "+0003.4,-073.880,+40.779,KLGA,NY,US,LA GUARDIA,14732,725030,20250824\n"
    data = header + good + good.replace("+40.779", "+91.000").replace("14732", "1") + good + "a,b\n"
    table = parse_stations("isd-history.csv", data.encode())

    assert table.stations == [WeatherStation("725030:14732", "LA GUARDIA", "US", "NY", "KLGA", 40.779, -73.88, 3.4)]
    assert [(one.line, one.field, one.code) for one in table.rejects] == [
        (3, "LAT", "range"), (4, "wsid", "duplicate"), (5, None, "columns")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "field", "value", "code"),
    [
        (GOOD.replace("725030:14732", "abc"), "id", "abc", "wsid"),
        (GOOD.replace("40.783", "91"), "lat", "91", "range"),
        (GOOD.replace("-73.883", "west"), "long", "west", "number"),
        (GOOD.replace("3.4", "nan"), "elevation", "nan", "number"),
        (GOOD + ",", None, GOOD + ",", "columns"),
    ],
)
def test_a_bad_row_is_explained_and_its_neighbours_are_kept(line, field, value, code):
    """The reject names line, field and value; blank lines are not counted."""
    table = sample("1:1,A,,,,,,", "", line, "2:2,B,,,,,,")
    (reject,) = table.rejects

    assert (reject.line, reject.field, reject.value, reject.code) == (3, field, value, code)
    assert (table.read, [one.name for one in table.stations]) == (3, ["A", "B"])


def test_of_two_rows_with_one_id_the_first_is_kept():
    """The reject names the line it repeats, also when the spelling differs."""
    table = sample("703430:99999,FIRST,,,,,,14", "1:1,A,,,,,,", "703430:99999,SECOND,,,,,,36.9")

    assert [one.name for one in table.stations] == ["FIRST", "A"]
    assert [(one.line, one.code, one.reason) for one in table.rejects] == [
        (3, "duplicate", "line 1 has the same id, expected each id once")
    ]


@pytest.mark.parametrize("data", [b"", b"Dear all,\nhello\n", b"\x1f\x8b\x08junk"])
def test_what_is_no_station_table_is_refused(data):
    """The error names the input and what was expected."""
    with pytest.raises(FormatError, match=r"s\.csv: .*expected"):
        parse_stations("s.csv", data)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.just(GOOD.encode()))).map(b"\n".join))
def test_no_bytes_break_the_reader(data):
    """Every line that is not blank is a station or a reject."""
    try:
        table = parse_stations("s.csv", data)
    except FormatError:
        return

    assert table.read == sum(1 for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip())


def test_a_table_of_twenty_thousand_stations_is_read_whole():
    """The real table where it is, else a generated one of its size: one row repeats an id."""
    path = SHARED_DATA / "weather_stations.csv"
    generated = "".join(f"{at}:99999,STATION {at},US,NY,,1,2,3\n" for at in range(1, 19_704)) + "7:99999,AGAIN,,,,,,\n"
    table = parse_stations("stations.csv", path.read_bytes() if path.exists() else generated.encode())

    assert (table.read, len(table.stations)) == (19_704, 19_703)
    assert [one.code for one in table.rejects] == ["duplicate"]
