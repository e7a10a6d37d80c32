"""The batch layer: days, months and years rebuilt from the raw rows, beside the stream, in a process of its own.

    python -m killrweather.jobs.recompute --home DIR [--wsid W] [--year Y]      settings on stdin, events on stdout

It never undoes what the stream does meanwhile, however slow it is, because of two rules that the stream keeps too:

1. An aggregate's write time is the moment at which the reading of its parts began, not the moment of the write. If the
   stream stores an hour after the recompute has read its day, the stream reads that day later still, so its value has
   the later write time and stays, whichever of the two is written first.
2. Days are written before the reading of their months begins, months before their years: what is put together later
   is put together from later parts.

Its write times come from the clock of its own machine: where that is ahead of the stream's write times by d, a window
of d is left in which the older of two values may stay, until its day is touched or recomputed again.

Where the keyspace spans data centres it reads at EACH_QUORUM, and waits while one of them is away.

It may be killed at any point and run again. Days that may have lost raw rows to ``cassandra.ttl.raw_s`` are left as
they are, and so are days without any raw row.

Exit 0 when done, when there is nothing to do and after ``stop`` or the end of stdin, 1 after a failure.
"""

import argparse
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta, timezone
from functools import partial

from cassandra.cluster import Session
from pyspark.sql import SparkSession

from killrweather.home import Home
from killrweather.jobs.by_driver import ByDriver
from killrweather.jobs.by_spark import BySpark, Rebuilt, StationYear
from killrweather.jobs.events import Events
from killrweather.jobs.job import Job, leave, run_job
from killrweather.jobs.retention import first_whole_day
from killrweather.settings import Settings
from killrweather.storage.session import run

CHUNK = 32
"""Station-years that are rebuilt at once: some 280,000 rows, a few seconds."""

_CHUNK_LIMIT = timedelta(minutes=10)
"""Longer than a chunk takes: a day must not lose rows while it is read."""

_NICENESS = 5
"""The stream comes first where both want the same core."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Rebuild what the arguments ask for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m killrweather.jobs.recompute", description=__doc__.splitlines()[0])
    parser.add_argument("--wsid", help="one station")
    parser.add_argument("--year", type=int, help="one year")

    def make(given: argparse.Namespace, settings: Settings, home: Home, events: Events) -> Job:
        return RecomputeJob(settings, home, events, given.wsid, given.year)

    return run_job(parser, make, arguments)


class RecomputeJob(Job):
    """One recompute."""

    name, directory, log, hang_s = "recompute", "spark/analytics", "analytics", 120.0

    def __init__(self, settings: Settings, home: Home, events: Events, wsid: str | None, year: int | None):
        super().__init__(settings, home, events)
        self._wsid, self._year = wsid, year
        self._work: list[StationYear] = []

    def run(self) -> None:
        """Do the work behind the stream's back: with less claim to the cores."""
        os.nice(_NICENESS)
        super().run()

    def heap(self) -> str:
        """The largest heap of its JVM."""
        return self.settings.spark.analytics_memory

    def has_work(self, session: Session) -> bool:
        """Find the station-years, and tell how many there are."""
        there = self.patience.attempt(lambda: station_years(session, self._wsid))
        whole = self._first_whole_day()
        self._work = sorted(chosen(there, self._year, whole))
        if self._work:
            self.events.tell("started", total=len(self._work))
        else:
            self.events.tell("nothing", text=absence(self._wsid, self._year, there, whole))
        return bool(self._work)

    def work(self, spark: SparkSession, session: Session) -> None:
        """Rebuild one chunk after the other."""
        reads_at = self.settings.cassandra.reads_everywhere_at
        by_spark = BySpark(spark, self.settings, reads_at=reads_at)
        by_driver = self.patience.attempt(lambda: ByDriver(session, reads_at=reads_at))
        start, total = time.monotonic(), Rebuilt(0, 0, 0, 0)
        for done, chunk in _chunks(self._work):
            total += self.patience.attempt(partial(self._rebuild_days, by_spark, chunk))
            months = [(wsid, year, month) for wsid, year in chunk for month in range(1, 13)]
            self.patience.attempt(partial(by_driver.merge, months))
            seconds = round(time.monotonic() - start, 3)
            self.events.tell("chunk", station_years=done, **asdict(total), seconds=seconds)
            if self.stopping.is_set() and done < len(self._work):
                return
        self.events.tell("done")

    def _rebuild_days(self, by_spark: BySpark, chunk: Sequence[StationYear]) -> Rebuilt:
        return by_spark.years(chunk, self._first_whole_day())

    def _first_whole_day(self) -> date | None:
        return first_whole_day(datetime.now(timezone.utc) + _CHUNK_LIMIT, self.settings.cassandra.ttl.raw_s)


def station_years(session: Session, wsid: str | None) -> list[StationYear]:
    """The years of which a station, or any station, has raw rows."""
    if wsid is None:
        rows = run(session, "SELECT wsid, year FROM raw_weather_year")
    else:
        rows = run(session, "SELECT wsid, year FROM raw_weather_year WHERE wsid = %s", (wsid,))
    return [(row.wsid, row.year) for row in rows]


def chosen(there: Iterable[StationYear], year: int | None, first_day: date | None) -> Iterator[StationYear]:
    """Those of one year, or all, that have a day from ``first_day`` on."""
    for one in there:
        if year in (None, one[1]) and (first_day is None or one[1] >= first_day.year):
            yield one


def absence(wsid: str | None, year: int | None, there: Sequence[StationYear], first_day: date | None) -> str:
    """Why there is nothing to rebuild, in words."""
    which = "an observation" if year is None else f"an observation of {year}"
    text = f"no station has {which}" if wsid is None else f"station {wsid} does not have {which}"
    years = sorted({each for _, each in there})
    if not years:
        return f"{text}: nothing to recompute"
    if any(year in (None, each) for each in years):
        return f"{text} whose raw row cannot have expired (cassandra.ttl.raw_s): expected days from {first_day} on"
    known = ", ".join(map(str, years)) if len(years) <= 10 else f"{len(years)} years from {years[0]} to {years[-1]}"
    return f"{text}: nothing to recompute; there is data of {known}"


def _chunks(work: Sequence[StationYear]) -> Iterator[tuple[int, Sequence[StationYear]]]:
    """Each chunk with the number of station-years that are done after it."""
    for begin in range(0, len(work), CHUNK):
        chunk = work[begin : begin + CHUNK]
        yield begin + len(chunk), chunk


if __name__ == "__main__":
    leave(main())
