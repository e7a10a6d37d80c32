"""From an actor's answer to an HTTP response."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from fastapi import Response
from pydantic import TypeAdapter

from killrweather.messages.weather import NoDataAvailable
from killrweather.web.problems import ProblemDocument, problem

Ask = Callable[[Any], Awaitable[Any]]
"""Sends a request message to the node and returns the answer; raises a KillrWeatherError when it failed."""


def json_response(value: Any, kind: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A value as JSON. FastAPI would turn each row into a dict first: some 20 times the time for 10,000 rows."""
    return Response(_adapter(kind).dump_json(value), status, headers, "application/json")


def answer(value: Any, kind: Any, headers: dict[str, str] | None = None) -> Response:
    """The value of the type ``kind``, or 404 where there is no such data."""
    if isinstance(value, NoDataAvailable):
        return problem(404, "no-data-available", value.text, wsid=value.wsid)
    return json_response(value, kind, headers=headers)


def may_answer(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI text of the problems that a route may answer."""
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {
        status: {"description": _MEANINGS[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in statuses
    }


_MEANINGS = {
    400: "The connection ended before the body did",
    401: "The bearer token is missing or wrong",
    403: "A path outside feed.directories, a page of another site, or a Host that is no name of this node",
    404: "No such station, no such data of it, or no such node",
    406: "Accept allows nothing of what the path answers",
    408: "The body came too slowly",
    409: "Something else is under way",
    413: "The body is larger than http.max_body_bytes",
    415: "The body says that it is something without rows",
    422: "An argument is not allowed, or nothing was acceptable",
    429: "As many are at work or listen as there may be; try again after Retry-After seconds",
    500: "Anything else; the node's log has its place",
    503: "Something is away; try again after Retry-After seconds",
}

EVENTS: dict[str, Any] = {
    "description": "Server-sent events, until the client hangs up; `event: closed` says why the node ends them",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
"""What a stream of events answers."""

OF_STATION = may_answer(404, 422, 503)
"""What a question about a station may answer besides 200."""


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
