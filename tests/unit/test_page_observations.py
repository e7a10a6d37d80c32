"""New observations, found by asking again and again."""

import asyncio

from killrweather.errors import Unavailable
from killrweather.messages.weather import NoDataAvailable
from killrweather.model.observation import RawWeatherData
from killrweather.page.observations import Newest

LGA = "725030:14732"


def hour(n, temperature=5.0):
    """An observation of 2013-01-01."""
    return RawWeatherData(LGA, 2013, 1, 1, n, temperature)


def first_news(*answers):
    """What a subscriber is told first, when the station answers this, one after the other."""
    left = iter(answers)

    async def ask(message):
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def follow():
        return await anext(aiter(Newest(ask, every_s=0.0).subscribe([LGA])))

    return asyncio.run(follow())


def test_what_is_there_already_is_no_news():
    """The next hour is."""
    assert first_news(hour(1), hour(1), hour(2)) == hour(2)


def test_a_corrected_hour_is_news():
    """The newest hour with another value."""
    assert first_news(hour(1), hour(1, 6.0)) == hour(1, 6.0)


def test_the_first_observation_of_a_silent_station_is_news():
    """From no data to data."""
    assert first_news(NoDataAvailable(LGA, "none"), hour(1)) == hour(1)


def test_a_station_that_cannot_be_asked_is_asked_again():
    """And what it said before is not news."""
    assert first_news(hour(1), Unavailable("away"), hour(1), hour(2)) == hour(2)
