"""From an HTTP response to a value, or to the exception that its problem document stands for."""

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx
from pydantic import TypeAdapter, ValidationError

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

_FOR_NOW = frozenset({408, 429, 502, 503, 504})
"""The same request may succeed later, or at another node; 502 and 504 come from a proxy before the nodes."""

_ERRORS: dict[str, type[KillrWeatherError]] = {
    "conflict": Conflict,
    "forbidden": Forbidden,
    "no-data-available": NoData,
    "station-not-found": StationNotFound,
    "unauthorized": Refused,
    "unreadable-input": FormatError,
}


def value_of(response: httpx.Response, kind: Any) -> Any:
    """The JSON of a response as a value of ``kind``, for example ``tuple[DailyTemperature, ...]``."""
    try:
        return _adapter(kind).validate_json(response.content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the answer"
        raise _stranger(response, f"{where}: {first['msg']}") from None


def check(response: httpx.Response, *also: int) -> httpx.Response:
    """The response if it is an answer, also with one of these statuses; else raises what is wrong."""
    if response.is_success:
        return response
    problem = _problem(response)
    if problem is None and response.status_code in also:
        return response
    if response.status_code in _FOR_NOW:
        detail = problem["detail"] if problem else f"{response.url}: answered {response.status_code}"
        raise Unavailable(detail, _retry_after_s(response))
    if problem is None:
        raise _stranger(response, f"answered {response.status_code}")
    if problem["type"] == "nothing-accepted":
        return response
    if problem["type"] == "bad-argument":
        raise BadRequest(problem["detail"], problem.get("argument"))
    raise _ERRORS.get(problem["type"], KillrWeatherError)(problem["detail"])


def failure(url: str, error: httpx.RequestError) -> KillrWeatherError:
    """What it means that a node at this address gave no answer."""
    reason = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        text = f"the certificate of {url} is not accepted: {reason}"
        return Refused(f"{text}; expected one for this host that http.tls.ca_file vouches for")
    if "WRONG_VERSION_NUMBER" in reason:
        return Refused(f"{url} answers without TLS: expected an address that begins with http://")
    return Unavailable(f"no node answers at {url}: {reason}; is one running (killrweather up)?", 0.0)


def _problem(response: httpx.Response) -> dict[str, Any] | None:
    """The problem document, None where there is no such thing in the response."""
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        problem = response.json()
    except ValueError:  # no JSON, or no text at all
        return None
    return problem if isinstance(problem, dict) and {"type", "detail"} <= problem.keys() else None


def _retry_after_s(response: httpx.Response) -> float:
    """Retry-After in s (RFC 9110): a number, or a date; 1 where it is neither, 0 where it is missing."""
    text = response.headers.get("retry-after", "0").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 1.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())


def _stranger(response: httpx.Response, what: str) -> KillrWeatherError:
    return KillrWeatherError(f"{response.request.method} {response.url}: {what}, expected a killrweather node")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
