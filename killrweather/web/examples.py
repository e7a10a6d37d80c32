"""What answers look like: one example for each call, for the OpenAPI document."""

from dataclasses import astuple
from datetime import datetime, timezone
from typing import Any

from killrweather.feed.rejects import Reject
from killrweather.messages.cluster import ClusterView, Member
from killrweather.messages.control import ActorState, TaskCompleted
from killrweather.messages.layers import Recomputation, Replaying
from killrweather.messages.node import Check, Counters, NodeStatus, StreamProgress
from killrweather.messages.rejected import RejectedCount, RejectedRecord, RejectedRecords, RejectedRetry
from killrweather.model.observation import RawWeatherData
from killrweather.model.precipitation import AnnualPrecipitation, DailyPrecipitation, MonthlyPrecipitation
from killrweather.model.sky import SKY_CONDITIONS
from killrweather.model.station import NearbyStation, WeatherStation
from killrweather.model.temperature import (
    AnnualTemperature,
    DailyTemperature,
    MonthlyHiLowTemperature,
    MonthlyTemperature,
)
from killrweather.web.cluster import PastEvent
from killrweather.web.feed import DataAccepted
from killrweather.web.operations import Alive, Readiness, Status
from killrweather.web.stations import StationsAccepted
from killrweather.web.uploads import RejectedRow

_LGA = "725030:14732"
_NOON = datetime(2024, 1, 31, 12, tzinfo=timezone.utc)
_STATION = WeatherStation(_LGA, "LA GUARDIA AIRPORT", "US", "NY", "KLGA", 40.779, -73.88, 3.0)
_NEARBY = NearbyStation(*astuple(_STATION), distance_km=17.6)
_HOUR = RawWeatherData(_LGA, 2008, 1, 1, 0, 5.0, -3.9, 1020.4, 270, 4.6, 2, 0.0)
_WETTEST = DailyPrecipitation(_LGA, 2013, 6, 7, 60.198, 24, 0)
_MEMBER = Member(
    "node-1", "9f86d081884c7d65", "http://127.0.0.1:8080", ("feed", "stream", "query"), "1.0", 1, "Up", _NOON
)
_VIEW = ClusterView(_MEMBER.id, 7, (_MEMBER,), {"stream": _MEMBER.id}, "")
_CHECKS = (Check("kafka", True, "127.0.0.1:9092"), Check("cassandra", True, "127.0.0.1:9042"))
_ACTOR = ActorState(
    "temperature", "actors.temperature.TemperatureActor", "running", 4711, 0, None, 1, {"cassandra": ""}, {}
)
_COUNTERS = Counters(26_115, 26_114, 1, 26_114, 26_114, 0, 0, 0, {"feed.range": 1})
_NODE = NodeStatus(
    "node-1", _MEMBER.address, "Up", _MEMBER.roles, "1.0", 3_725.0, 0, True, _CHECKS, _COUNTERS, (_ACTOR,), _VIEW
)
_RECOMPUTATION = Recomputation("c0ffee12", _LGA, 2008, "done", "", 1, 1, 8_784, 366, 12, 1, 2.1)
_RETRY = RejectedRetry("0ff1ce34", "done", "", 3, 2, 1, 0)
_REJECTED_ROW = RejectedRow("body", 17, "month", "13", "expected 1…12", "calendar")

EXAMPLES: dict[tuple[str, str], Any] = {
    ("POST", "/weather/data"): DataAccepted(8_784, 8_783, 1, (_REJECTED_ROW,), {0: 8_783}),
    ("POST", "/weather/stations"): StationsAccepted(
        2, 1, 1, (Reject(2, "lat", "140.6", "expected -90…90 degrees", "range"),)
    ),
    ("GET", "/weather/rejected"): RejectedRecords(
        (
            RejectedRecord(
                "feed",
                "calendar",
                "expected 1…12",
                f"{_LGA},2008,13,01,00,5.0,,,,,,,",
                _NOON,
                "body",
                17,
                "month",
                "13",
                "csv",
            ),
        ),
        (RejectedCount("feed", "calendar", 1),),
    ),
    ("POST", "/weather/rejected/retry"): _RETRY,
    ("GET", "/weather/rejected/retry"): _RETRY,
    ("GET", "/weather/stations"): (_NEARBY,),
    ("GET", "/weather/stations/{wsid}"): _STATION,
    ("GET", "/weather/sky-conditions/{code}"): SKY_CONDITIONS[8],
    ("GET", "/weather/stations/{wsid}/current"): _HOUR,
    ("GET", "/weather/stations/{wsid}/raw"): (_HOUR,),
    ("GET", "/weather/stations/{wsid}/temperature/daily"): (
        DailyTemperature(_LGA, 2008, 7, 1, 28.3, 20.6, 24.5, 6.05, 2.46, 24),
    ),
    ("GET", "/weather/stations/{wsid}/temperature/monthly"): (
        MonthlyTemperature(_LGA, 2008, 7, 35.0, 18.3, 25.6, 11.2, 3.35, 744),
    ),
    ("GET", "/weather/stations/{wsid}/temperature/annual"): (
        AnnualTemperature(_LGA, 2008, 35.6, -11.7, 13.1, 88.9, 9.43, 8_784),
    ),
    ("GET", "/weather/stations/{wsid}/temperature/high-low"): MonthlyHiLowTemperature(_LGA, 2008, 7, 35.0, 18.3),
    ("GET", "/weather/stations/{wsid}/precipitation/daily"): (_WETTEST,),
    ("GET", "/weather/stations/{wsid}/precipitation/monthly"): (MonthlyPrecipitation(_LGA, 2013, 6, 228.4, 96, 11),),
    ("GET", "/weather/stations/{wsid}/precipitation/annual"): (AnnualPrecipitation(_LGA, 2013, 1_061.7, 642, 190),),
    ("GET", "/weather/stations/{wsid}/precipitation/top"): (
        _WETTEST,
        DailyPrecipitation(_LGA, 2013, 5, 8, 57.912, 11, 0),
    ),
    ("GET", "/alive"): Alive(True),
    ("GET", "/ready"): Readiness(True, _CHECKS),
    ("GET", "/status"): Status(_NODE, StreamProgress({0: 26_114}, {0: 26_114}, 0, "running", "")),
    ("GET", "/cluster/members"): _VIEW,
    ("POST", "/cluster/members/{name}/leave"): TaskCompleted("node-1 is leaving"),
    ("GET", "/cluster/history"): [
        PastEvent(_NOON.isoformat(), "SingletonMoved", "node-1", "stream", "stream moved to node-1")
    ],
    ("POST", "/operations/replay"): Replaying("5eed", {0: 0}, {0: 26_114}, True),
    ("POST", "/operations/recompute"): _RECOMPUTATION,
    ("GET", "/operations/recompute"): _RECOMPUTATION,
    ("POST", "/operations/recompute/stop"): _RECOMPUTATION,
}
"""For each call that answers JSON: what it answers when all is well."""
