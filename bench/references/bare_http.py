"""A bare FastAPI application on the driver: the same question and answer without actors, by uvicorn as it comes."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import uvicorn
from cassandra.cluster import EXEC_PROFILE_DEFAULT, ResponseFuture, Session
from cassandra.query import tuple_factory
from fastapi import FastAPI

from killrweather.jobs.events import dump, load
from killrweather.model.temperature import DailyTemperature
from killrweather.processes import free_port
from killrweather.settings import Settings
from killrweather.storage import session as cassandra
from killrweather.storage.aggregates import columns_of, select_range

_STARTS = 8
"""Connections are tried so often, at growing intervals of half a second and more, until it listens."""


@contextlib.contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The URL of the application, for as long as it is needed."""
    port = free_port()
    command = [sys.executable, "-m", "bench.references.bare_http", str(port)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        process.stdin.write(dump(settings) + "\n")
        process.stdin.close()
        with httpx.Client(transport=httpx.HTTPTransport(retries=_STARTS)) as client:
            client.get(f"{url}/openapi.json").raise_for_status()
        yield url
    finally:
        process.terminate()
        process.wait()


def application(session: Session) -> FastAPI:
    """The days of a station's temperatures, as a node answers them."""
    app = FastAPI()
    statement = session.prepare(select_range("daily_aggregate_temperature", columns_of(DailyTemperature)))
    profile = session.execution_profile_clone_update(EXEC_PROFILE_DEFAULT, row_factory=tuple_factory)

    @app.get("/weather/stations/{wsid}/temperature/daily")
    async def daily_temperature(wsid: str, start: date, end: date) -> list[DailyTemperature]:
        first, last = ((day.year, day.month, day.day) for day in (start, end))
        rows = await _rows(session.execute_async(statement, (wsid, *first, *last), execution_profile=profile))
        return [DailyTemperature(*row) for row in rows]

    return app


async def _rows(response: ResponseFuture) -> list[tuple[Any, ...]]:
    """What the driver's thread finds, waited for in the loop."""
    loop = asyncio.get_running_loop()
    rows: asyncio.Future[list[tuple[Any, ...]]] = loop.create_future()
    response.add_callbacks(
        lambda found: loop.call_soon_threadsafe(rows.set_result, found),
        lambda error: loop.call_soon_threadsafe(rows.set_exception, error),
    )
    return await rows


def main(port: int) -> None:
    """Serve until the signal to end."""
    session = cassandra.connect_to_keyspace(load(sys.stdin.readline()), lambda opened: opened)
    try:
        uvicorn.run(application(session), host="127.0.0.1", port=port, log_level="warning", access_log=False)
    finally:
        cassandra.close(session)


if __name__ == "__main__":
    main(int(sys.argv[1]))
