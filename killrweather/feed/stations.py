"""Station tables: the sample's and NOAA's isd-history.csv, as stations and rejects."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, nan

from killrweather.errors import BadRequest, FormatError, KillrWeatherError
from killrweather.feed.rejects import Code, Reject, shown
from killrweather.model.observation import WSID_EXPECTED, canonical_wsid
from killrweather.model.station import WeatherStation

_SAMPLE_COLUMNS = ("id", "name", "country_code", "state_code", "call_sign", "lat", "long", "elevation")
_ISD_HISTORY_COLUMNS = ("USAF", "WBAN", "STATION NAME", "CTRY", "STATE", "ICAO", "LAT", "LON", "ELEV(M)")

_FIRST_LINES = 50
"""How many lines may be damaged before a table is taken for something else."""


@dataclass(frozen=True, slots=True)
class StationTable:
    """What a station table says; read = stations + rejects, blank lines and header not counted."""

    stations: list[WeatherStation]
    """In the order of their lines, each id once."""
    rejects: list[Reject]

    @property
    def read(self) -> int:
        """The rows of the table, good or not."""
        return len(self.stations) + len(self.rejects)


def parse_stations(name: str, data: bytes) -> StationTable:
    """Read a whole station table, told apart by its first line; FormatError if it is neither of the two.

    Of two rows with the same id the first is kept and the other rejected.
    """
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    header = _columns(lines[0].decode("utf-8", "replace"))
    if not any(lines):
        raise FormatError(f"{name}: empty, expected a station table")
    if set(_ISD_HISTORY_COLUMNS) <= set(header):
        positions = [header.index(column) for column in _ISD_HISTORY_COLUMNS]
        return _read(lines, 2, len(header), lambda row: _of_isd_history([row[at] for at in positions]))
    if any(len(_columns(line.decode("utf-8", "replace"))) == len(_SAMPLE_COLUMNS) for line in lines[:_FIRST_LINES]):
        return _read(lines, 1, len(_SAMPLE_COLUMNS), _of_sample)
    raise FormatError(
        f'{name}: first line "{shown(lines[0])}", expected the columns {",".join(_SAMPLE_COLUMNS)} without a header, '
        f"or a header with {','.join(_ISD_HISTORY_COLUMNS)}"
    )


class _BadRow(KillrWeatherError):
    """A row that describes no station: what its reject says."""

    def __init__(self, field: str | None, value: str, reason: str, code: Code):
        super().__init__(reason)
        self.field, self.value, self.reason, self.code = field, value, reason, code


def _read(
    lines: list[bytes], first_line: int, width: int, station_of: Callable[[list[str]], WeatherStation]
) -> StationTable:
    stations: dict[str, WeatherStation] = {}
    seen_at: dict[str, int] = {}
    rejects: list[Reject] = []
    for number, line in enumerate(lines[first_line - 1 :], start=first_line):
        if not line.strip():
            continue
        try:
            station = station_of(_row(line, width))
            if station.wsid in seen_at:
                reason = f"line {seen_at[station.wsid]} has the same id, expected each id once"
                raise _BadRow("wsid", station.wsid, reason, "duplicate")
        except _BadRow as bad:
            rejects.append(Reject(number, bad.field, shown(bad.value or line), bad.reason, bad.code))
        else:
            stations[station.wsid] = station
            seen_at[station.wsid] = number
    return StationTable(list(stations.values()), rejects)


def _columns(line: str) -> list[str]:
    try:
        return [column.strip() for column in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def _row(line: bytes, width: int) -> list[str]:
    try:
        row = _columns(line.decode().rstrip("\r"))
    except UnicodeDecodeError:
        raise _BadRow(None, "", "not readable as UTF-8 text", "encoding") from None
    if len(row) != width:
        raise _BadRow(None, "", f"{len(row)} columns, expected {width}", "columns")
    return row


def _of_sample(row: list[str]) -> WeatherStation:
    id_, name, country, state, call_sign, lat, long, elevation = row
    return _station("id", id_, name, country, state, call_sign, ("lat", lat), ("long", long), ("elevation", elevation))


def _of_isd_history(row: list[str]) -> WeatherStation:
    usaf, wban, name, country, state, call_sign, lat, long, elevation = row
    places = (("LAT", lat), ("LON", long), ("ELEV(M)", elevation))
    return _station("USAF", f"{usaf}:{wban}", name, country, state, call_sign, *places)


def _station(
    id_field: str,
    wsid: str,
    name: str,
    country: str,
    state: str,
    call_sign: str,
    lat: tuple[str, str],
    long: tuple[str, str],
    elevation: tuple[str, str],
) -> WeatherStation:
    try:
        station = canonical_wsid(wsid)
    except BadRequest:
        raise _BadRow(id_field, wsid, f"expected {WSID_EXPECTED}", "wsid") from None
    degrees_north, degrees_east = _number(*lat, -90, 90), _number(*long, -180, 180)
    metres = _number(*elevation, -1000, 9000)
    if degrees_north == 0 and degrees_east == 0:
        degrees_north = degrees_east = None
    if metres is not None and metres <= -999:
        metres = None
    return WeatherStation(
        wsid=station,
        name=name or None,
        country_code=country or None,
        state_code=state or None,
        call_sign=call_sign or None,
        lat=degrees_north,
        long=degrees_east,
        elevation=metres,
    )


def _number(field: str, text: str, low: float, high: float) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = nan
    if not low <= number <= high:
        code: Code = "range" if isfinite(number) else "number"
        raise _BadRow(field, text, f"expected a number {low:g}…{high:g}", code)
    return number
