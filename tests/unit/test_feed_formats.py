import subprocess
import sys

import pytest
from feed_stage import hourly_line

from killrweather.errors import BadRequest, FormatError
from killrweather.feed.formats import detect, format_named

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
    ],
)
def test_a_format_is_told_by_content_then_name_then_media_type(name, text, content_type, format):
    """A damaged first line does not hide the format that the name or the following lines tell."""
    assert detect(name, text.encode(), content_type).name == format


def test_an_unknown_format_lists_the_known_ones():
    """The error names the input and everything that could have been sent."""
    with pytest.raises(FormatError, match=r"note\.txt: unknown format, expected one of: .*nycflights13.*isd-lite.*csv"):
        detect("note.txt", b"Dear all,\n")


def test_utf_16_is_named_as_such():
    """What Windows calls Unicode can't be read, and the error says what to do."""
    with pytest.raises(FormatError, match="UTF-16, expected UTF-8"):
        detect("year.csv", hourly_line().encode("utf-16"))


def test_a_format_is_found_by_its_name():
    """An unknown name is refused with the known ones."""
    assert format_named("isd-lite").needs_station

    with pytest.raises(BadRequest, match='format "xml": expected nycflights13, isd-lite, csv'):
        format_named("xml")


def test_receiving_data_does_not_bring_polars():
    """A process that receives and forwards, or that is forked from, stays free of polars and its threads."""
    script = "import sys, killrweather.feed, killrweather.model; sys.exit('polars' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
