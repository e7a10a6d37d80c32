"""Mail that waits until its actor runs: while it is started, has failed, or is restarted."""

from collections import deque
from typing import Any

from thespian.actors import ActorAddress

from killrweather.actorsystem.line import Wire
from killrweather.actorsystem.replies import Replies
from killrweather.messages.control import Answer, Ask

STASH_LIMIT = 1_000


class Stash:
    """Keeps messages in their order, ``STASH_LIMIT`` at most; questions that it cannot keep are refused."""

    def __init__(self, replies: Replies):
        self._replies = replies
        self._waiting: deque[tuple[Any, ActorAddress | Wire]] = deque()
        self.dropped = 0
        """How many messages that nobody waits for found it full."""

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, message: Any, sender: ActorAddress | Wire) -> None:
        """Add a message, also from the loop."""
        if len(self._waiting) < STASH_LIMIT:
            self._waiting.append((message, sender))
        elif isinstance(message, Ask):
            self._refuse(message, sender, f"is not ready and {STASH_LIMIT} messages wait for it")
        else:
            self.dropped += 1

    def take(self) -> tuple[Any, ActorAddress | Wire]:
        """The message that has waited longest, and its sender."""
        return self._waiting.popleft()

    def refuse_all(self, why: str) -> None:
        """Give up what waits."""
        while self._waiting:
            message, sender = self._waiting.popleft()
            if isinstance(message, Ask):
                self._refuse(message, sender, why)

    def _refuse(self, ask: Ask, sender: ActorAddress | Wire, why: str) -> None:
        self._replies.answer(ask.reply_to or sender, Answer(ask.id, self._replies.unavailable(why)))
