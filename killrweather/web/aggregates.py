"""Questions about days, months and years: temperature and rain of a station, oldest first, over ranges."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from killrweather.messages.weather import (
    MOST_WETTEST_DAYS,
    GetAnnualTemperature,
    GetDailyPrecipitation,
    GetDailyTemperature,
    GetMonthlyHiLowTemperature,
    GetMonthlyPrecipitation,
    GetMonthlyTemperature,
    GetPrecipitation,
    GetTopKPrecipitation,
    NoDataAvailable,
)
from killrweather.model.precipitation import AnnualPrecipitation, DailyPrecipitation, MonthlyPrecipitation
from killrweather.model.temperature import (
    AnnualTemperature,
    DailyTemperature,
    MonthlyHiLowTemperature,
    MonthlyTemperature,
)
from killrweather.web.answers import OF_STATION, Ask, answer
from killrweather.web.parameters import Days, MonthOfYear, Months, Wsid, Year, Years

WettestDays = Annotated[
    int, Query(description="How many", json_schema_extra={"minimum": 1, "maximum": MOST_WETTEST_DAYS})
]


def add_temperature(routes: APIRouter, ask: Ask) -> None:
    """The routes below ``/stations/{wsid}/temperature``; °C, variance and stdev of the population."""

    @routes.get(
        "/stations/{wsid}/temperature/daily",
        response_model=tuple[DailyTemperature, ...],
        responses=OF_STATION,
        tags=["temperature"],
    )
    async def daily_temperature(wsid: Wsid, days: Days) -> Response:
        """The temperatures of days, oldest first; °C, population variance."""
        return answer(await ask(GetDailyTemperature(wsid, *days)), tuple[DailyTemperature, ...])

    @routes.get(
        "/stations/{wsid}/temperature/monthly",
        response_model=tuple[MonthlyTemperature, ...],
        responses=OF_STATION,
        tags=["temperature"],
    )
    async def monthly_temperature(wsid: Wsid, months: Months) -> Response:
        """The temperatures of months, oldest first; °C, population variance of all their hours."""
        return answer(await ask(GetMonthlyTemperature(wsid, *months)), tuple[MonthlyTemperature, ...])

    @routes.get(
        "/stations/{wsid}/temperature/annual",
        response_model=tuple[AnnualTemperature, ...],
        responses=OF_STATION,
        tags=["temperature"],
    )
    async def annual_temperature(wsid: Wsid, years: Years) -> Response:
        """The temperatures of years so far, oldest first; °C, population variance of all their hours."""
        return answer(await ask(GetAnnualTemperature(wsid, *years)), tuple[AnnualTemperature, ...])

    @routes.get(
        "/stations/{wsid}/temperature/high-low",
        response_model=MonthlyHiLowTemperature,
        responses=OF_STATION,
        tags=["temperature"],
    )
    async def high_low(wsid: Wsid, year: Year, month: MonthOfYear) -> Response:
        """The highest and the lowest temperature of a month, °C."""
        return answer(await ask(GetMonthlyHiLowTemperature(wsid, year, month)), MonthlyHiLowTemperature)


def add_precipitation(routes: APIRouter, ask: Ask) -> None:
    """The routes below ``/stations/{wsid}/precipitation``; mm, a trace counts as 0."""

    @routes.get(
        "/stations/{wsid}/precipitation/daily",
        response_model=tuple[DailyPrecipitation, ...],
        responses=OF_STATION,
        tags=["precipitation"],
    )
    async def daily_precipitation(wsid: Wsid, days: Days) -> Response:
        """The rain of days in mm, oldest first."""
        return answer(await ask(GetDailyPrecipitation(wsid, *days)), tuple[DailyPrecipitation, ...])

    @routes.get(
        "/stations/{wsid}/precipitation/monthly",
        response_model=tuple[MonthlyPrecipitation, ...],
        responses=OF_STATION,
        tags=["precipitation"],
    )
    async def monthly_precipitation(wsid: Wsid, months: Months) -> Response:
        """The rain of months in mm, oldest first."""
        return answer(await ask(GetMonthlyPrecipitation(wsid, *months)), tuple[MonthlyPrecipitation, ...])

    @routes.get(
        "/stations/{wsid}/precipitation/annual",
        response_model=tuple[AnnualPrecipitation, ...],
        responses=OF_STATION,
        tags=["precipitation"],
    )
    async def annual_precipitation(wsid: Wsid, years: Years) -> Response:
        """The rain of years so far in mm, oldest first."""
        return answer(await ask(GetPrecipitation(wsid, *years)), tuple[AnnualPrecipitation, ...])

    @routes.get(
        "/stations/{wsid}/precipitation/top",
        response_model=tuple[DailyPrecipitation, ...],
        responses=OF_STATION,
        tags=["precipitation"],
    )
    async def wettest_days(wsid: Wsid, year: Year, k: WettestDays = 10) -> Response:
        """The k wettest days of a year with their dates, wettest first."""
        value = await ask(GetTopKPrecipitation(wsid, year, k))
        found = value if isinstance(value, NoDataAvailable) else value.days
        return answer(found, tuple[DailyPrecipitation, ...])
