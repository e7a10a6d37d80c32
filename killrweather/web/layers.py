"""Doing again what was done: the stream from the log, the aggregates from the raw rows."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from killrweather.errors import BadRequest, NoData
from killrweather.messages.layers import (
    LAST_OFFSET,
    LAST_PARTITION,
    GetRecomputation,
    Recomputation,
    Recompute,
    Replay,
    Replaying,
    StopRecomputation,
)
from killrweather.messages.weather import NoDataAvailable
from killrweather.web.answers import Ask, json_response, may_answer
from killrweather.web.negotiation import NegotiatedRoute
from killrweather.web.parameters import MOMENT, WSID, YEARS, parse_moment

_OFFSET = {"type": "integer", "minimum": 0, "maximum": LAST_OFFSET}
_PARTITION = {"type": "integer", "minimum": 0, "maximum": LAST_PARTITION}


def router(ask: Ask) -> APIRouter:
    """``/operations/replay`` and ``/operations/recompute``."""
    routes = APIRouter(prefix="/operations", tags=["operations"], route_class=NegotiatedRoute)

    @routes.post("/replay", status_code=202, response_model=Replaying, responses=may_answer(422, 503))
    async def replay(
        from_beginning: Annotated[bool, Query(description="Everything that the log has")] = False,
        from_offset: Annotated[
            int | None, Query(description="This offset and later ones", examples=[1000], json_schema_extra=_OFFSET)
        ] = None,
        from_time: Annotated[
            str | None,
            Query(
                description="What Kafka got at this time or later, such as 2024-01-31T18:00:00Z",
                examples=["2024-01-31T18:00:00Z"],
                json_schema_extra=MOMENT,
            ),
        ] = None,
        partition: Annotated[
            int | None, Query(description="Only this partition; none = all", json_schema_extra=_PARTITION)
        ] = None,
    ) -> Response:
        """Have the stream read its log again; questions are answered meanwhile, and no stored value changes."""
        chosen = [from_beginning, from_offset is not None, from_time is not None]
        if sum(chosen) != 1:
            raise BadRequest("expected one of from_beginning=true, from_offset and from_time", "from_beginning")
        moment = parse_moment("from_time", from_time) if from_time is not None else None
        return json_response(await ask(Replay(from_offset, moment, partition)), Replaying, 202)

    @routes.post("/recompute", status_code=202, response_model=Recomputation, responses=may_answer(404, 409, 422, 503))
    async def recompute(
        wsid: Annotated[
            str | None, Query(description="One station; none = all", examples=["725030:14732"], json_schema_extra=WSID)
        ] = None,
        year: Annotated[
            int | None, Query(description="One UTC year; none = all", examples=[2008], json_schema_extra=YEARS)
        ] = None,
    ) -> Response:
        """Have all days, months and years rebuilt from the raw rows, beside the stream."""
        answer: Any = await ask(Recompute(wsid, year))
        if isinstance(answer, NoDataAvailable):
            raise NoData(answer.text)
        return json_response(answer, Recomputation, 202)

    @routes.get("/recompute", response_model=Recomputation, responses=may_answer(503))
    async def recomputation() -> Response:
        """The last recompute: how far it is, or its result."""
        return json_response(await ask(GetRecomputation()), Recomputation)

    @routes.post("/recompute/stop", response_model=Recomputation, responses=may_answer(503))
    async def stop_recomputation() -> Response:
        """End the recompute that is under way; what it has rebuilt stays, and it may be run again."""
        return json_response(await ask(StopRecomputation()), Recomputation)

    return routes
