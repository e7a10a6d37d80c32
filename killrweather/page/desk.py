"""What the pages of one application work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from killrweather.page.stored import Stored

if TYPE_CHECKING:
    from killrweather.web.answers import Ask
    from killrweather.web.operations import Status


@dataclass(frozen=True)
class Desk:
    """How the pages of one application ask, follow and read."""

    ask: Ask
    status: Callable[[], Awaitable[Status]]
    """The node with its actors and counters, the nodes it sees, and how far the stream is."""
    stored: Stored
    """Tells of the observations that are stored from now on."""
    has_token: bool
    """People log in, and so may log out."""
    max_body_bytes: int
