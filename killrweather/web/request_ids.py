"""The id of each HTTP request: taken or made at the door, and in whatever is answered and logged for it."""

import logging
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from killrweather.request_id import HEADER, LONGEST, taken, working_for
from killrweather.web.problems import unexpected

log = logging.getLogger(__name__)


class RequestIds:
    """The outermost ASGI middleware: nothing is answered without the request's id.

    What nobody else has caught ends here, as a problem with the id by which the log has its place.
    """

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request_id = taken(next((value.decode("latin-1") for name, value in scope["headers"] if name == _NAME), None))
        header, has_begun = (_NAME, request_id.encode()), False

        async def answer(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                others = [pair for pair in message.get("headers", ()) if pair[0] != _NAME]
                message = {**message, "headers": [*others, header]}
            await send(message)

        with working_for(request_id):
            try:
                await self._app(scope, receive, answer)
            except Exception as error:
                log.exception("request failed", extra={"method": scope["method"], "path": scope["path"]})
                if has_begun:
                    raise  # the server hangs up: half an answer must not look like a whole one
                await unexpected(scope["method"], scope["path"], error)(scope, receive, answer)


_NAME = HEADER.encode()

_SHOWN = "X-Request-ID"
_HEADER = {
    "description": "What the logs call this request, in every process that works for it.",
    "schema": {"type": "string"},
    "example": "8c9e7a4be2f04d51",
}
_PARAMETER = _HEADER | {
    "name": _SHOWN,
    "in": "header",
    "description": f"What the logs shall call this request: 1 to {LONGEST} letters, digits and ._~:/+=@-;"
    " without it, or with anything else, it gets a name.",
}


def document(openapi: dict[str, Any]) -> None:
    """Say in an OpenAPI document that every call takes an id and every answer has one."""
    components = openapi.setdefault("components", {})
    components["parameters"] = {"RequestId": _PARAMETER}
    components["headers"] = {"RequestId": _HEADER}
    for path in openapi["paths"].values():
        for operation in path.values():
            operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/RequestId"})
            for response in operation["responses"].values():
                response.setdefault("headers", {})[_SHOWN] = {"$ref": "#/components/headers/RequestId"}
