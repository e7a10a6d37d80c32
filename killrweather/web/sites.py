"""Which sites' pages may have a browser call this node: its own, and those of ``http.cors_origins``.

A browser sends to any address what any page tells it to. That a node listens on loopback keeps other machines out,
not the pages that somebody on this machine looks at. Programs say no origin, and are not concerned.
"""

import ipaddress
import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from killrweather.settings import Http
from killrweather.web.problems import problem

_ONLY_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_ASKED_FOR = frozenset({b"host", b"origin", b"sec-fetch-site"})
_OWN_PAGE = frozenset({"same-origin", "none"})
"""Sec-Fetch-Site of what this node's pages do, and of what a person does without a page."""

_PORT = re.compile(r":\d*$")


class OwnSite:
    """ASGI middleware that answers 403 to what a page of another site does.

    Without a token also to whatever is asked under a name that is no name of this machine: a site may let its own
    name lead to loopback (DNS rebinding), and the browser then takes the answers for the site's.
    """

    def __init__(self, app: ASGIApp, http: Http):
        self._app = app
        known = (*http.cors_origins, *([http.advertised_url] if http.advertised_url else []))
        self._origins = frozenset(one.lower() for one in known)
        self._names = frozenset(_name(one.partition("://")[2]) for one in self._origins)
        self._asks_for_name = not http.token and "*" not in self._origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None if scope["type"] == "lifespan" else self._refusal(scope)
        if refusal is None:
            return await self._app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        await problem(403, "forbidden", refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        """Why a request is not answered; None = it is."""
        headers = {name: value.decode("latin-1").lower() for name, value in scope["headers"] if name in _ASKED_FOR}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if self._asks_for_name and not self._is_ours(_name(host)):
            text = "no name of this node; ask localhost or an address, or name it in http.cors_origins"
            return f'Host "{host[:80]}": {text}'
        only_reads = scope["type"] == "http" and scope["method"] in _ONLY_READS
        if only_reads or self._may_act(host, origin, headers.get(b"sec-fetch-site", "none")):
            return None
        site = f'"{origin[:80]}"' if origin else "another site"
        return f"a page of {site} may not have this done; http.cors_origins names the sites whose pages may"

    def _may_act(self, host: str, origin: str | None, site: str) -> bool:
        if origin is None:
            return site in _OWN_PAGE
        is_own = bool(host) and origin.partition("://")[2] == host
        return is_own or not self._origins.isdisjoint({origin, "*"})

    def _is_ours(self, name: str) -> bool:
        """No other site has this name: it is configured, an address, below localhost, or none of the public DNS."""
        return name in self._names or "." not in name or name.endswith(".localhost") or _is_address(name)


def _name(authority: str) -> str:
    """Of host:port, the host."""
    return authority.rpartition(":")[0].rstrip(".") if _PORT.search(authority) else authority.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return False


class OtherSites(CORSMiddleware):
    """Lets pages of these origins read answers; the browser asks first, and needs no token for that."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]):
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=(
                "Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "X-Data-Feed"
            ),
            expose_headers=("ETag", "Link", "Retry-After"),
        )  # fmt: skip

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code == 200:
            return answer
        origin = request_headers["origin"]
        headers = {name: value for name, value in answer.headers.items() if name.startswith(("access-", "vary"))}
        text = f"origin {origin[:80]}: {bytes(answer.body).decode()}; http.cors_origins names whom pages may be of"
        return problem(403, "forbidden", text, headers)
