"""Answers questions about temperatures."""

from typing import Any

from killrweather.messages.ranges import period
from killrweather.messages.weather import (
    GetAnnualTemperature,
    GetDailyTemperature,
    GetMonthlyHiLowTemperature,
    GetMonthlyTemperature,
    NoDataAvailable,
)
from killrweather.model.month import Month
from killrweather.model.temperature import (
    AnnualTemperature,
    DailyTemperature,
    MonthlyHiLowTemperature,
    MonthlyTemperature,
)
from killrweather.storage.actor import StoreActor


class TemperatureActor(StoreActor):
    """Temperatures of days, months and years as the stream stored them."""

    async def receiveMsg_GetDailyTemperature(
        self, msg: GetDailyTemperature, sender: Any
    ) -> tuple[DailyTemperature, ...] | NoDataAvailable:
        days = await self.store.temperature.daily(msg.wsid, msg.start, msg.end)
        return days or await self.absence(msg.wsid, f"no temperature {period(msg)}")

    async def receiveMsg_GetMonthlyTemperature(
        self, msg: GetMonthlyTemperature, sender: Any
    ) -> tuple[MonthlyTemperature, ...] | NoDataAvailable:
        months = await self.store.temperature.monthly(msg.wsid, msg.start, msg.end)
        return months or await self.absence(msg.wsid, f"no temperature {period(msg)}")

    async def receiveMsg_GetAnnualTemperature(
        self, msg: GetAnnualTemperature, sender: Any
    ) -> tuple[AnnualTemperature, ...] | NoDataAvailable:
        years = await self.store.temperature.annual(msg.wsid, msg.start, msg.end)
        return years or await self.absence(msg.wsid, f"no temperature {period(msg)}")

    async def receiveMsg_GetMonthlyHiLowTemperature(
        self, msg: GetMonthlyHiLowTemperature, sender: Any
    ) -> MonthlyHiLowTemperature | NoDataAvailable:
        asked = Month(msg.year, msg.month)
        months = await self.store.temperature.monthly(msg.wsid, asked, asked)
        if not months:
            return await self.absence(msg.wsid, f"no temperature of {asked}")
        return MonthlyHiLowTemperature(msg.wsid, *asked, months[0].high, months[0].low)
