"""Answers questions about rain."""

from typing import Any

from killrweather.messages.ranges import period
from killrweather.messages.weather import (
    GetDailyPrecipitation,
    GetMonthlyPrecipitation,
    GetPrecipitation,
    GetTopKPrecipitation,
    NoDataAvailable,
)
from killrweather.model.precipitation import (
    AnnualPrecipitation,
    DailyPrecipitation,
    MonthlyPrecipitation,
    TopKPrecipitation,
)
from killrweather.storage.actor import StoreActor


class PrecipitationActor(StoreActor):
    """Rain of days, months and years as the stream stored it, and a year's wettest days."""

    async def receiveMsg_GetDailyPrecipitation(
        self, msg: GetDailyPrecipitation, sender: Any
    ) -> tuple[DailyPrecipitation, ...] | NoDataAvailable:
        days = await self.store.precipitation.daily(msg.wsid, msg.start, msg.end)
        return days or await self.absence(msg.wsid, f"no stated precipitation {period(msg)}")

    async def receiveMsg_GetMonthlyPrecipitation(
        self, msg: GetMonthlyPrecipitation, sender: Any
    ) -> tuple[MonthlyPrecipitation, ...] | NoDataAvailable:
        months = await self.store.precipitation.monthly(msg.wsid, msg.start, msg.end)
        return months or await self.absence(msg.wsid, f"no stated precipitation {period(msg)}")

    async def receiveMsg_GetPrecipitation(
        self, msg: GetPrecipitation, sender: Any
    ) -> tuple[AnnualPrecipitation, ...] | NoDataAvailable:
        years = await self.store.precipitation.annual(msg.wsid, msg.start, msg.end)
        return years or await self.absence(msg.wsid, f"no stated precipitation {period(msg)}")

    async def receiveMsg_GetTopKPrecipitation(
        self, msg: GetTopKPrecipitation, sender: Any
    ) -> TopKPrecipitation | NoDataAvailable:
        top = await self.store.precipitation.top_k(msg.wsid, msg.year, msg.k)
        return top or await self.absence(msg.wsid, f"no stated precipitation of {msg.year}")
