"""Runs what needs a Spark application beside the stream's: the recompute of aggregates from raw rows."""

import asyncio
import logging
from dataclasses import replace
from secrets import token_hex
from typing import Any

from killrweather.actorsystem import AsyncActor
from killrweather.errors import Conflict
from killrweather.jobs.process import JobProcess
from killrweather.messages.layers import GetRecomputation, Recomputation, Recompute, StopRecomputation
from killrweather.messages.weather import NoDataAvailable

log = logging.getLogger(__name__)

_FIRST_NEWS_S = 8.0
"""How long the answer to an order waits for the number of station-years; it takes about a second."""
_STOP_S = 5.0


class AnalyticsActor(AsyncActor):
    """One job at a time, in a process that is there only while there is work; its failure is not this actor's."""

    def pre_start(self) -> None:
        self._job: JobProcess | None = None
        self._recompute = Recomputation()
        self._is_stopping = False
        self._news, self._end = asyncio.Event(), asyncio.Event()

    async def post_stop(self) -> None:
        if self._job:
            await self._job.kill()

    def health(self) -> dict[str, Any]:
        return {"analytics": ""}

    async def receiveMsg_Recompute(self, msg: Recompute, sender: Any) -> Recomputation | NoDataAvailable:
        if self._job:
            at = self._recompute
            raise Conflict(
                f"a recompute is under way, {at.station_years} of {at.total} station-years are done: "
                "expected one at a time; wait for its end"
            )
        given = {"--wsid": msg.wsid, "--year": msg.year}
        arguments = [text for name, value in given.items() if value is not None for text in (name, str(value))]
        self._job = JobProcess("recompute", self.settings, self.home, arguments)
        self._recompute = Recomputation(token_hex(4), msg.wsid, msg.year, "starting")
        self._is_stopping = False
        self._news.clear()
        self._end.clear()
        self.spawn(self._follow(self._job))
        try:
            await asyncio.wait_for(self._news.wait(), _FIRST_NEWS_S)
        except asyncio.TimeoutError:
            log.info("a recompute starts slowly", extra={"recompute": self._recompute.id})
        if self._recompute.state == "no-data":
            return NoDataAvailable(msg.wsid or "", self._recompute.text)
        return self._recompute

    async def receiveMsg_GetRecomputation(self, msg: GetRecomputation, sender: Any) -> Recomputation:
        return self._recompute

    async def receiveMsg_StopRecomputation(self, msg: StopRecomputation, sender: Any) -> Recomputation:
        if self._job:
            self._is_stopping = True
            await self._job.stop(_STOP_S)
            await self._end.wait()
        return self._recompute

    async def _follow(self, job: JobProcess) -> None:
        """Take in what a job tells until it has ended, however it ends."""
        await job.start()
        if self._is_stopping:
            await job.kill()
        watch = asyncio.create_task(self._watch(job))
        async for event in job.events():
            self._recompute = self._recompute.after(event)
            if event["event"] != "alive":
                self._news.set()
        code = await job.wait()
        watch.cancel()
        if self._recompute.is_under_way:
            text = "it was told to stop" if self._is_stopping else f"its process ended with code {code}; see {job.log}"
            self._recompute = replace(self._recompute, state="stopped" if self._is_stopping else "failed", text=text)
        log.info("recompute", extra={"recompute": self._recompute})
        self._job = None
        self._news.set()
        self._end.set()

    async def _watch(self, job: JobProcess) -> None:
        """Kill a job that gives no sign of life; its end is then seen as any other."""
        self._recompute = replace(self._recompute, state="failed", text=await job.silence())
        await job.kill()
