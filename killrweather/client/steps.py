"""What a client has to do, without how: a conversation is a generator of steps, and each client carries them out.

    conversation ── step ──► client ── outcome ──► conversation …

All that is decided (which node, whether again, what comes next) is decided in conversations, once for both clients.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_REPEATABLE_POSTS = frozenset({"/weather/data", "/weather/stations"})
"""Sending the same rows again changes nothing that is stored; every other POST is an order."""


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request to whichever node answers."""

    method: str
    path: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Of the query; a list is a parameter that is repeated."""
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_repeatable(self) -> bool:
        """Sending it a second time does no harm, even if the first time was carried out."""
        return self.method == "GET" or self.path in _REPEATABLE_POSTS


@dataclass(frozen=True, slots=True)
class Send:
    """Send a call to the node at ``url`` and read the whole answer → httpx.Response."""

    url: str
    call: Call


@dataclass(frozen=True, slots=True)
class Open:
    """Send a call whose answer goes on and on → httpx.Response, its body unread where it is a success.

    What was opened before is closed.
    """

    url: str
    call: Call
    silence_s: float
    """After so long without a byte it has failed."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read on in what was opened → some bytes; none at its end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for a while → None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Take:
    """Take the next of what a caller gives → that, None after the last."""

    source: Any
    """An iterator, or an asynchronous one."""


@dataclass(frozen=True, slots=True)
class Give:
    """Hand a value to the caller, who iterates → None."""

    value: Any


Step = Send | Open | Read | Pause | Take | Give
Conversation = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class Failed:
    """The outcome of a step that raised."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The conversation has ended with this value."""

    value: T


def advance(conversation: Conversation[T], outcome: Any) -> Step | Done[T]:
    """Tell a conversation what became of its last step (None to begin): its next step, or its end."""
    try:
        return conversation.throw(outcome.error) if isinstance(outcome, Failed) else conversation.send(outcome)
    except StopIteration as end:
        return Done(end.value)
