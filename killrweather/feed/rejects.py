"""Why a line of an input did not become an observation."""

from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "columns",
    "number",
    "range",
    "calendar",
    "wsid",
    "empty",
    "encoding",
    "too-long",
    "duplicate",
    "json",
    "field",
    "lines",
    "older-than-retention",
]
"""The last two are the stream's alone: a record of several lines, and an hour that may have expired."""

_LARGEST_VALUE = 80


@dataclass(frozen=True, slots=True)
class Reject:
    """One rejected line: where it is, what was wrong and what was expected. A line is rejected for its first fault."""

    line: int
    """Counted from 1, blank lines and header included."""
    field: str | None
    """The column, by the input's own name for it; None when the whole line is meant."""
    value: str
    """What stood there, shortened, and escaped where it can't be printed."""
    reason: str
    code: Code
    """The kind of fault, stable for programs."""


def shown(value: str | bytes) -> str:
    """A value as a reject shows it: printable and no longer than a line of a screen."""
    if isinstance(value, bytes):
        value = value[: _LARGEST_VALUE + 1].decode("utf-8", "backslashreplace")
    if len(value) > _LARGEST_VALUE:
        value = value[: _LARGEST_VALUE - 1] + "…"
    return value if value.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
