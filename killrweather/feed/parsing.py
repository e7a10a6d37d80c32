"""From whole lines of a known format to observations and rejects: the one entry to the parsers of all formats.

Importing this brings polars and its threads into the process, which must not fork afterwards.
"""

from killrweather.errors import FormatError
from killrweather.feed import ghcnh, hourly_csv, isd_lite, json_lines, nycflights13
from killrweather.feed.checks import Parsed
from killrweather.feed.formats import GHCNH, HOURLY_CSV, ISD_LITE, JSON, format_named


def parse(
    format: str,
    data: bytes,
    first_line: int,
    last_year: int,
    header: bytes | None = None,
    wsid: str | None = None,
) -> Parsed:
    """Read lines as ``Piece`` has them; no bytes make it fail, only a header or station that is not there does.

    Observations of years after ``last_year`` are rejected: pass the next year.
    """
    if data and not data.endswith(b"\n"):
        data += b"\n"
    known = format_named(format)
    if known is HOURLY_CSV:
        return hourly_csv.parse(data, first_line, last_year)
    if known is JSON:
        return json_lines.parse(data, first_line, last_year)
    if known is ISD_LITE:
        if wsid is None:
            raise FormatError("isd-lite: no station was given with the lines, expected one such as 725030:14732")
        return isd_lite.parse(data, first_line, last_year, wsid)
    if header is None:
        raise FormatError(f"{known.name}: no header was given with the lines, expected the first line of the file")
    if known is GHCNH:
        return ghcnh.parse(data, first_line, last_year, header)
    return nycflights13.parse(data, first_line, last_year, header)
