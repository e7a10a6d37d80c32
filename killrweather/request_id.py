"""Which request is being worked for: an id that goes along from the door to whatever is done for it.

It comes with HTTP's ``X-Request-ID`` or is made at the door. A context variable holds it, questions between actors
carry it (``messages.control.Ask``), a node passes it on with the request, and every log line says it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from secrets import token_hex

HEADER = "x-request-id"
LONGEST = 128
_WELL_FORMED = re.compile(rf"[A-Za-z0-9._~:/+=@-]{{1,{LONGEST}}}")

_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current() -> str | None:
    """The id of the request that is being worked for; None where it is nobody's."""
    return _current.get()


def taken(given: str | None) -> str:
    """The id that a request brought, or a new one where it brought none that a log or a header may hold."""
    return given if given and _WELL_FORMED.fullmatch(given) else token_hex(8)


@contextmanager
def working_for(request_id: str | None) -> Iterator[None]:
    """What happens meanwhile, and what is begun, is for this request."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)
