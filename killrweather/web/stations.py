"""Station tables on their way to the node: read whole, kept in portions."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from killrweather.feed.compression import Budget, Gunzip, compression_of
from killrweather.feed.rejects import Reject
from killrweather.feed.stations import StationTable, parse_stations
from killrweather.messages.feed import TOLD_REJECTS
from killrweather.messages.weather import StationsStored, StoreWeatherStations
from killrweather.web.answers import Ask
from killrweather.web.problems import HttpProblem

MAX_TABLE_BYTES = 67_108_864
"""A table is held whole; all the stations of the world are some 3 MB."""

_PORTION = 1_000
"""Stations in one message."""


@dataclass(frozen=True, slots=True)
class StationsAccepted:
    """The stations are kept; read = accepted + rejected."""

    read: int
    accepted: int
    rejected: int
    rejects: tuple[Reject, ...]
    """The first 100 rejected rows."""


async def store_stations(blocks: AsyncIterator[bytes], ask: Ask) -> StationsAccepted:
    """Keep the stations of a table, plain or gzip; the result is there when all of them are kept."""
    data = bytearray()
    async for block in blocks:
        data += block
        if len(data) > MAX_TABLE_BYTES:
            text = f"more than {MAX_TABLE_BYTES:,} bytes, which no station table has; observations go to /weather/data"
            raise HttpProblem(413, "body-too-large", text)
    table = await asyncio.to_thread(_parse, bytes(data))
    accepted = 0
    for start in range(0, len(table.stations), _PORTION):
        stored: StationsStored = await ask(StoreWeatherStations(tuple(table.stations[start : start + _PORTION])))
        accepted += stored.count
    return StationsAccepted(table.read, accepted, len(table.rejects), tuple(table.rejects[:TOLD_REJECTS]))


def _parse(data: bytes) -> StationTable:
    if compression_of(data[:4]) == "gzip":
        gunzip = Gunzip("body", Budget("body", MAX_TABLE_BYTES))
        data = b"".join(gunzip.feed(data))
        gunzip.close()
    return parse_stations("body", data)
