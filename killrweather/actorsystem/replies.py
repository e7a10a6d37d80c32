"""The questions that an actor was asked and that have no answer yet: each gets exactly one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from thespian.actors import ActorAddress

from killrweather.actorsystem.line import Wire
from killrweather.messages.control import Answer, Ask, RequestFailed

OPEN_LIMIT = 1_024


@dataclass(eq=False)
class Reply:
    """The one answer that somebody waits for; called with the value."""

    replies: "Replies"
    ask: Ask
    asker: ActorAddress | Wire
    is_deferred: bool = False

    def __call__(self, value: Any) -> None:
        """Send the answer; a second one is dropped."""
        if self.claim():
            self.replies.answer(self.asker, Answer(self.ask.id, value))

    def claim(self) -> bool:
        """Whether nobody has answered yet; the caller, in whichever thread, then does."""
        return self.replies.take(self)


class Replies:
    """Those of one actor, in its thread and in its loop; ``mail`` and ``by_line`` send an answer, one each way.

    At most ``OPEN_LIMIT`` are open.
    """

    def __init__(self, mail: Callable[[ActorAddress, Answer], None], by_line: Callable[[Wire, Answer], None]):
        self._mail, self._by_line = mail, by_line
        self._open: set[Reply] = set()
        self.name = "an actor without a name"
        """What refusals call the actor."""
        self.current: Reply | None = None
        """The question that the actor's thread is handling."""

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_full(self) -> bool:
        """The actor holds as much work as it can."""
        return len(self._open) >= OPEN_LIMIT

    def open(self, ask: Ask, asker: ActorAddress | Wire) -> Reply:
        """Owe somebody an answer."""
        reply = Reply(self, ask, asker)
        self._open.add(reply)
        return reply

    def take(self, reply: Reply) -> bool:
        """Owe this answer no longer; False when that was so already."""
        try:
            self._open.remove(reply)
        except KeyError:
            return False
        return True

    def answer(self, asker: ActorAddress | Wire, answer: Answer) -> None:
        """Send an answer where the question came from; by a line also from the loop."""
        if isinstance(asker, Wire):
            self._by_line(asker, answer)
        else:
            self._mail(asker, answer)

    def defer(self) -> Reply:
        """See ManagedActor.defer."""
        if self.current is None:
            raise RuntimeError("defer: no question is being handled; only a plain handler of an Ask may call it")
        self.current.is_deferred = True
        return self.current

    def release(self, reply: Reply) -> None:
        """Somebody else answers this question."""
        reply.is_deferred = True
        self.take(reply)

    def refuse_all(self, why: str) -> None:
        """Answer whatever is open."""
        for reply in list(self._open):
            reply(self.unavailable(why))

    def unavailable(self, why: str) -> RequestFailed:
        """The answer of an actor that cannot work on a question now."""
        return RequestFailed("unavailable", f"{self.name} {why}, ask again later", retry_after_s=1.0)
