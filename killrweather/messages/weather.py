"""The questions that clients ask, and the answers that are not weather themselves.

A question is checked where it is built: an actor never meets month 13 or a station id of an unknown form.
Its answer is the value it names, a tuple of values for a range, ``NoDataAvailable``, or ``RequestFailed``.
"""

from datetime import datetime

from killrweather.errors import BadRequest
from killrweather.messages.base import message
from killrweather.messages.ranges import DayRange, MonthRange, StationRequest, YearRange, check_month, check_year
from killrweather.model.observation import RawWeatherData
from killrweather.model.station import HALF_ROUND_THE_EARTH_KM, WeatherStation

MAX_LIMIT = 10_000
"""Values in one answer at most; the next page starts after the last."""


MOST_WETTEST_DAYS = 366
"""Days of a year."""


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise BadRequest(f"limit {limit}: expected 1 to {MAX_LIMIT}", "limit")


@message
class GetWeatherStation(StationRequest):
    """Ask who a station is → WeatherStation."""


@message
class GetCurrentWeather(StationRequest):
    """Ask for a station's newest observation → RawWeatherData."""


@message
class GetRawWeather(StationRequest):
    """Ask for a station's observations from start to before end, oldest first → a tuple of RawWeatherData.

    ``start`` and ``end`` are aware times; at most ``limit`` observations come.
    """

    start: datetime
    end: datetime
    limit: int = 1_000

    def __post_init__(self) -> None:
        StationRequest.__post_init__(self)
        _check_limit(self.limit)
        for name in ("start", "end"):
            moment = getattr(self, name)
            if moment.tzinfo is None:
                text = moment.isoformat()
                raise BadRequest(f"{name} {text} has no offset: expected for example {text}Z", name)
        if self.end < self.start:
            raise BadRequest(f"end {self.end.isoformat()} is before start {self.start.isoformat()}", "end")


@message
class GetDailyTemperature(DayRange):
    """Ask for the temperatures of a range of days, oldest first → a tuple of DailyTemperature."""


@message
class GetMonthlyTemperature(MonthRange):
    """Ask for the temperatures of a range of months, oldest first → a tuple of MonthlyTemperature."""


@message
class GetAnnualTemperature(YearRange):
    """Ask for the temperatures of a range of years, oldest first → a tuple of AnnualTemperature."""


@message
class GetMonthlyHiLowTemperature(StationRequest):
    """Ask for a month's highest and lowest temperature → MonthlyHiLowTemperature."""

    year: int
    month: int

    def __post_init__(self) -> None:
        StationRequest.__post_init__(self)
        check_year(self.year)
        check_month(self.month)


@message
class GetDailyPrecipitation(DayRange):
    """Ask for the rain of a range of days, oldest first → a tuple of DailyPrecipitation."""


@message
class GetMonthlyPrecipitation(MonthRange):
    """Ask for the rain of a range of months, oldest first → a tuple of MonthlyPrecipitation."""


@message
class GetPrecipitation(YearRange):
    """Ask for the rain of a range of years, each so far, oldest first → a tuple of AnnualPrecipitation."""


@message
class GetTopKPrecipitation(StationRequest):
    """Ask for the k wettest days of a station in a year, wettest first → TopKPrecipitation."""

    year: int
    k: int = 10

    def __post_init__(self) -> None:
        StationRequest.__post_init__(self)
        check_year(self.year)
        if not 1 <= self.k <= MOST_WETTEST_DAYS:
            raise BadRequest(f"k {self.k}: expected 1 to {MOST_WETTEST_DAYS}", "k")


@message
class GetSkyConditionLookup:
    """Ask what a sky condition code means → SkyCondition."""

    code: int


@message
class FindWeatherStations:
    """Ask for stations, by text and country in order of their ids, or near a place and nearest first.

    → a tuple of WeatherStation, near a place of NearbyStation. ``after`` is the id of the last one of the page before.
    """

    search: str = ""
    country: str = ""
    near: tuple[float, float] | None = None
    km: float = 50.0
    limit: int = 100
    after: str = ""

    def __post_init__(self) -> None:
        _check_limit(self.limit)
        if self.near:
            lat, long = self.near
            if not (-90 <= lat <= 90 and -180 <= long <= 180):
                expected = "a latitude of -90 to 90 and a longitude of -180 to 180"
                raise BadRequest(f"near {lat},{long}: expected {expected}", "near")
        if not 0 < self.km <= HALF_ROUND_THE_EARTH_KM:
            expected = f"more than 0 and at most {HALF_ROUND_THE_EARTH_KM}, half way round the Earth"
            raise BadRequest(f"km {self.km:g}: expected {expected}", "km")


@message
class GetObservedStations:
    """Ask for the stations that have observations, in the order of their ids → a tuple of ObservedStation.

    One that no station table names is there too, without a place.
    """

    limit: int = MAX_LIMIT

    def __post_init__(self) -> None:
        _check_limit(self.limit)


@message
class ObservedStation:
    """A station that has observations, and the newest of them."""

    station: WeatherStation
    newest: RawWeatherData


@message
class StoreWeatherStations:
    """Order: keep these stations, whatever was known of them → StationsStored."""

    stations: tuple[WeatherStation, ...]


@message
class StationsStored:
    """These many stations are kept."""

    count: int


@message
class NoDataAvailable:
    """There is no such data, though the station is known. ``text`` says what was looked for."""

    wsid: str
    text: str
