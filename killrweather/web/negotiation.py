"""What a client may ask of an answer's form, and a sender may say of a body's: 406 and 415."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from killrweather.feed.formats import FORMATS
from killrweather.web.problems import HttpProblem

JSON = "application/json"

_COMPRESSED = ("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed")
_SAYS_NOTHING = ("application/octet-stream", "application/x-www-form-urlencoded", "binary/octet-stream")
"""What clients send when nobody told them a type; curl's is the second."""

BODY_TYPES = frozenset(
    {media_type for known in FORMATS for media_type in known.media_types}
    | {JSON, "application/vnd.ms-excel", *_COMPRESSED, *_SAYS_NOTHING}
)


class NegotiatedRoute(APIRoute):
    """A route that answers 406, and does nothing, when the client takes nothing of what it answers.

    The class does what a dependency of every route would do, without what FastAPI does for a dependency.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handle = super().get_route_handler()
        offered = getattr(self.response_class, "media_type", None) or JSON

        async def negotiated(request: Request) -> Response:
            _check_accept(request, offered)
            return await handle(request)

        return negotiated


def _check_accept(request: Request, offered: str) -> None:
    accept = request.headers.get("accept", "*/*")
    if "*/*" in accept and "*/*;" not in accept:
        return
    if not _is_acceptable(offered, accept.lower().split(",")):
        text = f'Accept "{accept[:80]}": {request.url.path[:80]} answers {offered}'
        raise HttpProblem(406, "not-acceptable", text)


def check_body_type(request: Request) -> None:
    """Raise 415 for a body that says it is something of which no rows can be read."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given and not given.startswith("text/") and given not in BODY_TYPES:
        text = f'Content-Type "{given[:80]}": expected text/csv, {JSON}, another text or application/gzip; or none'
        raise HttpProblem(415, "unsupported-media-type", text)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        text = f'Content-Encoding "{encoding[:80]}": expected gzip, or none'
        raise HttpProblem(415, "unsupported-media-type", text, {"Accept-Encoding": "gzip"})


def _is_acceptable(offered: str, ranges: Iterable[str]) -> bool:
    """The most exact range that an offered type is in has a quality above 0."""
    kind = offered.partition("/")[0]
    found = -1
    quality = 0.0
    for entry in ranges:
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        rank = next((n for n, one in enumerate(("*/*", f"{kind}/*", offered)) if one == media_range), -1)
        if rank > found:
            found, quality = rank, _quality(parameters)
    return quality > 0


def _quality(parameters: Iterable[str]) -> float:
    text = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return float(text)
    except ValueError:
        return 1.0
