"""The header of a GHCNh file: which of its columns are read, whatever their order and number."""

import re
from dataclasses import dataclass
from functools import cached_property

from killrweather.errors import FormatError
from killrweather.feed.rejects import shown

SEPARATOR = "|"

STATION_NAMES = ("STATION", "Station_ID")
"""What the station's column is called, and was called in older files."""

DATE = "DATE"
TIME_PARTS = ("Year", "Month", "Day", "Hour", "Minute")
"""The columns that say the time where there is no ``DATE``."""

VALUES = {
    "temperature": "temperature",
    "dewpoint": "dew_point_temperature",
    "pressure": "sea_level_pressure",
    "wind_direction": "wind_direction",
    "wind_speed": "wind_speed",
    "one_hour_precip": "precipitation",
    "six_hour_precip": "precipitation_6_hour",
}
"""The canonical name of each value and GHCNh's."""

QUALITY, MEASUREMENT = "_Quality_Code", "_Measurement_Code"

_READ = (
    *VALUES.values(),
    *(f"{name}{QUALITY}" for name in VALUES.values()),
    *(f"{VALUES[name]}{MEASUREMENT}" for name in ("one_hour_precip", "six_hour_precip")),
)
_HOUR = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}")
_WHOLE = re.compile(rb"[0-9]{1,4}")


@dataclass(frozen=True)
class GhcnhHeader:
    """Where the columns stand that are read."""

    columns: tuple[str, ...]
    """All of them, as they stand there."""
    station: str
    time: tuple[str, ...]
    """``DATE``, or the five columns of its parts."""

    @classmethod
    def read(cls, header: bytes) -> "GhcnhHeader":
        """Read the header line; FormatError names the columns that are not there."""
        names = _names(header.decode("utf-8", "replace"))
        station = next((name for name in STATION_NAMES if name in names), None)
        time = next((time for time in ((DATE,), TIME_PARTS) if set(time) <= set(names)), None)
        absent = [name for name in _READ if name not in names]
        if time is None:
            absent.insert(0, f"{DATE} (or {', '.join(TIME_PARTS)})")
        if station is None:
            absent.insert(0, " or ".join(STATION_NAMES))
        if station is None or time is None or absent:
            raise FormatError(
                f'header "{shown(header)}": no column {", ".join(absent)}, expected the header of GHCNh with every '
                "column that is read, in any order"
            )
        return cls(tuple(names), station, time)

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return (self.station, *self.time, *_READ)

    def position(self, name: str) -> int:
        """Where a column stands, counted from 0; the first of two with the same name."""
        return self.columns.index(name)

    @cached_property
    def _hour_positions(self) -> list[int]:
        return [self.position(name) for name in (self.station, *self.time[:4])]

    def hour_of(self, line: bytes) -> bytes | None:
        """The station and hour that a line says, as its text has them; None if it doesn't."""
        last = max(self._hour_positions)
        fields = line.split(b"|", last + 1)
        if len(fields) <= last:
            return None
        station, *time = (fields[position].strip(b' \t"') for position in self._hour_positions)
        if self.time == (DATE,):
            found = _HOUR.match(time[0])
            return b"|".join((station, found.group())) if found else None
        return b"|".join((station, *time)) if all(_WHOLE.fullmatch(part) for part in time) else None


def is_ghcnh_header(line: str) -> bool:
    """Whether a line is a header of GHCNh, perhaps without some of its columns or cut off."""
    names = set(_names(line))
    return SEPARATOR in line and len(names & {*STATION_NAMES, DATE, *TIME_PARTS, *VALUES.values()}) >= 2


def _names(line: str) -> list[str]:
    return [name.strip().strip('"') for name in line.rstrip("\r\n").split(SEPARATOR)]
