"""TemperatureActor and PrecipitationActor: what is stored is answered, and what is not has a name."""

import asyncio
from types import SimpleNamespace

import pytest
from table_stage import Tables

from actors.precipitation import PrecipitationActor
from actors.temperature import TemperatureActor
from killrweather.errors import StationNotFound
from killrweather.messages.weather import (
    GetAnnualTemperature,
    GetMonthlyHiLowTemperature,
    GetMonthlyPrecipitation,
    GetMonthlyTemperature,
    GetPrecipitation,
    NoDataAvailable,
)
from killrweather.model.precipitation import AnnualPrecipitation, MonthlyPrecipitation
from killrweather.model.temperature import AnnualTemperature, MonthlyHiLowTemperature, MonthlyTemperature
from killrweather.storage.precipitation import PrecipitationRepository
from killrweather.storage.temperature import TemperatureRepository

LGA, NOBODY = "725030:14732", "999998:99998"
JULY = MonthlyTemperature(LGA, 2013, 7, 37.8, 18.9, 27.0, 12.25, 3.5, 744)
YEAR = AnnualTemperature(LGA, 2013, 37.8, -11.1, 13.0, 100.0, 10.0, 8_700)
WET_JULY = MonthlyPrecipitation(LGA, 2013, 7, 70.1, 40, 3)
WET_YEAR = AnnualPrecipitation(LGA, 2013, 1_010.0, 600, 50)


async def is_known(wsid):
    return wsid == LGA


def ask(question):
    """The answer of the actor that has a handler for the question, over tables with one month and one year."""
    tables = Tables(
        monthly_aggregate_temperature=[JULY],
        annual_aggregate_temperature=[YEAR],
        monthly_aggregate_precip=[WET_JULY],
        year_cumulative_precip=[WET_YEAR],
    )
    store = SimpleNamespace(
        temperature=TemperatureRepository(tables),
        precipitation=PrecipitationRepository(tables),
        stations=SimpleNamespace(is_known=is_known),
    )
    handler = f"receiveMsg_{type(question).__name__}"
    [kind] = [one for one in (TemperatureActor, PrecipitationActor) if hasattr(one, handler)]
    actor = type(kind.__name__, (kind,), {"store": store})()
    return asyncio.run(getattr(actor, handler)(question, None))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (GetMonthlyTemperature(LGA, 2013), (JULY,)),
        (GetMonthlyTemperature(LGA, 2012, 12, 2013, 7), (JULY,)),
        (GetMonthlyHiLowTemperature(LGA, 2013, 7), MonthlyHiLowTemperature(LGA, 2013, 7, 37.8, 18.9)),
        (GetAnnualTemperature(LGA, 2012, 2014), (YEAR,)),
        (GetMonthlyPrecipitation(LGA, 2013, 7), (WET_JULY,)),
        (GetPrecipitation(LGA, 2013), (WET_YEAR,)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_stored_is_the_answer(question, answer):
    """A range answers a tuple, oldest first; a month's high and low are those of the stored month."""
    assert ask(question) == answer


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (GetMonthlyTemperature(LGA, 2012), "no temperature from 2012-01 to 2012-12"),
        (GetMonthlyHiLowTemperature(LGA, 2013, 8), "no temperature of 2013-08"),
        (GetAnnualTemperature(LGA, 2012), "no temperature of 2012"),
        (GetMonthlyPrecipitation(LGA, 2013, 8), "no stated precipitation of 2013-08"),
        (GetPrecipitation(LGA, 2010, 2012), "no stated precipitation from 2010 to 2012"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_known_station_without_such_data_says_what_was_looked_for(question, text):
    """Absence is an answer."""
    assert ask(question) == NoDataAvailable(LGA, f"station {LGA}: {text}")


def test_an_unknown_station_is_not_found():
    """It has neither an observation nor a place in a station table."""
    with pytest.raises(StationNotFound):
        ask(GetAnnualTemperature(NOBODY, 2013))
