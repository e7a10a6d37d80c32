"""A node that answers every question, for tests that go through the whole API, on a port of its own."""

import asyncio
import threading
from contextlib import contextmanager

from event_stage import WrittenLog
from web_stage import Node, settings

from killrweather.messages.cluster import ClusterEvents, ForgetMember, GetClusterEvents, GetClusterView, LeaveCluster
from killrweather.messages.layers import GetRecomputation, Recompute, Replay, StopRecomputation
from killrweather.messages.rejected import GetRejected, GetRejectedRetry, RetryRejected
from killrweather.messages.weather import (
    FindWeatherStations,
    GetAnnualTemperature,
    GetCurrentWeather,
    GetDailyPrecipitation,
    GetDailyTemperature,
    GetMonthlyHiLowTemperature,
    GetMonthlyPrecipitation,
    GetMonthlyTemperature,
    GetPrecipitation,
    GetRawWeather,
    GetSkyConditionLookup,
    GetTopKPrecipitation,
    GetWeatherStation,
)
from killrweather.model.precipitation import TopKPrecipitation
from killrweather.model.sky import sky_condition
from killrweather.processes import free_port
from killrweather.web import Server, create_app
from killrweather.web.examples import EXAMPLES
from killrweather.web.observations import Observations

_STATION = "/weather/stations/{wsid}"
_ANSWERS = {
    GetWeatherStation: ("GET", _STATION),
    FindWeatherStations: ("GET", "/weather/stations"),
    GetCurrentWeather: ("GET", f"{_STATION}/current"),
    GetRawWeather: ("GET", f"{_STATION}/raw"),
    GetDailyTemperature: ("GET", f"{_STATION}/temperature/daily"),
    GetMonthlyTemperature: ("GET", f"{_STATION}/temperature/monthly"),
    GetAnnualTemperature: ("GET", f"{_STATION}/temperature/annual"),
    GetMonthlyHiLowTemperature: ("GET", f"{_STATION}/temperature/high-low"),
    GetDailyPrecipitation: ("GET", f"{_STATION}/precipitation/daily"),
    GetMonthlyPrecipitation: ("GET", f"{_STATION}/precipitation/monthly"),
    GetPrecipitation: ("GET", f"{_STATION}/precipitation/annual"),
    GetRejected: ("GET", "/weather/rejected"),
    RetryRejected: ("POST", "/weather/rejected/retry"),
    GetRejectedRetry: ("GET", "/weather/rejected/retry"),
    Replay: ("POST", "/operations/replay"),
    Recompute: ("POST", "/operations/recompute"),
    GetRecomputation: ("GET", "/operations/recompute"),
    StopRecomputation: ("POST", "/operations/recompute/stop"),
    GetClusterView: ("GET", "/cluster/members"),
    LeaveCluster: ("POST", "/cluster/members/{name}/leave"),
    ForgetMember: ("POST", "/cluster/members/{name}/leave"),
}


class WholeNode(Node):
    """Answers what the examples of the OpenAPI document say."""

    def __init__(self):
        super().__init__()
        self.answers |= {asked: EXAMPLES[call] for asked, call in _ANSWERS.items()}
        wettest = EXAMPLES["GET", f"{_STATION}/precipitation/top"]
        self.answers[GetTopKPrecipitation] = TopKPrecipitation(wettest[0].wsid, 2013, wettest)
        self.answers[GetClusterEvents] = ClusterEvents(())

    async def ask(self, message):
        if isinstance(message, GetSkyConditionLookup):
            return sky_condition(message.code)
        return await super().ask(message)


@contextmanager
def served(**http):
    """The URL of an application that runs in a thread of its own."""
    chosen = settings(http={"port": free_port(), **http})
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def within(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    async def create():
        observations = Observations(WrittenLog())
        return observations, Server(create_app(chosen, WholeNode().ask, arriving=observations), chosen)

    observations, server = within(create())
    try:
        within(server.start())
        yield server.url
        within(observations.close())
        within(server.stop(1))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
