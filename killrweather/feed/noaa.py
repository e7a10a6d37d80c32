"""Where NOAA publishes the hours of a station and year."""

from dataclasses import dataclass

from killrweather.errors import BadRequest
from killrweather.feed.formats import GHCNH, ISD_LITE, Format
from killrweather.model.observation import canonical_wsid

LAST_YEAR_OF_ISD_LITE = 2024
"""ISD-Lite ended on 2025-08-27: this is the last year of which it has all."""

_NO_WBAN = "99999"


@dataclass(frozen=True, slots=True)
class StationYear:
    """A file of one station and year."""

    station: str
    """As the format names it: USAF-WBAN, or a GHCNh id."""
    year: int
    format: Format

    @property
    def file_name(self) -> str:
        """The file's name, by which ``load`` knows its format and station."""
        if self.format is GHCNH:
            return f"GHCNh_{self.station}_{self.year}.psv"
        return f"{self.station}-{self.year}.gz"

    @property
    def path(self) -> str:
        """Where the file is on NOAA NCEI's site."""
        if self.format is GHCNH:
            folder = "oa/global-historical-climatology-network/hourly/access/by-year"
            return f"{folder}/{self.year}/psv/{self.file_name}"
        return f"pub/data/noaa/isd-lite/{self.year}/{self.file_name}"


def station_year(station: str, year: int, format: Format | None = None) -> StationYear:
    """The file of a station, by either of its ids, and year.

    Without a format it is GHCNh for a GHCNh id and for the years that ISD-Lite lacks. BadRequest when the id says
    nothing of the id that the format needs.
    """
    wsid = canonical_wsid(station)
    usaf, is_usaf_wban, wban = wsid.partition(":")
    chosen = format or (ISD_LITE if is_usaf_wban and year <= LAST_YEAR_OF_ISD_LITE else GHCNH)
    if chosen not in (ISD_LITE, GHCNH):
        raise BadRequest(f"format {chosen.name}: NOAA has {ISD_LITE.name} and {GHCNH.name}", "format")
    if chosen is ISD_LITE:
        if not is_usaf_wban:
            expected = "USAF:WBAN such as 725030:14732; killrweather stations search finds it"
            raise BadRequest(f"station {wsid}: ISD-Lite does not know GHCNh ids, expected {expected}", "station")
        return StationYear(f"{usaf}-{wban}", year, chosen)
    if is_usaf_wban and wban == _NO_WBAN:
        expected = "the id that it has in GHCNh, such as NOI0000ENJA; doc/ghcnh-station-list.csv of NOAA lists them"
        raise BadRequest(f"station {wsid}: no WBAN number leads to its GHCNh id, expected {expected}", "station")
    return StationYear(f"USW000{wban}" if is_usaf_wban else wsid, year, chosen)
