"""The door for data: observations and station tables, by body or by the name of a file on the node."""

import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from killrweather.errors import BadRequest, FormatError, KillrWeatherError
from killrweather.feed.formats import FORMATS, Format, format_named
from killrweather.feed.reader import InputReader, Origin, Piece, read_file
from killrweather.feed.rejects import Reject
from killrweather.settings import Settings
from killrweather.web import rejected
from killrweather.web.answers import Ask, json_response, may_answer
from killrweather.web.bodies import blocks_of, check_length, has_body
from killrweather.web.confinement import HEADER, feed_files, open_inside
from killrweather.web.negotiation import NegotiatedRoute, check_body_type
from killrweather.web.parameters import WSID
from killrweather.web.problems import HttpProblem, describe, problem
from killrweather.web.stations import StationsAccepted, store_stations
from killrweather.web.uploads import RejectedRow, Tally, Uploads, in_steps

MAX_UPLOADS = 64
"""Uploads at work at once; one more gets 429."""


@dataclass(frozen=True)
class FileResult:
    """What became of one file that X-DATA-FEED named."""

    path: str
    read: int
    accepted: int
    rejected: int
    problem: str | None
    """Why (the rest of) the file could not be read."""


@dataclass(frozen=True)
class DataAccepted:
    """Kafka has acknowledged every accepted row; read = accepted + rejected."""

    read: int
    accepted: int
    rejected: int
    rejects: tuple[RejectedRow, ...]
    """The first 100 rejected rows."""
    next_offsets: dict[int, int]
    """Of the raw topic, for each partition: these rows can be queried once the stream has stored up to here."""
    files: tuple[FileResult, ...] = ()


_BODY = {
    "required": False,
    "description": "Observations, plain, gzip or zip. Without a body, the header X-DATA-FEED names files on the node.",
    "content": {
        "text/csv": {
            "schema": {"type": "string"},
            "example": "725030:14732,2008,01,01,00,5.0,-3.9,1020.4,270,4.6,2,0.0,0.0\n",
        },
        **{
            media_type: {"schema": {"type": "string", "description": known.title}}
            for known in FORMATS
            for media_type in known.media_types
            if media_type != "text/csv"
        },
        "text/plain": {
            "schema": {
                "type": "string",
                "description": "; ".join(f"{known.name}: {known.title}" for known in FORMATS if not known.media_types),
            }
        },
        "application/gzip": {"schema": {"type": "string", "format": "binary"}},
        "application/zip": {"schema": {"type": "string", "format": "binary"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}
_STATION_BODY = {
    "required": True,
    "description": "A station table: id,name,country_code,state_code,call_sign,lat,long,elevation, or isd-history.csv.",
    "content": {
        "text/csv": {
            "schema": {"type": "string"},
            "example": "725030:14732,LA GUARDIA AIRPORT,US,NY,KLGA,40.779,-73.880,3\n",
        }
    },
}


def router(settings: Settings, ask: Ask) -> APIRouter:
    """``POST /weather/data`` and ``POST /weather/stations``."""
    routes = APIRouter(prefix="/weather", tags=["feed"], route_class=NegotiatedRoute)
    door = _Door(settings, ask)

    @routes.post(
        "/data",
        status_code=202,
        response_model=DataAccepted,
        responses=may_answer(400, 403, 408, 413, 415, 422, 429, 503),
        openapi_extra={"requestBody": _BODY},
    )
    async def load_observations(
        request: Request,
        format: Annotated[
            str,
            Query(
                description="A format's name, or auto",
                examples=["csv"],
                json_schema_extra={"enum": ["auto", *rejected.FORMAT["enum"]]},
            ),
        ] = "auto",
        name: Annotated[str, Query(description="The file's name", examples=["725030-14732-2008.gz"])] = "body",
        wsid: Annotated[
            str | None, Query(description="The station, for formats whose lines don't name it", json_schema_extra=WSID)
        ] = None,
        line: Annotated[int, Query(ge=1, description="The number of the body's first line in that file")] = 1,
        x_data_feed: Annotated[str | None, Header(description="Paths below feed.directories, with commas")] = None,
    ) -> Response:
        """Take observations; the answer comes when Kafka has acknowledged every accepted row."""
        check_body_type(request)
        chosen = None if format == "auto" else format_named(format)
        with door.open():
            if x_data_feed is not None:
                return await door.files(request, x_data_feed, chosen, wsid)
            origin = Origin(name, chosen, request.headers.get("content-type"), wsid)
            return await door.body(request, origin, line - 1)

    @routes.post(
        "/stations",
        status_code=202,
        response_model=StationsAccepted,
        responses=may_answer(400, 408, 413, 415, 422, 429, 503),
        openapi_extra={"requestBody": _STATION_BODY},
    )
    async def load_stations(request: Request) -> Response:
        """Take a station table; the answer comes when every station is kept."""
        check_body_type(request)
        check_length(request, settings.http.max_body_bytes)
        with door.open():
            result = await store_stations(blocks_of(request, settings.http.max_body_bytes), ask)
        if not result.accepted:
            text = f"{result.read:,} lines read, none of them a station"
            raise HttpProblem(422, "nothing-accepted", text, **_counts(result), rejects=_shown(result.rejects))
        return json_response(result, StationsAccepted, 202)

    routes.include_router(rejected.router(ask))
    return routes


class _Door:
    """How many come in at once, and what becomes of them."""

    def __init__(self, settings: Settings, ask: Ask):
        self._settings = settings
        self._uploads = Uploads(ask)
        self._at_work = 0

    @contextmanager
    def open(self) -> Iterator[None]:
        """A place for one upload; raises 429 when all are taken."""
        if self._at_work >= MAX_UPLOADS:
            text = f"{self._at_work} uploads are at work, as many as there may be; try again later"
            raise HttpProblem(429, "too-many-uploads", text, {"Retry-After": "1"})
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1

    async def body(self, request: Request, origin: Origin, lines_before: int) -> Response:
        """Publish a body, whose first line comes after so many others of its file."""
        limit = self._settings.http.max_body_bytes
        check_length(request, limit)
        tally = Tally()
        pieces = _pieces(blocks_of(request, limit), InputReader(origin, self._settings.feed))
        try:
            await self._uploads.publish(pieces, tally, lines_before)
        except HttpProblem as error:
            text = _with_progress(str(error), tally)
            raise HttpProblem(error.status, error.kind, text, error.headers, **_counts(tally)) from None
        except KillrWeatherError as error:
            return _failed(error, tally)
        return _accepted(tally)

    async def files(self, request: Request, header: str, chosen: Format | None, wsid: str | None) -> Response:
        """Publish files of this machine, one after the other; one that can't be read does not keep the others out."""
        if has_body(request):
            raise BadRequest(f"{HEADER} came with a body: expected one of them", HEADER)
        names = [
            name for part in header.encode("latin-1").decode("utf-8", "replace").split(",") if (name := part.strip())
        ]
        if not names:
            raise BadRequest(f"{HEADER} is empty: expected paths with commas between them", HEADER)
        total, results = Tally(), []
        for path in feed_files(names, self._settings.feed.directories):
            tally, failure = Tally(), None
            try:
                await self._uploads.publish(self._read(path, chosen, wsid), tally)
            except (FormatError, OSError) as error:
                failure = str(error)
            except KillrWeatherError as error:
                total.add(tally)
                return _failed(error, total)
            total.add(tally)
            results.append(FileResult(str(path), tally.read, tally.accepted, tally.rejected, failure))
        return _accepted(total, tuple(results))

    async def _read(self, path: Path, chosen: Format | None, wsid: str | None) -> AsyncIterator[Piece]:
        with open_inside(path) as file:
            pieces = read_file(file, Origin(path.name, chosen, wsid=wsid), self._settings.feed)
            async for piece in in_steps(pieces, os.fstat(file.fileno()).st_size):
                yield piece


async def _pieces(blocks: AsyncIterator[bytes], reader: InputReader) -> AsyncIterator[Piece]:
    size = 0
    async for block in blocks:
        size += len(block)
        async for piece in in_steps(reader.feed(block), len(block)):
            yield piece
    async for piece in in_steps(reader.close(), size):
        yield piece


def _accepted(tally: Tally, files: tuple[FileResult, ...] = ()) -> Response:
    if not tally.accepted:
        failures = "".join(f"; {file.path}: {file.problem}" for file in files if file.problem)
        text = f"{tally.read:,} rows read, none of them acceptable{failures}"
        extra = {**_counts(tally), "rejects": _shown(tally.rejects), "files": [asdict(file) for file in files]}
        raise HttpProblem(422, "nothing-accepted", text, **extra)
    value = DataAccepted(
        tally.read,
        tally.accepted,
        tally.rejected,
        tuple(tally.rejects),
        dict(sorted(tally.next_offsets.items())),
        files,
    )
    return json_response(value, DataAccepted, 202)


def _failed(error: KillrWeatherError, tally: Tally) -> Response:
    """The problem of an upload that broke off; what was accepted before stays accepted."""
    status, kind, headers, extra = describe(error)
    return problem(status, kind, _with_progress(str(error), tally), headers, **extra, **_counts(tally))


def _with_progress(text: str, tally: Tally) -> str:
    return f"{text}; {tally.accepted:,} rows were accepted before" if tally.accepted else text


def _counts(result: Tally | StationsAccepted) -> dict[str, Any]:
    return {"read": result.read, "accepted": result.accepted, "rejected": result.rejected}


def _shown(rejects: Iterable[RejectedRow | Reject]) -> list[dict[str, Any]]:
    return [asdict(reject) for reject in rejects]
