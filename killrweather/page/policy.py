"""What a browser may load and run on a page: this node's files and the scripts that stand in the page as it was sent.

NiceGUI's Vue compiles templates in the browser and sets styles in elements, so ``'unsafe-eval'`` and inline styles
stay. Inline scripts are named by their hashes: none that gets into the page later, and no event attribute, is run.
"""

import base64
import hashlib
import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_INLINE = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_COMMON = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; script-src 'self' 'unsafe-eval'"
)


def policy_for(page: bytes) -> str:
    """The Content-Security-Policy of a page."""
    hashes = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE.findall(page))
    return " ".join([_COMMON, *(f"'sha256-{one}'" for one in hashes)])


class SecurePages:
    """ASGI middleware that gives every HTML page its policy, and every answer the other headers."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        start: Message = {}
        body: list[bytes] = []

        async def secured(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                start = message if headers.get("content-type", "").startswith("text/html") else {}
                if not start:
                    await send(message)
            elif not start:
                await send(message)
            else:
                body.append(message.get("body", b""))
                if not message.get("more_body"):
                    page = b"".join(body)
                    MutableHeaders(scope=start)["Content-Security-Policy"] = policy_for(page)
                    await send(start)
                    await send({"type": "http.response.body", "body": page})

        await self._app(scope, receive, secured)
