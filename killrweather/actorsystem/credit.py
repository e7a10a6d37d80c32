"""Who gets the next piece of work: the member with the least outstanding, and never more than its window.

Thespian blocks a sender at 950 queued messages, and two that block on each other never wake. So an actor sends to
another only while fewer than ``window`` of its questions there are unanswered. It also looks through everything in
flight at every event: a pair was seen to do 500 questions a second with a window of 1, 1,500 with 8, 1,700 with 16,
1,200 with 32 and 650 with 64.
"""

from collections import deque
from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

WINDOW = 16
BACKLOG = 4_096
ATTEMPTS = 2

Member = TypeVar("Member", bound=Hashable)
Work = TypeVar("Work")


class BacklogFull(Exception):
    """As much work waits as may wait."""


@dataclass
class _Entry(Generic[Work]):
    key: str
    work: Work
    attempts: int = 0


class CreditPool(Generic[Member, Work]):
    """Work for the members of a pool, which may have one member, or none for a while. Nothing in it is unbounded.

    Work whose member dies is given to another, first of all that wait, but only ``attempts`` times:
    a piece of work that kills whoever touches it must not kill everybody.
    """

    def __init__(self, window: int = WINDOW, backlog: int = BACKLOG, attempts: int = ATTEMPTS):
        self._window, self._backlog, self._attempts = window, backlog, attempts
        self._waiting: deque[_Entry[Work]] = deque()
        self._outstanding: dict[Member, dict[str, _Entry[Work]]] = {}

    @property
    def is_idle(self) -> bool:
        """Nothing waits and nothing is outstanding."""
        return not self._waiting and not any(self._outstanding.values())

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def outstanding(self, member: Member) -> int:
        """How much of what this member got is not settled."""
        return len(self._outstanding.get(member, ()))

    def offer(self, key: str, work: Work) -> None:
        """Accept a piece of work; BacklogFull when too much waits already."""
        if len(self._waiting) >= self._backlog:
            raise BacklogFull
        self._waiting.append(_Entry(key, work))

    def due(self) -> Iterator[tuple[Member, Work]]:
        """Hand out what may be sent now; each pair is the caller's to send."""
        while self._waiting and self._outstanding:
            member = min(self._outstanding, key=self.outstanding)
            if self.outstanding(member) >= self._window:
                return
            entry = self._waiting.popleft()
            entry.attempts += 1
            self._outstanding[member][entry.key] = entry
            yield member, entry.work

    def settle(self, key: str) -> None:
        """A piece of work is finished, or nobody waits for it any more."""
        for entries in self._outstanding.values():
            if entries.pop(key, None):
                return
        self._waiting = deque(entry for entry in self._waiting if entry.key != key)

    def set_members(self, members: Collection[Member]) -> list[str]:
        """Say who is there now. The work of those who are gone waits again; returns the keys of what is given up."""
        gone = [entries for member, entries in self._outstanding.items() if member not in members]
        self._outstanding = {member: self._outstanding.get(member, {}) for member in members}
        returned = [entry for entries in gone for entry in entries.values()]
        self._waiting.extendleft(e for e in reversed(returned) if e.attempts < self._attempts)
        return [e.key for e in returned if e.attempts >= self._attempts]
