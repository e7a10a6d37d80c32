"""Answers questions about rain."""

from typing import Any

from killrweather.messages.weather import (
    GetDailyPrecipitation,
    GetPrecipitation,
    GetTopKPrecipitation,
    NoDataAvailable,
)
from killrweather.model.precipitation import AnnualPrecipitation, DailyPrecipitation, TopKPrecipitation
from killrweather.storage.actor import StoreActor


class PrecipitationActor(StoreActor):
    """Daily rain as the stream stored it, a year's sum and its wettest days."""

    async def receiveMsg_GetDailyPrecipitation(
        self, msg: GetDailyPrecipitation, sender: Any
    ) -> tuple[DailyPrecipitation, ...] | NoDataAvailable:
        days = await self.store.precipitation.daily(msg.wsid, msg.start, msg.end)
        return days or await self.absence(msg.wsid, f"no stated precipitation from {msg.start} to {msg.end}")

    async def receiveMsg_GetPrecipitation(
        self, msg: GetPrecipitation, sender: Any
    ) -> AnnualPrecipitation | NoDataAvailable:
        year = await self.store.precipitation.annual(msg.wsid, msg.year)
        return year or await self.absence(msg.wsid, f"no stated precipitation in {msg.year}")

    async def receiveMsg_GetTopKPrecipitation(
        self, msg: GetTopKPrecipitation, sender: Any
    ) -> TopKPrecipitation | NoDataAvailable:
        top = await self.store.precipitation.top_k(msg.wsid, msg.year, msg.k)
        return top or await self.absence(msg.wsid, f"no stated precipitation in {msg.year}")
