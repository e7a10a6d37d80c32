import subprocess
import sys
from pathlib import PurePath

import pytest
from feed_stage import GHCNH_COLUMNS, hourly_line

from killrweather.errors import BadRequest, FormatError
from killrweather.feed.formats import DETECT_BYTES, detect, format_named, may_be_data

GHCNH = "|".join(GHCNH_COLUMNS) + "\n"
ISD = "2008 01 01 00    50   -39 10204   270    46     2     0     0\n"
NYC = "origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour\n"


@pytest.mark.parametrize(
    ("name", "text", "content_type", "format"),
    [
        ("body", hourly_line() + "\n", None, "csv"),
        ("body", "725030:14732,2008\n", "application/x-www-form-urlencoded", "csv"),
        ("body", "junk\n" + hourly_line() + "\n", None, "csv"),
        ("body", "junk\n", "text/csv; charset=utf-8", "csv"),
        ("year.CSV.gz", "junk\n", None, "csv"),
        ("weather.csv", NYC, "text/csv", "nycflights13"),
        ("body", "\ufeff" + NYC.replace("\n", "\r\n"), None, "nycflights13"),
        ("body", ISD, None, "isd-lite"),
        ("data.csv", ISD, "text/csv", "isd-lite"),
        ("725030-14732-2008.gz", "junk\n", None, "isd-lite"),
        ("a07355-00241-2014", "", None, "isd-lite"),
        ("body", GHCNH, None, "ghcnh"),
        ("body", GHCNH.replace("STATION", "Station_ID").replace("DATE|", ""), "text/csv", "ghcnh"),
        ("GHCNh_USW00014732_2024.psv", "junk\n", None, "ghcnh"),
        ("body", '{"wsid":1,"a":2,"b":3,"c":4,"d":5,"e":6,"f":7,"g":8,"h":9,"i":1,"j":2,"k":3,"l":4}', None, "json"),
        ("data.csv", '[\n  {"wsid": 1}]', "text/csv", "json"),
        ("x.ndjson.gz", "junk\n", None, "json"),
        ("body", "junk\n", "application/json; charset=utf-8", "json"),
        ("body", "junk\n", "application/x-ndjson", "json"),
    ],
)
def test_a_format_is_told_by_content_then_name_then_media_type(name, text, content_type, format):
    """A damaged first line does not hide the format that the name or the following lines tell."""
    assert detect(name, text.encode(), content_type).name == format


def test_an_unknown_format_lists_the_known_ones():
    """The error names the input and everything that could have been sent."""
    with pytest.raises(FormatError, match=r"note\.txt: unknown format, expected one of: .*nycflights13.*isd-lite.*csv"):
        detect("note.txt", b"Dear all,\n")


def test_a_header_longer_than_real_ones_is_recognised():
    """GHCNh has 329 columns, and the ones that are read may stand anywhere."""
    others = "|".join(f"precipitation_{n}_hour_Source_Station_ID" for n in range(322))

    assert detect("body", f"{others}|{GHCNH}"[:DETECT_BYTES].encode()).name == "ghcnh"


@pytest.mark.parametrize(
    ("name", "is_data"), [("a.csv", True), ("GHCNh_X.psv", True), ("a.gz.sha256", False), (".a.gz.part", False)]
)
def test_what_a_download_leaves_beside_its_file_is_no_data(name, is_data):
    """A directory of downloads can be loaded as it is."""
    assert may_be_data(PurePath("data") / name) == is_data


def test_utf_16_is_named_as_such():
    """What Windows calls Unicode can't be read, and the error says what to do."""
    with pytest.raises(FormatError, match="UTF-16, expected UTF-8"):
        detect("year.csv", hourly_line().encode("utf-16"))


def test_a_format_is_found_by_its_name():
    """An unknown name is refused with the known ones."""
    assert format_named("isd-lite").needs_station

    with pytest.raises(BadRequest, match='format "xml": expected nycflights13, ghcnh, json, isd-lite, csv'):
        format_named("xml")


def test_receiving_data_does_not_bring_polars():
    """A process that receives and forwards, or that is forked from, stays free of polars and its threads."""
    script = "import sys, killrweather.feed, killrweather.model; sys.exit('polars' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
