"""What clients may keep of an answer: every one says so, and those about the weather are not sent again unchanged."""

from hashlib import blake2b

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REVALIDATE = "no-cache"
"""It may be kept, and is asked about each time: late rows change even a day that is long past."""

FOREVER = {"Cache-Control": "max-age=86400"}
"""It does not change."""

_WEATHER = "/weather/"


class Caching:
    """ASGI middleware: an ETag on what is asked about the weather, and 304 for a client that has it already."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        known = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"").decode("latin-1")
        start: Message | None = None

        async def tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                is_kept = scope["method"] == "GET" and scope["path"].startswith(_WEATHER) and message["status"] == 200
                headers.setdefault("Cache-Control", REVALIDATE if is_kept else "no-store")
                if is_kept and headers["Cache-Control"] != "no-store":
                    start = message
                    return
            elif start is not None:
                message = _if_changed(start, message, known)
                await send(start)
                start = None
            await send(message)

        await self._app(scope, receive, tagged)


def _if_changed(start: Message, body: Message, known: str) -> Message:
    """The body, with its tag in the head; none, and 304 in the head, when the client knows it."""
    if body.get("more_body"):
        return body
    headers = MutableHeaders(scope=start)
    tag = f'"{blake2b(body.get("body", b""), digest_size=12).hexdigest()}"'
    headers["ETag"] = tag
    if tag not in {one.strip().removeprefix("W/") for one in known.split(",")} and known.strip() != "*":
        return body
    start["status"] = 304
    del headers["Content-Length"], headers["Content-Type"]
    return {**body, "body": b""}
