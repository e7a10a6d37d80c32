"""Sending observations and stations, piece by piece, and waiting until they can be queried."""

import csv
import io
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from killrweather.client.answers import value_of
from killrweather.client.bodies import BATCH_ROWS, MOST_BYTES, Observation, pieces_of, pieces_of_async
from killrweather.client.core import Core, Task
from killrweather.client.results import LoadProgress, LoadResult
from killrweather.client.steps import Call, Conversation, Pause, Take
from killrweather.errors import FormatError, Unavailable
from killrweather.feed.formats import format_named
from killrweather.feed.reader import Piece, read_path
from killrweather.messages.node import Status
from killrweather.model.station import WeatherStation
from killrweather.settings import Feed

Report = Callable[[LoadProgress], None]

_FRAME_ROWS = 50_000
_FIRST_POLL_S, _LONGEST_POLL_S = 0.02, 0.2
"""Each look costs the node some milliseconds of the cores that the stream works on."""

_LIMITS = Feed(chunk_bytes=MOST_BYTES, max_line_bytes=MOST_BYTES)
"""A line that is too long for the node is for the node to reject, which keeps what it rejects."""


def _silent(progress: LoadProgress) -> None:
    """The report of someone who does not want to know."""


@dataclass(frozen=True)
class Sending:
    """Pieces to send as they come, one after the other, so that of two versions of an hour the later one wins."""

    sources: tuple[tuple[Path | None, Take], ...]
    """A file with its pieces; or None, and pieces of the caller's own."""
    report: Report

    def converse(self, core: Core) -> Conversation[LoadResult]:
        """Send them all; a file that can't be read does not keep the others out."""
        result, start = LoadResult(), core.now()
        for path, take in self.sources:
            try:
                while (piece := (yield take)) is not None:
                    result.add(piece, (yield from _send(core, piece)))
                    self.report(LoadProgress(result.read))
            except (FormatError, OSError) as error:
                if path is None:
                    raise
                result.failures.append(f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error))
        result.seconds = core.now() - start
        return result


@dataclass(frozen=True)
class Storing:
    """Rows that were accepted, on their way to the tables."""

    result: LoadResult
    report: Report

    def converse(self, core: Core) -> Conversation[None]:
        """Look until the stream has stored them all."""
        start, pause_s = core.now(), _FIRST_POLL_S
        while waiting := (yield from self._waiting_for(core)):
            self.report(LoadProgress(self.result.read, waiting))
            yield Pause(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_POLL_S)
        self.result.seconds += core.now() - start

    def _waiting_for(self, core: Core) -> Conversation[int]:
        stored: dict[int, int] = yield from core.patiently(lambda: self._stored(core), core.patience_s)
        missing = (offset - stored.get(partition, 0) for partition, offset in self.result.next_offsets.items())
        return sum(max(0, number) for number in missing)

    @staticmethod
    def _stored(core: Core) -> Conversation[dict[int, int]]:
        status: Status = value_of((yield from core.send(Call("GET", "/status"))), Status)
        if status.stream is None:
            raise Unavailable(status.problem or "the stream cannot be reached", 0.0)
        return status.stream.stored


@dataclass(frozen=True)
class Stations:
    """Stations to keep."""

    stations: tuple[WeatherStation, ...]

    def converse(self, core: Core) -> Conversation[None]:
        """Send them as one table."""
        table = io.StringIO()
        rows = (["" if value is None else value for value in astuple(station)] for station in self.stations)
        csv.writer(table).writerows(rows)
        yield from core.send(Call("POST", "/weather/stations", body=table.getvalue().encode()), core.patience_s)


def load(
    paths: Path | str | Iterable[Path | str], format: str | None = None, report: Report = _silent
) -> Task[LoadResult]:
    """Send files, plain, .gz or .zip, a few megabytes of whole lines at a time.

    One body after the other, so that of two versions of an hour the later one wins; each is sent again while the
    node is away. A file that can't be read to its end is named in ``failures``: what was read before stays accepted,
    and the other files are sent. Raises Unavailable when the node stays away.
    """
    given = [Path(path) for path in ([paths] if isinstance(paths, (Path, str)) else paths)]
    kind = format_named(format) if format else None
    return Sending(tuple((path, Take(read_path(path, _LIMITS, kind))) for path in given), report)


def feed(
    observations: Iterable[Observation] | AsyncIterable[Observation],
    report: Report = _silent,
    batch_rows: int = BATCH_ROWS,
) -> Task[LoadResult]:
    """Send observations as they come, ``batch_rows`` of them in a body: RawWeatherData, or mappings with its fields.

    Each body is sent again while the node is away, and the next rows are taken when Kafka has acknowledged those
    before. A row that the node cannot read is among the rejects; its line is its place, from 1. Raises Unavailable
    when the node stays away, BadRequest for an item that is no observation at all.
    """
    pieces: Iterator[Piece] | AsyncIterator[Piece]
    if isinstance(observations, AsyncIterable):
        pieces = pieces_of_async(observations, batch_rows)
    else:
        pieces = pieces_of(observations, batch_rows)
    return Sending(((None, Take(pieces)),), report)


def feed_frame(frame: Any, report: Report = _silent, batch_rows: int = _FRAME_ROWS) -> Task[LoadResult]:
    """Send a data frame of polars or pandas, ``batch_rows`` of it in a body.

    Its columns are the fields of RawWeatherData in any order, or ``timestamp``, an aware time, instead of year,
    month, day and hour; what it does not have is missing, as are nulls and NaN. A rejected row's line is its place,
    from 1. Raises BadRequest for other columns.
    """
    from killrweather.client.frames import pieces_of_frame

    return Sending(((None, Take(pieces_of_frame(frame, batch_rows))),), report)


def wait_until_stored(result: LoadResult, report: Report = _silent) -> Task[None]:
    """Return when every accepted row can be queried; adds the time to the result."""
    return Storing(result, report)


def store_stations(stations: Iterable[WeatherStation]) -> Task[None]:
    """Have the node keep these stations."""
    return Stations(tuple(stations))


def _send(core: Core, piece: Piece) -> Conversation[dict[str, Any]]:
    if not piece.data:
        return {"read": 0, "accepted": 0, "rejected": 0, "rejects": []}
    body = piece.data if piece.header is None else piece.header + b"\n" + piece.data
    line = piece.first_line - (0 if piece.header is None else 1)
    given = {"format": piece.format, "name": piece.source, "line": str(line)}
    if piece.wsid is not None:
        given["wsid"] = piece.wsid
    response = yield from core.send(Call("POST", "/weather/data", given, body), core.patience_s)
    return value_of(response, dict[str, Any])
