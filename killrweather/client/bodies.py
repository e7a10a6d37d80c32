"""Observations of a program, gathered into pieces as files are cut into them."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from killrweather.errors import BadRequest
from killrweather.feed.reader import Piece
from killrweather.model.observation import RawWeatherData

Observation = RawWeatherData | Mapping[str, Any] | Piece
"""What can be fed: a mapping has the fields of ``RawWeatherData``, or ``timestamp`` instead of year, month, day, hour.

A piece is sent as it is."""

BATCH_ROWS = 5_000
MOST_BYTES = 4 << 20
"""Of a body: small enough to be sent again, and large enough that nobody waits for the answers between them."""

_SOURCE = "observations"


class Batch:
    """The rows that will be the next body; a row's line number is its place among all, from 1."""

    def __init__(self, batch_rows: int):
        if batch_rows < 1:
            raise BadRequest(f"batch_rows {batch_rows}: expected 1 or more", "batch_rows")
        self._batch_rows = batch_rows
        self._lines: list[bytes] = []
        self._bytes = self._sent = 0

    def add(self, observation: Observation) -> Iterator[Piece]:
        """Take one more; the pieces that are full with it. Raises BadRequest for what is no observation at all."""
        if isinstance(observation, Piece):
            yield from self.close()
            yield observation
            return
        line = _line(observation)
        if self._bytes + len(line) > MOST_BYTES:
            yield from self.close()
        self._lines.append(line)
        self._bytes += len(line)
        if len(self._lines) >= self._batch_rows:
            yield from self.close()

    def close(self) -> Iterator[Piece]:
        """The piece of what is left, if there is something."""
        if self._lines:
            yield Piece(_SOURCE, "json", self._sent + 1, b"".join(self._lines), None, None, ())
            self._sent += len(self._lines)
            self._lines, self._bytes = [], 0


def pieces_of(observations: Iterable[Observation], batch_rows: int) -> Iterator[Piece]:
    """The pieces of observations, which are taken as they are needed."""
    batch = Batch(batch_rows)
    for observation in observations:
        yield from batch.add(observation)
    yield from batch.close()


async def pieces_of_async(observations: AsyncIterable[Observation], batch_rows: int) -> AsyncIterator[Piece]:
    """The same of observations that have to be awaited."""
    batch = Batch(batch_rows)
    async for observation in observations:
        for piece in batch.add(observation):
            yield piece
    for piece in batch.close():
        yield piece


def _line(observation: Any) -> bytes:
    """An observation as a line of JSON; what JSON does not have is left to the node to reject, with its reason."""
    if isinstance(observation, RawWeatherData):
        observation = asdict(observation)
    elif not isinstance(observation, Mapping):
        text = f"{type(observation).__name__} {str(observation)[:80]!r}"
        raise BadRequest(f"{text}: expected a RawWeatherData, or a mapping with its fields", "observations")
    try:
        return json.dumps(dict(observation), default=_plain).encode() + b"\n"
    except (TypeError, ValueError, RecursionError):  # keys that are no texts, or something that contains itself
        return json.dumps(repr(observation)[:1_000]).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    item = getattr(value, "item", None)  # a number of numpy, as the rows of a data frame have them
    return item() if callable(item) else str(value)
