"""What every actor is made of. A handler is a method ``receiveMsg_<message class>(self, message, sender)``.

What a handler returns is the answer to the question (``Ask``) that the message came in; when it raises BadRequest,
Forbidden, Unavailable or another error that stands for an answer, the asker gets RequestFailed. Any other exception
is a crash: the asker gets RequestFailed, the supervisor decides, and mail waits meanwhile.
A restart makes a new object of the class at the same address, so nothing of the old state is left.
"""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from thespian.actors import ActorAddress, ActorTypeDispatcher

from killrweather.actorsystem.asks import Then
from killrweather.errors import BadRequest
from killrweather.home import Home
from killrweather.messages.base import message
from killrweather.messages.control import Start
from killrweather.settings import Settings

if TYPE_CHECKING:
    from killrweather.actorsystem.cell import ActorCell
    from killrweather.actorsystem.replies import Reply


@message
class Timer:
    """A message that an actor sends itself later; one of an earlier incarnation is not delivered."""

    incarnation: int
    message: Any


class ManagedActor(ActorTypeDispatcher):
    """An actor with a supervisor. Its constructor only names the fields; ``pre_start`` opens what it needs."""

    name: str
    settings: Settings
    home: Home
    config: Any
    pool_index: int
    incarnation: int
    restarts: int

    def attach(self, cell: "ActorCell", start: Start) -> None:
        """Called by the cell before ``pre_start``."""
        self._cell, self._myRef = cell, cell._myRef
        self.name, self.settings, self.home, self.config = start.name, start.settings, Home(start.home), start.config
        self.pool_index, self.incarnation, self.restarts = start.pool_index, start.incarnation, start.restarts

    def pre_start(self) -> Any:
        """Open what the actor needs; mail comes afterwards. May be ``async def`` in an AsyncActor, as may post_stop."""

    def post_stop(self) -> Any:
        """Close what ``pre_start`` opened, in reverse order; it may not have got to the end."""

    def pre_restart(self) -> Any:
        """Called on the old object before a restart makes a new one."""
        return self.post_stop()

    def health(self) -> dict[str, Any]:
        """What ``status`` and /ready show of this actor."""
        return {}

    def counters(self) -> dict[str, int | float]:
        """What is counted here; sums over all actors become metrics."""
        return {}

    def tell(self, target: str | ActorAddress, message: Any) -> None:
        """Send a message that nobody answers; to each member of a pool. One to an actor that is away is lost."""
        if isinstance(target, ActorAddress):
            self.send(target, message)
            return
        for peer in self._cell.asker.by_mail.peers.members.get(target, ()):
            self.send(peer.address, message)

    def tell_supervisor(self, message: Any) -> None:
        """Send a message to whoever made this actor."""
        self.send(self._cell.supervisor, message)

    def ask(self, target: str | ActorAddress, message: Any, then: Then, timeout_s: float | None = None) -> None:
        """Ask another actor; ``then`` gets the answer or RequestFailed.

        A pool's name asks its member with the least to do. Only so many questions are on their way to one actor
        as its credit allows (``credit.WINDOW``), the others wait here.
        """
        self._cell.asker.by_mail.ask(target, message, then, timeout_s or self.settings.http.request_timeout_s)

    def defer(self) -> "Reply":
        """Take over answering the question that is being handled: call the result with the answer, once, later."""
        return self._cell.replies.defer()

    def after(self, delay_s: float, message: Any) -> None:
        """Send this actor a message later; a restart forgets it."""
        self.wakeupAfter(timedelta(seconds=delay_s), Timer(self.incarnation, message))

    def receiveUnrecognizedMessage(self, message: Any, sender: ActorAddress) -> None:
        """Refuse what there is no handler for."""
        raise BadRequest(f"{self.name} has no handler for {type(message).__name__}")


class AsyncActor(ManagedActor):
    """An actor whose handlers may be ``async def``: they run in a loop of the actor's process, several at a time.

    Coroutines share the loop's thread; plain handlers, ``then`` functions and ``in_actor`` run in the actor's own.
    A value that both change belongs to one of them: only the actor's thread may send or touch what it changes.
    """

    def spawn(self, coroutine: Coroutine[Any, Any, Any], then: Then | None = None) -> None:
        """Run a coroutine beside the mailbox; ``then`` gets its result, a raised error is a handler's error."""
        self._cell.work.spawn(coroutine, then)

    def in_actor(self, function: Callable[..., None], *arguments: Any) -> None:
        """From a coroutine or any other thread: have a function run in the actor's thread."""
        self._cell.bridge.post(self._cell.work.guarded, function, *arguments)

    async def request(self, target: str | ActorAddress, message: Any, timeout_s: float | None = None) -> Any:
        """From a coroutine: ask another actor and wait for the answer, or RequestFailed."""
        return await self._cell.asker.by_line.request(
            target, message, timeout_s or self.settings.http.request_timeout_s
        )
