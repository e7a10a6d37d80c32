"""New observations of some stations as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import TYPE_CHECKING

from killrweather.errors import KillrWeatherError
from killrweather.messages.weather import GetCurrentWeather, NoDataAvailable
from killrweather.model.observation import RawWeatherData

if TYPE_CHECKING:
    from killrweather.web.answers import Ask

EVERY_S = 2.0
"""s between two looks at a station's newest observation."""


class Newest:
    """Tells of observations by asking for the newest again and again; an older hour that is corrected goes unseen."""

    def __init__(self, ask: Ask, every_s: float = EVERY_S):
        self._ask, self._every_s = ask, every_s

    async def subscribe(self, wsids: Collection[str]) -> AsyncIterator[RawWeatherData]:
        """The stations' observations that come or change from now on, until the caller stops asking for more.

        A station that cannot be asked is asked again later.
        """
        known = {wsid: await self._newest(wsid) for wsid in wsids}
        while True:
            await asyncio.sleep(self._every_s)
            for wsid in wsids:
                newest = await self._newest(wsid)
                if newest is not None and newest != known[wsid]:
                    known[wsid] = newest
                    yield newest

    async def _newest(self, wsid: str) -> RawWeatherData | None:
        try:
            answer = await self._ask(GetCurrentWeather(wsid))
        except KillrWeatherError:
            return None
        return None if isinstance(answer, NoDataAvailable) else answer
