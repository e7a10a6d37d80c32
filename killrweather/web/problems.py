"""Errors over HTTP: every one is an ``application/problem+json`` of RFC 9457 that names what was wrong.

type                  status
no-data-available     404   the station is known, such data is not there
station-not-found     404
member-not-found      404   the cluster has no node of this name
not-found             404   no such path
method-not-allowed    405
bad-request           400   what came is no HTTP/1.1, or has two lengths
head-too-large        431   the request line and the headers
not-acceptable        406   the client takes nothing of what the path answers
unsupported-media-type 415  a body says that it is something without rows
unauthorized          401   the bearer token is missing or wrong
forbidden             403   a feed path outside feed.directories, a page of another site, or a foreign ``Host``
conflict              409   something else is under way
bad-argument          422   ``argument`` names it
unreadable-input      422   a body that cannot be read as a whole
nothing-accepted      422   every row was rejected; ``rejects`` says why
body-too-large        413
body-too-slow         408
body-cut-off          400
too-many-uploads      429   with Retry-After
too-many-listeners    429   with Retry-After
unavailable           503   Kafka, Cassandra or an actor is away or does not let us in; with Retry-After
internal-error        500
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from killrweather.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    FormatError,
    KillrWeatherError,
    NoData,
    Refused,
    StationNotFound,
    Unavailable,
)
from killrweather.request_id import current
from killrweather.web.methods import allowed

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

TITLES = {
    "no-data-available": "There is no such data",
    "station-not-found": "The station is not known",
    "not-found": "There is no such path",
    "method-not-allowed": "The path does not take this method",
    "bad-request": "This is no request",
    "head-too-large": "The head of the request is too large",
    "not-acceptable": "The answer has another form",
    "unsupported-media-type": "The body has another form",
    "member-not-found": "The cluster has no such node",
    "unauthorized": "The bearer token is missing or wrong",
    "forbidden": "The configuration does not allow this",
    "conflict": "Something that is under way excludes this",
    "bad-argument": "An argument is not allowed",
    "unreadable-input": "The input cannot be read",
    "nothing-accepted": "No row of the input was acceptable",
    "body-too-large": "The body is too large",
    "body-too-slow": "The body came too slowly",
    "body-cut-off": "The body ended too early",
    "too-many-uploads": "Too many uploads are at work",
    "too-many-listeners": "Too many readers listen",
    "unavailable": "Something the request needs is away for now",
    "internal-error": "The request failed",
}
"""Every type that a problem of this application has, with its title."""

_KINDS: tuple[tuple[type[KillrWeatherError], int, str], ...] = (
    (BadRequest, 422, "bad-argument"),
    (FormatError, 422, "unreadable-input"),
    (Forbidden, 403, "forbidden"),
    (Conflict, 409, "conflict"),
    (NoData, 404, "no-data-available"),
    (StationNotFound, 404, "station-not-found"),
    (Unavailable, 503, "unavailable"),
    (Refused, 503, "unavailable"),
)

_REFUSED_RETRY_S = 30.0
"""s; whoever runs Kafka or Cassandra has to let this node in first."""

_HTTP_KINDS = {404: "not-found", 405: "method-not-allowed"}


@dataclass(frozen=True)
class ProblemDocument:
    """What an error answers, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    argument: str | None = None
    """The argument that was wrong, where one was."""
    request_id: str | None = None
    """What the log of the node calls this request."""


class HttpProblem(Exception):
    """An error that exists only over HTTP, such as a body that is too large."""

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **extra: Any):
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.headers = headers
        self.extra = extra


def problem(
    status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **extra: Any
) -> JSONResponse:
    """The answer that says what was wrong; ``extra`` are further members of the document."""
    content = {"type": kind, "title": TITLES[kind], "status": status, "detail": detail, **extra}
    if request_id := current():
        content["request_id"] = request_id
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)


_EXAMPLES = {
    400: ("body-cut-off", "the connection ended before the body did, send it again"),
    401: ("unauthorized", "GET /status: expected the header Authorization: Bearer and the value of http.token"),
    403: ("forbidden", "/etc/passwd: outside feed.directories"),
    404: ("no-data-available", "station 725030:14732: no temperature of 1999-01-01"),
    406: ("not-acceptable", 'Accept "text/html": /weather/stations answers application/json'),
    408: ("body-too-slow", "the body stalled for 30 s, send it again"),
    409: ("conflict", "a recompute is under way; wait for it, or stop it"),
    413: ("body-too-large", "the body has 300,000,000 bytes, http.max_body_bytes allows 268,435,456: send it in parts"),
    415: ("unsupported-media-type", 'Content-Type "image/png": expected text/csv, application/json, another text'),
    422: ("bad-argument", 'start "2008-02-30": expected a day such as 2008-01-31'),
    429: ("too-many-uploads", "64 uploads are at work, as many as there may be; try again later"),
    500: ("internal-error", "GET /status: an unexpected ValueError; the log of this node has its place"),
    503: ("unavailable", "Kafka at 127.0.0.1:9092 does not answer: TimeoutError; is it running?"),
}


def example_of(status: int) -> dict[str, Any]:
    """What a problem of this status looks like."""
    kind, detail = _EXAMPLES[status]
    argument = {"argument": "start"} if kind == "bad-argument" else {}
    return {"type": kind, "title": TITLES[kind], "status": status, "detail": detail, **argument}


def describe(error: KillrWeatherError) -> tuple[int, str, dict[str, str], dict[str, Any]]:
    """The status, type, headers and further members that an error of ours becomes."""
    status, kind = next(
        ((status, kind) for cls, status, kind in _KINDS if isinstance(error, cls)), (500, "internal-error")
    )
    retry_after_s = error.retry_after_s if isinstance(error, Unavailable) else _REFUSED_RETRY_S
    headers = {"Retry-After": str(max(1, round(retry_after_s)))} if status == 503 else {}
    extra = {"argument": error.argument} if isinstance(error, BadRequest) and error.argument else {}
    return status, kind, headers, extra


def install(app: FastAPI) -> None:
    """Let every error of the application answer a problem; what is no error of ours is left to ``RequestIds``."""
    handlers: dict[type[Exception], Any] = {
        KillrWeatherError: _ours,
        HttpProblem: _of_http,
        RequestValidationError: _of_arguments,
        HTTPException: _of_routing,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _ours(request: Request, error: KillrWeatherError) -> JSONResponse:
    status, kind, headers, extra = describe(error)
    if status == 500:
        log.error("request failed: method=%s path=%s error=%s", request.method, request.url.path, error)
    return problem(status, kind, str(error), headers, **extra)


async def _of_http(_: Request, error: HttpProblem) -> JSONResponse:
    return problem(error.status, error.kind, str(error), error.headers, **error.extra)


async def _of_arguments(_: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    argument = str(first["loc"][-1])
    if first["type"] == "missing":
        return problem(422, "bad-argument", f"{argument} is missing", argument=argument)
    reason = first["msg"][0].lower() + first["msg"][1:]
    return problem(422, "bad-argument", f"{argument} {str(first['input'])[:100]!r}: {reason}", argument=argument)


async def _of_routing(request: Request, error: HTTPException) -> JSONResponse:
    kind = _HTTP_KINDS.get(error.status_code, "internal-error")
    headers, expected = error.headers, "see /docs for what there is"
    if error.status_code == 405:
        methods = allowed(request.app.routes, request.scope)
        headers, expected = {"Allow": methods}, f"expected {methods}"
    return problem(error.status_code, kind, f"{request.method} {request.url.path[:200]}: {expected}", headers)


def unexpected(method: str, path: str, error: Exception) -> JSONResponse:
    """The answer to a request that met with a fault of ours."""
    text = f"{method} {path}: an unexpected {type(error).__name__}; the log of this node has its place"
    return problem(500, "internal-error", text)
