"""An actor's handlers at work, and what comes of each: an answer, a refusal, or the actor's failure."""

import inspect
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

from thespian.actors import ActorAddress

from killrweather.actorsystem.actor import ManagedActor
from killrweather.actorsystem.asks import Then
from killrweather.actorsystem.bridge import Done, LoopBridge
from killrweather.actorsystem.line import Wire
from killrweather.actorsystem.replies import OPEN_LIMIT, Replies, Reply
from killrweather.messages.control import Answer, Ask, RequestFailed
from killrweather.request_id import working_for

_MAX_TEXT = 500
_log = logging.getLogger(__name__)


def brief(text: str) -> str:
    """An error's text, cut where it is no longer for people."""
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"


class Work:
    """Runs plain handlers in the actor's thread and coroutines in its loop.

    ``bridge`` gives the loop and raises TypeError for an actor that has none; ``fail`` is told of an error that is
    no answer, in the actor's thread.
    """

    def __init__(self, replies: Replies, bridge: Callable[[], LoopBridge], fail: Callable[[BaseException], None]):
        self._replies, self._bridge, self._fail = replies, bridge, fail

    def handle_ask(self, actor: ManagedActor, ask: Ask, asker: ActorAddress | Wire) -> None:
        """Answer a question; one whose deadline is past has been given up."""
        if time.monotonic() > ask.deadline:
            return
        is_full = self._replies.is_full
        reply = self._replies.open(ask, asker)
        if is_full:
            reply(self._replies.unavailable(f"is working on {OPEN_LIMIT} questions already"))
        else:
            self.handle(actor, ask.message, asker, reply)

    def handle(
        self, actor: ManagedActor, message: Any, sender: ActorAddress | Wire, reply: Reply | None = None
    ) -> None:
        """Have the actor handle a message; for ``reply``, when it is a question."""
        self._replies.current = reply
        with working_for(reply.ask.request_id if reply else None):
            try:
                result = actor.receiveMessage(message, sender)
                if inspect.iscoroutine(result):
                    self.run(result, lambda value, error: self._finish(reply, value, error))
                elif not (reply and reply.is_deferred):
                    self._finish(reply, result, None)
            except Exception as error:
                self._finish(reply, None, error)
            finally:
                self._replies.current = None

    def handle_in_loop(self, actor: ManagedActor, ask: Ask, wire: Wire) -> bool:
        """In the loop: begin to answer a question there; False when its handler is no coroutine, or must wait."""
        handler = getattr(type(actor), f"receiveMsg_{type(ask.message).__name__}", None)
        if self._replies.is_full or not inspect.iscoroutinefunction(handler) or time.monotonic() > ask.deadline:
            return False
        reply = self._replies.open(ask, wire)
        coroutine = actor.receiveMessage(ask.message, wire)
        with working_for(ask.request_id):
            self._bridge().start(coroutine, lambda value, error: self._finish_in_loop(reply, value, error))
        return True

    def spawn(self, coroutine: Coroutine[Any, Any, Any], then: Then | None) -> None:
        """See AsyncActor.spawn."""

        def done(value: Any, error: BaseException | None) -> None:
            if error:
                self._finish(None, None, error)
            elif then:
                self.guarded(then, value)

        self.run(coroutine, done)

    def guarded(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function of the actor; what it raises is a handler's error."""
        try:
            function(*arguments)
        except Exception as error:
            self._finish(None, None, error)

    def run(self, coroutine: Coroutine[Any, Any, Any], done: Done) -> None:
        """Run a coroutine in the loop, then ``done(result, error)`` in the actor's thread; TypeError without a loop."""
        try:
            self._bridge().run(coroutine, done)
        except TypeError:
            coroutine.close()
            raise

    def _finish(self, reply: Reply | None, value: Any, error: BaseException | None) -> None:
        if error is None:
            if reply:
                reply(value)
            return
        answer = RequestFailed.from_error(error)
        if answer is None:
            self._fail(error)
            text = f"{self._replies.name} failed: {type(error).__name__}: {error}; ask again later"
            answer = RequestFailed("failed", brief(text), retry_after_s=1.0)
        elif reply is None:
            _log.warning("a message was refused", extra={"reason": answer.text})
        if reply:
            reply(answer)

    def _finish_in_loop(self, reply: Reply, value: Any, error: BaseException | None) -> None:
        if error is not None:
            self._bridge().post(self._finish, reply, None, error)
        elif reply.claim():
            cast(Wire, reply.asker).answer(Answer(reply.ask.id, value))
