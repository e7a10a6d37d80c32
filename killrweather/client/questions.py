"""Every question that a client can ask, as an HTTP call and the kind of its answer.

Days are dates or texts such as ``2013-07-01``, months texts such as ``2013-07`` or a ``Month``, times are aware; of a
range both ends are included, and one that is left out is open. Times of day are UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from killrweather.client.answers import value_of
from killrweather.client.core import Core, Series
from killrweather.client.steps import Call, Conversation, Give
from killrweather.errors import BadRequest
from killrweather.messages.cluster import ClusterView, PastEvent
from killrweather.messages.node import Readiness, Status
from killrweather.model.month import Month
from killrweather.model.observation import RawWeatherData, canonical_wsid
from killrweather.model.precipitation import AnnualPrecipitation, DailyPrecipitation, MonthlyPrecipitation
from killrweather.model.sky import SkyCondition
from killrweather.model.station import NearbyStation, WeatherStation
from killrweather.model.temperature import (
    AnnualTemperature,
    DailyTemperature,
    MonthlyHiLowTemperature,
    MonthlyTemperature,
)

T = TypeVar("T")

Day = date | str
Moment = datetime | date | str


@dataclass(frozen=True)
class Question(Generic[T]):
    """A GET whose answer is one value of ``kind``."""

    path: str
    kind: Any
    parameters: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[int, ...] = ()
    """Statuses that are answers besides 200."""
    is_patient: bool = True
    """Asked again while no node can answer; what asks how a node is wants to know at once."""

    def converse(self, core: Core) -> Conversation[T]:
        """Ask it, for as long as the client is patient with questions."""
        call = Call("GET", self.path, given(self.parameters))
        response = yield from core.send(call, core.question_patience_s if self.is_patient else 0.0, self.also)
        return value_of(response, self.kind)


@dataclass(frozen=True)
class Pages(Series[T]):
    """A GET whose answer comes in pages, each of which names the next; gives the values one by one."""

    path: str
    kind: type[T]
    parameters: Mapping[str, Any]

    def converse(self, core: Core) -> Conversation[None]:
        """Give the values; a page is fetched when the one before it is used up."""
        call: Call | None = Call("GET", self.path, given(self.parameters))
        while call is not None:
            response = yield from core.send(call, core.question_patience_s)
            for value in value_of(response, tuple[self.kind, ...]):  # type: ignore[name-defined]
                yield Give(value)
            following = response.links.get("next", {}).get("url")
            call = Call("GET", following) if following else None


def station(wsid: str) -> Question[WeatherStation]:
    """Who a station is."""
    return Question(_of(wsid), WeatherStation)


def stations(search: str = "", country: str = "", page_size: int = 1_000) -> Pages[WeatherStation]:
    """Stations, one by one: the best match of a text first, else in the order of their ids."""
    given = {"search": search or None, "country": country or None, "limit": page_size}
    return Pages("/weather/stations", WeatherStation, given)


def stations_near(lat: float, long: float, km: float = 50.0, page_size: int = 1_000) -> Pages[NearbyStation]:
    """The stations within ``km`` of a place in degrees, one by one, each with its distance; nearest first."""
    return Pages("/weather/stations", NearbyStation, {"near": f"{lat:.15f},{long:.15f}", "km": km, "limit": page_size})


def current(wsid: str) -> Question[RawWeatherData]:
    """A station's newest observation."""
    return Question(f"{_of(wsid)}/current", RawWeatherData)


def raw(
    wsid: str, start: Moment | None = None, end: Moment | None = None, page_size: int = 1_000
) -> Pages[RawWeatherData]:
    """A station's observations one by one, oldest first; of days, or of times, the end then not included.

    A page of ``page_size`` is fetched when the one before it is used up.
    """
    return Pages(f"{_of(wsid)}/raw", RawWeatherData, {"start": start, "end": end, "limit": page_size})


def daily_temperature(
    wsid: str, start: Day | None = None, end: Day | None = None, day: Day | None = None
) -> Question[tuple[DailyTemperature, ...]]:
    """The temperatures of days, oldest first; of one ``day``, or from start to end."""
    return Question(f"{_of(wsid)}/temperature/daily", tuple[DailyTemperature, ...], _days(start, end, day))


def monthly_temperature(
    wsid: str,
    year: int | None = None,
    month: int | None = None,
    start: Month | str | None = None,
    end: Month | str | None = None,
) -> Question[tuple[MonthlyTemperature, ...]]:
    """The temperatures of months, oldest first; of a year or one month of it, or from start to end."""
    given = _months(year, month, start, end)
    return Question(f"{_of(wsid)}/temperature/monthly", tuple[MonthlyTemperature, ...], given)


def annual_temperature(
    wsid: str, year: int | None = None, start: int | None = None, end: int | None = None
) -> Question[tuple[AnnualTemperature, ...]]:
    """The temperatures of years so far, oldest first; of one year, or from start to end."""
    given = {"year": year, "start": start, "end": end}
    return Question(f"{_of(wsid)}/temperature/annual", tuple[AnnualTemperature, ...], given)


def high_low(wsid: str, year: int, month: int) -> Question[MonthlyHiLowTemperature]:
    """The highest and the lowest temperature of a month."""
    return Question(f"{_of(wsid)}/temperature/high-low", MonthlyHiLowTemperature, {"year": year, "month": month})


def daily_precipitation(
    wsid: str, start: Day | None = None, end: Day | None = None, day: Day | None = None
) -> Question[tuple[DailyPrecipitation, ...]]:
    """The rain of days in mm, oldest first; of one ``day``, or from start to end."""
    return Question(f"{_of(wsid)}/precipitation/daily", tuple[DailyPrecipitation, ...], _days(start, end, day))


def monthly_precipitation(
    wsid: str,
    year: int | None = None,
    month: int | None = None,
    start: Month | str | None = None,
    end: Month | str | None = None,
) -> Question[tuple[MonthlyPrecipitation, ...]]:
    """The rain of months in mm, oldest first; of a year or one month of it, or from start to end."""
    given = _months(year, month, start, end)
    return Question(f"{_of(wsid)}/precipitation/monthly", tuple[MonthlyPrecipitation, ...], given)


def annual_precipitation(
    wsid: str, year: int | None = None, start: int | None = None, end: int | None = None
) -> Question[tuple[AnnualPrecipitation, ...]]:
    """The rain of years so far in mm, oldest first; of one year, or from start to end."""
    given = {"year": year, "start": start, "end": end}
    return Question(f"{_of(wsid)}/precipitation/annual", tuple[AnnualPrecipitation, ...], given)


def top_precipitation(wsid: str, year: int, k: int = 10) -> Question[tuple[DailyPrecipitation, ...]]:
    """The k wettest days of a year, wettest first."""
    return Question(f"{_of(wsid)}/precipitation/top", tuple[DailyPrecipitation, ...], {"year": year, "k": k})


def sky_condition(code: int) -> Question[SkyCondition]:
    """What a sky condition code means."""
    return Question(f"/weather/sky-conditions/{int(code)}", SkyCondition)


def status(node_only: bool = False) -> Question[Status]:
    """How the node is, with its actors and counters, and how far the stream is. Asked once."""
    return Question("/status", Status, {"node_only": node_only or None}, is_patient=False)


def ready() -> Question[Readiness]:
    """Whether the node answers questions and takes data, with each check by name. Asked once."""
    return Question("/ready", Readiness, also=(503,), is_patient=False)


def members() -> Question[ClusterView]:
    """All nodes of the cluster, and who owns each singleton. Asked once."""
    return Question("/cluster/members", ClusterView, is_patient=False)


def cluster_history(limit: int = 100) -> Question[tuple[PastEvent, ...]]:
    """The newest events among the nodes, oldest first."""
    return Question("/cluster/history", tuple[PastEvent, ...], {"limit": limit})


def _of(wsid: str) -> str:
    """The path of a station; raises BadRequest where there can be no such id."""
    return f"/weather/stations/{canonical_wsid(wsid)}"


def _days(start: Day | None, end: Day | None, day: Day | None) -> dict[str, Any]:
    return {"start": start, "end": end, "date": day}


def _months(year: int | None, month: int | None, start: Month | str | None, end: Month | str | None) -> dict[str, Any]:
    return {"year": year, "month": month, "start": start, "end": end}


def given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those that have a value, as the query writes them."""
    return {name: _text(name, value) for name, value in parameters.items() if value is not None}


def _text(name: str, value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return value
    text = str(value)
    if not _is_unicode(text):
        raise BadRequest(f"{name} {text[:40]!a}: expected Unicode; is it of another encoding?", name)
    return text


def _is_unicode(text: str) -> bool:
    """It has no half of a surrogate pair, as Python makes of bytes that it cannot read."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
