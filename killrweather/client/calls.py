"""What has no method of its own: any path, and every request message of the actors."""

from dataclasses import dataclass
from typing import Any

from killrweather.client import questions
from killrweather.client.answers import value_of
from killrweather.client.core import Core, Task
from killrweather.client.questions import Question
from killrweather.client.steps import Call, Conversation
from killrweather.errors import BadRequest
from killrweather.messages import weather
from killrweather.messages.cluster import GetClusterView


@dataclass(frozen=True)
class Order:
    """A POST that is sent once, and whose answer is one value of ``kind``."""

    call: Call
    kind: Any

    def converse(self, core: Core) -> Conversation[Any]:
        """Send it to the first node that can be reached."""
        response = yield from core.send(self.call)
        return value_of(response, self.kind)


def get(path: str, kind: Any, **parameters: Any) -> Question[Any]:
    """The answer at a path as a value of ``kind``, for example ``tuple[DailyTemperature, ...]``."""
    return Question(path, kind, parameters)


def post(path: str, body: bytes, kind: Any = dict[str, Any], **parameters: Any) -> Task[Any]:
    """Send a body and return the answer as a value of ``kind``; a body whose every row was rejected is an answer too.

    It is sent once: another node is tried only where nothing can have been done yet, or where doing it twice is
    doing it once.
    """
    return Order(Call("POST", path, questions.given(parameters), body), kind)


def ask(message: Any) -> Question[Any]:
    """The answer to a request message of ``killrweather.messages.weather``, such as ``GetTopKPrecipitation``."""
    match message:
        case weather.GetWeatherStation(wsid):
            return questions.station(wsid)
        case weather.GetCurrentWeather(wsid):
            return questions.current(wsid)
        case weather.GetRawWeather(wsid, start, end, limit):
            pages = questions.raw(wsid, start, end, limit)
            return Question(pages.path, tuple[pages.kind, ...], pages.parameters)  # type: ignore[name-defined]
        case weather.GetDailyTemperature(wsid, start, end):
            return questions.daily_temperature(wsid, start, end)
        case weather.GetMonthlyTemperature(wsid):
            return questions.monthly_temperature(wsid, start=message.start, end=message.end)
        case weather.GetAnnualTemperature(wsid):
            return questions.annual_temperature(wsid, start=message.start, end=message.end)
        case weather.GetMonthlyHiLowTemperature(wsid, year, month):
            return questions.high_low(wsid, year, month)
        case weather.GetDailyPrecipitation(wsid, start, end):
            return questions.daily_precipitation(wsid, start, end)
        case weather.GetMonthlyPrecipitation(wsid):
            return questions.monthly_precipitation(wsid, start=message.start, end=message.end)
        case weather.GetPrecipitation(wsid):
            return questions.annual_precipitation(wsid, start=message.start, end=message.end)
        case weather.GetTopKPrecipitation(wsid, year, k):
            return questions.top_precipitation(wsid, year, k)
        case weather.GetSkyConditionLookup(code):
            return questions.sky_condition(code)
        case GetClusterView():
            return questions.members()
    raise BadRequest(f"{type(message).__name__}: expected a question of killrweather.messages.weather", "message")
