"""What the system could not read: shown with its reasons, and sent again after a fix."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from killrweather.feed.formats import FORMATS
from killrweather.messages.rejected import (
    MOST_SHOWN,
    GetRejected,
    GetRejectedRetry,
    Origin,
    RejectedRecords,
    RejectedRetry,
    RetryRejected,
)
from killrweather.web.answers import Ask, json_response, may_answer
from killrweather.web.negotiation import NegotiatedRoute

FORMAT = {"type": "string", "enum": [known.name for known in FORMATS]}
"""A format's name as JSON Schema."""


def router(ask: Ask) -> APIRouter:
    """``/rejected``, below the feed's door."""
    routes = APIRouter(prefix="/rejected", route_class=NegotiatedRoute)

    @routes.get("", response_model=RejectedRecords, responses=may_answer(422, 503))
    async def rejected(
        code: Annotated[str | None, Query(description="Only this kind of fault", examples=["calendar"])] = None,
        reason: Annotated[str | None, Query(description="Only reasons with these words")] = None,
        origin: Annotated[Origin | None, Query(description="Rejected by the feed or by the stream")] = None,
        limit: Annotated[int, Query(ge=0, le=MOST_SHOWN, description="So many of the newest")] = 20,
    ) -> Response:
        """Rows and records that could not be read, the newest last, and how many there are of each kind."""
        return json_response(await ask(GetRejected(code, reason, origin, limit)), RejectedRecords)

    @routes.post("/retry", status_code=202, response_model=RejectedRetry, responses=may_answer(409, 422, 503))
    async def retry(
        code: Annotated[str | None, Query(description="Only this kind of fault", examples=["calendar"])] = None,
        format: Annotated[
            str | None, Query(description="Read the lines as this format", examples=["json"], json_schema_extra=FORMAT)
        ] = None,
    ) -> Response:
        """Send what was rejected through the feed again, each record once; what is rejected again is new."""
        return json_response(await ask(RetryRejected(code, format)), RejectedRetry, 202)

    @routes.get("/retry", response_model=RejectedRetry, responses=may_answer(503))
    async def retrying() -> Response:
        """The last retry: how far it is, or its result."""
        return json_response(await ask(GetRejectedRetry()), RejectedRetry)

    return routes
