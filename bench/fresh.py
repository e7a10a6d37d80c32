"""One row: from POST until its daily, monthly and annual values can be read, at rest and beside other rows."""

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import httpx
from cassandra.cluster import Session

from bench.figures import Figure, at_most
from bench.references import raw_only
from bench.system import System
from killrweather.storage import session as cassandra

WSID = "999991:00001"
_years = count(1900)
"""A year of its own for each row: each of its aggregates is then new, and is the row's own value."""

_ROWS_A_SECOND, _POSTS_A_SECOND = 500, 5
_POLL_S = 0.005


def measure(system: System, directory: Path) -> list[Figure]:
    """Rows one after the other, then the same while others arrive; each beside a stream that stores raw rows alone."""
    figures = []
    session = cassandra.connect(system.settings)
    session.set_keyspace(system.settings.cassandra.keyspace)
    try:
        with raw_only.stream(system.settings, directory) as reference:
            for name, load in (("at rest", contextlib.nullcontext), (f"at {_ROWS_A_SECOND} rows/s", _others)):
                with load(system.url) if load is _others else load():
                    whole = statistics.median(_rows(system.url, session))
                with reference.others(_ROWS_A_SECOND) if load is _others else contextlib.nullcontext():
                    raw = statistics.median(reference.rows(session))
                what = "a micro-batch that writes the raw row alone"
                figures.append(
                    at_most(f"one row until its day, month and year are readable, median {name}", whole, raw, what, 1.5)
                )
    finally:
        cassandra.close(session)
    return figures


def _rows(url: str, session: Session, repeats: int = 30) -> list[float]:
    queries = [
        session.prepare(f"SELECT {value} FROM {table} WHERE wsid = '{WSID}' AND year = ? {where}")
        for table, value, where in (
            ("daily_aggregate_temperature", "high", "AND month = 6 AND day = 15"),
            ("daily_aggregate_precip", "precipitation", "AND month = 6 AND day = 15"),
            ("monthly_aggregate_temperature", "high", "AND month = 6"),
            ("monthly_aggregate_precip", "precipitation", "AND month = 6"),
            ("annual_aggregate_temperature", "high", ""),
            ("year_cumulative_precip", "precipitation", ""),
        )
    ]
    times = []
    with httpx.Client(base_url=url, timeout=30) as client:
        for year in islice(_years, repeats):
            amount = (year - 1890) / 10
            row = f"{WSID},{year},06,15,12,{amount},,,,,,{amount},\n"
            start = time.perf_counter()
            client.post("/weather/data", content=row, params={"format": "csv"}).raise_for_status()
            while not all((found := session.execute(q, (year,)).one()) and found[0] == amount for q in queries):
                time.sleep(_POLL_S)
            times.append(time.perf_counter() - start)
            time.sleep(0.3)
    return times


@contextlib.contextmanager
def _others(url: str) -> Iterator[None]:
    """Rows of other stations, posted steadily: an hour of each of many, as a fleet reports."""
    stop = threading.Event()

    def post() -> None:
        number = 0
        with httpx.Client(base_url=url, timeout=30) as client:
            while not stop.is_set():
                begin = time.monotonic()
                client.post(
                    "/weather/data", content="".join(fleet(number)), params={"format": "csv"}
                ).raise_for_status()
                number += 1
                stop.wait(max(0.0, 1 / _POSTS_A_SECOND - (time.monotonic() - begin)))

    thread = threading.Thread(target=post)
    thread.start()
    time.sleep(3)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def fleet(number: int) -> Iterator[str]:
    """The lines of one post: 100 stations of 500, the same hour of each."""
    for station in range(_ROWS_A_SECOND // _POSTS_A_SECOND):
        wsid = f"{500_000 + number % _POSTS_A_SECOND * 100 + station}:00001"
        hour = number // _POSTS_A_SECOND
        moment = f"2021,{1 + hour // 672 % 12:02},{1 + hour // 24 % 28:02},{hour % 24:02}"
        yield f"{wsid},{moment},11.5,2.5,1013.2,180,3.1,4,0.5,\n"
