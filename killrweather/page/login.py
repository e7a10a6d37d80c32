"""How a browser brings the token: a form that sets a cookie, since it cannot send the header of a program."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from html import escape
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from killrweather.web.bodies import blocks_of
from killrweather.web.problems import HttpProblem, problem

COOKIE = "killrweather_login"
PATHS = frozenset({"/login", "/logout"})

_MAX_FORM_BYTES = 8_192
_MORSEL = re.compile(rb"(?:^|;)\s*" + COOKIE.encode() + rb"=([0-9a-f]{64})(?=\s*(?:;|$))")
"""Not Python's SimpleCookie: a quoted value of 32 KB keeps that busy for seconds, and every node with it."""

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0 1rem; }
form { width: min(24rem, 100%); display: grid; gap: .75rem; }
h1 { font-size: 1.4rem; margin: 0; } p { margin: 0; }
input, button { font: inherit; padding: .6rem .75rem; border-radius: .4rem; border: 1px solid GrayText; }
button { background: #14507a; color: #fff; border-color: #14507a; cursor: pointer; }
[role=alert] { color: light-dark(#a32020, #ff9d94); }
"""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none';"
    f" style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_FORM = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Log in · KillrWeather</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>
<body><main><form method="post" action="/login">
<h1>KillrWeather</h1><p>This node asks for its token, the value of <code>http.token</code>.</p>
{problem}<input type="hidden" name="next" value="{target}">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button></form></main></body></html>
"""


class Login:
    """The form at ``/login``, and the cookie that stands for the token."""

    def __init__(self, token: str):
        self._token = token.encode()
        # Not the token itself: whoever reads a browser's cookies has no key for the API's other uses of it.
        self._cookie = hmac.new(self._token, b"killrweather page", hashlib.sha256).hexdigest()

    def is_logged_in(self, cookie_header: bytes) -> bool:
        """The cookie of a request stands for the token."""
        morsel = _MORSEL.search(cookie_header)
        return morsel is not None and hmac.compare_digest(morsel[1], self._cookie.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for one of ``PATHS``."""
        request = Request(scope, receive)
        if request.method not in ("GET", "HEAD", "POST"):
            response = Response(status_code=405, headers={"Allow": "GET, POST"})
        elif scope["path"] == "/logout":
            response = self._log_out(request)
        elif request.method == "POST":
            response = await self._log_in(request)
        else:
            response = _form(request.query_params.get("next", "/"))
        await response(scope, receive, send)

    async def _log_in(self, request: Request) -> Response:
        try:
            body = b"".join([block async for block in blocks_of(request, _MAX_FORM_BYTES)])
        except HttpProblem as error:
            if error.status == 413:
                return _form("/", "That is not a token.", 413)
            return problem(error.status, error.kind, str(error), error.headers)
        fields = {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        target = fields.get("next", "/")
        if not hmac.compare_digest(fields.get("token", "").strip().encode(), self._token):
            return _form(target, "That is not the token of this node. Look for http.token in its configuration.", 401)
        response = RedirectResponse(_inside(target), 303, headers={"Cache-Control": "no-store"})
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, self._cookie, httponly=True, samesite="strict", secure=secure)
        return response

    @staticmethod
    def _log_out(request: Request) -> Response:
        response = RedirectResponse("/login", 303, headers={"Cache-Control": "no-store"})
        if request.method == "POST":
            response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response


def to_login(path: str) -> Response:
    """Send a browser to the form, and afterwards back to where it wanted to go."""
    return RedirectResponse(f"/login?next={quote(path, safe='/')}", 303, headers={"Cache-Control": "no-store"})


def _inside(target: str) -> str:
    """The path when it is one of this node, else the first page: a form must not lead to other sites."""
    is_path = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return quote(target, safe="/:?&=") if is_path else "/"


def _form(target: str, problem: str = "", status: int = 200) -> Response:
    shown = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return HTMLResponse(_FORM.format(style=_STYLE, problem=shown, target=escape(_inside(target))), status, _HEADERS)
