"""Answers questions about temperatures."""

from typing import Any

from killrweather.messages.weather import (
    GetDailyTemperature,
    GetMonthlyHiLowTemperature,
    GetMonthlyTemperature,
    NoDataAvailable,
)
from killrweather.model.temperature import DailyTemperature, MonthlyHiLowTemperature, MonthlyTemperature
from killrweather.storage.actor import StoreActor


class TemperatureActor(StoreActor):
    """Daily temperatures as the stream stored them, and months merged from them."""

    async def receiveMsg_GetDailyTemperature(
        self, msg: GetDailyTemperature, sender: Any
    ) -> tuple[DailyTemperature, ...] | NoDataAvailable:
        days = await self.store.temperature.daily(msg.wsid, msg.start, msg.end)
        return days or await self.absence(msg.wsid, f"no temperature from {msg.start} to {msg.end}")

    async def receiveMsg_GetMonthlyTemperature(
        self, msg: GetMonthlyTemperature, sender: Any
    ) -> tuple[MonthlyTemperature, ...] | NoDataAvailable:
        months = await self.store.temperature.monthly(msg.wsid, msg.year, msg.month)
        return months or await self.absence(msg.wsid, f"no temperature in {_period(msg.year, msg.month)}")

    async def receiveMsg_GetMonthlyHiLowTemperature(
        self, msg: GetMonthlyHiLowTemperature, sender: Any
    ) -> MonthlyHiLowTemperature | NoDataAvailable:
        months = await self.store.temperature.monthly(msg.wsid, msg.year, msg.month)
        if not months:
            return await self.absence(msg.wsid, f"no temperature in {_period(msg.year, msg.month)}")
        return MonthlyHiLowTemperature(msg.wsid, msg.year, msg.month, months[0].high, months[0].low)


def _period(year: int, month: int | None) -> str:
    return f"{year}-{month:02}" if month else str(year)
